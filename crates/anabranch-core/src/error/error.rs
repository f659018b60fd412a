//! [`Error`]: what it knows, and how it is built and asked.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::Attempt;
use super::kind::ErrorKind;
use super::reported::Reported;

/// What every step returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run failed: what kind of failure, in which step, whether trying again can help.
///
/// `Display` is one line and holds no prompt, no answer and no key:
///
/// ```text
/// synthesis > parallel "summary" > ChatModel openai:gpt-4o-mini: rate limited: status 429 (retry after 2s)
/// ```
///
/// `Debug` is a report for people, because that is what a `main` that returns the error prints: the same line, then,
/// as far as there are any, the attempts, the failures that belong to it, the causes, and what to do about it. It holds
/// no prompt, answer or key either.
///
/// ```text
/// Error: synthesis > parallel "summary" > lookup: connection failed: no answer from localhost (after 2 attempts)
///   attempt 1: lookup: connection failed: no answer from localhost, then waited 1s
///   attempt 2: lookup: connection failed: no answer from localhost
///   caused by: connection refused
///   hint: check the network, the base URL and any proxy
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
///
/// # From other errors
///
/// In a step, `?` takes the errors of the standard library, of `serde_json`, of tokio's tasks, timers and channels,
/// `Box<dyn Error + Send + Sync>`, and `anyhow::Error` with the feature `anyhow`. For every other error there is
/// `.map_err(`[`Error::other`]`)`. Both give the same error:
///
/// ```
/// use anabranch_core::{ErrorKind, Result};
///
/// fn half(text: &str) -> Result<u32> {
///     Ok(text.parse::<u32>()? / 2)
/// }
///
/// let error = half("x").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Other);
/// assert_eq!(error.to_string(), "error: invalid digit found in string");
/// ```
///
/// | what | becomes |
/// |---|---|
/// | an [`Error`] in a box, in an `io::Error` or in an `anyhow::Error` | itself again, with kind, path and attempts; what anyhow's `context` said around it is a [note](Self::with_note) |
/// | `serde_json::Error` | [`Parse`](ErrorKind::Parse): place and category, not the value it quotes |
/// | [`VarError`](std::env::VarError) | [`Configuration`](ErrorKind::Configuration), without the value of the variable |
/// | a task that panicked (`JoinError`) | [`Panic`](ErrorKind::Panic), its message in [`partial`](Self::partial) |
/// | tokio's `Elapsed` | [`Timeout`](ErrorKind::Timeout) |
/// | anything else | [`Other`](ErrorKind::Other): its `Display` is the message |
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// Innermost step first: the path grows while the error travels up.
    steps: Vec<String>,
    /// How many steps the error is inside of as their *input*. While it is not zero, the steps it passes through are
    /// not where it happened and add no name.
    passing: u16,
    retryable: Option<bool>,
    retry_after: Option<Duration>,
    attempts: Vec<Attempt>,
    exhausted: bool,
    notes: Vec<Cow<'static, str>>,
    related: Vec<Error>,
    partials: Vec<Arc<dyn Any + Send + Sync>>,
    reported: Option<Box<Reported>>,
    /// The error that this one was made of. The message says what it says, so it is not shown once more as a cause.
    original: Option<Arc<dyn StdError + Send + Sync>>,
    /// The error underneath, which says something else than the message.
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
            notes: Vec::new(),
            related: Vec::new(),
            partials: Vec::new(),
            reported: None,
            original: None,
            source: None,
        }))
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

    /// What had come before the failure, when it is a `T`. Never part of `Display` or `Debug`.
    ///
    /// | where | `T` | what |
    /// |---|---|---|
    /// | a parser, or a tool call whose arguments are asked for | `String` | the text that could not be parsed |
    /// | a parser, where the model refused | `String` | the refusal |
    /// | a step or task that panicked | `String` | the message of the panic |
    /// | a model, where the stream broke off | `AiMessage`, the type of the chunks | what had come, added up |
    /// | a model, where the provider answered with an error | `String` | the provider's own sentence |
    /// | a model, where the provider's answer is none | `String` | the body it sent |
    /// | a model, where the provider refused | [`ServerLimits`](crate::ServerLimits) | what it said about its limits |
    /// | a step of yours | the type you give to [`with_partial`](Self::with_partial) | what you keep |
    ///
    /// There may be values of several types at once: a stream that the provider breaks off with an error keeps both the
    /// `AiMessage` and the sentence. Of two values of one type it is the last. There may be none: a stream can break
    /// before its first chunk.
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

    /// The error of type `E` that this one was made of or that lies underneath: the one wrapped by [`Error::other`] or
    /// by `?`, or the one given to [`with_source`](Self::with_source), or one further down the chain of either.
    ///
    /// What it holds is as its author made it: unlike this error, its text may quote what it met.
    ///
    /// ```
    /// use std::num::{IntErrorKind, ParseIntError};
    ///
    /// use anabranch_core::Error;
    ///
    /// let error = "".parse::<u32>().map_err(Error::other).unwrap_err();
    /// assert_eq!(error.downcast_ref::<ParseIntError>().unwrap().kind(), &IntErrorKind::Empty);
    /// assert!(error.downcast_ref::<std::io::Error>().is_none());
    /// ```
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        [&self.0.original, &self.0.source].into_iter().find_map(|top| find(top.as_deref()?))
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

    /// Adds a remark that `Display` shows at the end, in parentheses: why it was not retried, say. Further remarks
    /// stand behind it; one that is there already is not said twice. As the message, it must hold no prompt, answer or
    /// key.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        let note = note.into();
        if !self.0.notes.contains(&note) {
            self.0.notes.push(note);
        }
        self
    }

    /// What a server reported, to be added to.
    pub(super) fn reported_mut(&mut self) -> &mut Reported {
        self.0.reported.get_or_insert_default()
    }

    /// What a server reported, if anything.
    pub(super) fn reported(&self) -> Option<&Reported> {
        self.0.reported.as_deref()
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

    /// Attaches the error underneath, the cause of what the message says. Its text is shown by error reporters that
    /// walk the chain, so it must hold no prompt, answer or key either. The error that *is* the failure goes into
    /// [`Error::other`] instead.
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// use anabranch_core::{Error, ErrorKind};
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// let error = Error::new(ErrorKind::Connection, "no answer from localhost").with_source(refused);
    /// assert_eq!(error.to_string(), "connection failed: no answer from localhost");
    /// assert_eq!(error.source().unwrap().to_string(), "connection refused");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Attaches the error that this one was made of, whose text the message has.
    pub(super) fn with_original(mut self, original: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.original = Some(original.into().into());
        self
    }

    /// The remarks, in the order they were made.
    pub(super) fn notes(&self) -> &[Cow<'static, str>] {
        &self.0.notes
    }

    /// Whether there is something that [`partial`](Self::partial) can give.
    pub(super) fn has_partial(&self) -> bool {
        !self.0.partials.is_empty()
    }

    /// The error goes into `steps` more steps as their *input*: it did not happen in them, so they add no name to it.
    /// [`is_passing`](Self::is_passing) until it has left as many. The count does not overflow.
    pub(crate) fn enter(&mut self, steps: u16) {
        self.0.passing = self.0.passing.saturating_add(steps);
    }

    /// The error comes out of `steps` of the steps that it had gone into as their input. Out of more than that is out
    /// of all.
    pub(crate) fn leave(&mut self, steps: u16) {
        self.0.passing = self.0.passing.saturating_sub(steps);
    }

    /// Whether the error is inside of a step as its input, and so happened elsewhere.
    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing > 0
    }
}

/// Nothing is said twice: the message of an error made of another one is that one's text, so what is underneath is what
/// is underneath *that* one. [`Error::downcast_ref`] finds the original.
impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match (&self.0.source, &self.0.original) {
            (Some(source), _) => Some(source.as_ref()),
            (None, Some(original)) => original.source(),
            (None, None) => None,
        }
    }
}

/// The first `E` in a chain.
fn find<'a, E: StdError + 'static>(mut error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An original is not in the chain, but its error knows it, and the rest of the chain as well.
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.downcast_ref();
        }
        error = error.source()?;
    }
}
