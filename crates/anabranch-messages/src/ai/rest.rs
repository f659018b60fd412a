//! What only few chunks of an answer have, and how chunks add up.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::AiMessage;
use crate::assembly::{Assembly, add_next, goes_on};
use crate::content::Content;
use crate::extras::Extras;
use crate::finish_reason::FinishReason;
use crate::part::ContentPart;
use crate::tool_call::{End, ToolCall};
use crate::usage::{Usage, update_map};

/// What only few chunks have.
#[derive(Clone, Default)]
pub(super) struct Rest {
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) metadata: Map<String, Value>,
    pub(super) extras: Extras,
    /// Made when a piece of a call comes to a message that has calls.
    pub(super) assembly: Option<Box<Assembly>>,
}

pub(super) static NOTHING: LazyLock<Rest> = LazyLock::new(Rest::default);

/// How a message came about is no part of what it is.
impl PartialEq for Rest {
    fn eq(&self, other: &Self) -> bool {
        self.finish_reason == other.finish_reason
            && self.usage == other.usage
            && self.model == other.model
            && self.id == other.id
            && self.metadata == other.metadata
            && self.extras == other.extras
    }
}

impl AiMessage {
    pub(super) fn append_all(&mut self, next: Self) {
        let (content, mut later) = (next.content, next.rest);
        let assembly = later.as_mut().and_then(|later| later.assembly.take());
        match (&mut self.content, content) {
            (_, Content::Text(more)) if more.is_empty() => {}
            (Content::Text(text), Content::Text(more)) if !text.is_empty() => text.push_str(&more),
            (Content::Text(text), content) if text.is_empty() => {
                self.content = content;
                if let Some(assembly) = assembly {
                    self.rest_mut().assembly = Some(assembly);
                }
                self.settle_calls();
            }
            (_, content) => {
                let parts = assembly.and_then(|assembly| assembly.into_log()).unwrap_or_else(|| content.into_parts());
                // An empty list of parts makes parts of what was text.
                self.content.make_parts();
                parts.into_iter().for_each(|part| self.append_part(part));
            }
        }
        if let Some(later) = later {
            self.append_rest(*later);
        }
    }

    /// Adds the next piece of a part.
    pub(super) fn append_part(&mut self, piece: ContentPart) {
        let parts = self.content.make_parts();
        let rest = &mut self.rest;
        let is_piece = piece.call().is_some_and(|call| call.streamed.is_some());
        let mut assembly = rest.as_deref_mut().and_then(|rest| rest.assembly.as_deref_mut());
        // Pieces that follow each other, which nearly all do, need no more to find their part.
        let is_next = || parts.last().is_some_and(|last| goes_on(last, &piece));
        if assembly.is_none() && is_piece && !is_next() && parts.iter().any(|part| part.call().is_some()) {
            let made = Box::new(Assembly::of(parts));
            assembly = Some(&mut **rest.get_or_insert_default().assembly.insert(made));
        }
        let place = match assembly {
            Some(assembly) => assembly.add(parts, piece),
            None => {
                let is_call = piece.call().is_some();
                add_next(parts, piece);
                is_call.then(|| parts.len() - 1)
            }
        };
        if let (Some(place), Some(reason)) = (place, rest.as_ref().and_then(|rest| rest.finish_reason.as_ref())) {
            if let Some(call) = parts.get_mut(place).and_then(ContentPart::call_mut) {
                call.settle(reason);
            }
        }
    }

    /// Adds a call, or a piece of one that is kept as it is.
    pub(super) fn push_call(&mut self, mut call: ToolCall) {
        if let Some(reason) = self.finish_reason() {
            call.settle(reason);
        }
        let parts = self.content.make_parts();
        match self.rest.as_mut().and_then(|rest| rest.assembly.as_mut()) {
            Some(assembly) => assembly.push(parts, ContentPart::ToolCall(call)),
            None => parts.push(ContentPart::ToolCall(call)),
        }
    }

    pub(super) fn set_call_id(&mut self, place: usize, id: String) {
        let parts = match &mut self.content {
            Content::Parts(parts) => parts,
            Content::Text(_) => return,
        };
        match self.rest.as_mut().and_then(|rest| rest.assembly.as_mut()) {
            Some(assembly) => {
                if let Some(place) = assembly.calls().get(place).copied() {
                    assembly.set_id(parts, place, id);
                }
            }
            None => {
                let mut calls = parts.iter_mut().filter_map(|part| match part {
                    ContentPart::ToolCall(call) => Some(call),
                    _ => None,
                });
                if let Some(call) = calls.nth(place) {
                    call.id = id;
                }
            }
        }
    }

    pub(super) fn finish(&mut self, reason: FinishReason) {
        // Some servers repeat the reason with every chunk.
        let is_news = self.finish_reason().is_none_or(|there| there.is_cut_off() != reason.is_cut_off());
        self.rest_mut().finish_reason = Some(reason);
        if is_news {
            self.settle_calls();
        }
    }

    fn settle_calls(&mut self) {
        let Self { content: Content::Parts(parts), rest: Some(rest) } = self else { return };
        if let Some(reason) = &rest.finish_reason {
            parts.iter_mut().filter_map(ContentPart::call_mut).for_each(|call| call.settle(reason));
        }
    }

    fn append_rest(&mut self, later: Rest) {
        if let Some(reason) = later.finish_reason {
            self.finish(reason);
        }
        let this = self.rest_mut();
        if let Some(usage) = later.usage {
            match &mut this.usage {
                Some(there) => there.update(usage),
                None => this.usage = Some(usage),
            }
        }
        this.model = later.model.or(this.model.take());
        this.id = later.id.or(this.id.take());
        update_map(&mut this.metadata, later.metadata);
        this.extras.append(later.extras);
    }
}

impl ToolCall {
    /// The message has ended: no arguments are none, unless they were cut off.
    fn settle(&mut self, reason: &FinishReason) {
        self.end = if reason.is_cut_off() { End::CutOff } else { End::Whole };
    }
}
