//! [`Meter`]: one quantity of a token bucket, in exact arithmetic.

use std::time::Duration;

use tokio::time::Instant;

/// Above this all numbers are as good as infinite, and products of two still fit.
const MOST: u64 = 1_000_000_000_000_000;

/// So much in an interval, and no more than `burst` at once.
///
/// The level is counted in parts of `1 / interval in nanoseconds`: each nanosecond then adds exactly `amount` parts,
/// and nothing is ever rounded. A debt is a level below zero.
#[derive(Debug)]
pub(crate) struct Meter {
    amount: u64,
    interval: i128,
    burst: u64,
    level: i128,
    /// `None` until it is first looked at: it starts full.
    at: Option<Instant>,
}

impl Meter {
    /// `None` where it is no limit.
    pub(crate) fn new(amount: u64, interval: Duration) -> Option<Self> {
        if interval.is_zero() {
            return None;
        }
        let amount = amount.clamp(1, MOST);
        let interval = i128::from(u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).min(1000 * MOST));
        Some(Self { amount, interval, burst: amount, level: i128::from(amount) * interval, at: None })
    }

    /// The same settings, full.
    pub(crate) fn afresh(&self) -> Self {
        Self { level: self.full(), at: None, ..*self }
    }

    /// The same level at another rate.
    pub(crate) fn at_rate(mut self, amount: u64, interval: Duration) -> Option<Self> {
        let mut new = Self::new(amount, interval)?;
        let left = self.level.div_euclid(self.interval);
        new.level = left.min(i128::from(new.burst)) * new.interval;
        new.at = self.at.take();
        Some(new)
    }

    pub(crate) fn set_burst(&mut self, burst: u64) {
        let full = self.level >= self.full();
        self.burst = burst.clamp(1, MOST);
        if full {
            self.level = self.full();
        }
        self.level = self.level.min(self.full());
    }

    /// The server allows no more than this.
    pub(crate) fn lower_to(&mut self, limit: u64) {
        let limit = limit.max(1);
        if limit < self.amount {
            self.amount = limit;
            self.burst = self.burst.min(limit);
            self.level = self.level.min(self.full());
        }
    }

    /// No more than this is left.
    pub(crate) fn lower_level_to(&mut self, left: u64) {
        self.level = self.level.min(i128::from(left.min(MOST)) * self.interval);
    }

    fn full(&self) -> i128 {
        i128::from(self.burst) * self.interval
    }

    pub(crate) fn refill(&mut self, now: Instant) {
        let elapsed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        let nanos = i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX);
        let more = nanos.saturating_mul(i128::from(self.amount));
        self.level = self.level.saturating_add(more).min(self.full());
    }

    /// How long until `cost` can be taken after `before` was. What is more than the burst is taken when the bucket is
    /// full, and leaves a debt.
    pub(crate) fn wait(&self, before: u64, cost: u64) -> Duration {
        if cost == 0 {
            return Duration::ZERO;
        }
        let wanted = i128::from(before.min(MOST)) + i128::from(cost.min(self.burst));
        let missing = wanted * self.interval - self.level;
        if missing <= 0 {
            return Duration::ZERO;
        }
        let amount = i128::from(self.amount);
        Duration::from_nanos(u64::try_from((missing + amount - 1) / amount).unwrap_or(u64::MAX))
    }

    pub(crate) fn take(&mut self, cost: u64) {
        self.level = self.level.saturating_sub(i128::from(cost.min(MOST)) * self.interval);
    }

    pub(crate) fn give_back(&mut self, cost: u64) {
        self.level = self.level.saturating_add(i128::from(cost.min(MOST)) * self.interval).min(self.full());
    }

    /// What can be taken at once.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.level.div_euclid(self.interval)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
