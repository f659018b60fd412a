//! From the wire: an answer, which is a list of blocks, in a whole document and in a stream.

use std::collections::BTreeMap;

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, FinishReason, ToolCallChunk, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::stream::no_event;
use crate::reader::{self, Assembly, Standing};
use crate::transport::is_error;

mod block;
mod parts;
mod wire;

use block::{Before, Block, lost};
pub(super) use block::{CONTINUES, PROVIDER, Piece};
pub(super) use parts::title_key;
pub(super) use wire::{Delta, Message};
use wire::{MANY, small};

/// What a block takes besides its text, about.
const BLOCK: usize = 256;

/// An answer as far as it came.
#[derive(Default)]
pub(super) struct Answer {
    id: Option<String>,
    model: Option<String>,
    begun: bool,
    finish: Option<String>,
    usage: Map<String, Value>,
    metadata: Map<String, Value>,
    container: Option<Value>,
    before: Before,
    /// The block that is given out as it comes, by its index.
    current: Option<(u64, Block)>,
    /// What came of blocks behind it: their places in the answer are behind its end.
    waiting: BTreeMap<u64, Vec<Piece>>,
}

impl Answer {
    /// A whole answer from the body of a success.
    pub(super) fn document(&mut self, body: &str, out: &mut Assembly) -> Result<()> {
        let message: Message<'_> = reader::document(body, out.errors())?;
        let error = message.error.and_then(|error| reader::reported(error.get())).filter(is_error);
        if error.is_some() || message.type_.0.as_deref() == Some("error") {
            return Err(out.errors().document(reader::reported(body).unwrap_or_default()));
        }
        let Some(content) = &message.content else {
            let error = out.errors().error(ErrorKind::Parse, "sent an answer without content");
            return Err(error.with_partial(body.to_string()));
        };
        if content.0.len() >= MANY {
            let message = format_args!("sent an answer of more than {} blocks", MANY - 1);
            return Err(out.errors().error(ErrorKind::Parse, message));
        }
        self.begin(message, out)?;
        let last = self.last(true, out);
        out.push(last)
    }

    /// The beginning of an answer, or all of it.
    pub(super) fn begin(&mut self, mut message: Message<'_>, out: &mut Assembly) -> Result<()> {
        let is_same = message.id.is_empty() || message.id.0.as_deref() == self.id.as_deref();
        if self.begun {
            let spliced = || out.errors().error(ErrorKind::Parse, "began another answer in the middle of one");
            return if is_same { Ok(()) } else { Err(spliced()) };
        }
        self.note(&message, out)?;
        self.begun = true;
        out.set_answer_id(self.id.as_deref().unwrap_or_default());
        let content = message.content.take().unwrap_or_default();
        content.0.into_iter().try_for_each(|block| self.whole_block(block, out))
    }

    /// What counts once: of each the last that came.
    pub(super) fn note(&mut self, message: &Message<'_>, out: &mut Assembly) -> Result<()> {
        for (kept, said) in [(&mut self.id, &message.id), (&mut self.model, &message.model)] {
            if let Some(said) = &said.0 {
                *kept = Some(said.to_string());
            }
        }
        if let Some(reason) = &message.stop_reason.0 {
            self.finish = Some(reason.to_string());
        }
        if let Some(text) = &message.stop_sequence.0 {
            self.metadata.insert("stop_sequence".into(), text.as_ref().into());
        }
        let besides = [("stop_details", message.stop_details), ("context_management", message.context_management)];
        for (key, raw) in besides {
            if let Some(value) = raw.and_then(small) {
                self.metadata.insert(key.into(), value);
            }
        }
        self.container = message.container.and_then(small).or(self.container.take());
        // Running totals, of which some servers leave out what they said before.
        if let Some(Value::Object(usage)) = message.usage.and_then(small) {
            for (key, value) in usage {
                if !value.is_null() || !self.usage.contains_key(&key) {
                    self.usage.insert(key, value);
                }
            }
        }
        out.keep(0)
    }

    fn whole_block(&mut self, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        out.keep(BLOCK)?;
        Block::begin(None, raw.get(), &mut self.before, out)?.end(true, out)
    }

    /// Something of the block with this index. The first block that is open is given out as it comes. What comes of
    /// others meanwhile waits for its end, so that a stream adds up to the document however its blocks are mixed.
    pub(super) fn piece(&mut self, index: u64, piece: Piece, out: &mut Assembly) -> Result<()> {
        if self.current.as_ref().is_some_and(|(open, _)| *open != index) {
            return self.hold(index, piece, out);
        }
        self.take(index, piece, true, out)?;
        while self.current.is_none() {
            let Some((index, pieces)) = self.waiting.pop_first() else { break };
            pieces.into_iter().try_for_each(|piece| self.take(index, piece, true, out))?;
        }
        Ok(())
    }

    /// A block begins: [`piece`](Self::piece) of a head, which is not copied where it need not wait.
    pub(super) fn start(&mut self, index: u64, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        match &self.current {
            Some((open, _)) if *open != index => self.hold(index, Piece::Start(raw.get().to_string()), out),
            _ => self.open(index, raw.get(), true, out),
        }
    }

    /// `whole` is whether the block before it, if that did not end, is at its end now.
    fn open(&mut self, index: u64, raw: &str, whole: bool, out: &mut Assembly) -> Result<()> {
        self.close(whole, out)?;
        out.keep(BLOCK)?;
        self.current = Some((index, Block::begin(Some(index), raw, &mut self.before, out)?));
        Ok(())
    }

    fn hold(&mut self, index: u64, piece: Piece, out: &mut Assembly) -> Result<()> {
        out.progress();
        let bytes = piece.as_str().len();
        let pieces = self.waiting.entry(index).or_default();
        let other = match pieces.last_mut() {
            Some(last) => last.append(piece),
            None => Some(piece),
        };
        let bytes = bytes + if other.is_some() { BLOCK } else { 0 };
        pieces.extend(other);
        out.keep(bytes)
    }

    /// The next piece of the current block, or of the one that becomes it.
    fn take(&mut self, index: u64, piece: Piece, whole: bool, out: &mut Assembly) -> Result<()> {
        match (piece, &mut self.current) {
            (Piece::Start(raw), _) => self.open(index, &raw, whole, out),
            (Piece::Stop, _) => self.close(true, out),
            (piece, Some((_, block))) => block.add(piece, &mut self.before, out),
            // Servers that do not say that a block begins.
            (piece, None) => {
                let mut block = match &piece {
                    Piece::Text(_) => Block::text(&mut self.before),
                    Piece::Thinking(_) | Piece::Signature(_) => Block::thought(&mut self.before),
                    _ => {
                        out.warn(lost());
                        return Ok(());
                    }
                };
                out.keep(BLOCK)?;
                block.add(piece, &mut self.before, out)?;
                self.current = Some((index, block));
                Ok(())
            }
        }
    }

    fn close(&mut self, whole: bool, out: &mut Assembly) -> Result<()> {
        match self.current.take() {
            Some((_, block)) => block.end(whole, out),
            None => Ok(()),
        }
    }

    /// Gives out what waits for blocks that did not end.
    fn flush(&mut self, complete: bool, out: &mut Assembly) -> Result<()> {
        self.close(complete, out)?;
        while let Some((index, pieces)) = self.waiting.pop_first() {
            pieces.into_iter().try_for_each(|piece| self.take(index, piece, complete, out))?;
            self.close(complete, out)?;
        }
        Ok(())
    }

    pub(super) fn standing(&self) -> Standing {
        match &self.finish {
            None => Standing::Open,
            Some(_) if self.usage.contains_key("output_tokens") => Standing::Settled,
            Some(_) => Standing::Finished,
        }
    }

    /// What counts once.
    pub(super) fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage {
        // What is too large is so without what still waits, too.
        let _ = self.flush(complete, out);
        let mut last = AiMessage::default();
        if !self.metadata.is_empty() {
            last = last.with_metadata(std::mem::take(&mut self.metadata));
        }
        if let Some(container) = self.container.take() {
            last = last.with_provider_data(PROVIDER, "container", container);
        }
        if !self.usage.is_empty() {
            last = last.with_usage(usage(std::mem::take(&mut self.usage)));
        }
        if let Some(model) = self.model.take() {
            last = last.with_model(model);
        }
        if let Some(id) = self.id.take() {
            last = last.with_id(id);
        }
        match self.finish.take().filter(|_| complete) {
            Some(word) => last.with_finish_reason(FinishReason::from_word(word)),
            // An end mark without a reason is an end, too: what has no input by now takes none.
            None if complete => {
                let calls = out.whole().tool_calls();
                let is_blank = |call: &str| call.trim_ascii().is_empty();
                let open = calls.iter().filter(|call| is_blank(call.raw_arguments()) && !call.has_valid_arguments());
                open.fold(last, |last, call| {
                    last.with_tool_call_chunk(ToolCallChunk::new().with_id(call.id()).with_arguments("{}"))
                })
            }
            None => last,
        }
    }
}

/// What the API calls input includes neither what was read from the cache nor what was written to it. Output includes
/// thoughts. Servers of others may say what it cost.
pub(super) fn usage(raw: Map<String, Value>) -> Usage {
    let count = |key: &str| raw.get(key).and_then(Value::as_u64);
    let uncached = count("input_tokens");
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let input = uncached.map(|uncached| [read, written].into_iter().flatten().fold(uncached, u64::saturating_add));
    let thought = raw.get("output_tokens_details").and_then(|details| details.get("thinking_tokens")?.as_u64());
    let usage = Usage::new(input, count("output_tokens"))
        .with_uncached_input_tokens(uncached)
        .with_cached_input_tokens(read)
        .with_cache_write_tokens(written)
        .with_reasoning_tokens(thought)
        .with_cost(raw.get("cost").and_then(Value::as_f64));
    usage.with_raw(raw)
}

#[cfg(test)]
mod tests;
