//! [`Progress`]: whether a run that is read only as a whole is getting anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When the steps of a run last made a chunk, while nobody reads them one by one.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Last>);

#[derive(Debug)]
struct Last {
    began: Instant,
    /// Nanoseconds after the beginning.
    made: AtomicU64,
    /// Somebody further out wants to know, too.
    outer: Option<Progress>,
}

impl Progress {
    /// It begins now.
    pub(crate) fn inside(outer: Option<Self>) -> Self {
        Self(Arc::new(Last { began: Instant::now(), made: AtomicU64::new(0), outer }))
    }

    /// Something was made. On a task of its own, nobody else may hear of it: so it is the time that is noted.
    pub(crate) fn made(&self) {
        let after = u64::try_from(self.0.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.made.fetch_max(after, Ordering::Relaxed);
        if let Some(outer) = &self.0.outer {
            outer.made();
        }
    }

    /// When something was made last, or when it began.
    pub(crate) fn last(&self) -> Instant {
        self.0.began + Duration::from_nanos(self.0.made.load(Ordering::Relaxed))
    }
}
