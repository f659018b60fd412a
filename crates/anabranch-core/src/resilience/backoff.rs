//! [`Backoff`]: how long to wait before the next attempt.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Exponential back-off with full jitter: anything from nothing to `base * 2^n`, at most to `cap`, so that callers who
/// failed together do not come back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    random: Arc<Random>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(8), random: Arc::new(Random::from_entropy()) }
    }

    pub(crate) fn seeded(mut self, seed: u64) -> Self {
        self.random = Arc::new(Random::new(seed));
        self
    }

    /// The wait after so many attempts.
    pub(crate) fn wait(&self, attempts: usize) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap).mul_f64(self.random.fraction())
    }

    /// A wait that a server asked for and up to a tenth more, so that a fleet does not return in one instant.
    pub(crate) fn at_least(&self, asked: Duration) -> Duration {
        asked.saturating_add(asked.mul_f64(self.random.fraction() / 10.0))
    }
}

/// SplitMix64. Good enough to spread waits, and lock-free.
#[derive(Debug)]
struct Random(AtomicU64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn from_entropy() -> Self {
        Self::new(RandomState::new().build_hasher().finish())
    }

    /// From 0 up to, and without, 1.
    fn fraction(&self) -> f64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The 53 bits a float holds exactly.
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
