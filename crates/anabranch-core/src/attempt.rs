//! [`Attempt`]: one try at a step that failed.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// One try at a step that failed, as [`Error::attempts`] records it and [`Observer::retrying`](crate::Observer::retrying)
/// hears of it.
///
/// ```
/// use anabranch_core::{Error, ErrorKind, Retry, Runnable, lambda};
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
    /// The attempt that failed with `error`, counted from one, and how long was waited after it.
    #[must_use]
    pub fn new(number: usize, error: &Error, wait: Option<Duration>) -> Self {
        Self { number, kind: error.kind(), failure: error.to_string(), wait }
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
    /// Records a failure: as the attempts that were made inside, if it says so.
    pub(crate) fn failed(&mut self, error: &Error, wait: Option<Duration>) -> &Attempt {
        if error.attempts().is_empty() {
            self.0.push(Attempt::new(0, error, None));
        } else {
            self.0.extend_from_slice(error.attempts());
        }
        for (index, attempt) in self.0.iter_mut().enumerate() {
            attempt.number = index + 1;
        }
        let last = self.0.len() - 1;
        self.0[last].wait = wait;
        &self.0[last]
    }

    /// The last failure with all that came before it.
    pub(crate) fn into_error(mut self, error: Error) -> Error {
        self.failed(&error, None);
        error.with_attempts(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_made_inside_are_counted_too() {
        let failure = || Error::new(ErrorKind::Server, "status 500");
        let mut attempts = Attempts::default();
        attempts.failed(&failure(), Some(Duration::from_secs(1)));
        let inner = attempts.into_error(failure());

        let mut attempts = Attempts::default();
        attempts.failed(&inner, None);
        let outer = attempts.into_error(failure());
        assert_eq!(outer.attempts().iter().map(Attempt::number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(outer.attempts()[0].to_string(), "attempt 1: server error: status 500, then waited 1s");
        assert_eq!(outer.to_string(), "server error: status 500 (after 3 attempts)");
    }
}
