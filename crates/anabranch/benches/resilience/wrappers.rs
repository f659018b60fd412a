//! Each wrapper over the bare step, on the path without failure.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use allocation_counter::measure;
use anabranch::Result;
use anabranch::prelude::*;
use divan::Bencher;
use tokio::runtime::{Handle, Runtime};

use super::{AT_ONCE, HOUR, median, one_thread, unlimited};

trait Step: Runnable<Input = u64, Output = u64> + Clone + 'static {}

/// Answers at once: what is over its cost is the wrapper's own.
#[derive(Clone)]
struct Ready;

impl Runnable for Ready {
    type Input = u64;
    type Output = u64;

    async fn call(&self, n: u64, _: &RunConfig) -> Result<u64> {
        Ok(n + 1)
    }
}

impl Step for Ready {}

/// Must be polled twice, as all that talks to a server: a wrapper with a timer needs it now.
#[derive(Clone)]
struct WaitsOnce;

impl Runnable for WaitsOnce {
    type Input = u64;
    type Output = u64;

    async fn call(&self, n: u64, _: &RunConfig) -> Result<u64> {
        yield_once().await;
        Ok(n + 1)
    }
}

impl Step for WaitsOnce {}

async fn yield_once() {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls until it is done, without a runtime's own cost.
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
    }
}

fn call<R: Runnable<Input = u64>>(step: &R, config: &RunConfig) {
    drop(black_box(drive(config.run(step, black_box(1)))));
}

fn parallel<S: Step>(step: &S) -> RunnableParallel<u64> {
    RunnableParallel::new().branch("a", step.clone()).branch("b", step.clone()).branch("c", step.clone())
}

fn tagged() -> RunConfig {
    RunConfig::new().tag("a tag")
}

/// One list: the functions, the listing and the rows of the table.
macro_rules! wrappers {
    ($($name:ident = $title:literal, $wrap:expr;)*) => {
        mod wrap {
            use super::*;

            $(pub(super) fn $name<S: Step>(step: S) -> impl Runnable<Input = u64> {
                let wrap = $wrap;
                wrap(step)
            })*
        }

        mod invoke {
            use super::*;

            $(#[divan::bench]
            fn $name(bencher: Bencher<'_, '_>) {
                let (wrapped, none) = (wrap::$name(Ready), RunConfig::empty());
                bencher.bench_local(|| call(&wrapped, none));
            })*
        }

        fn wrapper_rows<S: Step>(step: S) -> Vec<Row> {
            let none = RunConfig::empty();
            vec![$({
                let wrapped = wrap::$name(step.clone());
                row($title, || call(&step, none), || call(&wrapped, none))
            }),*]
        }
    };
}

wrappers! {
    with_name = "with_name", |step: S| step.with_name("named");
    with_config_empty = "with_config, empty", |step: S| step.with_config(RunConfig::new());
    with_config = "with_config, a tag", |step: S| step.with_config(tagged());
    outcome = "outcome", |step: S| step.result();
    boxed = "boxed", |step: S| step.boxed();
    with_retry = "with_retry", |step: S| step.with_retry(Retry::attempts(3));
    with_fallback = "with_fallback", |step: S| { let other = step.clone(); step.with_fallback(other) };
    with_circuit_breaker = "with_circuit_breaker", |step: S| step.with_circuit_breaker(CircuitBreaker::new());
    with_timeout = "with_timeout", |step: S| step.with_timeout(HOUR);
    with_idle_timeout = "with_idle_timeout", |step: S| step.with_idle_timeout(HOUR);
    with_rate_limiter = "with_rate_limiter", |step: S| step.with_rate_limiter(unlimited());
    hedged = "hedged, fixed", |step: S| step.hedged(HOUR);
    hedged_percentile = "hedged, percentile", |step: S| step.hedged(Hedge::percentile(0.95));
    all_of_them = "rate limiter, timeout, breaker, retry, fallback", |step: S| {
        let other = step.clone();
        step.with_rate_limiter(unlimited())
            .with_timeout(HOUR)
            .with_circuit_breaker(CircuitBreaker::new())
            .with_retry(Retry::attempts(3))
            .with_fallback(other)
    };
}

#[divan::bench]
fn bare(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| call(&Ready, RunConfig::empty()));
}

struct Row {
    title: &'static str,
    nanos: f64,
    allocations: i64,
}

/// Nanoseconds and allocations of one thing over another.
fn row(title: &'static str, mut bare: impl FnMut(), mut wrapped: impl FnMut()) -> Row {
    fn allocations(work: &mut impl FnMut()) -> i64 {
        // The fewest of a few: some things allocate once, or once in a while.
        (0..50).map(|_| measure(&mut *work).count_total as i64).min().unwrap_or(0)
    }
    let allocations = allocations(&mut wrapped) - allocations(&mut bare);
    Row { title, nanos: difference(bare, wrapped), allocations }
}

/// Many short turns, so that most of them are undisturbed.
fn difference(mut bare: impl FnMut(), mut wrapped: impl FnMut()) -> f64 {
    fn time(work: &mut impl FnMut(), runs: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..runs {
            work();
        }
        start.elapsed().as_nanos() as f64 / f64::from(runs)
    }
    let once = time(&mut wrapped, 200).max(1.0);
    let runs = (50_000.0 / once).clamp(1.0, 2_000.0) as u32;
    let rounds = (0..1_001).map(|round| {
        if round % 2 == 0 {
            let bare = time(&mut bare, runs);
            time(&mut wrapped, runs) - bare
        } else {
            let wrapped = time(&mut wrapped, runs);
            wrapped - time(&mut bare, runs)
        }
    });
    median(rounds.collect())
}

/// What cannot be a line of the list: its bare side is another, or it needs a runtime that runs.
fn more_rows<S: Step>(step: S, runtime: &Runtime) -> Vec<Row> {
    let (none, tag) = (RunConfig::empty(), RunConfig::new().tag("of the run"));
    let (deadline, run) = (RunConfig::new().timeout(HOUR), RunConfig::new().max_concurrency(AT_ONCE));
    let leaf = {
        let step = step.clone();
        lambda(move |n| {
            let step = step.clone();
            async move { RunConfig::empty().run(&step, n).await }
        })
    };
    let limited = leaf.clone().limited();
    let bound = step.clone().with_config(tagged());
    let (fan_out, settled, at_least) =
        (parallel(&step), parallel(&step).settled(), parallel(&step).at_least(2).grace(HOUR));
    let spawned = step.clone().spawned();
    // A task must be run by its runtime, and by this thread, which counts.
    let bare_there = || drop(black_box(runtime.block_on(none.run(&step, black_box(1)))));
    vec![
        row("with_config, a tag, in a run with another", || call(&step, &tag), || call(&bound, &tag)),
        row("a permit of the run", || call(&leaf, &run), || call(&limited, &run)),
        row("a run with a deadline", || call(&step, none), || call(&step, &deadline)),
        row("settled, 3 branches, over parallel", || call(&fan_out, none), || call(&settled, none)),
        row("at_least, grace, 3 branches, over parallel", || call(&fan_out, none), || call(&at_least, none)),
        row("spawned, one thread", bare_there, || {
            drop(black_box(runtime.block_on(none.run(&spawned, black_box(1)))));
        }),
        row("  by hand: tokio::spawn", bare_there, || {
            let step = step.clone();
            let task = async { tokio::spawn(async move { step.invoke(black_box(1_u64)).await }).await };
            drop(black_box(runtime.block_on(task)));
        }),
        row(
            "  by hand: tokio::time::timeout",
            || call(&step, none),
            || {
                // Made inside, as `with_timeout` makes its own.
                drop(black_box(drive(async { tokio::time::timeout(HOUR, none.run(&step, black_box(1))).await })));
            },
        ),
    ]
}

pub(super) fn table() {
    let runtime = one_thread();
    let rows = |ready: Vec<Row>, waits: Vec<Row>| {
        for (ready, waits) in ready.into_iter().zip(waits) {
            println!(
                "{:<52}{:>9.1} ns{:>6}{:>14.1} ns{:>6}",
                ready.title, ready.nanos, ready.allocations, waits.nanos, waits.allocations
            );
        }
    };
    println!(
        "\n{:<52}{:>12}{:>6}{:>17}{:>6}",
        "over the bare step, per invoke", "ready", "alloc", "waits once", "alloc"
    );
    let _entered = runtime.enter();
    rows(wrapper_rows(Ready), wrapper_rows(WaitsOnce));
    rows(more_rows(Ready, &runtime), more_rows(WaitsOnce, &runtime));
    let mutex = std::sync::Mutex::new(0_u64);
    for row in [
        row("  to compare: the clock, read once", || {}, || _ = black_box(Instant::now())),
        row("  to compare: an uncontended mutex, locked once", || {}, || *black_box(&mutex).lock().unwrap() += 1),
        row("  to compare: asked whether there is a runtime", || {}, || drop(black_box(Handle::try_current()))),
        row("  to compare: 64 bytes, allocated and freed", || {}, || drop(black_box(Box::new([1_u64; 8])))),
    ] {
        println!("{:<52}{:>9.1} ns{:>6}", row.title, row.nanos, row.allocations);
    }
}
