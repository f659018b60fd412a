//! A deadline holds whatever runs, and a time-out counts from the start of each run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::*;
use common::{Gate, Gauge, after};
use futures::FutureExt;
use serde_json::{Value, json};
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);

/// Sets the clock forward at once, without letting others run.
fn time_passes(time: Duration) {
    let _ = tokio::time::advance(time).now_or_never();
}

/// Has a chunk ready whenever it is asked, while the clock goes on; it ends so late that only a test which fails sees it.
fn always_ready() -> impl Runnable<Input = Value, Output = Value> + Clone {
    generator(|_: Chunks<'_, Value>| {
        let chunks = (0..100_000).map(|n| {
            time_passes(MILLI);
            Ok(json!(n))
        });
        Chunks::new(futures::stream::iter(chunks), Merge::last())
    })
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_always_has_a_chunk_ready_is_over_at_the_deadline() {
    let config = RunConfig::new().timeout(100 * MILLI);
    for chain in [always_ready().boxed(), after(0).pipe(always_ready()).pipe(always_ready()).with_name("n").boxed()] {
        let began = Instant::now();
        for error in [
            chain.invoke_with(1, &config).await.unwrap_err(),
            chain.stream_with(1, &config).collect().await.unwrap_err(),
            chain.batch_with([1, 2], &config).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        }
        let mut stream = chain.stream_with(1, &config);
        let mut chunks = 0;
        let last = loop {
            match stream.next().await.unwrap() {
                Ok(_) => chunks += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(last.kind(), ErrorKind::DeadlineExceeded);
        assert!(chunks <= 100, "{chunks}");
        assert!(stream.next().await.is_none());
        // Five runs, each looked at after 128 chunks in a row at the latest, by each step that collects.
        assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_done_too_late_is_not_done() {
    // It never awaits, so nobody can stop it.
    let busy = || {
        lambda(async |v: Value| {
            time_passes(2_000 * MILLI);
            Ok(v)
        })
    };
    let config = RunConfig::new().timeout(100 * MILLI);
    for chain in [busy().boxed(), busy().spawned().boxed(), busy().spawned().spawned().with_name("n").boxed()] {
        assert_eq!(chain.invoke_with(1, &config).await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(chain.stream_with(1, &config).collect().await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        assert!(chain.stream_with(1, &config).next().await.unwrap().is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_deadline_does_not_wait_for_a_task_that_keeps_its_thread() {
    let (gate, gauge) = (Gate::default(), Gauge::default());
    let step = gate.keeps_its_thread(&gauge).spawned();
    let config = RunConfig::new().timeout(20 * MILLI);
    let runs = async {
        let invoked = step.invoke_with(1, &config).await;
        let streamed = step.stream_with(1, &config).next().await.unwrap();
        [invoked, streamed]
    };
    let (done, still_busy) = (tokio::time::timeout(Duration::from_secs(20), runs).await, gauge.now());
    gate.open();
    for done in done.expect("it waits for the task") {
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(error.path().collect::<Vec<_>>(), ["lambda"]);
    }
    assert_eq!(still_busy, 2);
}

#[tokio::test(start_paused = true)]
async fn a_grace_period_ends_for_a_straggler_that_always_has_a_chunk_ready() {
    let panel =
        parallel! { "quick": RunnablePassthrough, "never rests": always_ready() }.at_least(1).grace(100 * MILLI);
    let began = Instant::now();
    for outcome in [panel.invoke(1).await.unwrap(), panel.stream(1).collect().await.unwrap()] {
        assert_eq!(outcome.successes().collect::<Vec<_>>(), [("quick", &json!(1))]);
        assert_eq!(outcome.get("never rests").unwrap().as_ref().unwrap_err().kind(), ErrorKind::Timeout);
    }
    let mut stream = panel.stream(1);
    let mut last = None;
    while let Some(outcome) = stream.next().await {
        last = Some(outcome.unwrap());
    }
    assert_eq!(last.unwrap().failures().count(), 1, "the last chunk says who was left behind");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_time_out_counts_from_the_start_of_each_run_however_long_it_is_kept() {
    // A chain that was made at start-up, and a configuration that is kept for several calls.
    let brings = Arc::new(after(5).with_config(RunConfig::new().timeout(10 * MILLI)));
    let kept = RunConfig::new().timeout(10 * MILLI);
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(brings.invoke(1).await.unwrap(), 1);
        assert_eq!(brings.stream(1).collect().await.unwrap(), 1);
        assert_eq!(brings.stream(1).next().await.unwrap().unwrap(), 1);
        assert_eq!(brings.batch([1, 2]).await.unwrap(), [1, 2]);
        assert_eq!(brings.clone().stream_owned(1, RunConfig::new()).collect().await.unwrap(), 1);

        assert_eq!(after(5).invoke_with(1, &kept).await.unwrap(), 1);
        assert_eq!(after(5).stream_with(1, &kept).collect().await.unwrap(), 1);
        assert_eq!(after(5).stream_with(1, &kept).next().await.unwrap().unwrap(), 1);
        assert_eq!(after(5).batch_with([1, 2], &kept).await.unwrap(), [1, 2]);
        assert_eq!(Arc::new(after(5)).stream_owned(1, kept.clone()).collect().await.unwrap(), 1);
    }
    for late in [after(11).invoke_with(1, &kept).await, after(11).with_config(kept.clone()).invoke(1).await] {
        assert_eq!(late.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    }
}
