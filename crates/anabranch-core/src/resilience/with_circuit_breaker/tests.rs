use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};

use super::*;
use crate::RunnableExt;
use crate::{CircuitState, ErrorKind, Merge, Retry, generator, lambda};

const SECOND: Duration = Duration::from_secs(1);

/// Fails with a kind, succeeds with none, hangs on a negative number.
fn step() -> (impl Runnable<Input = Option<ErrorKind>, Output = u32> + Clone, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let step = lambda(move |kind: Option<ErrorKind>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            match kind {
                None => Ok(1),
                Some(ErrorKind::Other) => std::future::pending().await,
                Some(kind) => Err(Error::new(kind, "no")),
            }
        }
    });
    (step, calls)
}

const DOWN: Option<ErrorKind> = Some(ErrorKind::Server);
const HANGS: Option<ErrorKind> = Some(ErrorKind::Other);

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new().failures(2).open_for(10 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_a_probe_closes_it() {
    let breaker = breaker();
    let (step, calls) = step();
    let step = step.with_circuit_breaker(breaker.clone());
    for input in [DOWN, None, DOWN] {
        let _ = step.invoke(input).await;
    }
    assert_eq!((breaker.state(), breaker.consecutive_failures()), (CircuitState::Closed, 1));
    let _ = step.invoke(DOWN).await;
    assert_eq!(breaker.state(), CircuitState::Open);

    tokio::time::advance(4 * SECOND).await;
    let error = step.clone().invoke(None).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::CircuitOpen, Some(6 * SECOND)));
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "lambda: circuit open: the step failed too often in a row: it is left alone for now (retry after 6s)"
    );
    assert_eq!(calls.load(Ordering::Relaxed), 4);

    tokio::time::advance(6 * SECOND).await;
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    let _ = step.invoke(DOWN).await;
    assert_eq!(breaker.state(), CircuitState::Open, "one failed probe is enough");
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(step.invoke(None).await.unwrap(), 1);
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn bad_requests_count_as_nothing() {
    let breaker = breaker();
    let (step, _) = step();
    let step = step.with_circuit_breaker(breaker.clone());
    let _ = step.invoke(DOWN).await;
    for kind in [ErrorKind::InvalidInput, ErrorKind::RateLimited, ErrorKind::Authentication, ErrorKind::Parse] {
        let _ = step.invoke(Some(kind)).await;
    }
    assert_eq!(breaker.consecutive_failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_probes_at_once_and_a_dropped_one_gives_its_place_back() {
    let breaker = breaker();
    let (step, calls) = step();
    let step = step.with_circuit_breaker(breaker.clone());
    let _ = step.invoke(DOWN).await;
    let _ = step.invoke(DOWN).await;
    tokio::time::advance(10 * SECOND).await;

    let mut probe = Box::pin(step.invoke(HANGS));
    assert!(probe.as_mut().now_or_never().is_none());
    let error = step.invoke(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CircuitOpen);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    drop(probe);
    assert_eq!(breaker.state(), CircuitState::HalfOpen);

    let mut probe = step.stream(HANGS);
    assert!(probe.try_next().now_or_never().is_none());
    assert_eq!(step.invoke(None).await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    drop(probe);
    assert_eq!(step.invoke(None).await.unwrap(), 1);
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_began_before_it_opened_has_no_say_in_the_probe() {
    let breaker = breaker();
    let late = lambda(async |kind: Option<ErrorKind>| {
        tokio::time::sleep(15 * SECOND).await;
        kind.map_or(Ok(1), |kind| Err(Error::new(kind, "late")))
    });
    let late = late.with_circuit_breaker(breaker.clone());
    let (step, _) = step();
    let step = step.with_circuit_breaker(breaker.clone());
    let fails = async {
        let _ = step.invoke(DOWN).await;
        let _ = step.invoke(DOWN).await;
        tokio::time::sleep(11 * SECOND).await;
        // Half open when the late ones come in.
        let _ = step.invoke(HANGS).now_or_never();
        let _ = step.invoke(Some(ErrorKind::Parse)).await;
    };
    let (good, bad, ()) = tokio::join!(late.invoke(None), late.invoke(DOWN), fails);
    assert!(good.is_ok() && bad.is_err());
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_counts_and_one_that_is_dropped_does_not() {
    let breaks = generator(|input: Chunks<'_, bool>| {
        let chunks = futures_util::stream::once(input.collect()).map_ok(|breaks| {
            let end = breaks.then(|| Err(Error::new(ErrorKind::Overloaded, "mid-stream")));
            futures_util::stream::iter([Ok("a".to_string())].into_iter().chain(end))
        });
        Chunks::new(chunks.try_flatten(), Merge::append())
    });
    let breaker = breaker();
    let step = breaks.with_circuit_breaker(breaker.clone());
    let mut dropped = step.stream(true);
    assert!(dropped.try_next().await.unwrap().is_some());
    drop(dropped);
    assert_eq!(breaker.consecutive_failures(), 0);

    step.stream(true).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(breaker.consecutive_failures(), 1);
    assert_eq!(step.stream(false).try_collect::<Vec<_>>().await.unwrap(), ["a"]);
    assert_eq!(breaker.consecutive_failures(), 0);
    step.stream(true).collect().await.unwrap_err();
    step.invoke(true).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(step.stream(false).collect().await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    breaker.reset();
    assert_eq!(step.stream(false).collect().await.unwrap(), step.invoke(false).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_failed_input_says_nothing_about_the_step() {
    let breaker = breaker();
    let before = lambda(async |_: ()| Err::<Option<ErrorKind>, _>(Error::new(ErrorKind::Server, "no")));
    let chain = before.pipe(step().0.with_circuit_breaker(breaker.clone()));
    for _ in 0..3 {
        chain.stream(()).collect().await.unwrap_err();
    }
    assert_eq!(breaker.consecutive_failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_one_goes_to_the_alternative_at_once() {
    let (step, calls) = step();
    let chain = step
        .with_circuit_breaker(breaker())
        .with_retry(Retry::attempts(3))
        .with_fallback(lambda(async |_: Option<ErrorKind>| Ok(7)));
    for _ in 0..5 {
        assert_eq!(chain.invoke(DOWN).await.unwrap(), 7);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn clones_share_and_builders_make_another() {
    let breaker = CircuitBreaker::new().failures(1);
    let down = lambda(async |_: u8| Err::<u8, _>(Error::new(ErrorKind::Server, "down")));
    down.with_circuit_breaker(breaker.clone()).invoke(1).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(breaker.clone().state(), CircuitState::Open);
    assert_eq!(breaker.clone().failures(2).state(), CircuitState::Closed);
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_takes_its_place_when_its_input_is_there() {
    let breaker = breaker();
    let (step, calls) = step();
    let step = step.with_circuit_breaker(breaker.clone());
    let _ = step.invoke(DOWN).await;
    let _ = step.invoke(DOWN).await;
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(breaker.state(), CircuitState::HalfOpen);

    let slow = lambda(async |_: ()| std::future::pending::<Result<Option<ErrorKind>>>().await);
    let chain = slow.pipe(&step);
    let mut waits = chain.stream(());
    assert!(waits.try_next().now_or_never().is_none());
    let mut collected = Box::pin(chain.stream(()).collect());
    assert!(collected.as_mut().now_or_never().is_none());
    // Nobody has probed yet.
    assert_eq!(step.invoke(None).await.unwrap(), 1);
    assert_eq!((breaker.state(), calls.load(Ordering::Relaxed)), (CircuitState::Closed, 3));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_too_long_to_be_said_is_long() {
    let breaker = CircuitBreaker::new().failures(1).open_for(Duration::MAX);
    let _ = step().0.with_circuit_breaker(breaker.clone()).invoke(DOWN).await;
    tokio::time::advance(30 * 24 * 3600 * SECOND).await;
    assert_eq!(breaker.state(), CircuitState::Open);
}
