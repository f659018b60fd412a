//! [`MemoryStore`]: logs as long as the program runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anabranch_core::Result;
use async_trait::async_trait;

use super::{GraphStore, LogConflict};

/// Logs that are kept as long as the program runs. Clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    threads: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl MemoryStore {
    /// A store without threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn threads(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl GraphStore for MemoryStore {
    async fn append(&self, thread: &str, at: u64, records: Vec<String>) -> Result<()> {
        let mut threads = self.threads();
        let found = threads.get(thread).map_or(0, Vec::len) as u64;
        if found != at {
            return Err(LogConflict::error(thread, at, found));
        }
        threads.entry(thread.to_string()).or_default().extend(records);
        Ok(())
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Vec<String>> {
        let count = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
        Ok(self.threads().get(thread).into_iter().flatten().take(count).cloned().collect())
    }

    async fn list(&self) -> Result<Vec<String>> {
        Ok(self.threads().keys().cloned().collect())
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.threads().remove(thread);
        Ok(())
    }
}

/// Records may hold what a model said.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("threads", &self.threads().len()).finish_non_exhaustive()
    }
}
