//! What all providers over HTTP share: one way to send a request, to read an answer within bounds, to name a failure.
//!
//! There are no retries here: a step retries, or nothing does (law 8).

mod body;
mod endpoint;
mod failure;
#[cfg(test)]
pub(crate) mod fixtures;
mod retry_after;
mod secret;
mod sse;
mod tls;

pub(crate) use body::Body;
pub(crate) use endpoint::{Endpoint, Settings};
pub(crate) use failure::Failure;
#[cfg(test)]
pub(crate) use failure::with_headers;
pub use secret::Secret;
pub(crate) use sse::SseDecoder;

/// The largest answer that is read whole.
pub(crate) const MAX_ANSWER: usize = 32 << 20;
/// The largest event of a stream: inline images and final events that repeat everything are large.
pub(crate) const MAX_EVENT: usize = 16 << 20;
/// The most bytes of a stream, however small its events.
pub(crate) const MAX_STREAM: usize = 1 << 30;
/// How much of a failure's body is read.
pub(crate) const MAX_FAILURE: usize = 64 << 10;
