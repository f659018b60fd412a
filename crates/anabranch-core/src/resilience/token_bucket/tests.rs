use crate::error::ErrorKind;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn it_starts_full_and_then_keeps_the_rate_exactly() {
    let bucket = TokenBucket::new().requests(5, SECOND);
    let began = Instant::now();
    let mut waits = Vec::new();
    for _ in 0..10 {
        bucket.acquire(Cost::REQUEST, None).await.unwrap();
        waits.push(began.elapsed().as_millis());
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 200, 400, 600, 800, 1000]);
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_whatever_they_want() {
    let bucket = TokenBucket::new().units(10, SECOND);
    bucket.acquire(Cost::units(10), None).await.unwrap();
    let began = Instant::now();
    // The small ones behind the big one could go earlier, and must not.
    let mut turns: FuturesUnordered<_> = [5, 10, 1, 1]
        .into_iter()
        .enumerate()
        .map(|(index, units)| bucket.acquire(Cost::units(units), None).map(move |_| index))
        .collect();
    let mut order = Vec::new();
    while let Some(index) = turns.next().await {
        order.push((index, began.elapsed().as_millis()));
    }
    assert_eq!(order, [(0, 500), (1, 1500), (2, 1600), (3, 1700)]);
    let now = bucket.snapshot();
    assert_eq!((now.waiting, now.admitted, now.waited.as_millis()), (0, 5, 500 + 1500 + 1600 + 1700));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_with_try() {
    let bucket = TokenBucket::new().units(10, SECOND);
    assert!(bucket.try_acquire(Cost::units(8)));
    let mut waits = bucket.acquire(Cost::units(5), None);
    assert!(waits.as_mut().now_or_never().is_none());
    assert!(!bucket.try_acquire(Cost::units(1)), "there is one, but it is spoken for");
    assert_eq!(bucket.snapshot().waiting, 1);
    drop(waits);
    assert!(bucket.try_acquire(Cost::units(1)));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_has_taken_nothing_and_holds_nobody_up() {
    let bucket = TokenBucket::new().units(10, SECOND);
    bucket.acquire(Cost::units(10), None).await.unwrap();
    let began = Instant::now();
    let mut first = bucket.acquire(Cost::units(10), None);
    let mut second = bucket.acquire(Cost::units(10), None);
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    let third = tokio::spawn({
        let bucket = bucket.clone();
        async move { bucket.acquire(Cost::units(5), None).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(bucket.snapshot().waiting, 3);
    drop(second);
    drop(first);
    third.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), SECOND / 2);
    assert_eq!(bucket.snapshot().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_refused_at_once() {
    let bucket = TokenBucket::new().units(10, SECOND);
    bucket.acquire(Cost::units(10), None).await.unwrap();
    let mut before = bucket.acquire(Cost::units(10), None);
    assert!(before.as_mut().now_or_never().is_none());
    let deadline = Instant::now() + SECOND;
    let error = bucket.acquire(Cost::units(5), Some(deadline)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(SECOND * 3 / 2), "the one before it counts");
    assert!(bucket.acquire(Cost::units(5), Some(deadline + SECOND)).now_or_never().is_none());
    assert_eq!(Instant::now() + SECOND, deadline);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_changed_while_some_wait() {
    let bucket = TokenBucket::new().requests(1, 60 * SECOND);
    bucket.acquire(Cost::REQUEST, None).await.unwrap();
    let began = Instant::now();
    let changed = async {
        tokio::time::sleep(SECOND).await;
        bucket.set_requests(10, SECOND);
    };
    let (waited, ()) = tokio::join!(bucket.acquire(Cost::REQUEST, None), changed);
    waited.unwrap();
    assert!(began.elapsed() <= SECOND + Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn it_learns_from_the_server() {
    let bucket = TokenBucket::new().requests(60, 60 * SECOND).units(1000, 60 * SECOND);
    bucket.update(&ServerLimits::new().requests_left(2).units_left(5000));
    let now = bucket.snapshot();
    assert_eq!((now.requests_left, now.units_left), (Some(2), Some(1000)), "it is never raised");

    let began = Instant::now();
    bucket.update(&ServerLimits::new().retry_after(5 * SECOND));
    bucket.acquire(Cost::REQUEST, None).await.unwrap();
    assert_eq!(began.elapsed(), 5 * SECOND);

    bucket.settle(Cost::units(0), Cost::units(1100));
    assert_eq!(bucket.snapshot().units_left, Some(0));
    let began = Instant::now();
    bucket.acquire(Cost::units(1), None).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(101 * 60));
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_no_limit() {
    let bucket = TokenBucket::new();
    for _ in 0..1000 {
        assert!(bucket.try_acquire(Cost::units(u64::MAX)));
    }
    assert_eq!(bucket.snapshot().requests_left, None);
}

#[tokio::test(start_paused = true)]
async fn requests_and_units_both_hold() {
    let bucket = TokenBucket::new().requests(2, SECOND).units(100, SECOND).request_burst(1);
    let began = Instant::now();
    for (units, at) in [(10, 0), (10, 500), (200, 1000), (1, 2010)] {
        bucket.acquire(Cost::units(units), None).await.unwrap();
        assert_eq!(began.elapsed().as_millis(), at, "{units}");
    }
}

/// Whatever comes in whatever order: never more than the burst and what came in since, and no time wasted.
#[tokio::test(start_paused = true)]
async fn over_any_span_the_rate_holds_and_is_used() {
    for seed in 1..50_u64 {
        let mut random = seed;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let bucket = TokenBucket::new().units(20, SECOND);
        let began = Instant::now();
        let turns: FuturesUnordered<_> = (0..60)
            .map(|index| {
                let (start, units) = (Duration::from_millis(next(3000)), 1 + next(20));
                let (bucket, leaves) = (bucket.clone(), next(5) == 0);
                async move {
                    tokio::time::sleep(start).await;
                    let turn = bucket.acquire(Cost::units(units), None);
                    if leaves {
                        tokio::time::timeout(SECOND / 2, turn).await.ok()?.ok()?;
                    } else {
                        turn.await.ok()?;
                    }
                    Some((began.elapsed(), units, index))
                }
            })
            .collect();
        let admitted: Vec<_> = turns.filter_map(std::future::ready).collect().await;
        for (at, (from, ..)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (to, units, _) in &admitted[at..] {
                sum += units;
                let allowed = 20.0 + (*to - *from).as_secs_f64() * 20.0;
                assert!(sum as f64 <= allowed + 1e-6, "seed {seed}: {sum} units from {from:?} to {to:?}");
            }
        }
        let (end, total) = (admitted.last().unwrap().0, admitted.iter().map(|(_, units, _)| units).sum::<u64>());
        let busy = Duration::from_secs(3) + Duration::from_secs_f64(total as f64 / 20.0);
        assert!(end <= busy, "seed {seed}: {total} units took {end:?}");
        assert_eq!(bucket.snapshot().waiting, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn clones_share_and_builders_make_another() {
    let bucket = TokenBucket::new().requests(10, Duration::from_secs(60)).request_burst(5);
    assert!(bucket.clone().try_acquire(Cost::REQUEST));
    assert_eq!(bucket.snapshot().requests_left, Some(4));
    let other = bucket.clone().units(7, Duration::from_secs(1));
    assert_eq!((other.snapshot().requests_left, other.snapshot().units_left), (Some(5), Some(7)));
    assert_eq!((bucket.snapshot().requests_left, bucket.snapshot().units_left), (Some(4), None));
    bucket.clone().set_units(3, Duration::from_secs(1));
    assert_eq!(bucket.snapshot().units_left, Some(3));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_to_a_full_bucket_is_not_there_twice() {
    let bucket = TokenBucket::new().requests(10, 60 * SECOND).units(100, 60 * SECOND);
    bucket.acquire(Cost::units(50), None).await.unwrap();
    tokio::time::advance(60 * SECOND).await;
    // It is full again, and whether what it cost was a part of that is not known: the safe side is to take it now.
    bucket.settle(Cost::units(50), Cost::units(20));
    let now = bucket.snapshot();
    assert_eq!((now.requests_left, now.units_left), (Some(9), Some(80)));
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_of_the_server_is_also_the_most_at_one_moment() {
    let bucket = TokenBucket::new().requests(60, 60 * SECOND).units(1000, 60 * SECOND);
    bucket.update(&ServerLimits::new().request_limit(5).unit_limit(70));
    tokio::time::advance(3600 * SECOND).await;
    let now = bucket.snapshot();
    assert_eq!((now.requests_left, now.units_left), (Some(5), Some(70)));
}
