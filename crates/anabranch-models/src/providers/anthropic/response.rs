//! From the wire: the blocks of an answer, which are the same in a whole answer and in a stream.

use std::collections::BTreeMap;

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, ContentPart, FinishReason, Reasoning, ToolCall, ToolCallChunk, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::stream::no_event;
use crate::answer::Warning;
use crate::reader::{self, Assembly, Standing};
use crate::transport::is_error;

mod came;
mod wire;

use came::Came;
use wire::{Block, MANY};
pub(super) use wire::{Delta, Message};

/// What a block takes besides its text, about.
const BLOCK: usize = 128;
/// The largest value of a member that is taken apart at once: usage, details of the end.
const SMALL: usize = 1 << 20;
/// Where what has no place in a message is kept: all blocks in their order, those whole that are nothing else.
pub(super) const BLOCKS: &str = "content_blocks";

/// An answer as far as it came.
#[derive(Default)]
pub(super) struct Answer {
    id: Option<String>,
    model: Option<String>,
    begun: bool,
    finish: Option<String>,
    usage: Map<String, Value>,
    metadata: Map<String, Value>,
    blocks: Vec<Came>,
    /// The places of those that are not closed, by index.
    open: BTreeMap<u64, usize>,
    /// How many bytes of them are kept, and whether they are too many.
    kept: usize,
    too_many: bool,
}

impl Answer {
    /// A whole answer from the body of a success.
    pub(super) fn document(&mut self, body: &str, out: &mut Assembly) -> Result<()> {
        let message: Message<'_> = reader::document(body, out.errors())?;
        let error = message.error.and_then(|error| reader::value(error.get())).filter(is_error);
        if error.is_some() || message.type_.0.as_deref() == Some("error") {
            return Err(out.errors().document(reader::value(body).unwrap_or_default()));
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
        content.0.into_iter().try_for_each(|block| self.start(None, block, out))
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
        let besides = [
            ("stop_details", message.stop_details),
            ("container", message.container),
            ("context_management", message.context_management),
        ];
        for (key, raw) in besides {
            if let Some(value) = raw.and_then(small) {
                self.metadata.insert(key.into(), value);
            }
        }
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

    /// A block begins. One without an index is whole.
    pub(super) fn start(&mut self, index: Option<u64>, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let mut block: Block<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        out.keep(BLOCK)?;
        let came = match block.type_.0.as_deref() {
            Some("text") => {
                let mut citations = Vec::new();
                for citation in std::mem::take(&mut block.citations).0 {
                    citations.extend(self.keep(citation.get(), out)?);
                }
                let text = block.text.0.take().unwrap_or_default();
                let bytes = text.len();
                out.push(text.into_owned())?;
                Came::Text { bytes, citations }
            }
            Some("thinking") => {
                let (text, signature) = (block.thinking.into_string(), block.signature.into_string());
                if text.is_some() || signature.is_some() {
                    think(text, signature, out)?;
                }
                Came::Thinking
            }
            Some("redacted_thinking") => {
                let data = block.data.into_string().unwrap_or_default();
                out.push(AiMessage::new([ContentPart::Reasoning(Reasoning::encrypted_only(data))]))?;
                Came::RedactedThinking
            }
            Some("tool_use") => Self::call(index, block, out)?,
            _ => {
                out.progress();
                match self.keep(raw.get(), out)? {
                    Some(raw) => Came::Other { raw, input: String::new() },
                    None => Came::Other { raw: String::new(), input: String::new() },
                }
            }
        };
        if let Some(index) = index {
            self.open.insert(index, self.blocks.len());
        }
        self.blocks.push(came);
        Ok(())
    }

    fn call(index: Option<u64>, block: Block<'_>, out: &mut Assembly) -> Result<Came> {
        let input = block.input.map(RawValue::get).filter(|input| !matches!(*input, "{}" | "null" | "\"\""));
        let caller = block.caller.filter(|caller| caller.type_.0.as_deref().is_some_and(|type_| type_ != "direct"));
        let caller = caller.and_then(|caller| Some((caller.type_.into_string()?, caller.tool_id.into_string())));
        let (id, name) = (block.id.into_string().unwrap_or_default(), block.name.into_string().unwrap_or_default());
        match index {
            None => {
                let input = input.unwrap_or("{}");
                // What cannot be read stays text, and is no input that runs.
                let arguments = reader::value::<Value>(input).unwrap_or_else(|| input.into());
                out.whole_call(ToolCall::new(id, name, arguments))?;
            }
            Some(index) => out.call(ToolCallChunk::new().with_index(index).with_id(id).with_name(name))?,
        }
        // Counted, for it is kept until it is known whether more of it comes.
        let input = input.filter(|_| index.is_some());
        out.keep(input.map_or(0, str::len))?;
        Ok(Came::Call { input: input.map(str::to_string), caller })
    }

    /// Something is added to a block.
    pub(super) fn delta(&mut self, index: u64, mut delta: Delta<'_>, out: &mut Assembly) -> Result<()> {
        let place = self.open.get(&index).copied();
        match delta.type_.0.as_deref() {
            Some("text_delta") => {
                let text = delta.text.0.take().unwrap_or_default();
                match place.and_then(|place| self.blocks.get_mut(place)) {
                    Some(Came::Text { bytes, .. }) => *bytes += text.len(),
                    Some(_) => {}
                    // Servers that do not say that a block begins.
                    None => {
                        out.keep(BLOCK)?;
                        self.open.insert(index, self.blocks.len());
                        self.blocks.push(Came::Text { bytes: text.len(), citations: Vec::new() });
                    }
                }
                out.push(text.into_owned())
            }
            Some("thinking_delta") if !delta.thinking.is_empty() => think(delta.thinking.into_string(), None, out),
            Some("signature_delta") if !delta.signature.is_empty() => think(None, delta.signature.into_string(), out),
            Some("citations_delta") => {
                let Some(citation) = delta.citation else { return Ok(()) };
                let citation = self.keep(citation.get(), out)?;
                out.progress();
                if let Some(Came::Text { citations, .. }) = place.and_then(|place| self.blocks.get_mut(place)) {
                    citations.extend(citation);
                }
                Ok(())
            }
            Some("input_json_delta") => {
                let (Some(place), Some(json)) = (place, delta.partial_json.into_string()) else { return Ok(()) };
                self.input(place, index, json, out)
            }
            _ => Ok(()),
        }
    }

    fn input(&mut self, place: usize, index: u64, json: String, out: &mut Assembly) -> Result<()> {
        match self.blocks.get_mut(place) {
            Some(Came::Call { input, .. }) => {
                *input = None;
                out.call(ToolCallChunk::new().with_index(index).with_arguments(json))
            }
            Some(Came::Other { input, .. }) if !self.too_many => {
                input.push_str(&json);
                out.progress();
                self.keep(&json, out).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// A block ends.
    pub(super) fn stop(&mut self, index: u64, out: &mut Assembly) -> Result<()> {
        let place = self.open.remove(&index);
        match place.and_then(|place| self.blocks.get_mut(place)) {
            Some(Came::Call { input: Some(input), .. }) => {
                let input = std::mem::take(input);
                out.call(ToolCallChunk::new().with_index(index).with_arguments(input))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a piece of what has no place in a message, unless there is too much of it.
    fn keep(&mut self, raw: &str, out: &mut Assembly) -> Result<Option<String>> {
        self.kept = self.kept.saturating_add(raw.len());
        if self.kept > out.room_for_lists() && !self.too_many {
            self.too_many = true;
            let message = format!("left out of the answer: more than {} bytes of them", out.room_for_lists());
            out.warn(Warning::new(BLOCKS, message));
        }
        if self.too_many {
            return Ok(None);
        }
        out.keep(raw.len())?;
        Ok(Some(raw.to_string()))
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
        if complete {
            // Those that did not say that they end. What is too large is so without them, too.
            while let Some(index) = self.open.keys().next().copied() {
                let _ = self.stop(index, out);
            }
        }
        let mut metadata = std::mem::take(&mut self.metadata);
        metadata.extend(self.take_blocks().map(|blocks| (BLOCKS.to_string(), blocks)));
        let mut last = AiMessage::default();
        if !metadata.is_empty() {
            last = last.with_metadata(metadata);
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
        let calls = out.whole().tool_calls();
        match self.finish.take().filter(|_| complete) {
            Some(word) => last.with_finish_reason(FinishReason::from_word(word)),
            // An end mark without a reason is an end, too: what has no input by now takes none.
            None if complete => {
                let blank = calls.iter().filter(|call| call.raw_arguments().trim_ascii().is_empty());
                blank.fold(last, |last, call| {
                    last.with_tool_call_chunk(ToolCallChunk::new().with_id(call.id()).with_arguments("{}"))
                })
            }
            None => last,
        }
    }

    /// All blocks in their order, where any of them holds what has no place in a message.
    fn take_blocks(&mut self) -> Option<Value> {
        let blocks = std::mem::take(&mut self.blocks);
        if self.too_many || !blocks.iter().any(Came::has_no_place) {
            return None;
        }
        Some(blocks.into_iter().filter_map(Came::into_value).collect())
    }
}

fn think(text: Option<String>, signature: Option<String>, out: &mut Assembly) -> Result<()> {
    let thought = Reasoning::new(text.unwrap_or_default());
    let thought = signature.map_or(thought.clone(), |signature| thought.with_signature(signature));
    out.push(AiMessage::new([ContentPart::Reasoning(thought)]))
}

fn small(raw: &RawValue) -> Option<Value> {
    reader::value::<Value>(Some(raw.get()).filter(|raw| raw.len() <= SMALL)?).filter(|value| !value.is_null())
}

/// Input does not include what was read from the cache or written to it, output includes thoughts.
pub(super) fn usage(raw: Map<String, Value>) -> Usage {
    let count = |key: &str| raw.get(key).and_then(Value::as_u64);
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let thought = raw.get("output_tokens_details").and_then(|details| details.get("thinking_tokens")?.as_u64());
    let all = [input, output, read, written].into_iter().flatten().fold(0, u64::saturating_add);
    let usage = Usage::new(input, output)
        .with_total_tokens(input.map(|_| all))
        .with_cached_input_tokens(read)
        .with_cache_write_tokens(written)
        .with_reasoning_tokens(thought);
    usage.with_raw(raw)
}

#[cfg(test)]
mod tests;
