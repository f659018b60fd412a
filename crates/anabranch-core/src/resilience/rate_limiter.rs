//! [`RateLimiter`]: how many requests and units there may be in a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Result;

/// Admits requests, and units such as tokens, at a rate: see
/// [`RunnableExt::with_rate_limiter`](crate::RunnableExt::with_rate_limiter).
///
/// [`TokenBucket`](crate::TokenBucket) is the one for a single process. The trait asks for nothing that a limiter
/// shared by several processes cannot give: admission may take a message to a server and may fail, and the snapshot
/// is what this process knows.
///
/// # What an implementation keeps to
///
/// - First come, first served: nobody overtakes one who waits.
/// - Who drops the future before it is ready leaves the queue and has taken nothing.
/// - With a deadline, a wait that would end after it is refused at once, with an error of kind
///   [`RateLimited`](crate::ErrorKind::RateLimited) that says [when to come back](crate::Error::retry_after).
pub trait RateLimiter: Send + Sync {
    /// Admits a request at once if that is possible without waiting and without overtaking anybody. This spares the
    /// boxed future of [`acquire`](Self::acquire); whoever cannot know leaves it at the default, `false`.
    fn try_acquire(&self, cost: Cost) -> bool {
        let _ = cost;
        false
    }

    /// Waits until a request of this cost is admitted.
    fn acquire(&self, cost: Cost, deadline: Option<Instant>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;

    /// Corrects what a request was charged when it was admitted to what it has really cost.
    fn settle(&self, charged: Cost, actual: Cost) {
        let _ = (charged, actual);
    }

    /// Learns what the server said about its limits.
    fn update(&self, seen: &ServerLimits) {
        let _ = seen;
    }

    /// How the limiter stands, without waiting for anything.
    fn snapshot(&self) -> LimiterSnapshot;
}

impl<L: RateLimiter + ?Sized> RateLimiter for Arc<L> {
    fn try_acquire(&self, cost: Cost) -> bool {
        (**self).try_acquire(cost)
    }

    fn acquire(&self, cost: Cost, deadline: Option<Instant>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        (**self).acquire(cost, deadline)
    }

    fn settle(&self, charged: Cost, actual: Cost) {
        (**self).settle(charged, actual);
    }

    fn update(&self, seen: &ServerLimits) {
        (**self).update(seen);
    }

    fn snapshot(&self) -> LimiterSnapshot {
        (**self).snapshot()
    }
}

/// What a call costs a [`RateLimiter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Requests.
    pub requests: u64,
    /// Units, such as tokens.
    pub units: u64,
}

impl Cost {
    /// One request without units.
    pub const REQUEST: Self = Self { requests: 1, units: 0 };

    /// One request with so many units.
    #[must_use]
    pub const fn units(units: u64) -> Self {
        Self { requests: 1, units }
    }
}

/// What a server said about its limits, for [`RateLimiter::update`].
///
/// ```
/// use std::time::Duration;
/// use anabranch_core::{RateLimiter, ServerLimits, TokenBucket};
///
/// let bucket = TokenBucket::new().requests(500, Duration::from_secs(60));
/// // `x-ratelimit-remaining-requests: 20`
/// bucket.update(&ServerLimits::new().requests_left(20));
/// assert_eq!(bucket.snapshot().requests_left, Some(20));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// How many requests it allows in its interval.
    pub request_limit: Option<u64>,
    /// How many of them are left.
    pub requests_left: Option<u64>,
    /// How many units it allows in its interval.
    pub unit_limit: Option<u64>,
    /// How many of them are left.
    pub units_left: Option<u64>,
    /// How long nothing should be sent.
    pub retry_after: Option<Duration>,
}

impl ServerLimits {
    /// Nothing said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// It allows so many requests in its interval.
    #[must_use]
    pub fn request_limit(mut self, limit: u64) -> Self {
        self.request_limit = Some(limit);
        self
    }

    /// So many requests are left.
    #[must_use]
    pub fn requests_left(mut self, left: u64) -> Self {
        self.requests_left = Some(left);
        self
    }

    /// It allows so many units in its interval.
    #[must_use]
    pub fn unit_limit(mut self, limit: u64) -> Self {
        self.unit_limit = Some(limit);
        self
    }

    /// So many units are left.
    #[must_use]
    pub fn units_left(mut self, left: u64) -> Self {
        self.units_left = Some(left);
        self
    }

    /// Nothing should be sent for so long.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

/// How a [`RateLimiter`] stands at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterSnapshot {
    /// How many wait.
    pub waiting: usize,
    /// How many requests could be admitted at once; `None` where they are not limited.
    pub requests_left: Option<u64>,
    /// How many units could be admitted at once; `None` where they are not limited.
    pub units_left: Option<u64>,
    /// How many were admitted so far.
    pub admitted: u64,
    /// How long those had waited, taken together.
    pub waited: Duration,
}

impl LimiterSnapshot {
    /// Nobody waits, nothing is limited.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
