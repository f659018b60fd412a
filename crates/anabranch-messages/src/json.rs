//! Messages as JSON, where a step that takes JSON follows one that gives them.

use anabranch_core::__private::PassesThrough;
use serde_json::Value;

use crate::ai::AiMessage;
use crate::message::Message;
use crate::messages::Messages;

macro_rules! into_json {
    ($($type:ty),*) => {$(
        /// Its form in JSON.
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                // Cannot fail: all keys are text, and numbers are counts.
                serde_json::to_value(value).unwrap_or_default()
            }
        }

        impl PassesThrough for $type {}
    )*};
}

into_json!(AiMessage, Message, Messages);
