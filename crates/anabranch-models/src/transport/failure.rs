//! [`Failure`]: an answer that is none.

use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};

use anabranch_core::{Error, ErrorKind};

use super::retry_after::retry_after;

/// What a server sent instead of an answer; a provider's table makes an error of it.
pub(crate) struct Failure<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// Adds what the headers say to the error that a provider's table made.
pub(crate) fn with_headers(mut error: Error, headers: &HeaderMap) -> Error {
    if let Some(delay) = retry_after(headers, SystemTime::now()) {
        error = error.with_retry_after(delay);
    }
    match headers.get("x-should-retry").map(|value| value.as_bytes()) {
        Some(b"false") => error.with_retryable(false),
        // A server that says so knows better about its own trouble, but not about an empty account.
        Some(b"true") if error.kind() != ErrorKind::QuotaExceeded => error.with_retryable(true),
        _ => error,
    }
}

/// Redirects are not followed: the key and the prompt would go to a host nobody chose.
pub(crate) fn redirect(status: StatusCode, host: &str, headers: &HeaderMap) -> Error {
    let target = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| reqwest::Url::parse(location).ok())
        .and_then(|location| location.host_str().map(|host| format!(" to {host}")))
        .unwrap_or_default();
    let message = format!("status {} from {host} redirects{target}: not followed; check the base URL", status.as_u16());
    Error::new(ErrorKind::Configuration, message)
}
