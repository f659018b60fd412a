//! [`WithRetry`]: a step that is tried again.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::description::{Description, Kind, Label};
use crate::error::{Attempts, Error, Result};
use crate::resilience::backoff::Backoff;
use crate::resilience::retry_budget::RetryBudget;
use crate::run::config::RunConfig;
use crate::step::attempt::Attempt;
use crate::step::or_else::attempt_or_else;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::work::timer::pause;

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// How often, when and after which waits a step is tried again: see
/// [`RunnableExt::with_retry`](crate::RunnableExt::with_retry). Clones share the [`RetryBudget`].
#[derive(Clone)]
pub struct Retry {
    attempts: usize,
    backoff: Backoff,
    longest_retry_after: Duration,
    predicate: Option<Predicate>,
    even_exhausted: bool,
    budget: RetryBudget,
}

impl Retry {
    /// At most this many attempts, the first included. Zero counts as one.
    #[must_use]
    pub fn attempts(attempts: usize) -> Self {
        Self {
            attempts: attempts.max(1),
            backoff: Backoff::new(),
            longest_retry_after: Duration::from_secs(60),
            predicate: None,
            even_exhausted: false,
            budget: RetryBudget::new(),
        }
    }

    /// The back-off before attempt n + 1 is a random part ("full jitter") of `base * 2^(n - 1)`: half a second unless
    /// set.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.backoff.base = base;
        self
    }

    /// The longest back-off: 8 seconds unless set.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.backoff.cap = cap;
        self
    }

    /// The longest wait a server may ask for with `retry-after`, 60 seconds unless set. If it asks for more, the
    /// error is passed on at once.
    #[must_use]
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.longest_retry_after = cap;
        self
    }

    /// Retries errors this function accepts, instead of those of which [`Error::is_retryable`] says that it can help.
    #[must_use]
    pub fn retry_if(mut self, predicate: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Retries errors that a retry inside has given up on already ([`Error::is_exhausted`]), so that the attempts of
    /// both multiply.
    #[must_use]
    pub fn even_if_exhausted(mut self) -> Self {
        self.even_exhausted = true;
        self
    }

    /// Takes retries out of this budget, shared with others, instead of one of its own.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = budget.clone();
        self
    }

    /// Makes the random part of the waits the same in every run, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.backoff = self.backoff.seeded(seed);
        self
    }

    fn helps(&self, error: &Error) -> bool {
        if error.is_exhausted() && !self.even_exhausted {
            return false;
        }
        self.predicate.as_ref().map_or_else(|| error.is_retryable(), |accepts| accepts(error))
    }

    #[cold]
    fn verdict(&self, tried: usize, error: &Error, config: &RunConfig) -> Verdict {
        if !self.helps(error) {
            return Verdict::Pass;
        }
        if tried >= self.attempts {
            return Verdict::Enough(None);
        }
        // A hint of zero is none: it would hammer the server.
        let wait = match error.retry_after().filter(|asked| !asked.is_zero()) {
            None => self.backoff.wait(tried),
            Some(asked) if asked > self.longest_retry_after => {
                let longest = self.longest_retry_after;
                return Verdict::because(format!("not retried: {longest:?} is the longest wait allowed"));
            }
            Some(asked) => self.backoff.at_least(asked),
        };
        if let Some(left) = config.time_left().filter(|left| wait >= *left) {
            return Verdict::because(format!("not retried: a wait of {wait:.1?} with {left:.1?} left"));
        }
        if !self.budget.withdraw() {
            return Verdict::because("not retried: the retry budget is used up");
        }
        Verdict::Again(wait)
    }
}

enum Verdict {
    Again(Duration),
    /// Trying again would not help.
    Pass,
    /// It might help, but there were attempts enough, or something stands against more.
    Enough(Option<Cow<'static, str>>),
}

impl Verdict {
    fn because(note: impl Into<Cow<'static, str>>) -> Self {
        Self::Enough(Some(note.into()))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("base", &self.backoff.base)
            .field("cap", &self.backoff.cap)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// See [`RunnableExt::with_retry`](crate::RunnableExt::with_retry).
#[derive(Debug, Clone)]
pub struct WithRetry<R> {
    step: R,
    retry: Retry,
}

impl<R> WithRetry<R> {
    pub(crate) fn new(step: R, retry: Retry) -> Self {
        Self { step, retry }
    }
}

impl<R: Runnable<Input: Clone>> WithRetry<R> {
    /// The one loop, whatever an attempt is: a call, or a stream up to its first chunk. The first attempt has failed.
    async fn again<T, Fut>(
        &self,
        input: R::Input,
        config: &RunConfig,
        failed: (Attempt, Error),
        try_it: impl Fn(Attempt, R::Input) -> Fut + Send,
    ) -> Result<T>
    where
        T: Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        let retry = &self.retry;
        let (mut attempt, mut error) = failed;
        let mut attempts = Attempts::default();
        for tried in 1.. {
            match retry.verdict(tried, &error, config) {
                Verdict::Again(wait) => {
                    let failure = attempts.failed(&error, Some(wait));
                    attempt.tell(|observer, step| observer.retrying(step, failure, &error));
                    pause(wait).await?;
                }
                verdict => return Err(gave_up(attempts, error, tried, verdict)),
            }
            attempt = Attempt::at(config, &self.step);
            error = match try_it(attempt.clone(), input.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
        }
        Err(error)
    }

    async fn call_again(&self, input: R::Input, config: &RunConfig, failed: (Attempt, Error)) -> Result<R::Output> {
        let try_it = async |attempt: Attempt, input| attempt.run(config, &self.step, input).await;
        self.again(input, config, failed, try_it).await
    }
}

/// The error of the last attempt, with what is to be known about all of them.
#[cold]
fn gave_up(attempts: Attempts, error: Error, tried: usize, verdict: Verdict) -> Error {
    let (gave_up, note) = match verdict {
        Verdict::Enough(note) => (tried > 1 || note.is_some(), note),
        Verdict::Again(_) | Verdict::Pass => (false, None),
    };
    let error = if gave_up || tried > 1 { attempts.into_error(error) } else { error };
    let error = if gave_up { error.with_exhausted() } else { error };
    match note {
        Some(note) => error.with_note(note),
        None => error,
    }
}

impl<R: Runnable<Input: Clone>> Runnable for WithRetry<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.retry.budget.deposit();
        let spare = input.clone();
        attempt_or_else(config, &self.step, input, move |attempt, error| {
            Box::pin(self.call_again(spare, config, (attempt, error)))
        })
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            self.retry.budget.deposit();
            let attempt = Attempt::at(config, &self.step);
            match attempt.open(config, &self.step, input.clone()).await {
                Ok(chunks) => Ok(chunks),
                Err(error) => {
                    let try_it = async |attempt: Attempt, input| attempt.open(config, &self.step, input).await;
                    self.again(input, config, (attempt, error), try_it).await
                }
            }
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::RETRY, self.step.describe())
    }
}

pipe_operator!(impl<R> for WithRetry<R> where R: Runnable<Input: Clone>);

#[cfg(test)]
mod tests;
