//! [`read_stream`] and [`read_answer`]: from an exchange to an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::AiMessage;
use futures_core::Stream;

use super::assembly::Assembly;
use super::framer::Framer;
use super::halves::Halves;
use super::{Decode, Flow, Frame, Standing};
use crate::answer::{ChatAnswer, Warning};
use crate::transport::{END_MARK, Exchange};

/// The answer in chunks: they are given out as they come, and whatever breaks afterwards, those that were decoded before
/// it come first. What counts only once comes with the last, and with it the envelope.
pub fn read_stream<D: Decode + Unpin>(
    exchange: Exchange,
    decode: D,
    warnings: Vec<Warning>,
) -> impl Stream<Item = Result<ChatAnswer>> + Send + Unpin {
    let limit = exchange.limits.answer_bytes;
    Reader {
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
    }
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
    /// Whatever the content type says: some servers answer with a document, some proxies with a page.
    Document(Vec<u8>),
    /// Nothing more is read. This comes after what is ready.
    Ended(AiMessage),
    Failed(Error),
    Over,
}

impl<D: Decode + Unpin> Stream for Reader<D> {
    type Item = Result<ChatAnswer>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<ChatAnswer>>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.out.next_chunk() {
                this.came_forward();
                return Poll::Ready(Some(Ok(ChatAnswer::new(chunk))));
            }
            match &mut this.state {
                State::Reading => {
                    // Frames are read when they are wanted: what is not, is held as it came.
                    if !this.read_frame() {
                        ready!(this.poll_bytes(context));
                    }
                }
                State::Document(_) => ready!(this.poll_document(context)),
                State::Over => return Poll::Ready(None),
                State::Ended(_) => {
                    ready!(this.exchange.poll_leave(context));
                    return Poll::Ready(this.over());
                }
                State::Failed(_) => return Poll::Ready(this.over()),
            }
        }
    }
}

impl<D: Decode> Reader<D> {
    #[cold]
    fn over(&mut self) -> Option<Result<ChatAnswer>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Ended(last) => {
                let warnings = std::mem::take(&mut self.warnings);
                Some(Ok(envelope(last, &mut self.exchange, warnings, &mut self.out)))
            }
            State::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }

    /// Reads the next of the frames that came; false when there is none.
    fn read_frame(&mut self) -> bool {
        let frame = match self.framer.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return false,
            Err(error) => {
                self.fail(error);
                return true;
            }
        };
        self.frames += 1;
        match decode(&mut self.decode, &frame, &mut self.halves, &mut self.out) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => self.end(),
            Err(error) => self.fail(error),
        }
        true
    }

    fn came_forward(&mut self) {
        if self.out.take_progress() {
            self.begun = true;
            self.exchange.wait.progress();
        }
    }

    /// Waits for more bytes, when there is no frame left.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.came_forward();
        let standing = self.decode.standing();
        if standing != self.standing {
            self.standing = standing;
            self.exchange.wait.progress();
        }
        let limits = self.exchange.limits;
        let patience = match (self.standing, self.begun) {
            (Standing::Settled, _) => limits.between_tokens.min(END_MARK),
            (_, true) => limits.between_tokens,
            (_, false) => limits.first_token,
        };
        let next = ready!(self.exchange.poll_next(context, patience));
        if !matches!(next, Ok(Ok(Some(_)))) && self.let_go() {
            return Poll::Ready(());
        }
        match next {
            Ok(Ok(Some(bytes))) => match self.framer.push(&bytes) {
                Ok(()) => {
                    if let Some(document) = self.framer.take_document() {
                        self.state = State::Document(document);
                    }
                }
                Err(error) => self.fail(error),
            },
            Ok(Ok(None)) => self.body_ended(),
            // What is complete stays complete: it is paid for, and would be paid for again.
            Err(_) | Ok(Err(_)) if self.decode.standing() != Standing::Open => self.end(),
            Err(over) => {
                self.fail(over.error(&self.out.errors().host, "nothing that brings the answer forward came from"));
            }
            Ok(Err(error)) => self.fail(error),
        }
        Poll::Ready(())
    }

    fn poll_document(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Document(document) = &mut self.state else { return Poll::Ready(()) };
        let body = ready!(self.exchange.poll_read(context, document));
        let mut whole = Assembly::as_a_whole(self.out.errors().clone(), self.exchange.limits.answer_bytes);
        let read = match body {
            Ok(()) => self.decode.document(document, &mut whole),
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
        Poll::Ready(())
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
        if self.let_go() {
            return;
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

    /// Reads what waits for the other half of a letter, which does not come. True where nothing comes after it.
    fn let_go(&mut self) -> bool {
        for rest in self.halves.rest() {
            match self.decode.frame(&rest.frame(), &mut self.out) {
                Ok(Flow::More) => continue,
                Ok(Flow::End) => self.end(),
                Err(error) => self.fail(error),
            }
            return true;
        }
        false
    }

    fn end(&mut self) {
        self.state = State::Ended(self.decode.last(true, &mut self.out));
    }

    /// The error of a stream that breaks off, with what came.
    fn fail(&mut self, error: Error) {
        for rest in self.halves.rest() {
            // It came before what is wrong here.
            let _ = self.decode.frame(&rest.frame(), &mut self.out);
        }
        let last = self.decode.last(false, &mut self.out);
        let mut part = self.out.take_whole();
        part.append(last);
        let error = if part.is_empty() { error } else { error.with_partial(part) };
        self.state = State::Failed(named(error, &self.exchange));
    }
}

/// Halves of surrogate pairs are mended: no JSON reader takes them.
fn decode<D: Decode>(decode: &mut D, frame: &Frame<'_>, halves: &mut Halves, out: &mut Assembly) -> Result<Flow> {
    if halves.have_no_part_in(frame) {
        return decode.frame(frame, out);
    }
    for mended in halves.take(frame) {
        if decode.frame(&mended.frame(), out)? == Flow::End {
            return Ok(Flow::End);
        }
    }
    Ok(Flow::More)
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
