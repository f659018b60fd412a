//! From the wire: what whole answers and events are made of.

use anabranch_messages::{FinishKind, FinishReason, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::providers::openai::usage::usage;
use crate::reader::{self, Assembly, Bounded, Lists, Text, in_place};
use crate::transport::is_error;

mod item;
mod message;
mod server_tool;

pub(super) use item::{Begun, Items, Kind};

/// More than any answer has.
const MANY: usize = 1025;

in_place! {
    /// A `response`: a whole answer, or in a stream what is known of it by then.
    pub(super) struct Response<'a> {
        error: Option<&'a RawValue>,
        incomplete_details: Option<&'a RawValue>,
        usage: Option<&'a RawValue>,
        pub(super) output: Option<Bounded<&'a RawValue, MANY>>,
    } in place {
        pub(super) id: Text<'a>,
        pub(super) model: Text<'a>,
        pub(super) status: Text<'a>,
        pub(super) service_tier: Text<'a>,
    }
}

in_place! {
    /// An event of a stream. Its name stands in it, too.
    pub(super) struct Event<'a> {
        pub(super) item: Option<&'a RawValue>,
        /// A part of a message that is whole.
        pub(super) part: Option<&'a RawValue>,
        error: Option<&'a RawValue>,
    } in place {
        pub(super) type_ as "type": Text<'a>,
        pub(super) item_id: Text<'a>,
        output_index: Text<'a>,
        content_index: Text<'a>,
        pub(super) delta: Text<'a>,
        summary_index: Text<'a>,
        pub(super) response: Option<Box<Response<'a>>>,
    }
}

fn error(said: Option<&RawValue>) -> Option<Value> {
    reader::reported(said?.get()).filter(is_error)
}

impl Event<'_> {
    pub(super) fn error(&self) -> Option<Value> {
        error(self.error)
    }

    /// Which item it is about. Its id tells only where this is missing: some servers give each event another one.
    pub(super) fn index(&self) -> Option<u64> {
        self.output_index.0.as_deref()?.parse().ok()
    }

    /// Which paragraph of a thought it is about, or which part of a message.
    pub(super) fn part_index(&self) -> u64 {
        let index = self.summary_index.0.as_deref().or(self.content_index.0.as_deref());
        index.and_then(|index| index.parse().ok()).unwrap_or(0)
    }
}

impl Response<'_> {
    pub(super) fn error(&self) -> Option<Value> {
        error(self.error)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        usage(self.usage?.get())
    }

    /// Why it ended, in the word of the answer's status, or in this one.
    pub(super) fn finish(&self, word: Option<&str>) -> Option<FinishReason> {
        #[derive(Deserialize)]
        struct Details<'a> {
            #[serde(borrow, default)]
            reason: Text<'a>,
        }
        let status = self.status.0.as_deref().or(word)?;
        let details = self.incomplete_details.map_or("null", RawValue::get);
        let reason = serde_json::from_str::<Details<'_>>(details).ok().and_then(|details| details.reason.into_string());
        let kind = match (status, reason.as_deref()) {
            ("completed", _) => FinishKind::Stop,
            ("incomplete", Some("max_output_tokens")) => FinishKind::Length,
            ("incomplete", Some("content_filter")) => FinishKind::ContentFilter,
            ("failed" | "cancelled" | "incomplete", _) => FinishKind::Error,
            _ => FinishKind::Other,
        };
        Some(FinishReason::new(kind, status))
    }

    pub(super) fn keep(&mut self, lists: &mut Lists, metadata: &mut Map<String, Value>, out: &mut Assembly) {
        if let Some(details) = self.incomplete_details {
            lists.replace("incomplete_details", details.get(), out);
        }
        if let Some(tier) = self.service_tier.0.take() {
            metadata.insert("service_tier".into(), tier.into_owned().into());
        }
    }
}
