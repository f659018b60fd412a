//! [`Writer`]: brings entries into the store, in their order.

use std::sync::{Arc, Mutex, PoisonError};

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::future::BoxFuture;

use super::begin::unique;
use super::{GraphStore, LogConflict, Record};
use crate::panics::caught_in;

/// Brings entries into the store, in their order. What comes while a write is under way goes with the next one.
///
/// Each record bears a number of this run. So it is certain whose record it is that stands where one was to be written:
/// a store that tries again by itself may come upon what its first try wrote, and call it a conflict.
pub(crate) struct Writer {
    store: Arc<dyn GraphStore>,
    thread: Arc<str>,
    log: Arc<str>,
    run: u64,
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
    /// Goes on behind what was read of a log: `next` is the position of the next record.
    pub(crate) fn new(store: Arc<dyn GraphStore>, thread: &str, log: &str, next: u64) -> Self {
        Self {
            store,
            thread: thread.into(),
            log: log.into(),
            run: unique(),
            waiting: Mutex::new(Waiting { records: Vec::new(), end: next }),
            writing: tokio::sync::Mutex::new(Writing { end: next, under_way: None, failed: None }),
        }
    }

    /// Puts a record behind the others; it is written when [`written`](Self::written) has the position this gives.
    ///
    /// # Errors
    /// Where it could not be read again.
    pub(crate) fn push(&self, record: Record) -> Result<u64> {
        let record = record.of_run(self.run).to_text()?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.records.push(record);
        waiting.end += 1;
        Ok(waiting.end)
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
                let (store, thread, log) = (self.store.clone(), self.thread.clone(), self.log.clone());
                let (at, run) = (writing.end, self.run);
                let write = async move {
                    match store.append(&thread, &log, at, records).await {
                        Err(error) if error.downcast_ref::<LogConflict>().is_some() => {
                            let found = store.read(&thread, Some(next)).await;
                            if is_of_run(found, &log, at, next, run) { Ok(()) } else { Err(error) }
                        }
                        result => result,
                    }
                };
                writing.under_way = Some((next, Box::pin(caught_in(write))));
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

/// Whether the log has the records from `at` to `next`, by this run. Nobody else knows its number.
fn is_of_run(found: Result<Option<(String, Vec<String>)>>, log: &str, at: u64, next: u64, run: u64) -> bool {
    let Ok(Some((found, records))) = found else { return false };
    let count = records.len() as u64;
    found == log
        && count == next
        && records.iter().skip(at as usize).all(|text| text.contains(&format!("\"run\":{run}")))
}
