//! [`RetryBudget`]: how many retries there may be, over all calls.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// How many second attempts there may be over all calls, so that a server that is down does not get three times its
/// usual load. Clones share it.
///
/// It is a purse of retries. Each call puts in a share of one (0.2, unless set), and so does time (one a second),
/// until the purse is full (100); each retry takes one out. When it is empty, errors are passed on as they are. A
/// program whose calls fail now and then never notices; one whose calls all fail makes at most a fifth more of them
/// in the long run.
///
/// Every [`Retry`](crate::Retry) and [`Hedge`](crate::Hedge) brings one of its own. Hand the same to several, and to
/// fallbacks, to bound what they make together:
///
/// ```
/// use anabranch_core::{Retry, RetryBudget, RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let budget = RetryBudget::new().share(0.1).reserve(10);
/// let step = || lambda(async |n: i64| Ok(n + 1)).with_retry(Retry::attempts(3).budget(&budget));
/// let chain = step() | step();
/// assert_eq!(chain.invoke(1).await?, 3);
/// assert_eq!(budget.available(), 10.0);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    purse: Option<Arc<Purse>>,
}

/// In thousandths of a retry.
struct Purse {
    share: u64,
    per_second: u64,
    reserve: u64,
    balance: AtomicU64,
    /// When time last put something in; looked at only where a retry is wanted.
    filled: Mutex<Option<Instant>>,
}

const ONE: u64 = 1000;

impl RetryBudget {
    /// A share of 0.2, a reserve of 100, one a second.
    #[must_use]
    pub fn new() -> Self {
        Self::of(200, 100 * ONE, ONE)
    }

    /// No bound at all.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { purse: None }
    }

    /// How many retries each call pays for. Starts the budget anew.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        self.with(|purse| Self::of(thousandths(share), purse.reserve, purse.per_second))
    }

    /// How many retries it starts with, and the most it holds. Starts the budget anew.
    #[must_use]
    pub fn reserve(self, retries: u32) -> Self {
        self.with(|purse| Self::of(purse.share, u64::from(retries) * ONE, purse.per_second))
    }

    /// How many retries a second are free, for programs that make few calls. Starts the budget anew.
    #[must_use]
    pub fn per_second(self, retries: f64) -> Self {
        self.with(|purse| Self::of(purse.share, purse.reserve, thousandths(retries)))
    }

    /// How many retries it holds: infinitely many where it is no bound.
    #[must_use]
    pub fn available(&self) -> f64 {
        let Some(purse) = &self.purse else { return f64::INFINITY };
        purse.fill();
        purse.balance.load(Ordering::Relaxed) as f64 / ONE as f64
    }

    /// A call is made.
    pub(crate) fn deposit(&self) {
        if let Some(purse) = &self.purse {
            purse.put_in(purse.share);
        }
    }

    /// Takes out one retry, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
        let Some(purse) = &self.purse else { return true };
        purse.fill();
        let taken = |balance: u64| balance.checked_sub(ONE);
        purse.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn of(share: u64, reserve: u64, per_second: u64) -> Self {
        let balance = AtomicU64::new(reserve);
        Self { purse: Some(Arc::new(Purse { share, per_second, reserve, balance, filled: Mutex::default() })) }
    }

    fn with(self, set: impl FnOnce(&Purse) -> Self) -> Self {
        match &self.purse {
            Some(purse) => set(purse),
            None => self,
        }
    }
}

fn thousandths(number: f64) -> u64 {
    // The cast takes negative numbers and NaN for zero.
    (number * ONE as f64).round() as u64
}

impl Purse {
    fn put_in(&self, more: u64) {
        // A full purse, the usual case, is only read.
        let add = |balance: u64| (balance < self.reserve).then(|| balance.saturating_add(more).min(self.reserve));
        let _ = self.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Puts in what is due by time.
    fn fill(&self) {
        if self.per_second == 0 {
            return;
        }
        let now = Instant::now();
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = *filled else {
            *filled = Some(now);
            return;
        };
        let elapsed = now.saturating_duration_since(last).as_millis();
        let due = elapsed.saturating_mul(u128::from(self.per_second)) / 1000;
        if due > 0 {
            *filled = Some(now);
            drop(filled);
            self.put_in(u64::try_from(due).unwrap_or(u64::MAX));
        }
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget").field("available", &self.available()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(budget: &RetryBudget) -> usize {
        std::iter::repeat_with(|| budget.withdraw()).take(1000).take_while(|taken| *taken).count()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_pay_for_retries() {
        let budget = RetryBudget::new().reserve(10).per_second(0.0);
        assert_eq!(taken(&budget), 10);
        for _ in 0..15 {
            budget.clone().deposit();
        }
        assert_eq!(taken(&budget), 3, "a fifth of the calls");
        for _ in 0..1000 {
            budget.deposit();
        }
        assert_eq!(taken(&budget), 10, "calls long ago pay for no more than the reserve");
    }

    #[tokio::test(start_paused = true)]
    async fn time_pays_too() {
        let budget = RetryBudget::new().reserve(10);
        assert_eq!(taken(&budget), 10);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_millis(250)).await;
            let _ = budget.available();
        }
        assert_eq!(taken(&budget), 2, "nothing is lost by looking often");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(taken(&budget), 10);
    }

    #[test]
    fn odd_numbers_are_no_trouble() {
        assert!(!RetryBudget::new().share(-1.0).reserve(0).withdraw());
        assert!(RetryBudget::new().share(f64::NAN).per_second(f64::INFINITY).withdraw());
        assert!(RetryBudget::unlimited().share(0.0).withdraw());
    }
}
