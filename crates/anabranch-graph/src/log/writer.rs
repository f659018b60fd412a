//! [`Writer`]: brings entries into the store, in their order.

use std::sync::{Arc, Mutex, PoisonError};

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::future::BoxFuture;

use super::GraphStore;
use crate::panics::caught_in;

/// Brings entries into the store, in their order. What comes while a write is under way goes with the next one.
pub(crate) struct Writer {
    store: Arc<dyn GraphStore>,
    thread: Arc<str>,
    waiting: Mutex<Waiting>,
    /// One write at a time. It belongs to the run, not to who waits for it: whoever waits last carries it on, so that
    /// it is known how far the log came though a node is dropped in the middle.
    writing: tokio::sync::Mutex<Writing>,
}

struct Waiting {
    records: Vec<String>,
    /// The position behind the last of them.
    end: u64,
}

struct Writing {
    /// The position behind what is written.
    end: u64,
    under_way: Option<(u64, BoxFuture<'static, Result<()>>)>,
    failed: Option<Error>,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn GraphStore>, thread: &str, next: u64) -> Self {
        Self {
            store,
            thread: thread.into(),
            waiting: Mutex::new(Waiting { records: Vec::new(), end: next }),
            writing: tokio::sync::Mutex::new(Writing { end: next, under_way: None, failed: None }),
        }
    }

    pub(super) fn push(&self, record: String) -> u64 {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.records.push(record);
        waiting.end += 1;
        waiting.end
    }

    /// Waits until the log has come to this position.
    pub(crate) async fn written(&self, end: u64) -> Result<()> {
        let mut writing = self.writing.lock().await;
        loop {
            if writing.end >= end {
                return Ok(());
            }
            if writing.failed.is_some() {
                return Err(Error::new(ErrorKind::Other, "the log could not be written"));
            }
            if writing.under_way.is_none() {
                let (records, next) = self.take();
                let (store, thread, at) = (self.store.clone(), self.thread.clone(), writing.end);
                let write = Box::pin(caught_in(async move { store.append(&thread, at, records).await }));
                writing.under_way = Some((next, write));
            }
            let Some((next, write)) = &mut writing.under_way else { continue };
            let (next, result) = (*next, write.await);
            writing.under_way = None;
            match result {
                Ok(()) => writing.end = next,
                Err(error) => writing.failed = Some(error),
            }
        }
    }

    fn take(&self) -> (Vec<String>, u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.records), waiting.end)
    }

    /// Waits until all that was put there is written.
    ///
    /// # Errors
    /// What writing failed with, now or before.
    pub(crate) async fn flush(&self) -> Result<()> {
        let end = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).end;
        let result = self.written(end).await;
        let failed = self.writing.lock().await.failed.clone();
        failed.map_or(result, Err)
    }
}
