//! From the wire: an answer in chunks.

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, ToolCallChunk};
use serde_json::Value;

use super::response::{self, Besides, Document, Turn, Words};
use super::usage::usage;
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Lists, Standing};

/// What the chunks of an answer say that counts once.
#[derive(Default)]
pub(super) struct Chat {
    finish: Option<String>,
    /// As it came: some servers say it with every chunk, and the last one counts.
    usage: String,
    words: Words,
    lists: Lists,
    besides: Besides,
}

impl Decode for Chat {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        match frame.event.as_ref() {
            _ if documents.rest().is_empty() => return Ok(Flow::More),
            "error" => {
                let text = documents.rest();
                let error = reader::reported(text).unwrap_or_else(|| Value::String(text.to_string()));
                return Err(out.errors().document(error));
            }
            "message" | "data" | "chunk" | "completion" | "chat.completion.chunk" => {}
            // Of somebody who has more to say than this knows.
            _ if !documents.rest().starts_with("[DONE]") => return Ok(Flow::More),
            _ => {}
        }
        // Some servers lose the blank line between two documents.
        loop {
            if documents.take("[DONE]") {
                return if documents.rest().is_empty() { Ok(Flow::End) } else { Err(no_chunk(out)) };
            }
            let mut document = Document::default();
            match documents.read(&mut document) {
                Ok(true) => self.chunk(&mut document, out)?,
                Ok(false) => return Ok(Flow::More),
                Err(_) => return Err(no_chunk(out)),
            }
        }
    }

    fn standing(&self) -> Standing {
        match (&self.finish, self.usage.is_empty()) {
            (None, _) => Standing::Open,
            (Some(_), true) => Standing::Finished,
            (Some(_), false) => Standing::Settled,
        }
    }

    fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage {
        let finish = self.finish.take().filter(|_| complete);
        // An end mark without a reason is an end, too: what has no arguments by now takes none.
        let ended = complete && finish.is_none();
        let words = std::mem::take(&mut self.words);
        let mut metadata = words.metadata(std::mem::take(&mut self.lists));
        let usage = usage(&std::mem::take(&mut self.usage));
        let last = self.besides.close(&mut metadata, out);
        let last = response::last(last, finish, usage, &words, metadata);
        let blank =
            out.whole().tool_calls().iter().filter(|call| ended && call.raw_arguments().trim_ascii().is_empty());
        // Found by its id, which is its own; several calls may share an index.
        blank.fold(last, |last, call| {
            last.with_tool_call_chunk(ToolCallChunk::new().with_id(call.id()).with_arguments("{}"))
        })
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        response::answer(&reader::text(body), &mut self.besides, out)
    }
}

impl Chat {
    pub(super) fn of(besides: Besides) -> Self {
        Self { besides, ..Self::default() }
    }

    fn chunk(&mut self, document: &mut Document<'_>, out: &mut Assembly) -> Result<()> {
        if let Some(usage) = document.usage() {
            usage.clone_into(&mut self.usage);
        }
        document.besides(&mut self.lists, &mut self.words, out);
        out.set_answer_id(self.words.id().unwrap_or_default());
        document.others().drain(..).try_for_each(|other| self.besides.other(other, out))?;
        if let Some(choice) = document.choice() {
            if let Some(logprobs) = choice.logprobs {
                self.lists.keep("logprobs", logprobs.get(), out);
            }
            if let Some(reason) = std::mem::take(&mut choice.finish_reason).into_string() {
                self.finish = Some(reason);
            }
            if let Some(turn) = choice.delta() {
                self.turn(turn, out)?;
            }
        }
        // Last, so that what came with it is kept.
        document.error().map_or(Ok(()), |error| Err(out.errors().inside(error)))
    }

    fn turn(&mut self, turn: &mut Turn<'_>, out: &mut Assembly) -> Result<()> {
        turn.keep(&mut self.lists, out);
        out.push(turn.content())?;
        self.besides.sound(turn, out)?;
        turn.tool_calls.0.drain(..).try_for_each(|call| out.call(call.into_piece(self.besides.provider())))
    }
}

fn no_chunk(out: &Assembly) -> anabranch_core::Error {
    out.errors().error(ErrorKind::Parse, "sent an event that is no chunk of an answer")
}
