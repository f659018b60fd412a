//! Limiter and permits, wanted by many tasks at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anabranch::prelude::*;
use anabranch::{Cost, RateLimiter, ServerLimits};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::{median, unlimited};

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

pub(super) fn table() {
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
