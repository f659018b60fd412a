//! Faults of other frameworks, each with a test that shows it is absent here.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use anabranch_core::{
    BoxRunnable, Chunks, Cost, Error, ErrorKind, Merge, RateLimiter, Result, Retry, RunConfig, Runnable, RunnableExt,
    RunnableParallel, TokenBucket, generator, lambda, lambda_with, parallel,
};
use futures::{FutureExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// How many run at once, now and at most, and how many ran in all.
#[derive(Default)]
struct Gauge {
    running: AtomicUsize,
    most: AtomicUsize,
    started: AtomicUsize,
}

struct Running(Arc<Gauge>);

impl Gauge {
    fn enter(self: &Arc<Self>) -> Running {
        self.started.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        Running(self.clone())
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn server_error() -> Error {
    Error::new(ErrorKind::Server, "status 500")
}

/// A call of a second that counts itself.
fn leaf(gauge: &Arc<Gauge>) -> impl Runnable<Input = Value, Output = Value> + Clone + use<> {
    let gauge = gauge.clone();
    lambda(move |input: Value| {
        let gauge = gauge.clone();
        async move {
            let _running = gauge.enter();
            tokio::time::sleep(SECOND).await;
            Ok(input)
        }
    })
    .limited()
}

/// "late" succeeds at its second attempt, "never" always fails, "bad" fails with what no retry helps against.
fn moody() -> (impl Runnable<Input = String, Output = String>, Arc<Mutex<HashMap<String, usize>>>) {
    let calls = Arc::new(Mutex::new(HashMap::new()));
    let counter = calls.clone();
    let step = lambda(move |input: String| {
        let call = {
            let mut calls = counter.lock().unwrap();
            let call = calls.entry(input.clone()).or_insert(0);
            *call += 1;
            *call
        };
        async move {
            match input.as_str() {
                "late" if call < 2 => Err(server_error()),
                "never" => Err(server_error()),
                "bad" => Err(Error::invalid_input("no")),
                _ => Ok(format!("ok-{input}")),
            }
        }
    });
    (step, calls)
}

/// langchain-core gives `['ok-late', 'ok-late', 'ok-good']`.
#[tokio::test(start_paused = true)]
async fn retry_in_batch_gives_another_elements_result() {
    let (step, calls) = moody();
    let step = step.with_retry(Retry::attempts(3));
    let outcomes = step.batch_settled(["late", "never", "good"]).await;
    assert_eq!(outcomes[0].as_deref().unwrap(), "ok-late");
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "batch 1 > lambda: server error: status 500 (after 3 attempts)");
    assert_eq!(outcomes[2].as_deref().unwrap(), "ok-good");
    let calls = calls.lock().unwrap();
    assert_eq!((calls["late"], calls["never"], calls["good"]), (2, 3, 1), "only what failed is tried again");
}

#[tokio::test(start_paused = true)]
async fn a_non_retryable_error_stops_the_retries_of_others() {
    let (step, calls) = moody();
    let step = step.with_retry(Retry::attempts(3));
    let outcomes = step.batch_settled(["bad", "late", "never", "good"]).await;
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [Some(ErrorKind::InvalidInput), None, Some(ErrorKind::Server), None]);
    let calls = calls.lock().unwrap();
    assert_eq!((calls["bad"], calls["late"], calls["never"]), (1, 2, 3));
}

/// Cancel is drop: there is no value it could become. Everything that was under way is gone, and nothing comes later.
#[tokio::test(start_paused = true)]
async fn cancellation_becomes_a_value() {
    let gauge = Arc::new(Gauge::default());
    let (work, done) = (leaf(&gauge), Arc::new(AtomicUsize::new(0)));
    let settled = async {
        let outcomes = work.batch_settled([json!(1), json!(2), json!(3)]).await;
        done.fetch_add(outcomes.len(), Ordering::SeqCst);
    };
    assert!(tokio::time::timeout(SECOND / 2, settled).await.is_err());
    assert_eq!((gauge.started(), gauge.running()), (3, 0));

    let fanned = parallel! { "a": leaf(&gauge), "b": leaf(&gauge).boxed().spawned() };
    assert!(tokio::time::timeout(SECOND / 2, fanned.invoke(json!(1))).await.is_err());
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!((gauge.started(), gauge.running(), done.load(Ordering::SeqCst)), (5, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn siblings_run_on_after_the_first_failure() {
    let gauge = Arc::new(Gauge::default());
    let fails = lambda(async |_: Value| {
        tokio::time::sleep(SECOND / 2).await;
        Err::<Value, _>(server_error())
    });
    let map = parallel! {
        "sibling": leaf(&gauge),
        "on a task": leaf(&gauge).spawned(),
        "retrying": leaf(&gauge).pipe(lambda(async |_: Value| Err::<Value, _>(server_error()))).with_retry(Retry::attempts(9)),
        "fails": fails.clone(),
    };
    for read in ["invoke", "stream"] {
        let began = Instant::now();
        let error = match read {
            "invoke" => map.invoke(json!(1)).await.unwrap_err(),
            _ => map.stream(json!(1)).collect().await.unwrap_err(),
        };
        assert!(error.to_string().starts_with("parallel \"fails\" > lambda: server error"), "{error}");
        assert_eq!((began.elapsed(), gauge.running()), (SECOND / 2, 0), "{read}: gone when the call returns");
    }
    let either = lambda_with(move |input: Value, config: RunConfig| {
        let (fails, sibling) = (fails.clone(), leaf(&Arc::new(Gauge::default())));
        async move { if input == json!(0) { config.run(&fails, input).await } else { config.run(&sibling, input).await } }
    });
    assert!(either.batch([json!(1), json!(0), json!(2)]).await.is_err());
    let started = gauge.started();
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(gauge.started(), started);
}

/// langchain-core runs 6, and 12 when nested.
#[tokio::test(start_paused = true)]
async fn a_limit_of_two_runs_six_or_twelve() {
    let gauge = Arc::new(Gauge::default());
    let inner = || parallel! { "a": leaf(&gauge), "b": leaf(&gauge), "c": leaf(&gauge) };
    let nested =
        parallel! { "x": inner(), "y": inner(), "z": inner().with_retry(Retry::attempts(2)), "w": leaf(&gauge) };
    let run = RunConfig::new().max_concurrency(2);
    let began = Instant::now();
    nested.batch_with([json!(1), json!(2), json!(3), json!(4)], &run).await.unwrap();
    assert_eq!((gauge.most(), gauge.started()), (2, 40));
    assert_eq!(began.elapsed(), 20 * SECOND, "two at all times");

    let gauge = Arc::new(Gauge::default());
    let wide = RunnableParallel::new().max_concurrency(2);
    let wide = (0..6).fold(wide, |wide, n| wide.branch(n.to_string(), leaf(&gauge)));
    wide.invoke(json!(1)).await.unwrap();
    assert_eq!((gauge.most(), gauge.started()), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn a_nested_fan_out_deadlocks_under_a_small_limit() {
    let gauge = Arc::new(Gauge::default());
    let mut step: BoxRunnable<Value, Value> = leaf(&gauge).boxed();
    for _ in 0..4 {
        let other = leaf(&gauge).with_timeout(60 * SECOND).with_fallback(leaf(&gauge));
        step =
            parallel! { "deeper": step.clone(), "beside": other, "again": step.with_retry(Retry::attempts(2)) }.boxed();
    }
    let run = RunConfig::new().max_concurrency(1);
    let done = tokio::time::timeout(3600 * SECOND, step.invoke_with(json!(1), &run)).await;
    assert!(done.expect("no deadlock").is_ok());
    assert_eq!(gauge.most(), 1);
    let streamed = tokio::time::timeout(3600 * SECOND, step.stream_with(json!(1), &run).collect()).await;
    assert!(streamed.expect("no deadlock").is_ok());
    assert_eq!((gauge.most(), run.concurrency().unwrap().in_use), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_held_during_back_off() {
    let run = RunConfig::new().max_concurrency(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let busy = lambda(move |_: Value| {
        let call = counter.fetch_add(1, Ordering::SeqCst);
        async move { if call == 0 { Err(server_error().with_retry_after(10 * SECOND)) } else { Ok(json!("late")) } }
    });
    let busy = busy.limited().with_retry(Retry::attempts(2));
    let other = lambda(async |_: Value| {
        tokio::time::sleep(SECOND).await;
        Ok(json!("other"))
    });
    let other = other.limited();

    let began = Instant::now();
    let mut waits = Box::pin(busy.invoke_with(json!(1), &run));
    assert!(waits.as_mut().now_or_never().is_none());
    assert_eq!((calls.load(Ordering::SeqCst), run.concurrency().unwrap().in_use), (1, 0));
    other.invoke_with(json!(1), &run).await.unwrap();
    assert_eq!(began.elapsed(), SECOND, "the permit was free");
    assert_eq!(waits.await.unwrap(), json!("late"));
}

#[tokio::test(start_paused = true)]
async fn simultaneous_failures_are_reported_at_random() {
    for round in 0..50_u64 {
        let barrier = Arc::new(Barrier::new(3));
        let fails = |name: &'static str| {
            let barrier = barrier.clone();
            let step = lambda(move |_: Value| {
                let barrier = barrier.clone();
                async move {
                    // Woken in another order each time, and failing at one moment.
                    tokio::time::sleep(Duration::from_millis(round * name.len() as u64 % 7)).await;
                    barrier.wait().await;
                    Err::<Value, _>(server_error())
                }
            });
            step.with_name(name)
        };
        let map = parallel! { "b": fails("one"), "a": fails("second"), "c": fails("third one") };
        let error = match round % 2 {
            0 => map.invoke(json!(1)).await.unwrap_err(),
            _ => map.stream(json!(1)).collect().await.unwrap_err(),
        };
        let told = std::iter::once(&error).chain(error.related()).map(|error| error.path().next().unwrap().to_string());
        let told: Vec<_> = told.collect();
        // Who meets the barrier last fails in the same poll; the others are woken by it.
        let mut sorted = told.clone();
        sorted.sort_by_key(|name| ["\"b\"", "\"a\"", "\"c\""].iter().position(|key| name.contains(key)));
        assert_eq!(told, sorted, "in declaration order");
        assert_eq!(told[0], "parallel \"b\"");
        assert_eq!(told.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_differs_between_invoke_batch_and_stream() {
    let kinds = [None, Some(ErrorKind::Server), Some(ErrorKind::InvalidInput), Some(ErrorKind::Parse)];
    for (first, second) in kinds.iter().flat_map(|first| kinds.iter().map(move |second| (*first, *second))) {
        let step = |name: &'static str, fails: Option<ErrorKind>| {
            lambda(move |_: i64| async move { fails.map_or(Ok(name.to_string()), |kind| Err(Error::new(kind, "no"))) })
                .with_name(name)
        };
        let chain = step("one", first).with_fallbacks([step("two", second).boxed(), step("three", None).boxed()]);
        let said = |outcome: Result<String>| outcome.unwrap_or_else(|error| format!("{error}"));
        let invoked = said(chain.invoke(1_i64).await);
        assert_eq!(said(chain.stream(1_i64).collect().await), invoked);
        let chunks = chain.stream(1_i64).try_collect::<Vec<_>>().await.map(|chunks| chunks.concat());
        assert_eq!(said(chunks), invoked);
        for outcome in chain.batch_settled([1_i64, 2]).await {
            assert_eq!(said(outcome).replace("batch 0 > ", "").replace("batch 1 > ", ""), invoked);
        }
        let expected = match (first, second) {
            (None, _) => "one",
            (Some(ErrorKind::InvalidInput), _) => "one: invalid input: no",
            (_, None) => "two",
            (_, Some(ErrorKind::InvalidInput)) => "two: invalid input: no (after 2 attempts) (and 1 more failure)",
            _ => "three",
        };
        assert_eq!(invoked, expected);
    }
}

/// Whether nothing is a value is said by the law of the chunks, not by who happens to look for a first one.
#[tokio::test(start_paused = true)]
async fn an_empty_stream_is_a_success_or_failure_by_accident() {
    let calls = Arc::new(AtomicUsize::new(0));
    let silent = |law: Merge<String>| {
        let calls = calls.clone();
        generator(move |_: Chunks<'_, String>| {
            calls.fetch_add(1, Ordering::SeqCst);
            Chunks::from_values([], law.clone())
        })
    };
    let other = || lambda(async |_: String| Ok("other".to_string()));
    let text = |step: BoxRunnable<String, String>| async move {
        assert_eq!(step.invoke("x").await.unwrap(), "");
        assert_eq!(step.stream("x").collect().await.unwrap(), "");
        assert!(step.stream("x").next().await.is_none());
    };
    text(silent(Merge::append()).with_retry(Retry::attempts(3)).boxed()).await;
    text(silent(Merge::append()).with_fallback(other()).boxed()).await;
    text(silent(Merge::append()).hedged(SECOND).boxed()).await;
    text(silent(Merge::append()).with_timeout(SECOND).with_idle_timeout(SECOND).boxed()).await;
    assert_eq!(calls.swap(0, Ordering::SeqCst), 12, "never tried again");

    // Where nothing is no value, it is an error that says so; nobody retries it, and a fallback takes it.
    let value = silent(Merge::last()).with_retry(Retry::attempts(3));
    assert_eq!(value.invoke("x").await.unwrap_err().kind(), ErrorKind::EmptyStream);
    assert_eq!(value.stream("x").collect().await.unwrap_err().kind(), ErrorKind::EmptyStream);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(value.with_fallback(other()).invoke("x").await.unwrap(), "other");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_retried_after_its_first_chunk() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let breaks = generator(move |_: Chunks<'_, String>| {
        counter.fetch_add(1, Ordering::SeqCst);
        let end = Err(server_error().with_partial("half".to_string()));
        Chunks::new(futures::stream::iter([Ok("half".to_string()), end]), Merge::append())
    });
    let other = lambda(async |_: String| Ok("other".to_string()));
    let chain = breaks.with_retry(Retry::attempts(3)).with_fallback(other).with_retry(Retry::attempts(3));
    let chain = chain
        .hedged(SECOND)
        .pipe(generator(|text: Chunks<'_, String>| text.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append())));
    let mut stream = chain.stream("x");
    assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("HALF"));
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(error.partial::<String>().unwrap(), "half", "what came is kept");
    assert!(stream.next().await.is_none());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// openai-node sleeps for 0 ms and asks again.
#[tokio::test(start_paused = true)]
async fn retry_after_zero_hammers() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = times.clone();
    let began = Instant::now();
    let refuses = lambda(move |_: String| {
        seen.lock().unwrap().push(began.elapsed());
        async move { Err::<String, _>(Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(Duration::ZERO)) }
    });
    let patient = refuses.with_retry(Retry::attempts(6).base(SECOND).cap(8 * SECOND).seed(42));
    let error = patient.invoke("x").await.unwrap_err();
    let waits: Vec<_> = error.attempts().iter().filter_map(anabranch_core::Attempt::wait).collect();
    assert_eq!((times.lock().unwrap().len(), waits.len()), (6, 5));
    assert!(waits.iter().all(|wait| !wait.is_zero()), "{waits:?}");
    assert!(waits.iter().sum::<Duration>() > 3 * SECOND, "its own back-off applies: {waits:?}");
    assert!(waits.iter().zip([1, 2, 4, 8, 8]).all(|(wait, most)| *wait <= most * SECOND), "{waits:?}");
}

/// langchain-core's starts empty.
#[tokio::test(start_paused = true)]
async fn a_rate_limiter_starts_by_refusing() {
    let bucket = TokenBucket::new().requests(3, 60 * SECOND);
    let step = lambda(async |n: i64| Ok(n)).with_rate_limiter(bucket);
    let began = Instant::now();
    assert_eq!(step.batch([1_i64, 2, 3]).await.unwrap(), [1, 2, 3]);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limiter_polls() {
    let bucket = TokenBucket::new().requests(1, 60 * SECOND);
    bucket.acquire(Cost::REQUEST, None).await.unwrap();
    let counted = || {
        let (mut turn, mut polls) = (bucket.acquire(Cost::REQUEST, None), 0);
        std::future::poll_fn(move |cx| {
            polls += 1;
            turn.as_mut().poll(cx).map(|admitted| {
                admitted.unwrap();
                polls
            })
        })
    };
    let began = Instant::now();
    let turns: Vec<_> = (0..10).map(|_| tokio::spawn(counted_task(&bucket))).collect();
    tokio::task::yield_now().await;
    assert_eq!(counted().await, 3, "when it came, when it was the first, when its time had come");
    assert_eq!(began.elapsed(), 60 * 11 * SECOND, "exactly as long as needed");
    for (place, turn) in turns.into_iter().enumerate() {
        assert!(turn.await.unwrap() <= 3, "{place}");
    }
}

/// The same on a task, which is polled only when it is woken.
fn counted_task(bucket: &TokenBucket) -> impl Future<Output = usize> + Send + use<> {
    let bucket = bucket.clone();
    async move {
        let (mut turn, mut polls) = (bucket.acquire(Cost::REQUEST, None), 0);
        std::future::poll_fn(|cx| {
            polls += 1;
            turn.as_mut().poll(cx).map(|admitted| admitted.unwrap())
        })
        .await;
        polls
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limiter_is_not_fifo() {
    let bucket = TokenBucket::new().units(10, SECOND);
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let step = lambda(move |n: i64| {
        seen.lock().unwrap().push(n);
        async move { Ok(n) }
    });
    // The dear ones come first and the cheap ones must not slip by.
    let step = step.with_rate_limiter(bucket).cost(|n| Cost::units(if *n % 2 == 0 { 9 } else { 1 }));
    let inputs: Vec<i64> = (0..40).collect();
    step.batch(inputs.clone()).await.unwrap();
    assert_eq!(*order.lock().unwrap(), inputs);
}

/// The harness itself: what is dropped mid-way is seen as gone.
#[tokio::test(start_paused = true)]
async fn every_wrapper_dropped_at_any_poll_leaves_nothing() {
    for polls in 1..40 {
        let gauge = Arc::new(Gauge::default());
        let bucket = TokenBucket::new().requests(1, SECOND);
        let run = RunConfig::new().max_concurrency(1);
        let breaker = anabranch_core::CircuitBreaker::new().failures(1).open_for(Duration::from_millis(1));
        let counter = gauge.clone();
        let flaky = lambda(move |n: i64| {
            let gauge = counter.clone();
            async move {
                let _running = gauge.enter();
                tokio::time::sleep(SECOND / 4).await;
                if gauge.started() % 3 == 0 { Ok(n) } else { Err(server_error()) }
            }
        });
        let chain = flaky
            .limited()
            .with_timeout(60 * SECOND)
            .with_circuit_breaker(breaker.clone())
            .with_rate_limiter(bucket.clone())
            .hedged(SECOND / 8)
            .with_retry(Retry::attempts(5).base(SECOND / 10))
            .with_fallback(lambda(async |n: i64| Ok(n)));
        let mut running = Box::pin(chain.batch_settled_with([1_i64, 2, 3], &run));
        let mut polled = 0;
        std::future::poll_fn(|cx| {
            polled += 1;
            if running.as_mut().poll(cx).is_ready() || polled >= polls { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(running);
        let limit = run.concurrency().unwrap();
        assert_eq!((gauge.running(), limit.in_use, limit.waiting), (0, 0, 0), "after {polls} polls");
        assert_eq!(bucket.snapshot().waiting, 0, "after {polls} polls");
        // No probe was leaked: the breaker lets one through again.
        tokio::time::sleep(SECOND).await;
        let probe = lambda(async |n: i64| Ok(n)).with_circuit_breaker(breaker);
        assert_eq!(probe.invoke(1_i64).await.unwrap(), 1, "after {polls} polls");
    }
}
