//! Reading: JSON as this crate writes it, and as LangChain and the providers' own libraries do.
//!
//! One rule for all of it: what a field says is read, kept in the metadata of its message, or an error that says what
//! was expected. A field that says nothing (null, `""`, `[]`, `{}`, `false`) may be left out or be there. Errors name
//! fields and kinds, never what stands in them.
//!
//! | file | what is in it |
//! |---|---|
//! | `fields.rs` | [`Fields`], an object whose fields are taken one by one, and [`Unreadable`] |
//! | `message.rs` | who speaks, in which envelope, and what all messages have |
//! | `ai.rs` | what only the model's messages have |
//! | `part.rs` | content and its parts |
//! | `media.rs` | images, sounds and files |
//! | `tool_call.rs` | calls of tools |
//! | `usage.rs` | what it cost, and why the model stopped |

mod ai;
mod fields;
mod media;
mod message;
mod part;
mod tool_call;
mod usage;

use fields::Fields;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::ai::AiMessage;
use crate::content::Content;
use crate::finish_reason::FinishReason;
use crate::media::Media;
use crate::message::Message;
use crate::messages::Messages;
use crate::part::ContentPart;
use crate::reasoning::Reasoning;
use crate::role::Role;
use crate::system::SystemMessage;
use crate::tool::ToolMessage;
use crate::tool_call::ToolCall;
use crate::usage::Usage;
use crate::user::UserMessage;

macro_rules! read_by {
    ($($type:ty: $read:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

read_by! {
    Messages: message::messages;
    Message: message::message;
    SystemMessage: |value| message::opened(value, Role::System).and_then(message::system);
    UserMessage: |value| message::opened(value, Role::User).and_then(message::user);
    AiMessage: |value| message::opened(value, Role::Assistant).and_then(ai::ai);
    ToolMessage: |value| message::opened(value, Role::Tool).and_then(message::tool);
    Content: part::lone_content;
    ContentPart: part::lone_part;
    Media: |value| Fields::new("an image, sound or file", value).and_then(media::own);
    Reasoning: |value| Fields::new("a thought", value).and_then(part::reasoning);
    ToolCall: tool_call::tool_call;
    Usage: usage::usage;
    FinishReason: usage::finish_reason;
}
