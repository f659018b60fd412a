//! BAT: batches and limits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch::Error;
use anabranch::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{failure, pause};

type Seen = Arc<Mutex<Vec<String>>>;

/// Adds an `a`, after a while; fails for inputs that begin so.
fn stage(fails_for: &'static str, seen: &Seen) -> impl Runnable<Input = String, Output = String> + use<> {
    let seen = seen.clone();
    lambda(move |text: String| {
        seen.lock().unwrap().push(text.clone());
        async move {
            pause(10).await;
            if text.starts_with(fails_for) { Err(failure(fails_for)) } else { Ok(text + "a") }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn each_element_has_its_own_outcome() {
    let seen: [Seen; 4] = Default::default();
    let chain =
        stage("never", &seen[0]).pipe(stage("bar", &seen[1])).pipe(stage("baz", &seen[2])).pipe(stage("foo", &seen[3]));
    // BAT-01
    let done = chain.batch_settled(["foo", "bar", "baz", "qux"]).await;
    let shown: Vec<_> = done.iter().map(|done| done.as_ref().map_err(Error::message).map(String::as_str)).collect();
    assert_eq!(shown, [Err("foo"), Err("bar"), Err("baz"), Ok("quxaaaa")]);
    assert_eq!(seen.each_ref().map(|seen| seen.lock().unwrap().len()), [4, 4, 3, 2]);
    // BAT-02: the first in time, which is that of the earliest step.
    let error = chain.batch(["foo", "bar", "baz", "qux"]).await.unwrap_err();
    assert_eq!(error.message(), "bar");
    assert_eq!(error.path().next(), Some("batch 1"));
    // BAT-05
    let before = seen[0].lock().unwrap().len();
    assert_eq!(chain.batch(Vec::<String>::new()).await.unwrap(), Vec::<String>::new());
    assert_eq!(seen[0].lock().unwrap().len(), before);
}

/// How many are at work, and the most there ever were.
#[derive(Default, Clone)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    async fn work(&self, milliseconds: u64) {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        let _gone = Gone(self.clone());
        pause(milliseconds).await;
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }
}

struct Gone(Gauge);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A limited call: it takes a permit of the run.
fn work(gauge: &Gauge) -> impl Runnable<Input = Value, Output = Value> + use<> {
    let gauge = gauge.clone();
    lambda(move |input: Value| {
        let gauge = gauge.clone();
        async move {
            gauge.work(100).await;
            Ok(input)
        }
    })
    .limited()
}

#[tokio::test(start_paused = true)]
async fn limits_hold() {
    let inputs = || (0..10).map(|n| json!(n));
    // BAT-03
    let gauge = Gauge::default();
    let three = RunConfig::new().max_concurrency(3);
    assert_eq!(work(&gauge).batch_with(inputs(), &three).await.unwrap(), inputs().collect::<Vec<_>>());
    assert_eq!(gauge.most(), 3);

    // BAT-04
    let gauge = Gauge::default();
    let step = work(&gauge);
    let mut indices: Vec<usize> = Vec::new();
    let mut arriving = step.batch_as_completed_with(inputs(), &three);
    while let Some((index, done)) = arriving.next().await {
        done.unwrap();
        indices.push(index);
    }
    indices.sort_unstable();
    assert_eq!(indices, (0..10).collect::<Vec<_>>());
    assert_eq!(gauge.most(), 3);

    // BAT-06 D, BAT-07 D: one limit over the run, however it nests.
    let panel = |gauge: &Gauge| {
        let mut panel = RunnableParallel::new();
        for branch in 0..6 {
            panel = panel.branch(format!("{branch}"), work(gauge));
        }
        panel
    };
    for inputs in [1, 4] {
        let gauge = Gauge::default();
        let two = RunConfig::new().max_concurrency(2);
        let done = panel(&gauge).batch_with((0..inputs).map(|n| json!(n)), &two).await.unwrap();
        assert_eq!((done.len(), gauge.most()), (inputs, 2));
    }
    // Its own limit, without one for the run.
    let gauge = Gauge::default();
    panel(&gauge).max_concurrency(2).invoke(0).await.unwrap();
    assert_eq!(gauge.most(), 2);
}

#[tokio::test(start_paused = true)]
async fn elements_do_not_wait_for_each_other() {
    // BAT-08 D
    let slow_for = |which: u64| {
        lambda(move |n: u64| async move {
            pause(if n == which { 300 } else { 10 }).await;
            Ok(n)
        })
    };
    let chain = slow_for(0) | slow_for(1);
    let began = Instant::now();
    assert_eq!(chain.batch([0_u64, 1]).await.unwrap(), [0, 1]);
    assert_eq!(began.elapsed(), Duration::from_millis(310));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_batch_is_gone() {
    let gauge = Gauge::default();
    let step = work(&gauge);
    // BAT-09 D: whoever cancels gets no values, since there is nobody to get them.
    let stopped = tokio::time::timeout(Duration::from_millis(50), step.batch_settled((0..5).map(|n| json!(n)))).await;
    assert!(stopped.is_err());
    assert_eq!((gauge.most(), gauge.now()), (5, 0));

    // BAT-10 D
    let two = RunConfig::new().max_concurrency(2);
    let mut arriving = step.batch_as_completed_with((0..5).map(|n| json!(n)), &two);
    arriving.next().await.unwrap().1.unwrap();
    drop(arriving);
    assert_eq!(gauge.now(), 0);
}
