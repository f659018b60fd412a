//! [`Budget`]: how much leaf work may run at once over a whole run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of places shared by everything that runs under one configuration. FIFO: tokio's semaphore is fair.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    places: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(limit)), waiting: Arc::default(), limit }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn snapshot(&self) -> Concurrency {
        Concurrency {
            limit: self.limit,
            in_use: self.limit.saturating_sub(self.places.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        let _waiting = Waiting::new(&self.waiting);
        // The semaphore is never closed, so there is always a place in the end.
        self.places.clone().acquire_owned().await.ok()
    }
}

/// How a concurrency budget stands at this moment: see [`RunConfig::concurrency`](crate::RunConfig::concurrency).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concurrency {
    /// How much leaf work may run at once.
    pub limit: usize,
    /// How much runs.
    pub in_use: usize,
    /// How much waits for its turn.
    pub waiting: usize,
}

/// Counts somebody who waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the run's concurrency budget; given back on drop.
#[derive(Debug)]
#[must_use = "the place is given back when the permit is dropped"]
pub struct Permit {
    /// Nearly always there is one budget at most, and nothing to allocate.
    _place: Option<OwnedSemaphorePermit>,
    _others: Vec<OwnedSemaphorePermit>,
}

impl Permit {
    pub(crate) const fn free() -> Self {
        Self { _place: None, _others: Vec::new() }
    }

    pub(crate) async fn acquire(budgets: &[Budget]) -> Self {
        let Some((first, others)) = budgets.split_first() else { return Self::free() };
        let mut permit = Self { _place: first.place().await, _others: Vec::new() };
        for budget in others {
            permit._others.extend(budget.place().await);
        }
        permit
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn places_in_use_and_waiting_are_counted_and_given_back() {
        let budgets = [Budget::new(1)];
        let first = Permit::acquire(&budgets).await;
        let mut second = Box::pin(Permit::acquire(&budgets));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(budgets[0].snapshot(), Concurrency { limit: 1, in_use: 1, waiting: 1 });

        drop(second);
        drop(first);
        assert_eq!(budgets[0].snapshot(), Concurrency { limit: 1, in_use: 0, waiting: 0 });
    }
}
