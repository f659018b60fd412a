//! [`Exchange`]: an answer that has begun, and the time it may take.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ByteStream;
use super::failure::{Errors, request_id};
use super::limits::{FAILURE_BYTES, FAILURE_TIME, Limits, STREAM_BYTES};

/// An answer that has begun. Dropping it closes the connection.
pub struct Exchange {
    pub(crate) headers: HeaderMap,
    pub(crate) errors: Errors,
    pub(crate) limits: Limits,
    pub(crate) wait: Wait,
    body: Option<ByteStream>,
    /// How many bytes came.
    read: usize,
    /// How often one looks once more whether the end of the body is there.
    looks: usize,
    raw: Option<Vec<u8>>,
}

impl Exchange {
    pub(super) fn new(
        headers: HeaderMap,
        body: ByteStream,
        errors: Errors,
        limits: Limits,
        wait: Wait,
        keep_raw: bool,
    ) -> Self {
        Self { headers, errors, limits, wait, body: Some(body), read: 0, looks: 4, raw: keep_raw.then(Vec::new) }
    }

    /// The provider's name for the exchange.
    pub(crate) fn request_id(&self) -> Option<String> {
        request_id(&self.headers)
    }

    /// The body as it came so far, where it is kept.
    pub(crate) fn take_raw(&mut self) -> Option<Vec<u8>> {
        self.raw.take()
    }

    /// What the server says the body is, in lower case and without parameters.
    pub(crate) fn content_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The error of a body that is packed, though nobody asked for that.
    pub(crate) fn check_encoding(&self) -> Result<()> {
        let encoding = self.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = ["gzip", "br", "deflate", "zstd", "x-gzip", "compress"];
        match known.iter().find(|known| encoding.trim().eq_ignore_ascii_case(known)) {
            Some(name) => Err(self.errors.error(ErrorKind::Parse, format_args!("sent {PACKED} ({name})"))),
            None => Ok(()),
        }
    }

    /// The next bytes, which are waited for so long; `None` at the end. The time that is waited adds up until
    /// [`Wait::progress`].
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        patience: Duration,
    ) -> Poll<Result<Result<Option<Bytes>>, Over>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(Ok(None))) };
        let next = ready!(self.wait.poll(context, patience, |context| body.poll_next_unpin(context)))?;
        Poll::Ready(Ok(match next {
            Some(Ok(bytes)) => self.came(&bytes).map(|()| Some(bytes)),
            Some(Err(error)) => {
                self.body = None;
                Err(error)
            }
            None => {
                self.body = None;
                Ok(None)
            }
        }))
    }

    fn came(&mut self, bytes: &Bytes) -> Result<()> {
        self.read += bytes.len();
        if self.read > STREAM_BYTES {
            self.body = None;
            return Err(self.errors.error(ErrorKind::Parse, "sent more than any answer can hold"));
        }
        if let Some(raw) = &mut self.raw {
            if raw.len() + bytes.len() > self.limits.answer_bytes {
                self.raw = None;
            } else {
                raw.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// The whole body, without blank bytes at its start. Blank bytes are no progress, and what is not whole soon after
    /// its first byte never will be.
    ///
    /// # Errors
    /// When it is larger than an answer may be, when it takes too long, when the connection breaks.
    pub(crate) async fn read(&mut self, mut document: Vec<u8>) -> Result<Vec<u8>> {
        std::future::poll_fn(|context| self.poll_read(context, &mut document)).await?;
        Ok(document)
    }

    /// [`read`](Self::read), into a document that holds what came before.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>, document: &mut Vec<u8>) -> Poll<Result<()>> {
        self.check_encoding()?;
        let limit = self.limits.answer_bytes;
        loop {
            let begun = !document.is_empty();
            let patience = if begun { self.limits.between_tokens } else { self.limits.first_token };
            let bytes = match ready!(self.poll_next(context, patience)) {
                Ok(bytes) => bytes?,
                Err(over) => {
                    return Poll::Ready(Err(over.error(&self.errors.host, "the answer was not complete from")));
                }
            };
            let Some(mut bytes) = bytes else { return Poll::Ready(Ok(())) };
            if !begun {
                bytes = bytes.slice(bytes.len() - bytes.trim_ascii_start().len()..);
                if bytes.is_empty() {
                    continue;
                }
                self.wait.progress();
            }
            if document.len() + bytes.len() > limit {
                let message = format_args!("sent an answer of more than {limit} bytes");
                return Poll::Ready(Err(self.errors.error(ErrorKind::Parse, message)));
            }
            if !begun {
                // No second copy while it grows, where the server says how large it is.
                document.reserve_exact(self.length().min(limit).max(bytes.len()));
            }
            document.extend_from_slice(&bytes);
        }
    }

    /// How long the server says that the body is.
    fn length(&self) -> usize {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        length.unwrap_or(0)
    }

    /// The error of a response with a status that is no success.
    pub(super) async fn into_failure(mut self, status: StatusCode) -> Error {
        if status.is_redirection() {
            return self.errors.redirect(status, &self.headers);
        }
        self.wait.progress();
        let mut start = Vec::new();
        let body = &mut self.body;
        let reading = async {
            while let Some(Ok(bytes)) = match body {
                Some(body) => body.next().await,
                None => None,
            } {
                start.extend_from_slice(&bytes[..bytes.len().min(FAILURE_BYTES - start.len())]);
                if start.len() == FAILURE_BYTES {
                    break;
                }
            }
        };
        let _ = self.wait.during(FAILURE_TIME, reading).await;
        self.errors.status(status, &self.headers, &start)
    }

    /// After the end mark only the end of the body comes, and where that is read the connection can be used again. It is
    /// not waited for: whoever else has something to do may do it a few times, such as the task that reads the socket.
    pub(crate) fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(body) = &mut self.body {
            match body.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Pending if self.looks > 0 => {
                    self.looks -= 1;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(None | Some(Err(_))) | Poll::Pending => self.body = None,
            }
        }
        Poll::Ready(())
    }
}

/// Neither headers nor body.
impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("errors", &self.errors).field("read", &self.read).finish_non_exhaustive()
    }
}

/// Of whatever packing.
pub(crate) const PACKED: &str = "a compressed answer, which was not asked for";

/// How long was waited, and how long may be.
///
/// Only time in which the server is waited for counts: a consumer that takes its time does not make the server slow.
pub(crate) struct Wait {
    /// Since when one waits without progress.
    since: Option<Instant>,
    /// Whether nothing was there when one looked last.
    is_pending: bool,
    /// How often something was there since one looked at the clock.
    unclocked: u8,
    /// Made when nothing is there for the first time, and kept: most often it goes off long after what comes next. Then
    /// nobody sets it anew for each piece of an answer.
    timer: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    until: Instant,
    total: Duration,
}

/// How often what is there at once is taken before one looks at the clock.
const UNCLOCKED: u8 = 16;

/// Which time is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over {
    Patience(Duration),
    Total(Duration),
    Deadline,
}

impl Wait {
    pub(super) fn new(limits: Limits, deadline: Option<Instant>) -> Self {
        let now = Instant::now();
        // Far enough away where a limit is too large to add.
        let until = now.checked_add(limits.total).unwrap_or(now + Duration::from_secs(86_400 * 365));
        let total = limits.total;
        Self { since: None, is_pending: false, unclocked: 0, timer: None, deadline, until, total }
    }

    /// Something came that brings the answer forward.
    pub(crate) fn progress(&mut self) {
        self.since = None;
    }

    /// Until when one waits: until the patience, the answer's whole time or the time of the run is over.
    fn end(&self, patience: Duration, since: Instant) -> (Instant, Over) {
        let mut end = (self.until, Over::Total(self.total));
        if let Some(patient) = since.checked_add(patience).filter(|patient| *patient <= end.0) {
            end = (patient, Over::Patience(patience));
        }
        match self.deadline {
            Some(deadline) if deadline <= end.0 => (deadline, Over::Deadline),
            _ => end,
        }
    }

    /// Works no longer than one waits.
    pub(crate) async fn during<F: Future>(&mut self, patience: Duration, work: F) -> Result<F::Output, Over> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| self.poll(context, patience, |context| work.as_mut().poll(context))).await
    }

    /// Looks whether the work is done, as long as one waits.
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        patience: Duration,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Over>> {
        // A look at the clock costs as much as a piece of an answer does otherwise: what is there at once needs none, but
        // a flood of it does now and then.
        let was_there = self.unclocked < UNCLOCKED;
        if was_there {
            if let Poll::Ready(done) = work(context) {
                self.unclocked += 1;
                self.is_pending = false;
                return Poll::Ready(Ok(done));
            }
        }
        self.unclocked = 0;
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let (end, over) = self.end(patience, since);
        // What is there at once is taken even when time is up, or else a flood of it would be.
        if end <= now && !self.is_pending {
            return Poll::Ready(Err(over));
        }
        if !was_there {
            if let Poll::Ready(done) = work(context) {
                self.is_pending = false;
                return Poll::Ready(Ok(done));
            }
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        // One that was set for an earlier end may go off first.
        while end > now && timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= end {
                self.is_pending = false;
                return Poll::Ready(Err(over));
            }
            timer.as_mut().reset(end);
        }
        self.is_pending = end > now;
        if self.is_pending { Poll::Pending } else { Poll::Ready(Err(over)) }
    }
}

impl Over {
    pub(crate) fn error(self, host: &str, what: &str) -> Error {
        match self {
            Self::Patience(patience) => Error::new(ErrorKind::Timeout, format!("{what} {host} for {patience:?}")),
            Self::Total(total) => {
                Error::new(ErrorKind::Timeout, format!("the answer of {host} took longer than {total:?} in all"))
            }
            Self::Deadline => {
                Error::new(ErrorKind::DeadlineExceeded, format!("the run's deadline passed while waiting for {host}"))
            }
        }
    }
}
