//! [`Body`]: the bytes of an answer, as they come and within bounds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use anabranch_core::{Error, ErrorKind, Result};

/// The bytes of an answer. Dropping it closes the connection.
pub(crate) struct Body {
    pub(super) response: reqwest::Response,
    pub(super) host: Arc<str>,
    pub(super) idle: Duration,
    /// How long pings alone are taken for signs of life.
    pub(super) patience: Duration,
    pub(super) deadline: Option<Instant>,
}

impl Body {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        match within(self.idle, self.deadline, self.response.chunk()).await {
            Ok(bytes) => {
                bytes.map_err(|error| connection("the connection broke while reading from", &self.host, error))
            }
            Err(over) => Err(over.error(&self.host, "nothing came any more", self.idle)),
        }
    }

    /// The error of a stream in which nothing but pings came since then, if that is too long.
    pub(crate) fn out_of_patience(&self, since: Instant) -> Option<Error> {
        let is_over = since.elapsed() > self.patience;
        is_over.then(|| Over::Patience.error(&self.host, "nothing but signs of life", self.patience))
    }

    /// Everything; an error if it is more than `limit` bytes.
    pub(crate) async fn read(mut self, limit: usize, mut head: Vec<u8>) -> Result<Vec<u8>> {
        while let Some(bytes) = self.next().await? {
            if head.len() + bytes.len() > limit {
                let message = format!("the answer of {} is larger than {limit} bytes", self.host);
                return Err(Error::new(ErrorKind::Parse, message));
            }
            head.extend_from_slice(&bytes);
        }
        Ok(head)
    }

    /// The first `limit` bytes, or what comes of them before something breaks.
    pub(crate) async fn read_start(mut self, limit: usize) -> Vec<u8> {
        let mut start = Vec::new();
        while let Ok(Some(bytes)) = self.next().await {
            start.extend_from_slice(&bytes[..bytes.len().min(limit - start.len())]);
            if start.len() == limit {
                break;
            }
        }
        start
    }
}

/// Which time is over.
pub(super) enum Over {
    Patience,
    Deadline,
}

impl Over {
    pub(super) fn error(self, host: &str, what: &str, patience: Duration) -> Error {
        match self {
            Self::Patience => Error::new(ErrorKind::Timeout, format!("{what} from {host} for {patience:?}")),
            Self::Deadline => {
                Error::new(ErrorKind::DeadlineExceeded, format!("the run's deadline passed while waiting for {host}"))
            }
        }
    }
}

/// Waits no longer than the patience and the deadline allow.
pub(super) async fn within<F: Future>(
    patience: Duration,
    deadline: Option<Instant>,
    work: F,
) -> std::result::Result<F::Output, Over> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match left {
        Some(left) if left <= patience => tokio::time::timeout(left, work).await.map_err(|_| Over::Deadline),
        _ => tokio::time::timeout(patience, work).await.map_err(|_| Over::Patience),
    }
}

/// An error of the connection. The URL goes: it may hold what nobody should read.
pub(super) fn connection(what: &str, host: &str, error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Connection };
    Error::new(kind, format!("{what} {host}")).with_source(error.without_url())
}
