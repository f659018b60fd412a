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
    threads: Arc<Mutex<Threads>>,
}

/// Which log each of them has, and its records.
type Threads = BTreeMap<String, (String, Vec<String>)>;

impl MemoryStore {
    /// A store without threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl GraphStore for MemoryStore {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        let mut threads = self.threads();
        match threads.get_mut(thread) {
            Some((found, kept)) if found == log && kept.len() as u64 == at => kept.extend(records),
            None if at == 0 => drop(threads.insert(thread.to_string(), (log.to_string(), records))),
            found => {
                let found = found.map(|(log, kept)| (log.as_str(), kept.len() as u64));
                return Err(LogConflict::error(thread, log, at, found));
            }
        }
        Ok(())
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        let count = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
        let threads = self.threads();
        let found = threads.get(thread);
        Ok(found.map(|(log, records)| (log.clone(), records.iter().take(count).cloned().collect())))
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
