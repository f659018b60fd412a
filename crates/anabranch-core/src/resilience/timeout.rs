//! [`WithTimeout`]: a step that must be done in time.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::pipe_operator;
use crate::resilience::timed::{Limit, Timed};
use crate::resilience::timer::{let_go, until};
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::{Label, name_from_outside};
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// See [`Runnable::with_timeout`].
#[derive(Debug, Clone)]
pub struct WithTimeout<R> {
    step: R,
    limit: Duration,
}

impl<R> WithTimeout<R> {
    pub(crate) fn new(step: R, limit: Duration) -> Self {
        Self { step, limit }
    }
}

impl<R: Runnable> WithTimeout<R> {
    #[cold]
    fn timed_out(&self) -> Error {
        let error = Error::new(ErrorKind::Timeout, format!("not done within {:?}", self.limit));
        name_from_outside(&self.step, error)
    }
}

/// What failed for want of time inside failed because of this time-out, if the run itself has time left.
fn translated(error: Error, config: &RunConfig) -> Error {
    let ours = error.kind() == ErrorKind::DeadlineExceeded && config.time_left().is_none_or(|left| !left.is_zero());
    if ours { error.with_kind(ErrorKind::Timeout) } else { error }
}

impl<R: Runnable> Runnable for WithTimeout<R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        // Too far away to be said is no limit.
        let Some(limit) = Instant::now().checked_add(self.limit) else { return config.run(&self.step, input).await };
        let inner = config.within(limit);
        let mut running = pin!(Some(inner.run(&self.step, input)));
        let done = match running.as_mut().as_pin_mut() {
            Some(running) => until(limit, running).await?,
            None => None,
        };
        match done {
            Some(done) => done.map_err(|error| translated(error, config)),
            None => {
                let_go(running).await;
                Err(self.timed_out())
            }
        }
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // The time the steps before need to give the input is not this step's: the clock starts with the whole.
            let input = Chunks::once(input.collect().await?);
            let Some(limit) = Instant::now().checked_add(self.limit) else {
                return Ok(config.stream(&self.step, input));
            };
            let chunks = config.within(limit).stream_owned(&self.step, input);
            Ok(Timed::chunks(chunks, Limit::Whole(limit), move |error| match error {
                Some(error) => translated(error, config),
                None => self.timed_out(),
            }))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around("timeout", self.step.describe())
    }
}

pipe_operator!(impl<R> for WithTimeout<R> where R: Runnable);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{StreamExt, TryStreamExt};

    use super::*;
    use crate::stream::merge::Merge;
    use crate::{Retry, generator, lambda, lambda_with};

    const SECOND: Duration = Duration::from_secs(1);

    fn sleeps() -> impl Runnable<Input = u64, Output = u64> {
        lambda(async |seconds: u64| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(seconds)
        })
        .with_name("sleeper")
    }

    /// One chunk a second.
    fn ticks() -> impl Runnable<Input = u64, Output = Vec<u64>> {
        generator(|input: Chunks<'_, u64>| {
            let ticks = futures_util::stream::once(input.collect()).map_ok(|count| {
                futures_util::stream::iter(0..count).then(async |tick| {
                    tokio::time::sleep(SECOND).await;
                    Ok(vec![tick])
                })
            });
            Chunks::new(ticks.try_flatten(), Merge::extend())
        })
        .with_name("ticks")
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_is_late_is_stopped_on_time_and_named() {
        let step = sleeps().with_timeout(2 * SECOND);
        assert_eq!(step.invoke(1_u64).await.unwrap(), 1);

        let began = Instant::now();
        let error = step.invoke(3600_u64).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), "sleeper: timed out: not done within 2s");
        assert!(error.is_retryable());
        assert_eq!(began.elapsed(), 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_never_wakes_holds_nothing() {
        let guard = Arc::new(());
        let held = guard.clone();
        let hung = lambda(move |_: ()| {
            let held = held.clone();
            async move {
                std::future::pending::<()>().await;
                drop(held);
                Ok(())
            }
        });
        let hung = Arc::new(hung.spawned().with_timeout(SECOND));
        assert_eq!(hung.invoke(()).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(Arc::strong_count(&guard), 2, "the task is gone when the call returns");
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_for_the_whole_stream() {
        let step = ticks().with_timeout(3 * SECOND + SECOND / 2);
        assert_eq!(step.stream(3_u64).collect().await.unwrap(), [0, 1, 2]);
        assert_eq!(step.invoke(3_u64).await.unwrap(), [0, 1, 2]);

        let mut stream = step.stream(5_u64);
        for tick in 0..3 {
            assert_eq!(stream.try_next().await.unwrap(), Some(vec![tick]));
        }
        let error = stream.try_next().await.unwrap_err();
        assert_eq!(error.to_string(), "ticks: timed out: not done within 3.5s");
        assert!(stream.next().await.is_none());
        assert_eq!(step.stream(5_u64).collect().await.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_a_reader_takes_counts_but_an_end_is_an_end() {
        let step = ticks().with_timeout(2 * SECOND);
        let mut stream = step.stream(1_u64);
        assert!(stream.try_next().await.unwrap().is_some());
        tokio::time::advance(5 * SECOND).await;
        assert!(stream.try_next().await.unwrap().is_none());

        let endless = generator(|input: Chunks<'_, u64>| {
            Chunks::new(
                futures_util::stream::repeat(()).map(|()| Ok(vec![1])),
                input.map_chunks(|n| Ok(vec![n]), Merge::extend()).merge().clone(),
            )
        });
        let endless = endless.with_timeout(SECOND);
        let mut stream = endless.stream(1_u64);
        assert!(stream.try_next().await.unwrap().is_some());
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(stream.try_next().await.unwrap_err().kind(), ErrorKind::Timeout, "always ready, yet out of time");
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_starts_when_the_input_is_there() {
        let chain = sleeps().pipe(ticks().with_timeout(2 * SECOND + SECOND / 2));
        assert_eq!(chain.invoke(2_u64).await.unwrap(), [0, 1]);
        assert_eq!(chain.stream(2_u64).collect().await.unwrap(), [0, 1]);
        assert_eq!(chain.stream(2_u64).try_collect::<Vec<_>>().await.unwrap(), [[0], [1]]);
        let chain = sleeps().pipe(ticks().with_idle_timeout(SECOND + SECOND / 2));
        assert_eq!(chain.stream(2_u64).try_collect::<Vec<_>>().await.unwrap(), [[0], [1]]);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_are_told_how_long_they_have() {
        let tells = lambda_with(|_: (), config: RunConfig| async move { Ok(config.time_left()) });
        assert_eq!(tells.invoke(()).await.unwrap(), None);
        let limited = tells.with_timeout(SECOND);
        assert_eq!(limited.invoke(()).await.unwrap(), Some(SECOND));
        assert_eq!(limited.stream(()).collect().await.unwrap(), Some(SECOND));
        let run = RunConfig::new().timeout(SECOND / 2);
        assert_eq!(limited.invoke_with((), &run).await.unwrap(), Some(SECOND / 2));
        let twice = limited.with_timeout(5 * SECOND);
        assert_eq!(twice.invoke(()).await.unwrap(), Some(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_runs_deadline_stays_the_runs_deadline() {
        let chain = sleeps().pipe(sleeps()).with_timeout(3 * SECOND);
        let run = RunConfig::new().timeout(SECOND / 2);
        let error = chain.invoke_with(1_u64, &run).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);

        let long = RunConfig::new().timeout(60 * SECOND);
        let error = chain.invoke_with(2_u64, &long).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);

        let gives_up = lambda(async |_: ()| Err::<(), _>(Error::new(ErrorKind::DeadlineExceeded, "no time")));
        let error = gives_up.with_timeout(SECOND).invoke(()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "a step that looked at the time and gave up");
    }

    #[tokio::test(start_paused = true)]
    async fn per_attempt_inside_a_retry_and_for_the_whole_outside() {
        let began = Instant::now();
        let per_attempt = sleeps().with_timeout(SECOND).with_retry(Retry::attempts(3).base(Duration::ZERO));
        let error = per_attempt.invoke(60_u64).await.unwrap_err();
        assert_eq!((error.attempts().len(), began.elapsed()), (3, 3 * SECOND));

        let began = Instant::now();
        let whole = per_attempt.with_timeout(2 * SECOND);
        assert_eq!(whole.invoke(60_u64).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(began.elapsed(), 2 * SECOND);
    }
}
