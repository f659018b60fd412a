//! [`WithRetry`]: a step that is tried again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Attempts;
use crate::error::{Error, Result};
use crate::pipe_operator;
use crate::resilience::backoff::Backoff;
use crate::resilience::opening::{open, opening};
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::timer::pause;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::run::observe;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// How often, when and after which waits a step is tried again: see [`Runnable::with_retry`]. Clones share the
/// [`RetryBudget`].
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

/// See [`Runnable::with_retry`].
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
    /// The one loop, whatever an attempt is: a call, a stream up to its first chunk, a stream collected.
    async fn again<T, Fut>(
        &self,
        input: R::Input,
        config: &RunConfig,
        attempt: impl Fn(R::Input) -> Fut + Send,
    ) -> Result<T>
    where
        T: Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        let retry = &self.retry;
        retry.budget.deposit();
        let mut attempts = Attempts::default();
        for tried in 1..retry.attempts {
            let began = (!config.observers().is_empty()).then(Instant::now);
            let error = match attempt(input.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match retry.verdict(tried, &error, config) {
                Verdict::Again(wait) => {
                    let attempt = attempts.failed(&error, Some(wait));
                    observe::tell(config, &self.step, began, |observer, step| observer.retrying(step, attempt, &error));
                    pause(wait).await?;
                }
                verdict => return Err(gave_up(attempts, error, tried, verdict)),
            }
        }
        let tried = retry.attempts;
        attempt(input).await.map_err(|error| {
            let verdict = retry.verdict(tried, &error, config);
            gave_up(attempts, error, tried, verdict)
        })
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

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.again(input, config, |input| config.run(&self.step, input))
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        opening(move |read| async move {
            let input = input.collect().await?;
            self.again(input, config, |input| open(&self.step, input, config, read)).await
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around("retry", self.step.describe())
    }
}

pipe_operator!(impl<R> for WithRetry<R> where R: Runnable<Input: Clone>);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{StreamExt, TryStreamExt};

    use super::*;
    use crate::attempt::Attempt;
    use crate::run::observe::{Observer, StepEvent};
    use crate::{ErrorKind, Merge, generator, lambda};

    const SECOND: Duration = Duration::from_secs(1);

    /// Fails this often with this error, then gives the number of the call.
    fn flaky(failures: usize, error: Error) -> (impl Runnable<Input = i64, Output = usize> + Clone, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let step = lambda(move |_: i64| {
            let call = counter.fetch_add(1, Ordering::Relaxed) + 1;
            let done = if call <= failures { Err(error.clone()) } else { Ok(call) };
            async move { done }
        });
        (step, calls)
    }

    fn server() -> Error {
        Error::new(ErrorKind::Server, "status 500")
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_help_is_retried_and_nothing_else() {
        let (step, calls) = flaky(2, server());
        assert_eq!(step.with_retry(Retry::attempts(3)).invoke(0_i64).await.unwrap(), 3);
        assert_eq!(calls.load(Ordering::Relaxed), 3);

        let (step, calls) = flaky(2, Error::invalid_input("no"));
        let error = step.clone().with_retry(Retry::attempts(3)).invoke(0_i64).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.attempts().len()), ("lambda: invalid input: no", 0));
        assert!(!error.is_exhausted());
        assert_eq!(calls.load(Ordering::Relaxed), 1);

        let told = Retry::attempts(3).retry_if(|error| error.kind() == ErrorKind::InvalidInput);
        assert_eq!(step.with_retry(told).invoke(0_i64).await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_at_the_end_knows_its_attempts() {
        let (step, _) = flaky(9, server());
        let error = step.with_retry(Retry::attempts(3).seed(1)).invoke(0_i64).await.unwrap_err();
        assert_eq!(error.to_string(), "lambda: server error: status 500 (after 3 attempts)");
        assert!(error.is_exhausted());
        let waits: Vec<_> = error.attempts().iter().map(|attempt| attempt.wait().is_some()).collect();
        assert_eq!(waits, [true, true, false]);
        assert!(error.attempts().iter().all(|attempt| attempt.failure() == "lambda: server error: status 500"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_given_the_time_it_asks_for() {
        let (step, _) = flaky(1, server().with_retry_after(10 * SECOND));
        let began = Instant::now();
        step.with_retry(Retry::attempts(2)).invoke(0_i64).await.unwrap();
        assert!(began.elapsed() >= 10 * SECOND && began.elapsed() <= 11 * SECOND + SECOND / 100);

        let (step, calls) = flaky(1, server().with_retry_after(90 * SECOND));
        let began = Instant::now();
        let error = step.with_retry(Retry::attempts(2)).invoke(0_i64).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "lambda: server error: status 500 (retry after 90s) (not retried: 60s is the longest wait allowed)"
        );
        assert_eq!((began.elapsed(), calls.load(Ordering::Relaxed)), (Duration::ZERO, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_is_longer_than_the_time_left() {
        let (step, calls) = flaky(1, server().with_retry_after(10 * SECOND));
        let retried = step.with_retry(Retry::attempts(2));
        let began = Instant::now();
        let run = RunConfig::new().timeout(5 * SECOND);
        let error = retried.invoke_with(0, &run).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.to_string().contains("s with 5.0s left)"), "{error}");
        assert_eq!(calls.load(Ordering::Relaxed), 1);

        let (step, _) = flaky(1, server().with_retry_after(10 * SECOND));
        let limited = step.with_retry(Retry::attempts(2)).with_timeout(5 * SECOND);
        assert_eq!(limited.invoke(0_i64).await.unwrap_err().kind(), ErrorKind::Server, "a time-out is known, too");
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_budget_passes_the_error_on() {
        let (step, calls) = flaky(99, server());
        let budget = RetryBudget::new().reserve(3).share(0.0).per_second(0.0);
        let retried = step.with_retry(Retry::attempts(3).budget(&budget));
        retried.invoke(0_i64).await.unwrap_err();
        let error = retried.clone().invoke(0_i64).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "lambda: server error: status 500 (after 2 attempts) (not retried: the retry budget is used up)"
        );
        let error = retried.invoke(0_i64).await.unwrap_err();
        assert_eq!(error.attempts().len(), 1);
        assert!(error.is_exhausted());
        assert_eq!(calls.load(Ordering::Relaxed), 3 + 2 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_inside_each_other_do_not_multiply() {
        let (step, calls) = flaky(99, server());
        let nested = step.clone().with_retry(Retry::attempts(3)).with_name("inner").with_retry(Retry::attempts(3));
        let error = nested.invoke(0_i64).await.unwrap_err();
        assert_eq!((calls.swap(0, Ordering::Relaxed), error.attempts().len()), (3, 3));

        let told = Retry::attempts(3).even_if_exhausted();
        let error = step.with_retry(Retry::attempts(3)).with_retry(told).invoke(0_i64).await.unwrap_err();
        assert_eq!((calls.load(Ordering::Relaxed), error.attempts().len()), (9, 9));
    }

    /// Pieces, then an error instead of an end, until `failures` calls have failed.
    fn breaks(
        failures: usize,
        pieces: &'static [&'static str],
    ) -> (impl Runnable<Input = String, Output = String>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let step = generator(move |input: Chunks<'_, String>| {
            let call = counter.fetch_add(1, Ordering::Relaxed) + 1;
            let end = (call <= failures).then(|| Err(server().with_partial("half".to_string())));
            let pieces = pieces.iter().take(if call <= failures { pieces.len() } else { 3 });
            let pieces = pieces.map(|piece| Ok(piece.to_string())).chain(end).collect::<Vec<_>>();
            let pieces =
                futures_util::stream::once(input.collect()).map_ok(move |_| futures_util::stream::iter(pieces.clone()));
            Chunks::new(pieces.try_flatten(), Merge::append())
        });
        (step, calls)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_retried_until_its_first_chunk() {
        let (step, calls) = breaks(2, &[]);
        let step = step.with_retry(Retry::attempts(3));
        assert_eq!(step.stream("x").try_next().await.unwrap(), None, "an empty stream is a success");
        assert_eq!(calls.load(Ordering::Relaxed), 3);

        let (step, calls) = breaks(2, &["a", "b"]);
        let step = step.with_retry(Retry::attempts(3));
        let mut stream = step.stream("x");
        assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("a"));
        assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("b"));
        let error = stream.try_next().await.unwrap_err();
        assert_eq!(error.partial::<String>().unwrap(), "half");
        assert!(stream.next().await.is_none());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_collected_is_what_invoke_gives() {
        for read in ["invoke", "collect"] {
            let (step, calls) = breaks(2, &["a", "b"]);
            let step = step.with_retry(Retry::attempts(3));
            let whole = match read {
                "invoke" => step.invoke("x").await,
                _ => step.stream("x").collect().await,
            };
            assert_eq!((whole.unwrap().as_str(), calls.load(Ordering::Relaxed)), ("ab", 3), "{read}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_came_with_the_input_is_not_retried() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let before = generator(move |_: Chunks<'_, String>| {
            counter.fetch_add(1, Ordering::Relaxed);
            Chunks::new(futures_util::stream::iter([Err(server())]), Merge::append())
        });
        let (step, after) = breaks(0, &["a"]);
        let chain = before.with_name("before").pipe(step.with_retry(Retry::attempts(3)));
        let error = chain.stream("x").collect().await.unwrap_err();
        assert_eq!(error.to_string(), "before: server error: status 500");
        assert_eq!((calls.load(Ordering::Relaxed), after.load(Ordering::Relaxed)), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn observers_hear_of_each_retry() {
        #[derive(Default)]
        struct Log(Mutex<Vec<String>>);
        impl Observer for Log {
            fn retrying(&self, step: &StepEvent<'_>, attempt: &Attempt, error: &Error) {
                let line = format!("{} {} {:?}", step.path(), attempt.number(), error.kind());
                self.0.lock().unwrap().push(line);
            }
        }
        let log = Arc::new(Log::default());
        let (step, _) = flaky(2, server());
        let step = step.with_retry(Retry::attempts(3)).with_name("careful");
        step.invoke_with(0, &RunConfig::new().observer(log.clone())).await.unwrap();
        assert_eq!(*log.0.lock().unwrap(), ["careful > lambda 1 Server", "careful > lambda 2 Server"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_dropped_is_over() {
        let (step, calls) = flaky(99, server().with_retry_after(SECOND));
        let retried = step.with_retry(Retry::attempts(9));
        let dropped = tokio::time::timeout(SECOND / 2, retried.invoke(0_i64)).await;
        assert!(dropped.is_err());
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}
