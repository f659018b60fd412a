//! What one more branch holds while it waits.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use anabranch::prelude::*;
use anabranch::{Cost, RateLimiter, Result, ServerLimits};
use tokio::sync::Semaphore;

use super::{AT_ONCE, HOUR, fan_out, one_thread, unlimited};

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

pub(super) fn table() {
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
