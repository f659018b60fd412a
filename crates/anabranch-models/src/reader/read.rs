//! [`read_stream`] and [`read_answer`]: from an exchange to an answer.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::AiMessage;
use bytes::Bytes;
use futures_core::Stream;

use super::assembly::Assembly;
use super::framer::Framer;
use super::json::Halves;
use super::{Decode, Flow, Frame, Standing};
use crate::answer::{ChatAnswer, Warning};
use crate::transport::{END_MARK, Exchange};

/// The answer in chunks: they are given out as they come, and whatever breaks afterwards, those that were decoded before
/// it come first. What counts only once comes with the last, and with it the envelope.
pub fn read_stream<D: Decode>(
    exchange: Exchange,
    decode: D,
    warnings: Vec<Warning>,
) -> impl Stream<Item = Result<ChatAnswer>> + Send {
    let limit = exchange.limits.answer_bytes;
    let reader = Reader {
        framer: Framer::new(decode.framing(), limit),
        out: Assembly::in_chunks(exchange.errors.clone(), limit),
        state: exchange.check_encoding().map_or_else(State::Failed, |()| State::Reading),
        standing: Standing::Open,
        begun: false,
        frames: 0,
        halves: Halves::default(),
        exchange,
        decode,
        warnings,
    };
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next().await?.map(|chunk| (chunk, reader)))
    })
}

/// The answer as a whole.
///
/// # Errors
/// When there is none: see [`Decode::document`]; when it is too large, comes too late or breaks off.
pub async fn read_answer<D: Decode>(
    mut exchange: Exchange,
    mut decode: D,
    warnings: Vec<Warning>,
) -> Result<ChatAnswer> {
    let mut out = Assembly::as_a_whole(exchange.errors.clone(), exchange.limits.answer_bytes);
    let read = match exchange.read(Vec::new()).await {
        Ok(body) => decode.document(&body, &mut out),
        Err(error) => Err(error),
    };
    match read {
        Ok(()) => {
            let message = out.take_whole();
            Ok(envelope(message, &mut exchange, warnings, &mut out))
        }
        Err(error) => Err(named(error, &exchange)),
    }
}

struct Reader<D> {
    exchange: Exchange,
    framer: Framer,
    decode: D,
    out: Assembly,
    warnings: Vec<Warning>,
    state: State,
    standing: Standing,
    /// Whether any of the answer came.
    begun: bool,
    /// How many frames came.
    frames: usize,
    halves: Halves,
}

enum State {
    Reading,
    /// Nothing more is read. This comes after what is ready.
    Ended(AiMessage),
    Failed(Error),
    Over,
}

impl<D: Decode> Reader<D> {
    async fn next(&mut self) -> Result<Option<ChatAnswer>> {
        loop {
            if let Some(chunk) = self.out.next_chunk() {
                return Ok(Some(ChatAnswer::new(chunk)));
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Reading => {
                    self.state = State::Reading;
                    self.read().await;
                }
                State::Ended(last) => {
                    self.exchange.leave().await;
                    let warnings = std::mem::take(&mut self.warnings);
                    return Ok(Some(envelope(last, &mut self.exchange, warnings, &mut self.out)));
                }
                State::Failed(error) => return Err(error),
                State::Over => return Ok(None),
            }
        }
    }

    async fn read(&mut self) {
        let limits = self.exchange.limits;
        let patience = match (self.standing, self.begun) {
            (Standing::Settled, _) => limits.between_tokens.min(END_MARK),
            (_, true) => limits.between_tokens,
            (_, false) => limits.first_token,
        };
        let is_open = self.standing == Standing::Open;
        match self.exchange.next(patience).await {
            Ok(Ok(Some(bytes))) => self.take(&bytes).await,
            Ok(Ok(None)) => self.body_ended(),
            // What is complete stays complete: it is paid for, and would be paid for again.
            Err(_) | Ok(Err(_)) if !is_open => self.end(),
            Err(over) => {
                self.fail(over.error(&self.out.errors().host, "nothing that brings the answer forward came from"))
            }
            Ok(Err(error)) => self.fail(error),
        }
    }

    async fn take(&mut self, bytes: &Bytes) {
        if let Err(error) = self.framer.push(bytes) {
            return self.fail(error);
        }
        if let Some(head) = self.framer.take_document() {
            return self.document(head).await;
        }
        loop {
            match self.framer.next_frame() {
                Ok(Some(frame)) => {
                    self.frames += 1;
                    match decode(&mut self.decode, &frame, &mut self.halves, &mut self.out) {
                        Ok(Flow::More) => {}
                        Ok(Flow::End) => return self.end(),
                        Err(error) => return self.fail(error),
                    }
                }
                Ok(None) => break,
                Err(error) => return self.fail(error),
            }
        }
        let standing = self.decode.standing();
        if self.out.take_progress() {
            self.begun = true;
            self.exchange.wait.progress();
        }
        if standing != self.standing {
            self.standing = standing;
            self.exchange.wait.progress();
        }
    }

    /// Whatever the content type says: some servers answer with a document, some proxies with a page.
    async fn document(&mut self, head: Vec<u8>) {
        let mut whole = Assembly::as_a_whole(self.out.errors().clone(), self.exchange.limits.answer_bytes);
        let read = match self.exchange.read(head).await {
            Ok(body) => self.decode.document(&body, &mut whole),
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => {
                self.out.hand_out_whole(whole.take_whole());
                self.warnings.extend(whole.take_warnings());
                self.state = State::Ended(AiMessage::default());
            }
            Err(error) => self.fail(error),
        }
    }

    /// The server said all it has to say, properly or not.
    fn body_ended(&mut self) {
        if let Some(frame) = self.framer.finish() {
            match decode(&mut self.decode, &frame, &mut self.halves, &mut self.out) {
                Ok(Flow::More) => {}
                Ok(Flow::End) => return self.end(),
                // What lacks its end may be cut anywhere.
                Err(error) if error.kind() == ErrorKind::Parse => {}
                Err(error) => return self.fail(error),
            }
        }
        if self.decode.standing() != Standing::Open {
            return self.end();
        }
        let is_text = self.frames == 0 && self.exchange.content_type() == "text/plain";
        let errors = self.out.errors();
        self.fail(match is_text {
            true => errors.error(ErrorKind::Parse, "sent plain text where a stream of events was expected"),
            false => errors.error(ErrorKind::IncompleteStream, "ended the stream before the answer was complete"),
        });
    }

    fn end(&mut self) {
        self.state = State::Ended(self.decode.last(true, &mut self.out));
    }

    /// The error of a stream that breaks off, with what came.
    fn fail(&mut self, error: Error) {
        let last = self.decode.last(false, &mut self.out);
        let mut part = self.out.take_whole();
        part.append(last);
        let error = if part.is_empty() { error } else { error.with_partial(part) };
        self.state = State::Failed(named(error, &self.exchange));
    }
}

/// Halves of surrogate pairs are mended: no JSON reader takes them.
fn decode<D: Decode>(decode: &mut D, frame: &Frame<'_>, halves: &mut Halves, out: &mut Assembly) -> Result<Flow> {
    match halves.mended(&frame.data) {
        Some(data) => decode.frame(&Frame { event: frame.event.as_ref().into(), data: data.into() }, out),
        None => decode.frame(frame, out),
    }
}

/// An error with the provider's name for the exchange.
fn named(error: Error, exchange: &Exchange) -> Error {
    match exchange.request_id() {
        Some(id) if error.request_id().is_none() => error.with_request_id(id),
        _ => error,
    }
}

fn envelope(message: AiMessage, exchange: &mut Exchange, warnings: Vec<Warning>, out: &mut Assembly) -> ChatAnswer {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut answer = ChatAnswer::new(message).with_headers(exchange.headers.iter().map(text));
    if let Some(id) = exchange.request_id() {
        answer = answer.with_request_id(id);
    }
    if let Some(raw) = exchange.take_raw() {
        answer = answer.with_raw(raw);
    }
    warnings.into_iter().chain(out.take_warnings()).fold(answer, ChatAnswer::with_warning)
}
