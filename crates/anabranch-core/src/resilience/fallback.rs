//! [`WithFallbacks`]: other steps to take the place of one that fails.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::attempt::Attempts;
use crate::boxed::BoxRunnable;
use crate::error::{Error, ErrorKind, Result};
use crate::pipe_operator;
use crate::resilience::opening::{open, opening};
use crate::resilience::retry_budget::RetryBudget;
use crate::run::config::RunConfig;
use crate::run::describe::{Composed, Description, Gives};
use crate::run::label::Label;
use crate::run::observe;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// See [`Runnable::with_fallback`].
pub struct WithFallbacks<R: Runnable> {
    step: R,
    others: Vec<BoxRunnable<R::Input, R::Output>>,
    predicate: Option<Predicate>,
    budget: Option<RetryBudget>,
}

impl<R: Runnable> WithFallbacks<R> {
    pub(crate) fn new(step: R, others: Vec<BoxRunnable<R::Input, R::Output>>) -> Self {
        Self { step, others, predicate: None, budget: None }
    }

    /// Adds one more alternative, after those there are.
    #[must_use]
    pub fn with_fallback(mut self, other: impl Runnable<Input = R::Input, Output = R::Output> + 'static) -> Self {
        self.others.push(other.boxed());
        self
    }

    /// Goes to the next alternative on errors this function accepts, instead of on all but
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`InvalidChain`](ErrorKind::InvalidChain).
    #[must_use]
    pub fn fallback_if(mut self, predicate: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Takes every alternative that is tried out of this budget, shared with retries; without one they are free.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    fn accepts(&self, error: &Error) -> bool {
        match &self.predicate {
            Some(accepts) => accepts(error),
            None => !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidChain),
        }
    }
}

impl<R: Runnable<Input: Clone>> WithFallbacks<R> {
    /// The one loop, whatever an attempt is: a call, a stream up to its first chunk, a stream collected.
    async fn first_that_works<T, First, Other>(
        &self,
        input: R::Input,
        config: &RunConfig,
        first: impl FnOnce(R::Input) -> First + Send,
        other: impl Fn(usize, R::Input) -> Other + Send,
    ) -> Result<T>
    where
        T: Send,
        First: Future<Output = Result<T>> + Send,
        Other: Future<Output = Result<T>> + Send,
    {
        let began = (!config.observers().is_empty()).then(Instant::now);
        let mut spare = (!self.others.is_empty()).then(|| input.clone());
        let mut error = match first(input).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let mut earlier = Vec::new();
        let mut attempts = Attempts::default();
        for index in 0..self.others.len() {
            if !self.accepts(&error) || config.time_left().is_some_and(|left| left.is_zero()) {
                break;
            }
            if self.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
                error = error.with_note("no fallback: the retry budget is used up");
                break;
            }
            observe::tell(config, &self.step, began, |observer, step| observer.fell_back(step, index + 1, &error));
            let last = index + 1 == self.others.len();
            let Some(input) = (if last { spare.take() } else { spare.clone() }) else { break };
            match other(index, input).await {
                Ok(done) => return Ok(done),
                Err(next) => {
                    attempts.failed(&error, None);
                    earlier.push(std::mem::replace(&mut error, next));
                }
            }
        }
        if earlier.is_empty() {
            return Err(error);
        }
        let exhausted = earlier.iter().any(Error::is_exhausted);
        let error = attempts.into_error(error).with_earlier(earlier);
        Err(if exhausted { error.with_exhausted() } else { error })
    }
}

impl<R: Runnable<Input: Clone>> Runnable for WithFallbacks<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.first_that_works(
            input,
            config,
            |input| config.run(&self.step, input),
            |index, input| config.run(&self.others[index], input),
        )
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        opening(move |read| async move {
            let input = input.collect().await?;
            self.first_that_works(
                input,
                config,
                |input| open(&self.step, input, config, read),
                |index, input| open(&self.others[index], input, config, read),
            )
            .await
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let step = self.step.describe();
        let children = self.others.iter().map(Runnable::describe);
        Description::new("fallback", step.name.clone())
            .gives(Gives::Children)
            .with_children(Composed::OneOf, std::iter::once(step.clone()).chain(children))
    }
}

impl<R: Runnable + Clone> Clone for WithFallbacks<R> {
    fn clone(&self) -> Self {
        Self {
            step: self.step.clone(),
            others: self.others.clone(),
            predicate: self.predicate.clone(),
            budget: self.budget.clone(),
        }
    }
}

impl<R: Runnable + fmt::Debug> fmt::Debug for WithFallbacks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithFallbacks").field("step", &self.step).field("others", &self.others).finish_non_exhaustive()
    }
}

pipe_operator!(impl<R> for WithFallbacks<R> where R: Runnable<Input: Clone>);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::{StreamExt, TryStreamExt};

    use super::*;
    use crate::run::observe::{Observer, StepEvent};
    use crate::{Merge, Retry, generator, lambda};

    type Step = BoxRunnable<String, String>;

    fn fails(name: &str, kind: ErrorKind) -> Step {
        lambda(move |_: String| async move { Err::<String, _>(Error::new(kind, "no")) }).with_name(name).boxed()
    }

    fn says(text: &'static str) -> Step {
        lambda(move |_: String| async move { Ok(text.to_string()) }).boxed()
    }

    /// Pieces, then an error or the end.
    fn pieces(pieces: &'static [&'static str], error: Option<ErrorKind>) -> Step {
        let step = generator(move |input: Chunks<'_, String>| {
            let end = error.map(|kind| Err(Error::new(kind, "broken")));
            let pieces = pieces.iter().map(|piece| Ok(piece.to_string())).chain(end);
            let pieces =
                futures_util::stream::once(input.collect()).map_ok(move |_| futures_util::stream::iter(pieces.clone()));
            Chunks::new(pieces.try_flatten(), Merge::append())
        });
        step.boxed()
    }

    #[tokio::test]
    async fn alternatives_are_tried_in_order() {
        let step = fails("a", ErrorKind::Server).with_fallback(fails("b", ErrorKind::Timeout)).with_fallback(says("c"));
        assert_eq!(step.invoke("x").await.unwrap(), "c");
        assert_eq!(step.stream("x").collect().await.unwrap(), "c");
        assert_eq!(step.batch(["x", "y"]).await.unwrap(), ["c", "c"]);
        assert_eq!(says("a").with_fallback(says("b")).invoke("x").await.unwrap(), "a");
    }

    #[tokio::test]
    async fn what_another_would_fail_with_too_does_not_fall_back() {
        let step = fails("a", ErrorKind::InvalidInput).with_fallback(says("b"));
        assert_eq!(step.invoke("x").await.unwrap_err().to_string(), "a: invalid input: no");
        assert_eq!(step.stream("x").collect().await.unwrap_err().to_string(), "a: invalid input: no");

        let told = step.fallback_if(|error| error.kind() == ErrorKind::InvalidInput);
        assert_eq!(told.invoke("x").await.unwrap(), "b");
        let stops = fails("a", ErrorKind::Server)
            .with_fallbacks([fails("b", ErrorKind::Parse), says("c")])
            .fallback_if(|error| error.kind() == ErrorKind::Server);
        assert_eq!(
            stops.invoke("x").await.unwrap_err().to_string(),
            "b: parse error: no (after 2 attempts) (and 1 more failure)"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_at_the_end_holds_every_attempt() {
        let step = fails("a", ErrorKind::Server)
            .with_retry(Retry::attempts(2))
            .with_fallbacks([fails("b", ErrorKind::RateLimited), fails("c", ErrorKind::Parse)]);
        for error in [step.invoke("x").await.unwrap_err(), step.stream("x").collect().await.unwrap_err()] {
            assert_eq!(error.to_string(), "c: parse error: no (after 4 attempts) (and 2 more failures)");
            let kinds: Vec<_> = error.attempts().iter().map(|attempt| attempt.kind()).collect();
            assert_eq!(kinds, [ErrorKind::Server, ErrorKind::Server, ErrorKind::RateLimited, ErrorKind::Parse]);
            let related: Vec<_> = error.related().iter().map(ToString::to_string).collect();
            assert_eq!(related, ["a: server error: no (after 2 attempts)", "b: rate limited: no"]);
            assert!(error.is_exhausted(), "a retry further out would try `a` again");
        }
    }

    #[tokio::test]
    async fn a_stream_is_switched_before_its_first_chunk_and_not_after() {
        let step = pieces(&[], Some(ErrorKind::Server)).with_fallback(pieces(&["f", "oo"], None));
        assert_eq!(step.stream("x").try_collect::<Vec<_>>().await.unwrap(), ["f", "oo"]);

        let step = pieces(&["half"], Some(ErrorKind::Server)).with_fallback(says("other"));
        let mut stream = step.stream("x");
        assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("half"));
        assert_eq!(stream.try_next().await.unwrap_err().to_string(), "generator: server error: broken");
        assert!(stream.next().await.is_none());
        // Nothing was handed on to anybody here.
        assert_eq!(step.stream("x").collect().await.unwrap(), "other");
        assert_eq!(step.invoke("x").await.unwrap(), "other");
    }

    #[tokio::test]
    async fn a_failed_input_is_no_failure_of_the_step() {
        let chain = fails("before", ErrorKind::Server).pipe(says("a").with_fallback(says("b")));
        assert_eq!(chain.stream("x").collect().await.unwrap_err().to_string(), "before: server error: no");
        assert_eq!(chain.invoke("x").await.unwrap_err().to_string(), "before: server error: no");
    }

    #[tokio::test]
    async fn a_shared_budget_counts_alternatives() {
        let budget = RetryBudget::new().reserve(1).share(0.0).per_second(0.0);
        let step = fails("a", ErrorKind::Server).with_fallback(says("b")).budget(&budget);
        assert_eq!(step.invoke("x").await.unwrap(), "b");
        let error = step.invoke("x").await.unwrap_err();
        assert_eq!(error.to_string(), "a: server error: no (no fallback: the retry budget is used up)");
    }

    #[tokio::test]
    async fn observers_hear_of_it() {
        #[derive(Default)]
        struct Log(Mutex<Vec<String>>);
        impl Observer for Log {
            fn fell_back(&self, step: &StepEvent<'_>, alternative: usize, error: &Error) {
                self.0.lock().unwrap().push(format!("{} -> {alternative}: {:?}", step.path(), error.kind()));
            }
        }
        let log = Arc::new(Log::default());
        let step = fails("a", ErrorKind::Server).with_fallbacks([fails("b", ErrorKind::Parse), says("c")]);
        step.invoke_with("x".into(), &RunConfig::new().observer(log.clone())).await.unwrap();
        assert_eq!(*log.0.lock().unwrap(), ["a -> 1: Server", "a -> 2: Parse"]);
    }
}
