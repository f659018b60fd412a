use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};

use super::*;
use crate::RunnableExt;
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
