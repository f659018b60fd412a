use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt;
use tokio::time::Instant;

use super::*;
use crate::RunnableExt;
use crate::error::Attempt;
use crate::run::observer::{Observer, StepEvent};
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
