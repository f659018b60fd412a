//! [`Budget`]: how much leaf work may run at once over a whole run.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of places shared by everything that runs under one configuration. FIFO: tokio's semaphore is fair.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    places: Arc<Semaphore>,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(limit)), limit }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

/// A place in the run's concurrency budget; given back on drop.
#[derive(Debug)]
#[must_use = "the place is given back when the permit is dropped"]
pub struct Permit {
    _places: Vec<OwnedSemaphorePermit>,
}

impl Permit {
    pub(crate) const fn free() -> Self {
        Self { _places: Vec::new() }
    }

    pub(crate) async fn acquire(budgets: &[Budget]) -> Self {
        let mut places = Vec::with_capacity(budgets.len());
        for budget in budgets {
            // The semaphore is never closed, so there is always a place in the end.
            if let Ok(place) = budget.places.clone().acquire_owned().await {
                places.push(place);
            }
        }
        Self { _places: places }
    }
}
