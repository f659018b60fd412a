use std::sync::Mutex;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};

use super::*;
use crate::RunnableExt;
use crate::resilience::token_bucket::TokenBucket;
use crate::run::observer::{Observer, StepEvent};
use crate::{Merge, generator, lambda};

const SECOND: Duration = Duration::from_secs(1);

fn length() -> impl Runnable<Input = String, Output = u64> + Clone {
    lambda(async |text: String| Ok(text.len() as u64))
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_their_turn_and_are_charged_what_they_cost() {
    let bucket = TokenBucket::new().units(10, SECOND);
    let step = length().with_rate_limiter(bucket.clone()).cost(|text| Cost::units(text.len() as u64));
    let began = Instant::now();
    assert_eq!(step.invoke("0123456789").await.unwrap(), 10);
    assert_eq!(began.elapsed(), Duration::ZERO, "it starts full");
    assert_eq!(step.stream("01234").collect().await.unwrap(), 5);
    assert_eq!(began.elapsed(), SECOND / 2);
    assert_eq!(step.batch(["01234", "01234"]).await.unwrap(), [5, 5]);
    assert_eq!(began.elapsed(), SECOND * 3 / 2);
    assert_eq!(bucket.snapshot().admitted, 4);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_fails_at_once_and_says_so() {
    let bucket = TokenBucket::new().requests(1, 60 * SECOND);
    let step = length().with_rate_limiter(bucket.clone()).with_timeout(5 * SECOND);
    step.invoke("a").await.unwrap();
    let began = Instant::now();
    for error in [step.invoke("a").await.unwrap_err(), step.stream("a").collect().await.unwrap_err()] {
        assert_eq!(
            error.to_string(),
            "lambda: rate limited: the rate limiter has a turn in 60.0s, and there is 5.0s left (retry after 60s)"
        );
    }
    assert_eq!((began.elapsed(), bucket.snapshot().waiting), (Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn no_place_in_the_budget_is_held_while_it_waits() {
    let bucket = TokenBucket::new().requests(1, SECOND);
    let run = RunConfig::new().max_concurrency(1);
    let limited = lambda(async |n: i64| Ok(n)).limited();
    let slow = limited.clone().with_rate_limiter(bucket);
    slow.invoke_with(1, &run).await.unwrap();
    let mut waits = Box::pin(slow.invoke_with(1, &run));
    assert!(waits.as_mut().now_or_never().is_none());
    assert_eq!(run.concurrency().unwrap().in_use, 0);
    assert_eq!(limited.invoke_with(2, &run).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_hold_back_when_the_server_asks_one_to() {
    let bucket = TokenBucket::new().requests(100, SECOND);
    let error = Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(10 * SECOND);
    let refused = lambda(move |_: String| {
        let error = error.clone();
        async move { Err::<u64, _>(error) }
    });
    let refused = refused.with_rate_limiter(bucket.clone());
    let other = length().with_rate_limiter(bucket);
    let began = Instant::now();
    refused.invoke("a").await.unwrap_err();
    other.invoke("a").await.unwrap();
    assert_eq!(began.elapsed(), 10 * SECOND);
    refused.stream("a").collect().await.unwrap_err();
    other.invoke("a").await.unwrap();
    assert_eq!(began.elapsed(), 20 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_fails_costs_nothing() {
    let bucket = TokenBucket::new().requests(1, 60 * SECOND);
    let before = generator(|_: Chunks<'_, String>| {
        let error = Error::new(ErrorKind::Server, "status 500");
        Chunks::new(futures_util::stream::iter([Err::<String, _>(error)]), Merge::append())
    });
    let chain = before.with_name("before").pipe(length().with_rate_limiter(bucket.clone()));
    assert_eq!(chain.stream("a").collect().await.unwrap_err().to_string(), "before: server error: status 500");
    assert_eq!(bucket.snapshot().admitted, 0);
}

#[tokio::test(start_paused = true)]
async fn observers_hear_how_long_it_waited() {
    #[derive(Default)]
    struct Log(Mutex<Vec<(String, Waited)>>);
    impl Observer for Log {
        fn waited(&self, step: &StepEvent<'_>, waited: &Waited) {
            self.0.lock().unwrap().push((step.path().to_string(), *waited));
        }
    }
    let log = Arc::new(Log::default());
    let run = RunConfig::new().observer(log.clone()).max_concurrency(1);
    let slow = lambda(async |n: i64| {
        tokio::time::sleep(SECOND).await;
        Ok(n)
    });
    let step = slow.limited().with_rate_limiter(TokenBucket::new().requests(2, 10 * SECOND));
    let (first, second, third) =
        tokio::join!(step.invoke_with(1, &run), step.invoke_with(2, &run), step.invoke_with(3, &run));
    assert_eq!([first.unwrap(), second.unwrap(), third.unwrap()], [1, 2, 3]);
    let waited = |on, time, ahead| ("lambda".to_string(), Waited { on, time, ahead });
    assert_eq!(
        *log.0.lock().unwrap(),
        [waited(WaitedOn::Concurrency, SECOND, 0), waited(WaitedOn::RateLimiter, 5 * SECOND, 0)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_came_in_with_the_input_is_another_servers() {
    let bucket = TokenBucket::new().requests(100, SECOND);
    let limited = length().with_rate_limiter(bucket);
    let refused = || Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(10 * SECOND);
    let at_once = generator(move |_: Chunks<'_, String>| Chunks::<String>::failed(refused()));
    let midway = generator(move |_: Chunks<'_, String>| {
        Chunks::new(futures_util::stream::iter([Ok("a".to_string()), Err(refused())]), Merge::append())
    });
    let pieces = generator(|text: Chunks<'_, String>| text.map_chunks(Ok, Merge::append()));
    let streams = pieces.with_rate_limiter(TokenBucket::new().requests(100, SECOND));
    let began = Instant::now();
    at_once.pipe(&limited).stream("a").collect().await.unwrap_err();
    midway.clone().pipe(&limited).invoke("a").await.unwrap_err();
    limited.invoke("a").await.unwrap();
    midway.pipe(&streams).stream("a").try_collect::<Vec<_>>().await.unwrap_err();
    streams.invoke("a").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// What a step inside says reaches every limiter around it, once, streamed or not.
#[tokio::test(start_paused = true)]
async fn what_was_used_and_what_the_server_says_reach_the_limiters() {
    let says = crate::lambda_with(async |text: String, config: RunConfig| {
        assert!(config.is_rate_limited());
        config.server_limits(&ServerLimits::new().requests_left(7));
        config.units_used(30);
        Ok(text)
    });
    for watched in [false, true] {
        let inner = TokenBucket::new().requests(100, 60 * SECOND).units(1000, 60 * SECOND);
        let outer = TokenBucket::new().requests(100, 60 * SECOND).units(1000, 60 * SECOND);
        // Two calls behind one admission, and the second limiter behind a step of its own.
        let both = says.clone().with_rate_limiter(inner.clone()).cost(|_| Cost::units(200)).with_name("inner");
        let both = both.pipe(says.clone()).with_rate_limiter(outer.clone()).cost(|_| Cost::units(500));
        struct Deaf;
        impl Observer for Deaf {}
        let run = if watched { RunConfig::new().observer(Arc::new(Deaf)) } else { RunConfig::new() };
        both.invoke_with("a", &run).await.unwrap();
        let left = |bucket: &TokenBucket| (bucket.snapshot().requests_left, bucket.snapshot().units_left);
        assert_eq!(left(&inner), (Some(7), Some(970)));
        assert_eq!(left(&outer), (Some(7), Some(940)));
        both.stream_with("a", &run).collect().await.unwrap();
        assert_eq!((left(&inner), left(&outer)), ((Some(6), Some(940)), (Some(6), Some(880))));
    }
    assert!(!RunConfig::new().is_rate_limited());
}
