//! From the wire: an answer in chunks, or as a whole, which is one chunk.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, OtherPart, ToolCall, ToolCallChunk};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::arguments::PartialArguments;
use super::response::{Document, FunctionCall, GEMINI, MADE_ID, Once, Part, Said, Sources, citations};
use crate::answer::Warning;
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Framing, InPlace, Lists, Standing};

/// An answer as it comes. There is no end mark: it ends with the body.
#[derive(Default)]
pub(super) struct Generate {
    once: Once,
    lists: Lists,
    sources: Sources,
    /// How many bytes of parts were taken apart.
    structured: usize,
    /// A call whose arguments come one value at a time.
    open: Option<OpenCall>,
    /// How many of those there were.
    opened: u64,
    /// Whether there was an answer in it at all, or that there is none.
    answered: bool,
    blocked: bool,
}

struct OpenCall {
    index: u64,
    id: String,
    arguments: PartialArguments,
}

impl Decode for Generate {
    fn framing(&self) -> Framing {
        Framing::EventsOrArray
    }

    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        // Errors come in a list, too.
        if frame.event == "error" || documents.rest().starts_with('[') {
            return match reader::reported(documents.rest()) {
                Some(error) => Err(out.errors().document(error)),
                None => Err(no_chunk(out)),
            };
        }
        loop {
            let mut document = Document::default();
            match documents.read(&mut document) {
                Ok(true) => self.chunk(&mut document, out)?,
                Ok(false) => return Ok(Flow::More),
                Err(_) => return Err(no_chunk(out)),
            }
        }
    }

    /// After a finish reason more may come: the provider's own tools answer with several.
    fn standing(&self) -> Standing {
        match self.once.finish {
            _ if self.blocked => Standing::Settled,
            Some(_) => Standing::Finished,
            None => Standing::Open,
        }
    }

    fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage {
        // What comes of it is no larger than what was counted when its pieces came.
        let _ = self.close(false, out);
        let mut once = std::mem::take(&mut self.once);
        once.finish = once.finish.filter(|_| complete);
        let mut data = std::mem::take(&mut self.sources).into_whole();
        let (parts, too_many) = citations(&data, out.whole(), out.room_for_lists());
        if too_many {
            out.warn(Warning::new("citations", "some were left out of the answer: there are too many"));
        }
        let mut last = once.into_message();
        if !parts.is_empty() {
            let mut with_sources = AiMessage::new(parts);
            with_sources.append(last);
            last = with_sources;
        }
        data.extend(std::mem::take(&mut self.lists).into_metadata());
        data.into_iter().fold(last, |last, (name, value)| last.with_provider_data(GEMINI, name, value))
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        let body = reader::text(body);
        self.chunk(&mut reader::document(&body, out.errors())?, out)?;
        if !self.answered {
            let error = out.errors().error(ErrorKind::Parse, "sent an answer without candidates");
            return Err(error.with_partial(body.into_owned()));
        }
        let last = self.last(true, out);
        out.push(last)
    }
}

impl Generate {
    fn chunk(&mut self, document: &mut Document<'_>, out: &mut Assembly) -> Result<()> {
        if let Some(usage) = document.usage_metadata.filter(|usage| reader::is_small(usage.get())) {
            self.once.usage.clear();
            self.once.usage.push_str(usage.get());
        }
        self.once.words.keep([&document.model_version, &document.response_id]);
        out.set_answer_id(self.once.id().unwrap_or_default());
        document.keep(&mut self.lists, out);
        if document.has_other_candidates() {
            out.warn(Warning::new("candidates", "only the first one was read"));
        }
        if let Some(candidate) = document.candidate() {
            self.answered = true;
            candidate.keep(&mut self.lists, &mut self.sources, out);
            for part in candidate.parts() {
                self.part(part, out)?;
            }
            self.once.finish = candidate.finish().or(self.once.finish.take());
        } else if document.is_blocked() && !self.answered {
            self.answered = true;
            self.blocked = true;
            // The word for it is why the prompt was blocked, and no finish reason: it is in `promptFeedback`.
            self.once.finish = Some(FinishKind::ContentFilter.into());
        }
        // Last, so that what came with it is kept.
        document.error().map_or(Ok(()), |error| Err(out.errors().inside(error)))
    }

    fn part(&mut self, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let raw = raw.get();
        let mut part = Part::default();
        if part.read(&mut serde_json::Deserializer::from_str(raw)).is_err() {
            return self.other(raw, out);
        }
        if let Some(call) = part.function_call.take() {
            return self.call(call, part.take_signature(), out);
        }
        if part.is_structured() && !self.has_room(raw, out) {
            return Ok(());
        }
        match part.said(raw, self.once.id().unwrap_or_default()) {
            Said::Text(text) => out.push(text),
            Said::Part(part) => out.push(part),
            Said::Nothing => Ok(()),
            Said::Other => self.other(raw, out),
        }
    }

    /// A part that messages have no place for, as it came.
    fn other(&mut self, raw: &str, out: &mut Assembly) -> Result<()> {
        if !self.has_room(raw, out) {
            return Ok(());
        }
        match reader::value::<Map<String, Value>>(raw) {
            Some(part) => out.push(ContentPart::from(OtherPart::new(part).with_provider(GEMINI))),
            None if raw.starts_with('{') => {
                out.warn(Warning::new("answer", "parts of it were left out: they are nested too deeply"));
                Ok(())
            }
            None => Err(no_chunk(out)),
        }
    }

    /// Whether a part may be taken apart, which makes many times as much of it. What there is no room for is left out,
    /// and a warning says so.
    fn has_room(&mut self, raw: &str, out: &mut Assembly) -> bool {
        self.structured = self.structured.saturating_add(reader::weight_apart(raw));
        let has_room = self.structured <= out.room_for_lists_apart() && raw.len() <= out.room_for_lists();
        if !has_room {
            out.warn(Warning::new("answer", "parts of it were left out: they are too large"));
        }
        has_room
    }

    /// A call as a whole, or the next of one whose arguments come one value at a time.
    fn call(&mut self, call: FunctionCall<'_>, signature: Option<String>, out: &mut Assembly) -> Result<()> {
        let (has_name, will_continue) = (!call.name.is_empty(), call.will_continue);
        if has_name {
            // The one before should have been closed.
            self.close(false, out)?;
        }
        if has_name && !will_continue && call.partial_args.0.is_empty() {
            let arguments = call.arguments();
            let id = call.id.into_string().unwrap_or_default();
            let mut whole = ToolCall::new(id, call.name.into_string().unwrap_or_default(), arguments);
            if let Some(signature) = signature {
                whole = whole.with_signature(signature);
            }
            if whole.id().is_empty() {
                whole = whole.with_provider_data(GEMINI, MADE_ID, true);
            }
            return out.whole_call(whole);
        }
        if has_name {
            let id = call.id.into_string().unwrap_or_default();
            let mut head = ToolCallChunk::new().with_index(self.opened).with_id(id.as_str());
            head.name = call.name.into_string();
            head.signature = signature;
            if id.is_empty() {
                head = head.with_provider_data(GEMINI, MADE_ID, true);
            }
            out.call(head)?;
            self.open = Some(OpenCall { index: self.opened, id, arguments: PartialArguments::default() });
            self.opened += 1;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        for piece in call.partial_args.0 {
            out.keep(piece.weight())?;
            open.arguments.add(piece);
        }
        out.progress();
        if will_continue { Ok(()) } else { self.close(true, out) }
    }

    /// Gives out the arguments of the call that is open.
    fn close(&mut self, is_whole: bool, out: &mut Assembly) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let rest = ToolCallChunk::new().with_index(open.index).with_id(open.id);
        out.call(rest.with_arguments(open.arguments.finish(is_whole)))
    }
}

fn no_chunk(out: &Assembly) -> Error {
    out.errors().error(ErrorKind::Parse, "sent an event that is no chunk of an answer")
}
