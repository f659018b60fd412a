//! [`ErrorKind`]: what kind of failure it was.

use std::fmt;

/// What kind of failure an [`Error`](crate::Error) is. Decides, unless told otherwise, whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input does not fit the step: a missing variable, a wrong shape, a request the provider rejects.
    InvalidInput,
    /// The chain itself cannot work: a key no earlier step gives, a duplicate branch.
    InvalidChain,
    /// Something around the program is not set up: a missing key, an unknown model name, a feature that is off.
    Configuration,
    /// The provider does not accept the credentials.
    Authentication,
    /// The credentials are known but may not do this.
    PermissionDenied,
    /// The model, endpoint or object does not exist.
    NotFound,
    /// Too many requests or tokens just now.
    RateLimited,
    /// The account's quota or balance is used up: waiting seconds does not help.
    QuotaExceeded,
    /// The prompt is longer than the model's context.
    ContextLength,
    /// The provider's filter blocked the prompt or the answer, or the model refused.
    ContentFilter,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed (5xx and the like).
    Server,
    /// The connection could not be made or broke.
    Connection,
    /// The step took longer than its time-out allows.
    Timeout,
    /// The run's deadline has passed.
    DeadlineExceeded,
    /// A circuit breaker is open: the step failed so often that it is not called for now. Not worth retrying at once;
    /// [`Error::retry_after`](crate::Error::retry_after) says when it may be tried again.
    CircuitOpen,
    /// A stream ended without its end mark. [`Error::partial`](crate::Error::partial) keeps what came.
    IncompleteStream,
    /// A stream that must give a value gave none.
    EmptyStream,
    /// The answer is not what the parser or decoder expects.
    Parse,
    /// A step panicked.
    Panic,
    /// What was asked for is not supported here.
    Unsupported,
    /// Anything else, mostly errors of user code.
    Other,
}

impl ErrorKind {
    /// Whether trying the same thing again can help, for errors that do not say so themselves.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::Server
                | Self::Connection
                | Self::Timeout
                | Self::IncompleteStream
        )
    }

    /// The words for it, as they stand in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid input",
            Self::InvalidChain => "invalid chain",
            Self::Configuration => "configuration",
            Self::Authentication => "authentication failed",
            Self::PermissionDenied => "permission denied",
            Self::NotFound => "not found",
            Self::RateLimited => "rate limited",
            Self::QuotaExceeded => "quota exceeded",
            Self::ContextLength => "context length exceeded",
            Self::ContentFilter => "blocked by content filter",
            Self::Overloaded => "overloaded",
            Self::Server => "server error",
            Self::Connection => "connection failed",
            Self::Timeout => "timed out",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::CircuitOpen => "circuit open",
            Self::IncompleteStream => "incomplete stream",
            Self::EmptyStream => "empty stream",
            Self::Parse => "parse error",
            Self::Panic => "panic",
            Self::Unsupported => "unsupported",
            Self::Other => "error",
        }
    }

    /// What to do about it, for the report that `Debug` of an error is. `None` where the message says all there is to
    /// say, or where it depends on the program. That the same may be tried again is not part of it.
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidChain => "call `.check()` on the chain: it finds this before any step has run",
            Self::Configuration => "look at environment variables, settings and features: the input is not at fault",
            Self::Authentication => "check the API key: is it set, complete, and for this provider?",
            Self::PermissionDenied => "the credentials are accepted but may not do this: ask for access, or use others",
            Self::RateLimited => "send less at once (`.with_rate_limiter(..)`)",
            Self::QuotaExceeded => "raise the account's quota or balance: waiting a little does not help",
            Self::ContextLength => "shorten the prompt, or use a model with a larger context",
            Self::Overloaded | Self::Server => "use something else meanwhile (`.with_fallback(..)`)",
            Self::Connection => "check the network, the base URL and any proxy",
            Self::Timeout => "give the step more time (`.with_timeout(..)`)",
            Self::DeadlineExceeded => {
                "give the whole run more time (`RunConfig::timeout`), or its slow steps less (`.with_timeout(..)`)"
            }
            Self::CircuitOpen => "the failures before this one say why; `.with_fallback(..)` gives an answer meanwhile",
            Self::InvalidInput
            | Self::NotFound
            | Self::ContentFilter
            | Self::IncompleteStream
            | Self::EmptyStream
            | Self::Parse
            | Self::Panic
            | Self::Unsupported
            | Self::Other => return None,
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
