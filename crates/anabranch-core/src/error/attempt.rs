//! [`Attempt`]: one try at a step that failed.

use std::fmt;
use std::time::Duration;

use super::kind::ErrorKind;

/// One try at a step that failed, as [`Error::attempts`](crate::Error::attempts) records it and
/// [`Observer::retrying`](crate::Observer::retrying) hears of it.
///
/// ```
/// use anabranch_core::{Error, ErrorKind, Retry, RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let down = lambda(async |_: String| Err::<String, _>(Error::new(ErrorKind::Overloaded, "status 529")));
/// let error = down.with_retry(Retry::attempts(2)).invoke("x").await.unwrap_err();
///
/// assert_eq!(error.to_string(), "lambda: overloaded: status 529 (after 2 attempts)");
/// assert_eq!(error.attempts()[0].kind(), ErrorKind::Overloaded);
/// assert!(error.attempts()[0].wait().is_some() && error.attempts()[1].wait().is_none());
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    number: usize,
    kind: ErrorKind,
    failure: String,
    wait: Option<Duration>,
}

impl Attempt {
    /// `failure` is the `Display` of the error: one line, without prompt, answer or key.
    pub(super) fn of(number: usize, kind: ErrorKind, failure: String, wait: Option<Duration>) -> Self {
        Self { number, kind, failure, wait }
    }

    /// Which attempt it was, counted from one.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The failure in one line, with the path of the step.
    #[must_use]
    pub fn failure(&self) -> &str {
        &self.failure
    }

    /// How long was waited before the next attempt; `None` if the next came at once or there was none.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: {}", self.number, self.failure)?;
        match self.wait {
            Some(wait) => write!(f, ", then waited {wait:?}"),
            None => Ok(()),
        }
    }
}

/// The attempts made so far at one step.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Vec<Attempt>);

impl Attempts {
    /// Adds the attempts of one failure, the last of which was followed by a wait. Counts them on from those that are
    /// there.
    pub(super) fn add(&mut self, before: &[Attempt], last: Attempt, wait: Option<Duration>) -> &Attempt {
        for attempt in before.iter().cloned().chain([Attempt { wait, ..last }]) {
            self.0.push(Attempt { number: self.0.len() + 1, ..attempt });
        }
        &self.0[self.0.len() - 1]
    }

    /// All of them, in order.
    pub(super) fn into_vec(self) -> Vec<Attempt> {
        self.0
    }
}
