//! The log of a run: one entry for each thing that is done. State, resume, history and fork all come from it.

mod begin;
mod entry;
mod error;
mod exact;
mod fold;
mod head;
mod in_time;
mod kept;
mod memory;
mod replay;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod writer;

pub(crate) use begin::begin;
pub use entry::Entry;
pub use error::{DamagedRecord, LogConflict, LogMismatch, ShapeChanged};
pub(crate) use exact::exact;
pub(crate) use fold::fold;
pub(crate) use head::{Head, Record, not_begun, read};
pub(crate) use in_time::{end_of, in_time};
pub(crate) use kept::kept;
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
    pub(crate) writer: Arc<Writer>,
    /// Whether each of the entries was behind what leads to it: not if they were led over from another shape.
    pub(crate) is_closed: bool,
    /// Why nothing can be entered any more.
    refused: Mutex<Option<Error>>,
}

impl Log {
    pub(crate) fn new(writer: Arc<Writer>, entries: Vec<Entry>, is_closed: bool) -> Self {
        Self { replay: Replay::new(entries), writer, is_closed, refused: Mutex::default() }
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
        self.writer.push(Record::Entry(entry)).map_err(|error| self.refuse(error))
    }
}
