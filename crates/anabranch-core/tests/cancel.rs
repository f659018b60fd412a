//! Law 2: nothing outlives its owner. Every combinator is run with instrumented calls and dropped after its k-th poll,
//! for every k until it is done; then nothing may be left: no call, no task, no permit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anabranch_core::*;
use common::{Gate, Gauge, leaf};
use futures::StreamExt;
use serde_json::{Value, json};

type Chain = BoxRunnable<Value, Value>;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    InFailure,
    InPanic,
}

/// A call that holds a permit and a gauge for two ticks, then ends as told.
fn work(gauge: &Gauge, millis: u64, end: End) -> impl Runnable<Input = Value, Output = Value> + Clone + use<> {
    let gauge = gauge.clone();
    lambda(move |input: Value| {
        let gauge = gauge.clone();
        async move {
            let _inside = gauge.enter();
            tokio::time::sleep(Duration::from_millis(millis)).await;
            tokio::task::yield_now().await;
            match end {
                End::Well => Ok(input),
                End::InFailure => Err(Error::new(ErrorKind::Server, "as told")),
                End::InPanic => panic!("as told"),
            }
        }
    })
    .limited()
}

/// Every combinator, with one branch that ends as told among others that are still busy then.
fn chains(gauge: &Gauge, end: End) -> Vec<(&'static str, Chain)> {
    let ok = |millis| work(gauge, millis, End::Well);
    let told = || work(gauge, 2, end);
    let to_json = async |v: Vec<Value>| Ok(Value::from(v));
    vec![
        ("sequence", ok(1).pipe(told()).pipe(ok(1)).boxed()),
        ("parallel", parallel! { "a": ok(1), "b": told(), "c": ok(4) }.boxed()),
        ("parallel, two at once", parallel! { "a": ok(1), "b": told(), "c": ok(4) }.max_concurrency(2).boxed()),
        (
            "nested parallel",
            parallel! { "a": parallel! { "x": ok(3), "y": told() }, "b": parallel! { "x": ok(3), "y": ok(1) } }.boxed(),
        ),
        ("spawned", parallel! { "a": ok(3).spawned(), "b": told().spawned(), "c": ok(1) }.boxed()),
        ("settled", parallel! { "a": ok(1), "b": told(), "c": ok(4) }.settled().pipe(RunnablePassthrough).boxed()),
        (
            "at least",
            parallel! { "a": ok(1), "b": told(), "c": ok(40).spawned() }
                .at_least(1)
                .grace(Duration::from_millis(3))
                .pipe(RunnablePassthrough)
                .boxed(),
        ),
        ("tuple", (ok(1), told(), ok(4).spawned()).pipe(async |(a, _, _): (Value, Value, Value)| Ok(a)).boxed()),
        ("assign", RunnablePassthrough.assign(parallel! { "a": ok(1), "b": told() }).pick("a").boxed()),
        ("each", lambda(async |v: Value| Ok(vec![v; 5])).pipe(told().each()).pipe(to_json).boxed()),
        ("branch", RunnableBranch::when(|_: &Value| true, told()).otherwise(ok(1)).boxed()),
        ("asked branch", {
            let gauge = gauge.clone();
            let ask = work(&gauge, 1, End::Well).pipe(async |_: Value| Ok(true));
            RunnableBranch::when_runnable(ask, told()).otherwise(ok(1)).boxed()
        }),
        ("router", RunnableRouter::by(|_: &Value| "x".to_string()).route("x", told()).boxed()),
        ("dynamic", {
            let chain = told().boxed();
            dynamic(move |_: Value| {
                let chain = chain.clone();
                async move { Ok(chain) }
            })
            .boxed()
        }),
        ("first success", first_success([ok(4).boxed(), told().boxed(), ok(3).spawned().boxed()]).boxed()),
        ("race", race([ok(4).boxed(), told().boxed(), ok(3).spawned().boxed()]).boxed()),
        (
            "quorum",
            quorum(2, [ok(4).boxed(), told().boxed(), ok(3).spawned().boxed()])
                .pipe(async |vote: Vote<Value>| Ok(vote.answer))
                .boxed(),
        ),
        ("timeout", parallel! { "a": told().with_timeout(Duration::from_millis(1)), "b": ok(4).spawned() }.boxed()),
        ("idle timeout", told().spawned().with_idle_timeout(Duration::from_millis(1)).boxed()),
        ("timeout that is not reached", told().with_timeout(Duration::from_secs(9)).boxed()),
        ("retry", parallel! { "a": told().with_retry(Retry::attempts(3).seed(1)), "b": ok(4) }.boxed()),
        ("fallback", told().with_fallback(ok(2)).boxed()),
        ("hedge", told().spawned().hedged(Duration::from_millis(1)).boxed()),
        ("rate limiter", {
            let limiter = TokenBucket::new().requests(1, Duration::from_millis(3));
            parallel! { "a": told().with_rate_limiter(limiter.clone()), "b": ok(1).with_rate_limiter(limiter) }.boxed()
        }),
        (
            "circuit breaker",
            told().with_circuit_breaker(CircuitBreaker::new().failures(1)).with_fallback(ok(1)).boxed(),
        ),
        (
            "all of them",
            told()
                .with_timeout(Duration::from_millis(3))
                .hedged(Duration::from_millis(2))
                .with_retry(Retry::attempts(2).seed(1))
                .with_circuit_breaker(CircuitBreaker::new())
                .with_fallback(ok(1))
                .with_timeout(Duration::from_secs(1))
                .boxed(),
        ),
        ("outcome", told().result().pipe(async |done: Result<Value>| done).boxed()),
        ("named and configured", told().with_name("n").with_config(RunConfig::new().max_concurrency(3)).boxed()),
    ]
}

/// Polls at most `polls` times; says whether it was done by then.
async fn poll_times<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Invoke,
    Stream,
    Batch,
    AsCompleted,
}

async fn run(chain: &Chain, mode: Mode, config: &RunConfig) {
    match mode {
        Mode::Invoke => drop(chain.invoke_with(json!({}), config).await),
        Mode::Stream => {
            let mut stream = chain.stream_with(json!({}), config);
            while stream.next().await.is_some() {}
        }
        Mode::Batch => drop(chain.batch_with(vec![json!({}); 3], config).await),
        Mode::AsCompleted => {
            let mut stream = chain.batch_as_completed_with(vec![json!({}); 3], config);
            while stream.next().await.is_some() {}
        }
    }
}

/// Runs `chain` to its `polls`-th poll and drops it; then nothing may be left.
fn drop_after(name: &str, end: End, mode: Mode, limit: usize, polls: usize) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let gauge = Gauge::default();
        let chain = chains(&gauge, end).into_iter().find(|(known, _)| *known == name).unwrap().1;
        let config = RunConfig::new().max_concurrency(limit);
        let guarded = std::panic::AssertUnwindSafe(run(&chain, mode, &config));
        let done = poll_times(futures::FutureExt::catch_unwind(guarded), polls).await.is_some();
        // Tasks of their own are gone when they were next scheduled.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let what = format!("{name}, {end:?}, {mode:?}, limit {limit}, dropped after {polls} polls");
        assert_eq!(gauge.now(), 0, "a call is left: {what}");
        assert!(gauge.most() <= limit, "{} at once: {what}", gauge.most());
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0, "a task is left: {what}");
        // All permits are back.
        for _ in 0..limit {
            std::mem::forget(
                poll_times(config.permit(), 1).await.unwrap_or_else(|| panic!("a permit is gone: {what}")),
            );
        }
        done
    })
}

fn drop_everywhere(end: End) {
    // The panics are part of the experiment: their messages are not.
    if end == End::InPanic {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let names: Vec<_> = chains(&Gauge::default(), end).into_iter().map(|(name, _)| name).collect();
    for name in names {
        for mode in [Mode::Invoke, Mode::Stream, Mode::Batch, Mode::AsCompleted] {
            for limit in [1, 2, 100] {
                let polls = (1..10_000).find(|polls| drop_after(name, end, mode, limit, *polls));
                assert!(polls.is_some(), "{name} never ends: {end:?} {mode:?} {limit}");
            }
        }
    }
}

#[test]
fn dropped_at_every_poll() {
    drop_everywhere(End::Well);
}

#[test]
fn dropped_at_every_poll_with_a_failing_branch() {
    drop_everywhere(End::InFailure);
}

#[test]
fn dropped_at_every_poll_with_a_panicking_branch() {
    drop_everywhere(End::InPanic);
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_returns_only_when_the_others_are_gone() {
    let gauge = Gauge::default();
    let panel = parallel! {
        "slow": leaf(&gauge, 1_000).spawned(),
        "slower": leaf(&gauge, 2_000),
        "fails": common::fails_after(10, ErrorKind::Server, "down"),
    };
    let error = panel.invoke(1).await.unwrap_err();
    assert_eq!(gauge.now(), 0, "siblings are gone when the call returns");
    assert_eq!(gauge.total(), 2);
    assert_eq!(error.to_string(), "parallel \"fails\" > lambda: server error: down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_sibling_in_the_middle_of_a_poll_is_waited_for() {
    let (started, wait) = tokio::sync::oneshot::channel();
    let started = Arc::new(std::sync::Mutex::new(Some(started)));
    // Who is dropped with its siblings says so: until then the busy one stays in its poll.
    let (dropped, stopped) = std::sync::mpsc::channel::<()>();
    let (dropped, stopped) = (std::sync::Mutex::new(Some(dropped)), Arc::new(std::sync::Mutex::new(stopped)));
    let idle = lambda(move |_: Value| {
        let dropped = dropped.lock().unwrap().take();
        async move {
            let _dropped = dropped;
            std::future::pending::<Result<Value>>().await
        }
    });
    let gauge = Gauge::default();
    let busy = {
        let gauge = gauge.clone();
        lambda(move |v: Value| {
            let (gauge, started, stopped) = (gauge.clone(), started.clone(), stopped.clone());
            async move {
                let _inside = gauge.enter();
                if let Some(started) = started.lock().unwrap().take() {
                    let _ = started.send(());
                }
                let _ = stopped.lock().unwrap().recv();
                std::thread::yield_now();
                tokio::task::yield_now().await;
                Ok(v)
            }
        })
        .spawned()
    };
    let wait = Arc::new(tokio::sync::Mutex::new(Some(wait)));
    let fails = lambda(move |_: Value| {
        let wait = wait.clone();
        async move {
            if let Some(wait) = wait.lock().await.take() {
                let _ = wait.await;
            }
            Err::<Value, _>(Error::new(ErrorKind::Server, "down"))
        }
    });
    parallel! { "busy": busy, "fails": fails, "idle": idle }.invoke(1).await.unwrap_err();
    assert_eq!(gauge.now(), 0, "it was in the middle of a poll when its sibling failed");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_that_names_the_branch() {
    std::panic::set_hook(Box::new(|_| {}));
    let gauge = Gauge::default();
    let panel = parallel! { "a": leaf(&gauge, 100), "b": work(&gauge, 1, End::InPanic) };
    for error in [panel.invoke(1).await.unwrap_err(), panel.stream(1).collect().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert_eq!(error.path().next(), Some("parallel \"b\""));
        assert_eq!(error.partial::<String>().map(String::as_str), Some("as told"));
        assert!(!error.to_string().contains("as told"));
        assert_eq!(gauge.now(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_never_wakes_holds_nothing_that_has_a_limit() {
    let hung = || parallel! { "works": common::after(1), "hangs": common::hangs() };
    let outcome = hung().at_least(1).grace(Duration::from_secs(1)).invoke(1).await.unwrap();
    assert_eq!(outcome.absent().collect::<Vec<_>>(), ["hangs"]);
    assert_eq!(first_success([common::hangs().boxed(), common::after(1).boxed()]).invoke(1).await.unwrap(), 1);

    let config = RunConfig::new().timeout(Duration::from_secs(1));
    let error = hung().invoke_with(json!(1), &config).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "parallel \"hangs\" > lambda: deadline exceeded: the run's deadline passed before the step was done"
    );
    let config = RunConfig::new().timeout(Duration::from_secs(1));
    assert_eq!(hung().stream_with(json!(1), &config).collect().await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    let config = RunConfig::new().timeout(Duration::from_secs(1));
    assert_eq!(common::hangs().invoke_with(json!(1), &config).await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
}

#[test]
fn a_clock_without_a_runtime_is_an_error_and_no_panic() {
    use futures::FutureExt;

    let config = RunConfig::new().timeout(Duration::from_secs(1));
    let panel = || parallel! { "hangs": common::hangs(), "works": lambda(async |v: Value| Ok(v)) };
    let failed = [
        panel().invoke_with(json!(1), &config).now_or_never().unwrap().unwrap_err(),
        panel().stream_with(json!(1), &config).collect().now_or_never().unwrap().unwrap_err(),
        panel().at_least(1).grace(Duration::from_secs(1)).invoke(1).now_or_never().unwrap().unwrap_err(),
        common::hangs().spawned().invoke(1).now_or_never().unwrap().unwrap_err(),
        blocking(|v: Value| Ok(v)).invoke(1).now_or_never().unwrap().unwrap_err(),
    ];
    for error in failed {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

/// A fan-out, or what stops a step, by its name.
type Case = (&'static str, BoxRunnable<Value, Value>);

/// Everything that decides while a task of its own keeps its thread.
fn decided_beside(busy: BoxRunnable<Value, Value>, gate: &Gate) -> Vec<Case> {
    let ok = || gate.when_somebody_has_come(true).boxed();
    let fails = || gate.when_somebody_has_come(false).boxed();
    let busy = || busy.clone();
    vec![
        ("race", race([busy(), ok()]).boxed()),
        ("race that fails", race([busy(), fails()]).boxed()),
        ("first success", first_success([busy(), ok()]).boxed()),
        ("quorum", quorum(1, [busy(), ok()]).pipe(async |vote: Vote<Value>| Ok(vote.answer)).boxed()),
        ("parallel", parallel! { "busy": busy(), "fails": fails() }.boxed()),
        ("tuple", (busy(), fails()).pipe(async |(v, _): (Value, Value)| Ok(v)).boxed()),
        ("assign", RunnablePassthrough.assign(parallel! { "busy": busy(), "fails": fails() }).boxed()),
        (
            "at least",
            parallel! { "busy": busy(), "ok": ok() }
                .at_least(1)
                .grace(Duration::from_millis(1))
                .pipe(RunnablePassthrough)
                .boxed(),
        ),
        (
            "required",
            parallel! { "b": busy(), "f": fails() }.settled().require(["f"]).pipe(RunnablePassthrough).boxed(),
        ),
        ("timeout", busy().with_timeout(Duration::from_millis(20)).boxed()),
        ("idle timeout", busy().with_idle_timeout(Duration::from_millis(20)).boxed()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nobody_waits_without_bound_for_a_task_that_keeps_its_thread() {
    let names: Vec<_> = {
        let gate = Gate::default();
        let busy = gate.keeps_its_thread(&Gauge::default()).boxed();
        decided_beside(busy, &gate).into_iter().map(|(name, _)| name).collect()
    };
    for name in names {
        for collected in [false, true] {
            let (gate, gauge) = (Gate::default(), Gauge::default());
            let busy = gate.keeps_its_thread(&gauge).spawned().boxed();
            let chain = decided_beside(busy, &gate).into_iter().find(|(known, _)| *known == name).unwrap().1;
            let run = async {
                match collected {
                    false => chain.invoke(json!({})).await,
                    true => chain.stream(json!({})).collect().await,
                }
            };
            let done = tokio::time::timeout(Duration::from_secs(20), run).await;
            let still_busy = gauge.now();
            gate.open();
            assert!(done.is_ok(), "{name} waits for the task, collected: {collected}");
            assert_eq!(still_busy, 1, "{name}, collected: {collected}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_assign_returns_when_the_task_behind_its_input_is_gone() {
    let gauge = Gauge::default();
    // One object at once; then it works for a second before the next.
    let source = |gauge: &Gauge| {
        let gauge = gauge.clone();
        generator(move |_: Chunks<'_, Value>| {
            let inside = gauge.enter();
            let chunks = futures::stream::iter([0, 1000]).then(move |millis| {
                let _ = &inside;
                async move {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    Ok(json!({ "a": millis }))
                }
            });
            Chunks::new(chunks, Merge::last())
        })
        .spawned()
    };
    let fails_at_once = generator(|objects: Chunks<'_, Value>| {
        objects.map_chunks(|_| Err::<Value, _>(Error::new(ErrorKind::Server, "down")), Merge::last())
    });
    let chain = source(&gauge)
        .pipe(RunnablePassthrough.assign(parallel! { "x": fails_at_once, "y": leaf(&gauge, 5_000).spawned() }));

    chain.invoke(1).await.unwrap_err();
    assert_eq!(gauge.now(), 0, "invoked");
    chain.stream(1).collect().await.unwrap_err();
    assert_eq!(gauge.now(), 0, "collected");

    let began = tokio::time::Instant::now();
    let mut stream = chain.stream(1);
    while stream.next().await.unwrap().is_ok() {}
    assert_eq!(gauge.now(), 0, "chunk by chunk");
    assert!(began.elapsed() < Duration::from_millis(1000), "the source was still at work: {:?}", began.elapsed());
}

/// A task in a task loses a race against what waits until it has begun.
async fn tasks_inside_a_task_are_gone() {
    let gauge = Gauge::default();
    let begun = Arc::new(tokio::sync::Notify::new());
    let hangs = {
        let (gauge, begun) = (gauge.clone(), begun.clone());
        lambda(move |_: Value| {
            let (gauge, begun) = (gauge.clone(), begun.clone());
            async move {
                let _inside = gauge.enter();
                begun.notify_one();
                std::future::pending::<Result<Value>>().await
            }
        })
    };
    let wins = lambda(move |v: Value| {
        let begun = begun.clone();
        async move {
            begun.notified().await;
            Ok(v)
        }
    });
    for (depth, loser) in [(1, hangs.clone().spawned().boxed()), (2, hangs.clone().spawned().spawned().boxed()), {
        let inner = parallel! { "a": hangs.spawned(), "b": common::hangs().spawned() };
        (3, inner.spawned().spawned().boxed())
    }] {
        let race = race([loser, wins.clone().boxed()]);
        race.invoke(1).await.unwrap();
        assert_eq!(gauge.now(), 0, "{depth} deep, invoked");
        race.stream(1).collect().await.unwrap();
        assert_eq!(gauge.now(), 0, "{depth} deep, collected");
        assert!(race.stream(1).next().await.unwrap().is_ok());
        assert_eq!(gauge.now(), 0, "{depth} deep, at the first chunk");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_in_a_task_that_loses_a_race_is_gone_when_the_race_returns() {
    tasks_inside_a_task_are_gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_in_a_task_that_loses_a_race_is_gone_on_several_threads_too() {
    for _ in 0..50 {
        tasks_inside_a_task_are_gone().await;
    }
}
