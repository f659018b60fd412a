//! [`Exchange`]: an answer that has begun, and the time it may take.

use std::task::Poll;
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

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
        Self { headers, errors, limits, wait, body: Some(body), read: 0, raw: keep_raw.then(Vec::new) }
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
    pub(crate) async fn next(&mut self, patience: Duration) -> Result<Result<Option<Bytes>>, Over> {
        let Some(body) = &mut self.body else { return Ok(Ok(None)) };
        match self.wait.during(patience, body.next()).await? {
            Some(Ok(bytes)) => {
                self.read += bytes.len();
                if self.read > STREAM_BYTES {
                    self.body = None;
                    return Ok(Err(self.errors.error(ErrorKind::Parse, "sent more than any answer can hold")));
                }
                if let Some(raw) = &mut self.raw {
                    if raw.len() + bytes.len() > self.limits.answer_bytes {
                        self.raw = None;
                    } else {
                        raw.extend_from_slice(&bytes);
                    }
                }
                Ok(Ok(Some(bytes)))
            }
            Some(Err(error)) => {
                self.body = None;
                Ok(Err(error))
            }
            None => {
                self.body = None;
                Ok(Ok(None))
            }
        }
    }

    /// The whole body, without blank bytes at its start. Blank bytes are no progress, and what is not whole soon after
    /// its first byte never will be.
    ///
    /// # Errors
    /// When it is larger than an answer may be, when it takes too long, when the connection breaks.
    pub(crate) async fn read(&mut self, mut document: Vec<u8>) -> Result<Vec<u8>> {
        self.check_encoding()?;
        let limit = self.limits.answer_bytes;
        loop {
            let begun = !document.is_empty();
            let patience = if begun { self.limits.between_tokens } else { self.limits.first_token };
            let bytes = match self.next(patience).await {
                Ok(bytes) => bytes?,
                Err(over) => return Err(over.error(&self.errors.host, "the answer was not complete from")),
            };
            let Some(mut bytes) = bytes else { return Ok(document) };
            if !begun {
                bytes = bytes.slice(bytes.len() - bytes.trim_ascii_start().len()..);
                if bytes.is_empty() {
                    continue;
                }
                self.wait.progress();
            }
            if document.len() + bytes.len() > limit {
                return Err(self
                    .errors
                    .error(ErrorKind::Parse, format_args!("sent an answer of more than {limit} bytes")));
            }
            document.extend_from_slice(&bytes);
        }
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

    /// Reads what is there already, and waits for nothing: after the end mark only the end of the body comes, and where
    /// it is read the connection can be used again.
    pub(crate) async fn leave(&mut self) {
        use futures_util::FutureExt;
        for _ in 0..4 {
            let Some(body) = &mut self.body else { return };
            match body.next().now_or_never() {
                Some(Some(Ok(_))) => {}
                Some(None | Some(Err(_))) => self.body = None,
                None => break,
            }
        }
        self.body = None;
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
    waited: Duration,
    deadline: Option<Instant>,
    until: Instant,
    total: Duration,
}

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
        Self { waited: Duration::ZERO, deadline, until, total: limits.total }
    }

    /// Something came that brings the answer forward.
    pub(crate) fn progress(&mut self) {
        self.waited = Duration::ZERO;
    }

    /// Works no longer than what is left of the patience, the answer's whole time and the run's deadline.
    pub(crate) async fn during<F: Future>(&mut self, patience: Duration, work: F) -> Result<F::Output, Over> {
        let began = Instant::now();
        let left = patience.saturating_sub(self.waited);
        let mut ends = (left, Over::Patience(patience));
        let total = self.until.saturating_duration_since(began);
        if total < ends.0 {
            ends = (total, Over::Total(self.total));
        }
        if let Some(left) = self.deadline.map(|deadline| deadline.saturating_duration_since(began)) {
            if left <= ends.0 {
                ends = (left, Over::Deadline);
            }
        }
        // What is there at once is taken even when time is up, or else a flood of it would be.
        if ends.0.is_zero() {
            return Err(ends.1);
        }
        let mut work = std::pin::pin!(work);
        // Mostly the next bytes are there: that needs no timer.
        let done = match std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(done) => Ok(done),
            Poll::Pending => tokio::time::timeout(ends.0, work).await.map_err(|_| ends.1),
        };
        self.waited += began.elapsed();
        done
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
