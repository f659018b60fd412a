//! From the wire: what one turn says, as parts of a message.

use std::borrow::Cow;

use anabranch_messages::{Citation, Content, ContentPart, Media, Reasoning, ToolCall, ToolCallChunk};
use serde_json::Value;
use serde_json::value::RawValue;

use super::EXTRA;
use super::wire::{Call, Detail, Function, MANY, Part, Turn};
use crate::reader::{self, Assembly, Bounded, Lists, TextOrList};

impl Turn<'_> {
    /// Thoughts, text, refusal and images, in this order.
    pub(in super::super) fn content(&mut self) -> Content {
        // What nearly all pieces are.
        if let (true, TextOrList::Text(text)) = (self.has_text_only(), &mut self.content) {
            return std::mem::take(text).into_owned().into();
        }
        let mut parts = Vec::new();
        self.thoughts(&mut parts);
        match std::mem::take(&mut self.content) {
            // Thoughts that say nothing make no parts of a text.
            TextOrList::Text(text) if parts.is_empty() && self.refusal.is_empty() && self.images.0.is_empty() => {
                return text.into_owned().into();
            }
            TextOrList::Text(text) if !text.is_empty() => parts.push(ContentPart::text(text)),
            TextOrList::List(list) => list.into_iter().for_each(|one| part(one, &mut parts)),
            TextOrList::Text(_) | TextOrList::Missing => {}
        }
        if let Some(refusal) = self.refusal.0.take() {
            parts.push(ContentPart::refusal(refusal));
        }
        std::mem::take(&mut self.images).0.into_iter().for_each(|one| part(one, &mut parts));
        match parts.is_empty() {
            true => Content::default(),
            false => parts.into(),
        }
    }

    fn has_text_only(&self) -> bool {
        let has_thoughts = !self.reasoning_content.is_empty() || !self.reasoning.is_empty();
        !has_thoughts && self.reasoning_details.is_none() && self.refusal.is_empty() && self.images.0.is_empty()
    }

    /// The same thought may stand in several fields: the first that is text counts, but for details that are signed.
    fn thoughts(&mut self, parts: &mut Vec<ContentPart>) {
        let details = self.reasoning_details.and_then(|details| serde_json::from_str(details.get()).ok());
        let details: Bounded<Detail<'_>, MANY> = details.unwrap_or_default();
        let said = self.reasoning_content.0.take().or_else(|| self.reasoning.0.take());
        let is_signed = details.0.iter().any(|detail| !detail.signature.is_empty());
        let has_text = details.0.iter().any(|detail| !detail.text.is_empty() || !detail.summary.is_empty());
        match said {
            Some(said) if !(is_signed && has_text) => {
                let signature = details.0.into_iter().find_map(|detail| detail.signature.into_string());
                parts.push(signed(said, signature));
            }
            _ => parts.extend(details.0.into_iter().filter_map(|detail| {
                let text = detail.text.0.or(detail.summary.0);
                let signature = detail.signature.into_string();
                (text.is_some() || signature.is_some()).then(|| signed(text.unwrap_or_default(), signature))
            })),
        }
    }

    /// What is given out once.
    pub(in super::super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        for (key, list) in [("annotations", self.annotations), ("reasoning_details", self.reasoning_details)] {
            if let Some(list) = list {
                lists.keep(key, list.get(), out);
            }
        }
    }
}

fn signed(text: Cow<'_, str>, signature: Option<String>) -> ContentPart {
    let thought = Reasoning::new(text);
    let thought = match signature {
        Some(signature) => thought.with_signature(signature),
        None => thought,
    };
    thought.into()
}

fn part(part: Part<'_>, parts: &mut Vec<ContentPart>) {
    let made = match part.type_.0.as_deref() {
        Some("text") => part.text.0.map(ContentPart::text),
        Some("thinking") => match part.thinking {
            TextOrList::Text(thought) => Some(Reasoning::new(thought).into()),
            TextOrList::List(list) => {
                Some(Reasoning::new(list.into_iter().filter_map(|one| one.text.0).collect::<String>()).into())
            }
            TextOrList::Missing => None,
        },
        Some("refusal") => part.refusal.0.map(ContentPart::refusal),
        Some("image_url") => {
            part.image_url.and_then(|image| image.url.0).map(|url| ContentPart::Image(Media::url(url)))
        }
        // Which of the results that a tool gave the text before it rests on.
        Some("reference") => {
            let ids = part.reference_ids.0.into_iter().filter_map(|id| id.into_string());
            parts.extend(ids.map(|id| Citation::new().with_id(id).into()));
            None
        }
        _ => None,
    };
    parts.extend(made);
}

impl Call<'_> {
    fn index(&self) -> Option<u64> {
        self.index.0.as_deref()?.parse().ok()
    }

    /// Whether its input is text of any form. Some servers send the empty form of the other kind, too.
    fn is_custom(&self) -> bool {
        let is_named = |function: &Function<'_>| !function.name.is_empty();
        match (&self.function, &self.custom) {
            (Some(function), Some(custom)) => !is_named(function) && is_named(custom),
            (function, custom) => function.is_none() && custom.is_some(),
        }
    }

    fn name(&mut self) -> Option<String> {
        (if self.is_custom() { self.custom.as_mut() } else { self.function.as_mut() })?
            .name
            .0
            .take()
            .map(Cow::into_owned)
    }

    /// Text where they are text, else the object they are. Text of a free form is no arguments and never runs as such.
    fn arguments(&self) -> Value {
        let said = match self.is_custom() {
            true => self.custom.as_ref().and_then(|custom| custom.input),
            false => self.function.as_ref().and_then(|function| function.arguments),
        };
        let Some(raw) = said.map(RawValue::get) else { return Value::Null };
        if !raw.starts_with('"') && !reader::is_small(raw) {
            return raw.into();
        }
        reader::value(raw).unwrap_or_default()
    }

    /// What goes back with the call: Gemini's signature.
    fn extra_content(&self) -> Option<Value> {
        reader::value(Some(self.extra_content?.get()).filter(|extra| reader::is_small(extra))?)
    }

    /// A piece of a call of this provider's.
    pub(in super::super) fn into_piece(mut self, provider: &str) -> ToolCallChunk {
        let mut piece = ToolCallChunk::new().with_index(self.index()).with_arguments(self.arguments());
        piece.free_form = self.is_custom();
        piece.name = self.name();
        if let Some(extra) = self.extra_content() {
            piece.signature = signature(&extra);
            piece = piece.with_provider_data(provider, EXTRA, extra);
        }
        piece.id = self.id.0.map(Cow::into_owned);
        piece
    }

    /// A whole call of this provider's.
    pub(super) fn into_call(mut self, provider: &str) -> ToolCall {
        let (arguments, extra, is_custom) = (self.arguments(), self.extra_content(), self.is_custom());
        let name = self.name().unwrap_or_default();
        let id = self.id.0.unwrap_or_default();
        let mut call = match (is_custom, arguments) {
            (true, Value::String(input)) => ToolCall::free_form(id, name, input),
            (true, Value::Null) => ToolCall::free_form(id, name, ""),
            (true, other) => ToolCall::free_form(id, name, other.to_string()),
            (false, arguments) => ToolCall::new(id, name, arguments),
        };
        if let Some(extra) = extra {
            if let Some(signature) = signature(&extra) {
                call = call.with_signature(signature);
            }
            call = call.with_provider_data(provider, EXTRA, extra);
        }
        call
    }
}

fn signature(extra: &Value) -> Option<String> {
    Some(extra.pointer("/google/thought_signature")?.as_str()?.to_string())
}
