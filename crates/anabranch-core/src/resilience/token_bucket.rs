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

/// A [`RateLimiter`] for one process. Clones share it: what one takes is gone for all, and what [`set_requests`]
/// changes, it changes for all. A builder method makes another bucket, full, with nobody in its queue.
///
/// [`set_requests`]: Self::set_requests
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
        self.another(|state| state.requests = Meter::new(amount, interval))
    }

    /// At most so many units in each interval. Zero counts as one; an interval of zero is no limit.
    #[must_use]
    pub fn units(self, amount: u64, interval: Duration) -> Self {
        self.another(|state| state.units = Meter::new(amount, interval))
    }

    /// At most so many requests at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn request_burst(self, burst: u64) -> Self {
        self.another(|state| state.requests.iter_mut().for_each(|meter| meter.set_burst(burst)))
    }

    /// At most so many units at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn unit_burst(self, burst: u64) -> Self {
        self.another(|state| state.units.iter_mut().for_each(|meter| meter.set_burst(burst)))
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

    /// A bucket with the same settings but for one.
    fn another(&self, set: impl FnOnce(&mut State)) -> Self {
        let mut other = {
            let state = self.lock();
            let mut other = State::default();
            other.requests = state.requests.as_ref().map(Meter::afresh);
            other.units = state.units.as_ref().map(Meter::afresh);
            other
        };
        set(&mut other);
        Self { state: Arc::new(Mutex::new(other)) }
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
mod tests;
