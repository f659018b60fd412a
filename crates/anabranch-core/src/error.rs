//! [`Error`]: one type for the whole workspace.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::attempt::Attempt;

/// What every step returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is. Decides, unless told otherwise, whether trying again can help.
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
    /// [`Error::retry_after`] says when it may be tried again.
    CircuitOpen,
    /// A stream ended without its end mark. [`Error::partial`] keeps what came.
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
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a run failed: what kind of failure, in which step, whether trying again can help.
///
/// `Display` is one line and holds no prompt, no answer and no key:
///
/// ```text
/// synthesis > parallel "summary" > ChatModel openai:gpt-4o-mini: rate limited: status 429 (retry after 2s)
/// ```
///
/// What a program needs to decide is in methods: [`kind`](Self::kind), [`path`](Self::path),
/// [`is_retryable`](Self::is_retryable), [`retry_after`](Self::retry_after). What a developer needs to see the
/// answer behind a parse error, or the first half of a broken stream, is in [`partial`](Self::partial), which no
/// rendering prints.
///
/// ```
/// use anabranch_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::RateLimited, "status 429").at("ChatModel openai:gpt-4o-mini");
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "ChatModel openai:gpt-4o-mini: rate limited: status 429");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// Innermost step first: the path grows while the error travels up.
    steps: Vec<String>,
    /// How many joints of sequences the error crosses as another step's *input*. While it is not zero, the steps it
    /// passes through are not where it happened and add no name.
    passing: u16,
    retryable: Option<bool>,
    retry_after: Option<Duration>,
    attempts: Vec<Attempt>,
    exhausted: bool,
    note: Option<Cow<'static, str>>,
    related: Vec<Error>,
    partials: Vec<Arc<dyn Any + Send + Sync>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of a kind. The message says what was expected, what came and what to do; it must hold no prompt,
    /// answer or key.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            steps: Vec::new(),
            passing: 0,
            retryable: None,
            retry_after: None,
            attempts: Vec::new(),
            exhausted: false,
            note: None,
            related: Vec::new(),
            partials: Vec::new(),
            source: None,
        }))
    }

    /// Wraps an error of user code: its `Display` becomes the message, itself the [`source`](StdError::source).
    ///
    /// ```
    /// use anabranch_core::{Error, ErrorKind};
    ///
    /// let error = "x".parse::<u32>().map_err(Error::other).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Other);
    /// assert_eq!(error.to_string(), "error: invalid digit found in string");
    /// ```
    pub fn other(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Arc<dyn StdError + Send + Sync> = source.into().into();
        Self::new(ErrorKind::Other, source.to_string()).with_shared_source(source)
    }

    /// Short for [`ErrorKind::InvalidInput`].
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message alone, without path and kind.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The steps the error happened in, outermost first: `["parallel \"summary\"", "ChatModel openai:gpt-4o-mini"]`.
    pub fn path(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.steps.iter().rev().map(String::as_str)
    }

    /// Whether trying the same thing again can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable.unwrap_or_else(|| self.0.kind.is_retryable())
    }

    /// How long the server asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Every attempt that was made, in order, over retries and fallbacks, the one of this error last. Empty where the
    /// step was tried once.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Whether somebody retried already and gave up. A retry further out leaves such an error alone, so that retries
    /// inside each other do not multiply.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.0.exhausted
    }

    /// Other failures that belong to this one: branches that failed at the same moment, in declaration order, or the
    /// alternatives that a fallback tried before, in the order it tried them.
    #[must_use]
    pub fn related(&self) -> &[Error] {
        &self.0.related
    }

    /// What had come before the failure, when it is a `T`: the text of an answer that could not be parsed, the part
    /// of a message whose stream broke off. Never part of `Display` or `Debug`.
    ///
    /// ```
    /// use anabranch_core::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Parse, "expected JSON").with_partial(String::from("Sure! Here is"));
    /// assert_eq!(error.partial::<String>().unwrap(), "Sure! Here is");
    /// assert!(!format!("{error} {error:?}").contains("Sure"));
    /// ```
    #[must_use]
    pub fn partial<T: 'static>(&self) -> Option<&T> {
        self.0.partials.iter().rev().find_map(|partial| partial.downcast_ref())
    }

    /// Adds a step to the *outer* end of the path.
    #[must_use]
    pub fn at(mut self, step: impl Into<String>) -> Self {
        self.0.steps.push(step.into());
        self
    }

    /// Says whether trying again can help, whatever the kind says.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = Some(retryable);
        self
    }

    /// Says how long the server asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Records the attempts that were made, this one last.
    #[must_use]
    pub fn with_attempts(mut self, attempts: impl IntoIterator<Item = Attempt>) -> Self {
        self.0.attempts = attempts.into_iter().collect();
        self
    }

    /// Says that somebody retried already and gave up: see [`is_exhausted`](Self::is_exhausted). For transports that
    /// retry by themselves.
    #[must_use]
    pub fn with_exhausted(mut self) -> Self {
        self.0.exhausted = true;
        self
    }

    /// Adds a remark that `Display` shows at the end, in parentheses: why it was not retried, say. As the message, it
    /// must hold no prompt, answer or key.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.0.note = Some(note.into());
        self
    }

    /// The same error as another kind.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Puts failures that came before those that are related already.
    pub(crate) fn with_earlier(mut self, earlier: Vec<Error>) -> Self {
        self.0.related.splice(0..0, earlier);
        self
    }

    /// Attaches failures that belong to this one.
    #[must_use]
    pub fn with_related(mut self, related: impl IntoIterator<Item = Error>) -> Self {
        self.0.related.extend(related);
        self
    }

    /// Keeps what had come before the failure. Values of different types are kept side by side.
    #[must_use]
    pub fn with_partial<T: Send + Sync + 'static>(mut self, partial: T) -> Self {
        self.0.partials.push(Arc::new(partial));
        self
    }

    /// Attaches the error underneath. Its text is shown by error reporters that walk the chain, so it must hold no
    /// prompt, answer or key either.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with_shared_source(source.into().into())
    }

    fn with_shared_source(mut self, source: Arc<dyn StdError + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// The error enters the steps behind `joints` as their input: it did not happen there.
    pub(crate) fn enter_joints(&mut self, joints: u16) {
        self.0.passing = self.0.passing.saturating_add(joints);
    }

    /// The error leaves `joints` sequences it had entered as input.
    pub(crate) fn leave_joints(&mut self, joints: u16) {
        self.0.passing = self.0.passing.saturating_sub(joints);
    }

    /// Whether the error came in with the input and happened elsewhere.
    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing > 0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path().enumerate() {
            if index > 0 {
                f.write_str(" > ")?;
            }
            write_line(f, step)?;
        }
        if !self.0.steps.is_empty() {
            f.write_str(": ")?;
        }
        write!(f, "{}", self.0.kind)?;
        if !self.0.message.is_empty() {
            f.write_str(": ")?;
            write_line(f, &self.0.message)?;
        }
        if let Some(delay) = self.0.retry_after {
            write!(f, " (retry after {delay:?})")?;
        }
        if self.0.attempts.len() > 1 {
            write!(f, " (after {} attempts)", self.0.attempts.len())?;
        }
        if let Some(note) = &self.0.note {
            f.write_str(" (")?;
            write_line(f, note)?;
            f.write_str(")")?;
        }
        match self.0.related.len() {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more failure)"),
            more => write!(f, " (and {more} more failures)"),
        }
    }
}

/// Keeps a rendering on one line, whatever a server put into its message.
fn write_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (index, line) in text.split(|c: char| c.is_control()).filter(|line| !line.is_empty()).enumerate() {
        if index > 0 {
            f.write_str(" ")?;
        }
        f.write_str(line)?;
    }
    Ok(())
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &self.0.kind).field("message", &self.0.message);
        shown.field("path", &self.path().collect::<Vec<_>>()).field("retryable", &self.is_retryable());
        if let Some(delay) = self.0.retry_after {
            shown.field("retry_after", &delay);
        }
        if !self.0.attempts.is_empty() {
            shown.field("attempts", &self.0.attempts);
        }
        if let Some(note) = &self.0.note {
            shown.field("note", note);
        }
        if !self.0.related.is_empty() {
            shown.field("related", &self.0.related);
        }
        if let Some(source) = &self.0.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::other(error)
    }
}

/// serde_json's own text quotes the value it met, which may be part of an answer: only place and category are kept.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(
            ErrorKind::Parse,
            format!("JSON {:?} error at line {} column {}", error.classify(), error.line(), error.column()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_and_outermost_first() {
        let error = Error::new(ErrorKind::Server, "status 500:\r\nInternal\u{1b}[31m error")
            .at("ChatModel x")
            .at("parallel \"a\"")
            .with_retry_after(Duration::from_millis(1500));
        assert_eq!(
            error.to_string(),
            "parallel \"a\" > ChatModel x: server error: status 500: Internal [31m error (retry after 1.5s)"
        );
        assert_eq!(error.path().collect::<Vec<_>>(), ["parallel \"a\"", "ChatModel x"]);
    }

    #[test]
    fn json_errors_do_not_quote_the_value() {
        let error = Error::from(serde_json::from_str::<u32>("\"my secret\"").unwrap_err());
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn partials_of_different_types_stand_side_by_side() {
        let error = Error::new(ErrorKind::Other, "").with_partial(1_u8).with_partial("text").with_partial(2_u8);
        assert_eq!((error.partial::<u8>(), error.partial::<&str>()), (Some(&2), Some(&"text")));
        assert_eq!(error.partial::<String>(), None);
    }

    #[test]
    fn an_error_is_small_and_shareable() {
        fn check<T: Send + Sync + Clone + 'static>() {}
        check::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
