//! The log of a run: one entry for each thing that is done. State, resume, history and fork all come from it.

mod entry;
mod error;
mod exact;
mod fold;
mod head;
mod memory;
mod replay;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod writer;

pub use entry::Entry;
pub use error::{DamagedRecord, LogConflict, LogMismatch, ShapeChanged};
pub(crate) use exact::{exact, kept};
pub(crate) use fold::fold;
pub(crate) use head::{Head, Record, read};
pub use memory::MemoryStore;
pub(crate) use replay::Replay;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::GraphStore;
pub(crate) use writer::Writer;

use std::sync::{Arc, Mutex, PoisonError};

use anabranch_core::{Error, Result};

/// The log as a run has it: what earlier runs entered, and where this one goes on.
pub(crate) struct Log {
    pub(crate) replay: Replay,
    pub(crate) writer: Writer,
    /// Whether each of the entries was behind what leads to it: not if they were led over from another shape.
    pub(crate) is_closed: bool,
    /// Why nothing can be entered any more.
    refused: Mutex<Option<Error>>,
}

impl Log {
    /// Goes on behind what was read: `next` is the position of the next record.
    pub(crate) fn new(
        store: Arc<dyn GraphStore>,
        thread: &str,
        entries: Vec<Entry>,
        next: u64,
        is_closed: bool,
    ) -> Self {
        let (replay, writer) = (Replay::new(entries), Writer::new(store, thread, next));
        Self { replay, writer, is_closed, refused: Mutex::default() }
    }

    /// The run and its log do not fit: it ends with this error, whatever of it may fail quietly.
    pub(crate) fn refuse(&self, error: Error) -> Error {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error).clone()
    }

    /// # Errors
    /// What was refused.
    pub(crate) fn refused(&self) -> Result<()> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    /// Puts an entry behind the others; it is written when [`Writer::written`] has the number this gives.
    ///
    /// # Errors
    /// Where the run and its log do not fit.
    pub(crate) fn enter(&self, entry: Entry) -> Result<u64> {
        self.refused()?;
        if entry.failed.is_some() {
            self.replay.forget_below(&entry.path, true);
        }
        let text = Record::Entry(entry).to_text().map_err(|error| self.refuse(error))?;
        Ok(self.writer.push(text))
    }
}
