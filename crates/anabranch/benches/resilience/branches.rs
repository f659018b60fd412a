//! Ten thousand branches, sixty-four at once.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anabranch::prelude::*;
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::{AT_ONCE, fan_out, median, one_thread};

const BRANCHES: u64 = 10_000;

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

pub(super) fn table() {
    let runtime = one_thread();
    let (none, run) = (RunConfig::empty(), RunConfig::new().max_concurrency(AT_ONCE));
    let (bounded, limited) =
        (fan_out(BRANCHES, sleeper()).max_concurrency(AT_ONCE), fan_out(BRANCHES, limited_sleeper()));
    let nested = fan_out(100, fan_out(100, limited_sleeper()));
    let done = |map: &RunnableParallel<u64>, config: &RunConfig| {
        let made = runtime.block_on(map.invoke_with(1_u64, config)).unwrap();
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
