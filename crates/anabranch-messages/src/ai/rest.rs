//! What only few chunks of an answer have, and how it adds up.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::assembly::Calls;
use crate::finish_reason::FinishReason;
use crate::tool_call::{End, ToolCall};
use crate::usage::{Usage, update_map};

/// What only few chunks have.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Rest {
    pub(super) calls: Calls,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) metadata: Map<String, Value>,
}

pub(super) static NOTHING: LazyLock<Rest> = LazyLock::new(Rest::default);

impl Rest {
    pub(super) fn append(&mut self, later: Self) {
        let reason = self.finish_reason.as_ref();
        self.calls.append(later.calls, |call| call.settle(reason));
        if let Some(reason) = later.finish_reason {
            self.finish(reason);
        }
        if let Some(usage) = later.usage {
            match &mut self.usage {
                Some(there) => there.update(usage),
                None => self.usage = Some(usage),
            }
        }
        self.model = later.model.or(self.model.take());
        self.id = later.id.or(self.id.take());
        update_map(&mut self.metadata, later.metadata);
    }

    /// Adds a call, or a piece of one that is kept as it is.
    pub(super) fn push_call(&mut self, mut call: ToolCall) {
        call.settle(self.finish_reason.as_ref());
        self.calls.push(call);
    }

    pub(super) fn add_call(&mut self, piece: ToolCall) {
        let place = self.calls.add(piece);
        let reason = self.finish_reason.as_ref();
        if let Some(call) = self.calls.get_mut(place) {
            call.settle(reason);
        }
    }

    pub(super) fn finish(&mut self, reason: FinishReason) {
        // Some servers repeat the reason with every chunk.
        let is_news = self.finish_reason.as_ref().is_none_or(|there| there.is_cut_off() != reason.is_cut_off());
        self.finish_reason = Some(reason);
        if is_news {
            let reason = self.finish_reason.as_ref();
            self.calls.each(|call| call.settle(reason));
        }
    }
}

impl ToolCall {
    /// Where the message has ended: no arguments are none, unless they were cut off.
    fn settle(&mut self, reason: Option<&FinishReason>) {
        if let Some(reason) = reason {
            self.end = if reason.is_cut_off() { End::CutOff } else { End::Whole };
        }
    }
}
