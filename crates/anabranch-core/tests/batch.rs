//! Batches and the run's concurrency limit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::*;
use common::{Gauge, leaf};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

fn times_ten(gauge: &Gauge) -> impl Runnable<Input = i64, Output = i64> + use<> {
    let gauge = gauge.clone();
    lambda(move |n: i64| {
        let gauge = gauge.clone();
        async move {
            let _inside = gauge.enter();
            // Later elements are done earlier.
            sleep(Duration::from_millis(100 - n as u64)).await;
            if n == 7 { Err(Error::new(ErrorKind::Server, "seven")) } else { Ok(n * 10) }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn results_come_in_input_order_and_the_limit_holds() {
    let gauge = Gauge::default();
    let step = times_ten(&gauge);
    let three = RunConfig::new().max_concurrency(3);
    assert_eq!(step.batch_with(0..7_i64, &three).await.unwrap(), [0, 10, 20, 30, 40, 50, 60]);
    assert_eq!(gauge.most(), 3);
    assert_eq!(step.batch(Vec::<i64>::new()).await.unwrap(), Vec::<i64>::new());
    assert!(step.batch_settled(Vec::<i64>::new()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_failure_stops_the_rest() {
    let gauge = Gauge::default();
    let step = times_ten(&gauge);
    let error = step.batch(vec![1, 7, 2]).await.unwrap_err();
    assert_eq!(error.to_string(), "batch 1 > lambda: server error: seven");
    assert_eq!(gauge.now(), 0);
    let three = RunConfig::new().max_concurrency(1);
    step.batch_with(vec![7, 1, 2], &three).await.unwrap_err();
    assert_eq!(gauge.total(), 4, "nothing was started after the failure");
}

#[tokio::test]
async fn elements_that_never_wait_let_other_tasks_have_their_turn() {
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let step = lambda(async |n: i64| Ok(n));
    step.batch_with(0..10_000_i64, &RunConfig::new().max_concurrency(4)).await.unwrap();
    assert!(turns.load(Ordering::SeqCst) >= 10, "{turns:?}");
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn settled_has_every_outcome_at_its_place() {
    let gauge = Gauge::default();
    let outcomes = times_ten(&gauge).batch_settled_with(vec![1, 7, 2], &RunConfig::new().max_concurrency(2)).await;
    assert_eq!(outcomes.iter().map(|done| done.as_ref().ok().copied()).collect::<Vec<_>>(), [Some(10), None, Some(20)]);
    assert_eq!(outcomes[1].as_ref().unwrap_err().path().next(), Some("batch 1"));
}

#[tokio::test(start_paused = true)]
async fn as_completed_gives_every_index_once_and_goes_on_after_a_failure() {
    let gauge = Gauge::default();
    let step = times_ten(&gauge);
    let order: Vec<_> = step
        .batch_as_completed(vec![1, 7, 2])
        .map(|(index, done)| (index, done.map_err(|e| e.to_string())))
        .collect()
        .await;
    assert_eq!(order, [(1, Err("batch 1 > lambda: server error: seven".to_string())), (2, Ok(20)), (0, Ok(10))]);
    let mut stopped = step.batch_as_completed(vec![1, 2, 3]);
    assert!(matches!(stopped.next().await, Some((2, Ok(30)))));
    drop(stopped);
    assert_eq!(gauge.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn elements_go_through_the_chain_on_their_own() {
    // With a barrier between the steps this would take 600 ms.
    let chain = lambda(async |n: i64| {
        sleep(Duration::from_millis(n as u64)).await;
        Ok(n)
    })
    .pipe(async |n: i64| {
        sleep(Duration::from_millis(310 - n as u64)).await;
        Ok(n)
    });
    let start = Instant::now();
    chain.batch(vec![10, 300]).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(310));
}

#[tokio::test(start_paused = true)]
async fn inputs_are_taken_as_earlier_elements_end() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let gauge = Gauge::default();
    let done = gauge.clone();
    let step = lambda(move |n: usize| {
        let done = done.clone();
        async move {
            let _inside = done.enter();
            sleep(Duration::from_millis(1)).await;
            Ok(n)
        }
    });
    let inputs = (0..100_000_usize).inspect(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let config = RunConfig::new().max_concurrency(64);
    let mut results = step.batch_as_completed_with(inputs, &config);
    let mut seen = 0;
    while let Some((index, n)) = results.next().await {
        assert_eq!(index, n.unwrap());
        seen += 1;
        assert!(taken.load(Ordering::SeqCst) <= seen + 64, "at most 64 inputs are in flight");
    }
    assert_eq!((seen, gauge.most()), (100_000, 64));

    let gauge = Gauge::default();
    leaf(&gauge, 1).batch(vec![json!(0); 5_000]).await.unwrap();
    assert_eq!(gauge.most(), DEFAULT_BATCH_WINDOW);
}

#[tokio::test(start_paused = true)]
async fn one_limit_over_the_whole_run_however_fan_outs_nest() {
    for limit in [1, 2, 3] {
        let gauge = Gauge::default();
        let wide = || {
            let mut map = RunnableParallel::new();
            for index in 0..6 {
                map = map.branch(index.to_string(), leaf(&gauge, 10));
            }
            map
        };
        let deep = parallel! { "x": wide(), "y": parallel! { "z": wide(), "w": leaf(&gauge, 5) }, "s": leaf(&gauge, 3).spawned() };
        let config = RunConfig::new().max_concurrency(limit);
        deep.batch_with(vec![json!(0); 4], &config).await.unwrap();
        assert_eq!(gauge.most(), limit, "limit {limit}");
        assert_eq!(gauge.total(), 4 * 14);
        let start = Instant::now();
        deep.stream_with(json!(0), &config).collect().await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(128 / limit as u64));
        assert_eq!(gauge.most(), limit, "limit {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn permits_are_given_in_the_order_they_were_asked_for() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = order.clone();
    let step = lambda(move |n: Value| {
        let log = log.clone();
        async move {
            log.lock().unwrap().push(n.clone());
            sleep(Duration::from_millis(1)).await;
            Ok(n)
        }
    })
    .limited();
    let config = RunConfig::new().max_concurrency(1);
    let mut runs = futures::stream::FuturesUnordered::new();
    for n in 0..20 {
        runs.push(step.invoke_with(json!(n), &config));
    }
    while runs.next().await.is_some() {}
    let mut sorted = order.lock().unwrap().clone();
    sorted.sort_by_key(Value::as_i64);
    // FuturesUnordered polls new futures in the order they were pushed.
    assert_eq!(*order.lock().unwrap(), sorted);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_brings_a_limit_along_keeps_to_it_inside_the_run_s() {
    let gauge = Gauge::default();
    let careful = leaf(&gauge, 5).with_config(RunConfig::new().max_concurrency(2));
    careful.batch(vec![json!(0); 9]).await.unwrap();
    assert_eq!(gauge.most(), 2);
    careful.batch_with(vec![json!(0); 9], &RunConfig::new().max_concurrency(4)).await.unwrap();
    assert_eq!(gauge.most(), 2);
}

#[tokio::test]
async fn ten_thousand_branches_at_once() {
    let mut map = RunnableParallel::new();
    for index in 0..10_000 {
        map = map.branch(index.to_string(), async |n: Value| {
            sleep(Duration::from_millis(100)).await;
            Ok(n)
        });
    }
    let done = map.invoke(1).await.unwrap();
    assert_eq!(done.as_object().unwrap().keys().next_back().unwrap(), "9999");
}

#[tokio::test(start_paused = true)]
async fn a_list_keeps_to_a_limit_of_its_own() {
    let gauge = Gauge::default();
    let step = times_ten(&gauge).each().max_concurrency(3);
    assert_eq!(step.invoke((10..20_i64).collect::<Vec<_>>()).await.unwrap().len(), 10);
    assert_eq!(gauge.most(), 3);
    step.stream((10..20_i64).collect::<Vec<_>>()).collect().await.unwrap();
    assert_eq!(gauge.most(), 3);
    // The run's limit holds as well.
    let gauge = Gauge::default();
    let step = times_ten(&gauge).each().max_concurrency(3);
    let two = RunConfig::new().max_concurrency(2);
    step.invoke_with((10..20_i64).collect::<Vec<_>>(), &two).await.unwrap();
    assert_eq!(gauge.most(), 2);
}
