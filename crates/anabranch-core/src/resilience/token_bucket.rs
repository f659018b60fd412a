//! [`TokenBucket`]: the rate limiter of one process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Result;
use crate::resilience::meter::Meter;
use crate::resilience::rate_limiter::{Cost, LimiterSnapshot, RateLimiter, ServerLimits};
use crate::resilience::token_queue::{self, State, Turn, wake};

/// A [`RateLimiter`] for one process. Clones share it.
///
/// Requests, units or both are limited, each to an amount per interval. The bucket starts full, so that a whole
/// interval's worth may go at once (or the [burst](Self::request_burst), where that is set lower), and fills
/// continuously from there. Who has to wait stands in a queue and waits exactly as long as needed; there is one timer,
/// for the first in the queue. A call that costs more units than the burst is admitted when the bucket is full, and
/// those behind it wait until that is paid off.
///
/// ```
/// use std::time::Duration;
/// use anabranch_core::{Cost, RateLimiter, TokenBucket};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anabranch_core::Result<()> {
/// const MINUTE: Duration = Duration::from_secs(60);
/// let bucket = TokenBucket::new().requests(500, MINUTE).units(30_000, MINUTE);
///
/// bucket.acquire(Cost::units(30_000), None).await?;
/// let began = tokio::time::Instant::now();
/// bucket.acquire(Cost::units(1000), None).await?;
/// assert_eq!(began.elapsed(), Duration::from_secs(2));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct TokenBucket {
    state: Arc<Mutex<State>>,
}

impl TokenBucket {
    /// No limit yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many requests in each interval. Zero counts as one; an interval of zero is no limit.
    #[must_use]
    pub fn requests(self, amount: u64, interval: Duration) -> Self {
        self.set_requests(amount, interval);
        self
    }

    /// At most so many units in each interval. Zero counts as one; an interval of zero is no limit.
    #[must_use]
    pub fn units(self, amount: u64, interval: Duration) -> Self {
        self.set_units(amount, interval);
        self
    }

    /// At most so many requests at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn request_burst(self, burst: u64) -> Self {
        self.change(|state| state.requests.iter_mut().for_each(|meter| meter.set_burst(burst)));
        self
    }

    /// At most so many units at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn unit_burst(self, burst: u64) -> Self {
        self.change(|state| state.units.iter_mut().for_each(|meter| meter.set_burst(burst)));
        self
    }

    /// Changes the rate of requests while it is in use. Those who wait go on waiting, at the new rate; the burst is
    /// the new amount.
    pub fn set_requests(&self, amount: u64, interval: Duration) {
        self.change(|state| state.requests = with_rate(state.requests.take(), amount, interval));
    }

    /// Changes the rate of units while it is in use. Those who wait go on waiting, at the new rate; the burst is the
    /// new amount.
    pub fn set_units(&self, amount: u64, interval: Duration) {
        self.change(|state| state.units = with_rate(state.units.take(), amount, interval));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        token_queue::lock(&self.state)
    }

    /// Changes something, after which the first in the queue looks again how long it has to wait.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if state.waiting() > 0 || state.admitted > 0 {
            state.refill(Instant::now());
        }
        change(&mut state);
        let first = state.first_waker();
        drop(state);
        wake(first);
    }
}

fn with_rate(meter: Option<Meter>, amount: u64, interval: Duration) -> Option<Meter> {
    match meter {
        Some(meter) => meter.at_rate(amount, interval),
        None => Meter::new(amount, interval),
    }
}

impl RateLimiter for TokenBucket {
    fn try_acquire(&self, cost: Cost) -> bool {
        self.lock().take_now(cost, Instant::now()).is_ok()
    }

    fn acquire(&self, cost: Cost, deadline: Option<Instant>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(Turn::new(&self.state, cost, deadline))
    }

    fn settle(&self, charged: Cost, actual: Cost) {
        self.change(|state| {
            if let Some(requests) = &mut state.requests {
                requests.give_back(charged.requests);
                requests.take(actual.requests);
            }
            if let Some(units) = &mut state.units {
                units.give_back(charged.units);
                units.take(actual.units);
            }
        });
    }

    /// Only ever lowers: what the server says counts the calls of others too, but not those that are on their way.
    fn update(&self, seen: &ServerLimits) {
        let until = seen.retry_after.and_then(|wait| Instant::now().checked_add(wait));
        self.change(|state| {
            for (meter, limit, left) in [
                (&mut state.requests, seen.request_limit, seen.requests_left),
                (&mut state.units, seen.unit_limit, seen.units_left),
            ] {
                if let Some(meter) = meter {
                    limit.into_iter().for_each(|limit| meter.lower_to(limit));
                    left.into_iter().for_each(|left| meter.lower_level_to(left));
                }
            }
            state.paused_until = state.paused_until.max(until);
        });
    }

    fn snapshot(&self) -> LimiterSnapshot {
        let mut state = self.lock();
        state.refill(Instant::now());
        LimiterSnapshot {
            waiting: state.waiting(),
            requests_left: state.requests.as_ref().map(Meter::left),
            units_left: state.units.as_ref().map(Meter::left),
            admitted: state.admitted,
            waited: state.waited,
        }
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenBucket").field(&self.snapshot()).finish()
    }
}

#[cfg(test)]
mod tests {
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
}
