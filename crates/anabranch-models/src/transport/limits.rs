//! [`Limits`]: how long an answer may take, and how large it may be.

use std::time::Duration;

/// How patient one is with a server, and how much one takes from it. Only what brings the answer forward ends a wait:
/// comments, pings, empty pieces and blank bytes do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From the request to the first piece of the answer; to the first byte that is not blank for an answer that comes
    /// as a whole. Reasoning models think for minutes before they say anything.
    pub(crate) first_token: Duration,
    /// Between two pieces of the answer: reasoning and the provider's own tools pause for minutes. For an answer that
    /// comes as a whole, from its first byte to its last.
    pub(crate) between_tokens: Duration,
    /// For the whole answer.
    pub(crate) total: Duration,
    /// The most bytes an answer may hold.
    pub(crate) answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(600),
            between_tokens: Duration::from_secs(300),
            total: Duration::from_secs(3600),
            answer_bytes: 32 << 20,
        }
    }
}

/// To a connection, TLS included.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// The most bytes a stream may have, however little of them is kept.
pub(crate) const STREAM_BYTES: usize = 1 << 30;
/// How much of a failure's body is read, and for how long: what went wrong is known, and its explanation is not worth a
/// long wait.
pub(crate) const FAILURE_BYTES: usize = 64 << 10;
pub(crate) const FAILURE_TIME: Duration = Duration::from_secs(10);
/// How long one waits for the end mark of an answer of which everything is there.
pub(crate) const END_MARK: Duration = Duration::from_secs(1);
