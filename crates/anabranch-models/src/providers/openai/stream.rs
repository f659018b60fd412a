//! From the wire: an answer in chunks.

use std::collections::VecDeque;
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, FinishReason, ToolCallChunk};
use futures_core::Stream;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::error::Errors;
use super::response::{self, Call, Document, Turn, lacks_id, own_id, text};
use crate::transport::{Body, MAX_ANSWER, MAX_EVENT, MAX_STREAM, SseDecoder};

/// The most calls one answer may ask for.
const MAX_CALLS: usize = 1024;

/// The chunks of an answer. They are given out as they come; what counts only once (finish reason, usage, model) comes
/// with the last.
pub(super) fn chunks(body: Body, errors: Errors<'_>) -> impl Stream<Item = Result<AiMessage>> {
    let reader = Reader {
        body: Some(body),
        decoder: SseDecoder::new(MAX_EVENT),
        assembly: Assembly::new(errors),
        head: Some(Vec::new()),
        ready: VecDeque::new(),
        read: 0,
        progress: Instant::now(),
    };
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next().await?.map(|chunk| (chunk, reader)))
    })
}

struct Reader<'a> {
    /// `None` when all was read.
    body: Option<Body>,
    decoder: SseDecoder,
    assembly: Assembly<'a>,
    /// The first bytes, until it is known that they are events.
    head: Option<Vec<u8>>,
    ready: VecDeque<AiMessage>,
    /// How many bytes came.
    read: usize,
    /// When the last event came.
    progress: Instant,
}

impl Reader<'_> {
    async fn next(&mut self) -> Result<Option<AiMessage>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.assembly.done {
                self.leave().await;
                return Ok(None);
            }
            let Some(body) = &mut self.body else { return Ok(None) };
            let bytes = body.next().await.map_err(|error| self.assembly.broken(error))?;
            let Some(bytes) = bytes else {
                self.body = None;
                self.end()?;
                continue;
            };
            self.read += bytes.len();
            if self.read > MAX_STREAM {
                let message = format!("{} sent more than any answer can hold", self.assembly.errors.host);
                return Err(self.assembly.broken(Error::new(ErrorKind::Parse, message)));
            }
            let Some(head) = &mut self.head else {
                self.decoder.push(&bytes);
                self.events()?;
                if let Some(error) = self.body.as_ref().and_then(|body| body.out_of_patience(self.progress)) {
                    return Err(self.assembly.broken(error));
                }
                continue;
            };
            // Whatever the content type says: some servers answer with a document, some proxies with a page.
            head.extend_from_slice(&bytes);
            match SseDecoder::first_byte(head) {
                None if head.len() < MAX_EVENT => {}
                Some(b'{' | b'[' | b'<') => {
                    let head = self.head.take().unwrap_or_default();
                    let Some(body) = self.body.take() else { return Ok(None) };
                    let document = body.read(MAX_ANSWER, head).await?;
                    return response::answer(&document, self.assembly.errors).map(Some);
                }
                _ => {
                    self.decoder.push(head);
                    self.head = None;
                    self.events()?;
                }
            }
        }
    }

    fn events(&mut self) -> Result<()> {
        loop {
            let event = match self.decoder.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.assembly.broken(error)),
            };
            self.progress = Instant::now();
            self.assembly.event(&event.event, &event.data, &mut self.ready)?;
            if self.assembly.done {
                return Ok(());
            }
        }
    }

    /// The server said all it has to say, properly or not.
    fn end(&mut self) -> Result<()> {
        if let Some(head) = self.head.take() {
            self.decoder.push(&head);
            self.events()?;
        }
        if let Some(event) = self.decoder.finish() {
            self.assembly.event(&event.event, &event.data, &mut self.ready)?;
        }
        if !self.assembly.done {
            self.assembly.end(&mut self.ready)?;
        }
        Ok(())
    }

    /// After the end mark nothing comes but the end of the body. It is read, if it is there, so that the connection can
    /// be used again.
    async fn leave(&mut self) {
        if let Some(mut body) = self.body.take() {
            let rest = async { while let Ok(Some(_)) = body.next().await {} };
            let _ = tokio::time::timeout(Duration::from_millis(50), rest).await;
        }
    }
}

/// Makes chunks of events, and keeps what they add up to: for the error of a stream that breaks off.
pub(super) struct Assembly<'a> {
    pub(super) errors: Errors<'a>,
    /// The answer so far, by the same law by which the chunks add up elsewhere.
    whole: AiMessage,
    model: Option<String>,
    id: Option<String>,
    finish: Option<String>,
    usage: Option<Value>,
    metadata: Map<String, Value>,
    /// Calls that were given an id: where they stand, what they were called, what they are called now.
    renamed: Vec<(Option<u64>, String, String)>,
    /// The answer is complete, and its last chunk was given out.
    pub(super) done: bool,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(errors: Errors<'a>) -> Self {
        Self {
            errors,
            whole: AiMessage::default(),
            model: None,
            id: None,
            finish: None,
            usage: None,
            metadata: Map::new(),
            renamed: Vec::new(),
            done: false,
        }
    }

    /// Takes one event.
    pub(super) fn event(&mut self, event: &str, data: &str, chunks: &mut VecDeque<AiMessage>) -> Result<()> {
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(());
        }
        if event == "error" {
            let error = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_string()));
            return Err(self.broken(self.errors.document(error)));
        }
        // Some servers lose the blank line between two documents.
        let mut rest = data;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[DONE]") {
                self.finish(chunks);
                return if after.trim_ascii().is_empty() { Ok(()) } else { Err(self.no_event()) };
            }
            let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Document>();
            match documents.next() {
                Some(Ok(document)) => {
                    rest = rest.get(documents.byte_offset()..).unwrap_or_default().trim_ascii_start();
                    chunks.extend(self.document(document)?);
                }
                _ => return Err(self.no_event()),
            }
        }
        Ok(())
    }

    fn document(&mut self, mut document: Document) -> Result<Option<AiMessage>> {
        if let Some(error) = document.error.take() {
            return Err(self.broken(self.errors.inside(error)));
        }
        self.model = text(document.model.take()).or(self.model.take());
        self.id = text(document.id.take()).or(self.id.take());
        self.usage = document.usage().or(self.usage.take());
        self.metadata.extend(document.metadata());
        let Some(mut choice) = document.choice() else { return Ok(None) };
        self.finish = text(choice.finish_reason.take()).or(self.finish.take());
        self.keep("logprobs", choice.logprobs.take());
        let Some(turn) = choice.delta.or(choice.message) else { return Ok(None) };
        let chunk = self.turn(turn)?;
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    fn turn(&mut self, mut turn: Turn) -> Result<AiMessage> {
        let mut chunk = AiMessage::new(turn.content());
        self.whole.append(chunk.clone());
        self.keep("annotations", turn.annotations.take());
        self.keep("reasoning_details", turn.reasoning_details.take());
        for call in turn.tool_calls.unwrap_or_default() {
            chunk = chunk.with_tool_call_chunk(self.call(call)?);
        }
        Ok(chunk)
    }

    /// A piece of a call. A call without an id, or with one that another call has, is given its own at once.
    fn call(&mut self, mut call: Call) -> Result<ToolCallChunk> {
        let mut piece = ToolCallChunk::new().with_index(call.index()).with_arguments(call.arguments());
        piece.name = call.name();
        piece.signature = call.signature();
        let said = call.id().unwrap_or_default();
        let known = self.renamed.iter().rev().find(|(index, was, _)| *index == piece.index && *was == said);
        piece.id = match known {
            Some((_, _, is)) => Some(is.clone()),
            None => Some(said.clone()).filter(|id| !id.is_empty()),
        };
        let before = self.whole.tool_calls().len();
        self.whole.append(piece.clone());
        let calls = self.whole.tool_calls();
        if calls.len() == before {
            return Ok(piece);
        }
        if calls.len() > MAX_CALLS {
            let message = format!("{} asked for more than {MAX_CALLS} tool calls at once", self.errors.host);
            return Err(self.broken(Error::new(ErrorKind::Parse, message)));
        }
        if let Some(new) = calls.get(before) {
            if lacks_id(calls.iter().take(before), new.id()) {
                let answer = self.id.as_deref().unwrap_or_default();
                let id = own_id(answer, before, new.name());
                self.whole.set_tool_call_id(before, &id);
                self.renamed.push((piece.index, said, id.clone()));
                piece.id = Some(id);
            }
        }
        Ok(piece)
    }

    /// Lists that come in pieces.
    fn keep(&mut self, key: &str, piece: Option<Value>) {
        match (self.metadata.get_mut(key), piece) {
            (_, None | Some(Value::Null)) => {}
            (Some(Value::Array(list)), Some(Value::Array(more))) => list.extend(more),
            (Some(Value::Object(lists)), Some(Value::Object(more))) => {
                for (key, more) in more {
                    match (lists.get_mut(&key), more) {
                        (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                        (Some(_), Value::Null) => {}
                        (_, more) => _ = lists.insert(key, more),
                    }
                }
            }
            (_, Some(Value::Array(list))) if list.is_empty() => {}
            (_, Some(piece)) => _ = self.metadata.insert(key.to_string(), piece),
        }
    }

    /// The body is at its end. Without an end mark and a finish reason, the answer is not.
    pub(super) fn end(&mut self, chunks: &mut VecDeque<AiMessage>) -> Result<()> {
        if self.finish.is_none() {
            let message = format!("{} ended the stream before the answer was complete", self.errors.host);
            return Err(self.broken(Error::new(ErrorKind::IncompleteStream, message)));
        }
        self.finish(chunks);
        Ok(())
    }

    fn finish(&mut self, chunks: &mut VecDeque<AiMessage>) {
        let mut last = self.last();
        // An end mark without a reason is an end, too: what has no arguments by now takes none.
        if self.finish.is_none() {
            for call in self.whole.tool_calls().iter().filter(|call| call.raw_arguments().trim_ascii().is_empty()) {
                // Found by its id, which is its own; several calls may share an index.
                last = last.with_tool_call_chunk(ToolCallChunk::new().with_id(call.id()).with_arguments("{}"));
            }
        }
        if !last.is_empty() {
            chunks.push_back(last);
        }
        self.done = true;
    }

    /// What counts once.
    fn last(&mut self) -> AiMessage {
        let mut last = AiMessage::default();
        if let Some(reason) = self.finish.clone() {
            last = last.with_finish_reason(FinishReason::from_word(reason));
        }
        if let Some(usage) = self.usage.take().and_then(response::usage) {
            last = last.with_usage(usage);
        }
        if let Some(model) = self.model.take() {
            last = last.with_model(model);
        }
        if let Some(id) = self.id.take() {
            last = last.with_id(id);
        }
        match std::mem::take(&mut self.metadata) {
            metadata if metadata.is_empty() => last,
            metadata => last.with_metadata(metadata),
        }
    }

    /// The error of a stream that breaks off, with what came. Nobody may take it for a complete answer.
    pub(super) fn broken(&mut self, error: Error) -> Error {
        self.finish = None;
        let last = self.last();
        let mut part = std::mem::take(&mut self.whole);
        part.append(last);
        if part.is_empty() { error } else { error.with_partial(part) }
    }

    fn no_event(&mut self) -> Error {
        let message = format!("{} sent an event that is no chunk of an answer", self.errors.host);
        self.broken(Error::new(ErrorKind::Parse, message))
    }
}
