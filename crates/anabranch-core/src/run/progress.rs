//! [`Progress`]: whether a run that is read only as a whole is getting anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the chunks that the steps of a run make while nobody reads them one by one.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Count>);

#[derive(Debug)]
struct Count {
    made: AtomicU64,
    /// Somebody further out wants to know, too.
    outer: Option<Progress>,
}

impl Progress {
    pub(crate) fn inside(outer: Option<Self>) -> Self {
        Self(Arc::new(Count { made: AtomicU64::new(0), outer }))
    }

    /// Something was made.
    pub(crate) fn made(&self) {
        self.0.made.fetch_add(1, Ordering::Relaxed);
        if let Some(outer) = &self.0.outer {
            outer.made();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.made.load(Ordering::Relaxed)
    }
}
