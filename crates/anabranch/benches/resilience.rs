//! What resilience costs where nothing fails: each wrapper over the bare step, ten thousand branches at a limit, limiter
//! and permits under contention, memory per waiting branch.
//!
//! `cargo bench --bench resilience` lists the wrappers and then prints the tables. What is compared is measured in
//! turns in one run, and the median stands in the table: other programs on the machine disturb both sides.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::future::pending;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use anabranch::prelude::*;
use anabranch::{Cost, ServerLimits};
use divan::Bencher;
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

const HOUR: Duration = Duration::from_secs(3600);

/// More requests than any machine makes: nobody waits for the rate.
fn unlimited() -> TokenBucket {
    TokenBucket::new().requests(1_000_000_000_000, Duration::from_secs(1))
}

fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

// -------------------------------------------------------------------------------------------------------------------
// Wrappers

trait Step: Runnable<Input = u64, Output = u64> + Clone + 'static {}

/// Answers at once: what is over its cost is the wrapper's own.
#[derive(Clone)]
struct Ready;

impl Runnable for Ready {
    type Input = u64;
    type Output = u64;

    async fn invoke_with(&self, n: u64, _: &RunConfig) -> Result<u64> {
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

    async fn invoke_with(&self, n: u64, _: &RunConfig) -> Result<u64> {
        yield_once().await;
        Ok(n + 1)
    }
}

impl Step for WaitsOnce {}

type Result<T> = anabranch::Result<T>;

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
    outcome = "outcome", |step: S| step.outcome();
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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

fn wrappers() {
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
        row("  to compare: 64 bytes, allocated and freed", || {}, || drop(black_box(Box::new([1_u64; 8])))),
    ] {
        println!("{:<52}{:>9.1} ns{:>6}", row.title, row.nanos, row.allocations);
    }
}

// -------------------------------------------------------------------------------------------------------------------
// Ten thousand branches

const BRANCHES: u64 = 10_000;
const AT_ONCE: usize = 64;

async fn sleep() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn sleeper() -> impl Runnable<Input = u64, Output = u64> + Clone {
    lambda(async |n: u64| {
        sleep().await;
        Ok(n)
    })
}

fn limited_sleeper() -> impl Runnable<Input = u64, Output = u64> + Clone {
    lambda(async |n: u64| {
        sleep().await;
        Ok(n)
    })
    .limited()
}

fn fan_out(
    branches: u64,
    step: impl Runnable<Input = u64, Output = impl anabranch::ToJson> + Clone + 'static,
) -> RunnableParallel<u64> {
    (0..branches).fold(RunnableParallel::new(), |map, index| map.branch(index.to_string(), step.clone()))
}

type Case<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// Medians of the wall time of each, in turns.
fn wall_times(runtime: &Runtime, cases: &[Case<'_>], rounds: usize) -> Vec<f64> {
    let _entered = runtime.enter();
    let mut took = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((_, case), took) in cases.iter().zip(&mut took) {
            let start = Instant::now();
            case();
            took.push(start.elapsed().as_secs_f64());
        }
    }
    took.into_iter().map(median).collect()
}

fn branches() {
    let runtime = one_thread();
    let (none, run) = (RunConfig::empty(), RunConfig::new().max_concurrency(AT_ONCE));
    let (bounded, limited) =
        (fan_out(BRANCHES, sleeper()).max_concurrency(AT_ONCE), fan_out(BRANCHES, limited_sleeper()));
    let nested = fan_out(100, fan_out(100, limited_sleeper()));
    let done = |map: &RunnableParallel<u64>, config: &RunConfig| {
        let made = runtime.block_on(map.invoke_with(1, config)).unwrap();
        black_box(made.as_object().unwrap().len());
    };
    let batched = |step: &dyn Fn() -> anabranch::BoxRunnable<u64, u64>| {
        assert_eq!(runtime.block_on(step().batch_with(0..BRANCHES, &run)).unwrap().len(), BRANCHES as usize);
    };
    let cases: [Case<'_>; 7] = [
        (
            "157 sleeps of 1 ms, one after the other",
            Box::new(|| {
                runtime.block_on(async {
                    for _ in 0..BRANCHES.div_ceil(AT_ONCE as u64) {
                        sleep().await;
                    }
                });
            }),
        ),
        (
            "by hand: buffer_unordered(64)",
            Box::new(|| {
                let all = futures::stream::iter(0..BRANCHES).map(async |_| sleep().await).buffer_unordered(AT_ONCE);
                assert_eq!(runtime.block_on(all.count()), BRANCHES as usize);
            }),
        ),
        (
            "by hand: tasks and a Semaphore",
            Box::new(|| {
                runtime.block_on(async {
                    let places = Arc::new(Semaphore::new(AT_ONCE));
                    let tasks: Vec<_> = (0..BRANCHES)
                        .map(|_| {
                            let places = places.clone();
                            tokio::spawn(async move {
                                let _place = places.acquire().await.unwrap();
                                sleep().await;
                            })
                        })
                        .collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                });
            }),
        ),
        ("a parallel with max_concurrency(64)", Box::new(|| done(&bounded, none))),
        ("leaf work that takes a permit of the run's 64", Box::new(|| done(&limited, &run))),
        ("the same, 100 fan-outs of 100 nested", Box::new(|| done(&nested, &run))),
        ("a batch, leaf work that takes a permit", Box::new(|| batched(&|| limited_sleeper().boxed()))),
    ];
    let took = wall_times(&runtime, &cases, 9);
    println!("\n{:<52}{:>12}{:>12}", "10,000 branches that sleep 1 ms, 64 at once", "wall time", "ratio");
    for ((title, _), took_here) in cases.iter().zip(&took) {
        println!("{title:<52}{:>9.1} ms{:>11.2}x", took_here * 1e3, took_here / took[1]);
    }
    println!("{:<52}{:>9.1} ms", "on paper: 10,000 / 64 x 1 ms", BRANCHES as f64 / AT_ONCE as f64);
}

// -------------------------------------------------------------------------------------------------------------------
// Contention

const ACQUISITIONS: usize = 200_000;

/// Acquisitions per second of so many tasks together, from the first to the last.
fn throughput<Fut>(runtime: &Runtime, tasks: usize, once: impl Fn() -> Fut + Clone + Send + 'static) -> f64
where
    Fut: Future<Output = ()> + Send,
{
    let each = ACQUISITIONS / tasks;
    let spans = runtime.block_on(async {
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                let once = once.clone();
                tokio::spawn(async move {
                    once().await;
                    let first = Instant::now();
                    for _ in 1..each {
                        once().await;
                    }
                    (first, Instant::now())
                })
            })
            .collect();
        futures::future::join_all(running).await
    });
    let spans: Vec<_> = spans.into_iter().map(|span| span.unwrap()).collect();
    let first = spans.iter().map(|span| span.0).min().unwrap();
    let last = spans.iter().map(|span| span.1).max().unwrap();
    (each * tasks) as f64 / (last - first).as_secs_f64()
}

async fn reached(limiter: &TokenBucket) {
    // As `with_rate_limiter` does it.
    if !limiter.try_acquire(Cost::REQUEST) {
        limiter.acquire(Cost::REQUEST, None).await.unwrap();
    }
}

fn contention() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let free_limiter = |tasks| {
        let limiter = unlimited();
        throughput(&runtime, tasks, move || {
            let limiter = limiter.clone();
            async move { reached(&limiter).await }
        })
    };
    let queued_limiter = |tasks| {
        let limiter = unlimited();
        // All stand in the queue before the first is let through, and join it again behind the others.
        limiter.update(&ServerLimits::new().retry_after(Duration::from_millis(20)));
        throughput(&runtime, tasks, move || {
            let limiter = limiter.clone();
            async move { reached(&limiter).await }
        })
    };
    let permits = |tasks, limit, held: bool| {
        let config = RunConfig::new().max_concurrency(limit);
        throughput(&runtime, tasks, move || {
            let config = config.clone();
            async move {
                let _place = config.permit().await;
                if held {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let semaphore = |tasks, limit| {
        let places = Arc::new(Semaphore::new(limit));
        throughput(&runtime, tasks, move || {
            let places = places.clone();
            async move {
                let _place = places.acquire_owned().await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    let cases: [(&str, &dyn Fn(usize) -> f64); 6] = [
        ("limiter, no queue", &free_limiter),
        ("limiter, through the queue", &queued_limiter),
        ("permits, 64, given back at once", &|tasks| permits(tasks, 64, false)),
        ("permits, 64, held over a yield", &|tasks| permits(tasks, 64, true)),
        ("permits, 1, held over a yield", &|tasks| permits(tasks, 1, true)),
        ("  by hand: Semaphore, 64, held over a yield", &|tasks| semaphore(tasks, 64)),
    ];
    let tasks = [1, 10, 100, 1_000];
    let mut measured = vec![vec![Vec::new(); tasks.len()]; cases.len()];
    for _ in 0..9 {
        for ((_, case), row) in cases.iter().zip(&mut measured) {
            for (tasks, cell) in tasks.iter().zip(row) {
                cell.push(case(*tasks));
            }
        }
    }
    println!("\n{:<52}{:>9}{:>9}{:>9}{:>9}", "million acquisitions a second, 2 workers; tasks", 1, 10, 100, "1,000");
    for ((title, _), row) in cases.iter().zip(measured) {
        print!("{title:<52}");
        row.into_iter().for_each(|cell| print!("{:>9.2}", median(cell) / 1e6));
        println!();
    }
}

// -------------------------------------------------------------------------------------------------------------------
// Memory

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) {
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// Bytes and blocks that one more of them holds: the slope between many and more.
fn each_holds(hold: impl Fn(usize, &mut dyn FnMut(&mut dyn FnMut()))) -> (f64, f64) {
    let (few, many) = (1_100, 11_100);
    let held = |count| {
        let mut held = AllocationInfo::default();
        // The closure holds them when it returns; what drops them is not counted.
        hold(count, &mut |work| held = measure(work));
        held
    };
    let (less, more) = (held(few), held(many));
    let per = (many - few) as f64;
    ((more.bytes_current - less.bytes_current) as f64 / per, (more.count_current - less.count_current) as f64 / per)
}

/// Futures that are polled once and kept.
fn waiting<Fut: Future + ?Sized>(
    count: usize,
    make: impl Fn() -> Pin<Box<Fut>>,
    counted: &mut dyn FnMut(&mut dyn FnMut()),
) {
    let mut kept = Vec::with_capacity(count);
    counted(&mut || {
        for _ in 0..count {
            let mut future = make();
            poll_once(future.as_mut());
            kept.push(future);
        }
    });
}

fn memory() {
    let runtime = one_thread();
    let _entered = runtime.enter();
    let hangs = || lambda(async |_: u64| pending::<Result<u64>>().await);
    let in_parallel = |limit: usize| {
        each_holds(|count, counted| {
            let map = fan_out(count as u64, hangs()).max_concurrency(limit);
            let mut running = None;
            counted(&mut || poll_once(running.insert(Box::pin(map.invoke(1_u64))).as_mut()));
        })
    };
    let in_batch = |limit: usize| {
        let run = RunConfig::new().max_concurrency(limit);
        each_holds(|count, counted| {
            let step = hangs();
            let mut running = None;
            counted(&mut || poll_once(running.insert(Box::pin(step.batch_with(0..count as u64, &run))).as_mut()));
        })
    };
    let paused = || {
        let limiter = unlimited();
        limiter.update(&ServerLimits::new().retry_after(HOUR));
        limiter
    };
    let rows = [
        ("a branch of a parallel that waits, max_concurrency(64)", in_parallel(AT_ONCE)),
        ("a branch of a parallel under way", in_parallel(usize::MAX)),
        ("an element of a batch that waits, max_concurrency(64)", in_batch(AT_ONCE)),
        ("an element of a batch under way", in_batch(usize::MAX)),
        ("a call that waits for one of the run's 64 permits", {
            let (step, run) = (hangs().limited(), RunConfig::new().max_concurrency(AT_ONCE));
            each_holds(|count, counted| waiting(count, || Box::pin(run.run(&step, 1)), counted))
        }),
        ("a turn in the limiter's queue", {
            each_holds(|count, counted| {
                let limiter = paused();
                waiting(count, || limiter.acquire(Cost::REQUEST, None), counted);
            })
        }),
        ("a call with_rate_limiter that waits for its turn", {
            each_holds(|count, counted| {
                let step = hangs().with_rate_limiter(paused());
                waiting(count, || Box::pin(step.invoke(1_u64)), counted);
            })
        }),
        ("  by hand: a task that waits for a Semaphore", {
            each_holds(|count, counted| {
                let places = Arc::new(Semaphore::new(0));
                let runtime = one_thread();
                counted(&mut || {
                    runtime.block_on(async {
                        for _ in 0..count {
                            let places = places.clone();
                            drop(tokio::spawn(async move { drop(places.acquire().await) }));
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    });
                });
            })
        }),
    ];
    println!("\n{:<58}{:>8}{:>8}", "memory of one more", "bytes", "blocks");
    for (title, (bytes, blocks)) in rows {
        println!("{title:<58}{bytes:>8.0}{blocks:>8.2}");
    }
}

fn main() {
    divan::main();
    // `--test` and filters ask for less.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        wrappers();
        branches();
        contention();
        memory();
    }
}
