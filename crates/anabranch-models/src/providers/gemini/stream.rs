//! From the wire: an answer in chunks, or as a whole, which is one chunk.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, FinishKind, ToolCall, ToolCallChunk};
use serde_json::value::RawValue;

use super::arguments::PartialArguments;
use super::response::{Document, FunctionCall, Once, Part, Said};
use crate::answer::Warning;
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Framing, Lists, Standing};

/// An answer as it comes. There is no end mark: it ends with the body.
#[derive(Default)]
pub(super) struct Generate {
    once: Once,
    lists: Lists,
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
            match documents.next() {
                Ok(Some(document)) => self.chunk(document, out)?,
                Ok(None) => return Ok(Flow::More),
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
        once.into_message(std::mem::take(&mut self.lists).into_metadata())
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        let body = reader::text(body);
        self.chunk(reader::document(&body, out.errors())?, out)?;
        if !self.answered {
            let error = out.errors().error(ErrorKind::Parse, "sent an answer without candidates");
            return Err(error.with_partial(body.into_owned()));
        }
        let last = self.last(true, out);
        out.push(last)
    }
}

impl Generate {
    fn chunk(&mut self, mut document: Document<'_>, out: &mut Assembly) -> Result<()> {
        self.once.usage = document.usage().or(self.once.usage.take());
        let said =
            [(&mut self.once.model, &mut document.model_version), (&mut self.once.id, &mut document.response_id)];
        for (kept, said) in said {
            // The same in every chunk.
            if said.0.is_some() && kept.as_deref() != said.0.as_deref() {
                *kept = std::mem::take(said).into_string();
            }
        }
        out.set_answer_id(self.once.id.as_deref().unwrap_or_default());
        document.keep(&mut self.lists, out);
        match document.candidate() {
            Some(mut candidate) => {
                self.answered = true;
                candidate.keep(&mut self.lists, out);
                for part in candidate.parts() {
                    self.part(part, out)?;
                }
                self.once.finish = candidate.finish().or(self.once.finish.take());
            }
            None if document.is_blocked() && !self.answered => {
                self.answered = true;
                self.blocked = true;
                // The word for it is why the prompt was blocked, and no finish reason: it is in the metadata.
                self.once.finish = Some(FinishKind::ContentFilter.into());
            }
            None => {}
        }
        // Last, so that what came with it is kept.
        document.error().map_or(Ok(()), |error| Err(out.errors().inside(error)))
    }

    fn part(&mut self, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let raw = raw.get();
        let mut part: Part<'_> = serde_json::from_str(raw).map_err(|_| no_chunk(out))?;
        if let Some(call) = part.function_call.take() {
            return self.call(call, part.take_signature(), out);
        }
        match part.into_said(raw) {
            Said::Text(text) => out.push(AiMessage::new(text)),
            Said::Parts(parts) if parts.is_empty() => Ok(()),
            Said::Parts(parts) => out.push(AiMessage::new(parts)),
            Said::Draft => {
                out.warn(Warning::new("answer", "what the model drew while it thought was left out"));
                Ok(())
            }
            Said::Other => {
                self.lists.keep("otherParts", &format!("[{raw}]"), out);
                Ok(())
            }
        }
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
            let whole = ToolCall::new(id, call.name.into_string().unwrap_or_default(), arguments);
            return out.whole_call(match signature {
                Some(signature) => whole.with_signature(signature),
                None => whole,
            });
        }
        if has_name {
            let id = call.id.into_string().unwrap_or_default();
            let mut head = ToolCallChunk::new().with_index(self.opened).with_id(id.as_str());
            head.name = call.name.into_string();
            head.signature = signature;
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
