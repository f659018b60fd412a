//! [`Charge`]: what a rate limiter took for a call, and what the call tells it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::resilience::rate_limiter::{Cost, RateLimiter, ServerLimits};
use crate::run::config::RunConfig;

/// What a rate limiter took for a call: the way back from the steps inside to the limiter.
#[derive(Clone)]
pub(crate) struct Charge(Arc<Charged>);

struct Charged {
    limiter: Arc<dyn RateLimiter>,
    cost: Cost,
    /// Whether the units that were taken have been given back for those that were used.
    settled: AtomicBool,
    /// The limiter around this one.
    outer: Option<Charge>,
}

impl Charge {
    pub(crate) fn new(limiter: Arc<dyn RateLimiter>, cost: Cost, outer: Option<Self>) -> Self {
        Self(Arc::new(Charged { limiter, cost, settled: AtomicBool::new(false), outer }))
    }

    fn limiters(&self) -> impl Iterator<Item = &Charged> {
        std::iter::successors(Some(&*self.0), |charged| charged.outer.as_ref().map(|outer| &*outer.0))
    }
}

impl RunConfig {
    /// Whether a [rate limiter](crate::RunnableExt::with_rate_limiter) stands around the step, so that it is worth while
    /// to find out what it should know.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.charge().is_some()
    }

    /// Tells the rate limiters around the step what the server said about its limits. For steps that call a server.
    pub fn server_limits(&self, seen: &ServerLimits) {
        if *seen != ServerLimits::new() {
            self.charge().into_iter().flat_map(Charge::limiters).for_each(|charged| charged.limiter.update(seen));
        }
    }

    /// Tells the rate limiters around the step how many units it used: they take the place of those that were
    /// [charged](crate::combinators::WithRateLimiter::cost) when it was admitted. Several calls behind one admission add
    /// up. For steps that call a server.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{Cost, RateLimiter, RunnableExt, TokenBucket, lambda_with};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anabranch_core::Result<()> {
    /// let bucket = TokenBucket::new().units(1000, Duration::from_secs(60));
    /// let call = lambda_with(async |text: String, config| {
    ///     config.units_used(30);
    ///     Ok(text)
    /// });
    /// call.with_rate_limiter(bucket.clone()).cost(|_| Cost::units(200)).invoke("Hi").await?;
    /// assert_eq!(bucket.snapshot().units_left, Some(970));
    /// # Ok(()) }
    /// ```
    pub fn units_used(&self, units: u64) {
        for charged in self.charge().into_iter().flat_map(Charge::limiters) {
            let taken = if charged.settled.swap(true, Ordering::Relaxed) { 0 } else { charged.cost.units };
            let cost = |units| Cost { requests: 0, units };
            charged.limiter.settle(cost(taken), cost(units));
        }
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Charge").field(&self.0.cost).finish()
    }
}
