use futures_util::{FutureExt, TryStreamExt};

use super::*;
use crate::RunnableExt;
use crate::{ErrorKind, Merge, generator, lambda};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    running: AtomicUsize,
}

struct Running(Arc<Seen>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The n-th call takes the n-th time and gives n, or fails where the time is negative.
fn calls(times: &'static [i64]) -> (impl Runnable<Input = (), Output = usize>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let counter = seen.clone();
    let step = lambda(move |()| {
        let call = counter.calls.fetch_add(1, Ordering::Relaxed);
        counter.running.fetch_add(1, Ordering::Relaxed);
        let running = Running(counter.clone());
        async move {
            let _running = running;
            let time = times[call % times.len()];
            tokio::time::sleep(Duration::from_secs(time.unsigned_abs())).await;
            if time < 0 { Err(Error::new(ErrorKind::Server, format!("call {call}"))) } else { Ok(call) }
        }
    });
    (step, seen)
}

#[tokio::test(start_paused = true)]
async fn a_fast_answer_is_not_hedged() {
    let (step, seen) = calls(&[1]);
    let step = step.hedged(2 * SECOND);
    assert_eq!(step.invoke(()).await.unwrap(), 0);
    assert_eq!(step.stream(()).collect().await.unwrap(), 1);
    assert_eq!(seen.calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_success_wins_and_the_other_is_gone() {
    const CASES: [(&[i64], usize, u32); 4] = [(&[60, 1], 1, 3), (&[5, 60], 0, 5), (&[5, -1], 0, 5), (&[-3, 9], 1, 11)];
    for (times, winner, after) in CASES {
        let (step, seen) = calls(times);
        let began = Instant::now();
        assert_eq!(step.hedged(2 * SECOND).invoke(()).await.unwrap(), winner);
        assert_eq!(began.elapsed(), after * SECOND);
        assert_eq!(seen.running.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_loser_on_a_task_of_its_own_is_gone_too() {
    let (step, seen) = calls(&[60, 1]);
    let step = step.boxed().spawned().hedged(SECOND);
    assert_eq!(step.invoke(()).await.unwrap(), 1);
    assert_eq!(seen.running.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_in_the_order_of_the_attempts() {
    for times in [&[-9, -1], &[-3, -9]] {
        let (step, _) = calls(times);
        let error = step.hedged(2 * SECOND).invoke(()).await.unwrap_err();
        assert_eq!(error.to_string(), "lambda: server error: call 0 (after 2 attempts) (and 1 more failure)");
        assert_eq!(error.related()[0].message(), "call 1");
    }
    let (step, seen) = calls(&[-1]);
    assert_eq!(step.hedged(2 * SECOND).invoke(()).await.unwrap_err().attempts().len(), 0);
    assert_eq!(seen.calls.load(Ordering::Relaxed), 1, "an early failure is passed on");
}

#[tokio::test(start_paused = true)]
async fn the_budget_bounds_second_attempts() {
    let (step, seen) = calls(&[5]);
    let budget = RetryBudget::new().reserve(1).share(0.0).per_second(0.0);
    let step = step.hedged(Hedge::after(SECOND).budget(&budget));
    for _ in 0..3 {
        step.invoke(()).await.unwrap();
    }
    assert_eq!(seen.calls.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_percentile_needs_samples() {
    let (step, seen) = calls(&[1]);
    let step = step.hedged(Hedge::percentile(0.9).min_samples(5));
    for _ in 0..20 {
        step.invoke(()).await.unwrap();
    }
    assert_eq!(seen.calls.load(Ordering::Relaxed), 20, "none is slower than the others");

    let slow_at_last = calls(&[1, 1, 1, 1, 1, 60, 2]);
    let step = slow_at_last.0.hedged(Hedge::percentile(0.9).min_samples(5));
    for _ in 0..5 {
        step.invoke(()).await.unwrap();
    }
    let began = Instant::now();
    assert_eq!(step.invoke(()).await.unwrap(), 6);
    assert_eq!(began.elapsed(), 3 * SECOND);
}

#[test]
fn the_percentile_is_that_of_the_last_calls() {
    let latencies = Latencies::default();
    let record = |times: std::ops::RangeInclusive<u64>| {
        times.for_each(|time| latencies.record(Duration::from_millis(time), 0.5, 20));
    };
    record(1..=19);
    assert_eq!(latencies.percentile(), None);
    record(20..=20);
    assert_eq!(latencies.percentile(), Some(Duration::from_millis(11)));
    record(21..=35);
    assert_eq!(latencies.percentile(), Some(Duration::from_millis(11)), "looked for again after 16 calls");
    record(36..=36);
    assert_eq!(latencies.percentile(), Some(Duration::from_millis(19)));
    record(1_001..=1_272);
    assert_eq!(latencies.percentile(), Some(Duration::from_millis(1_209)), "of 1,145 to 1,272");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_hedged_until_its_first_chunk() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    // The first waits long before its first chunk, the second before its second.
    let step = generator(move |_: Chunks<'_, ()>| {
        let call = counter.fetch_add(1, Ordering::Relaxed);
        let pauses = if call == 0 { [60, 0] } else { [1, 60] };
        let chunks = futures_util::stream::iter(pauses);
        let chunks = futures_util::StreamExt::then(chunks, move |pause| async move {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            Ok(call.to_string())
        });
        Chunks::new(chunks, Merge::append())
    });
    let step = step.hedged(2 * SECOND);
    let began = Instant::now();
    let mut stream = step.stream(());
    assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("1"));
    assert_eq!(began.elapsed(), 3 * SECOND);
    assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("1"));
    assert_eq!(stream.try_next().await.unwrap(), None);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_it_leaves_nothing() {
    let (step, seen) = calls(&[60, 60]);
    let step = step.hedged(SECOND);
    let mut running = Box::pin(step.invoke(()));
    assert!(running.as_mut().now_or_never().is_none());
    tokio::time::advance(2 * SECOND).await;
    assert!(running.as_mut().now_or_never().is_none());
    assert_eq!(seen.running.load(Ordering::Relaxed), 2);
    drop(running);
    assert_eq!(seen.running.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_hedged_are_remembered_too() {
    // Five fast ones; sixteen where the second attempt answers, after 3 s in all; then one of 2 s.
    let times = [vec![1; 5], [60, 2].repeat(16), vec![2]].concat();
    let (step, seen) = calls(Vec::leak(times));
    let step = step.hedged(Hedge::percentile(0.5).min_samples(5).budget(&RetryBudget::new().reserve(100)));
    for _ in 0..5 + 16 {
        step.invoke(()).await.unwrap();
    }
    assert_eq!(seen.calls.load(Ordering::Relaxed), 5 + 2 * 16);
    step.invoke(()).await.unwrap();
    assert_eq!(seen.calls.load(Ordering::Relaxed), 5 + 2 * 16 + 1, "by now 3 s are usual");
}
