//! What can go wrong with a log: reached in an error by `downcast_ref`.

use std::fmt;

use anabranch_core::{Error, ErrorKind};

/// Somebody else entered something since this run read the log, or deleted it: of two that work on one thread only one
/// goes on. In an error, by `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConflict {
    /// The thread.
    pub thread: String,
    /// Where the next record should have stood.
    pub expected: u64,
    /// How many records there are.
    pub found: u64,
    /// Whether these are of another log: that of the run was deleted, and the thread was started again.
    pub is_another_log: bool,
}

impl LogConflict {
    /// The error for a [`GraphStore`](crate::GraphStore) whose [`append`](crate::GraphStore::append) comes too late:
    /// what it was asked for, and which log the thread has and how many records, if it has any.
    #[must_use]
    pub fn error(thread: &str, log: &str, at: u64, found: Option<(&str, u64)>) -> Error {
        let is_another_log = found.is_some_and(|(found, _)| found != log);
        let found = found.map_or(0, |(_, count)| count);
        let this = Self { thread: thread.to_string(), expected: at, found, is_another_log };
        Error::new(ErrorKind::InvalidInput, this.to_string()).with_source(this)
    }
}

impl fmt::Display for LogConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, expected, found, is_another_log } = self;
        match expected {
            0 => write!(f, "the thread {thread:?} has a log: `resume` it, or `delete` it before it starts again"),
            _ if *is_another_log => write!(
                f,
                "the thread {thread:?} was deleted and started again while this run worked on it: what this run does \
                 cannot be kept, and the new log is left as it is"
            ),
            _ if *found == 0 => write!(
                f,
                "the thread {thread:?} was deleted while this run worked on it: what this run does cannot be kept"
            ),
            _ => write!(
                f,
                "another run works on the thread {thread:?}: its log has {found} records, where this run expected {expected}; \
                 let one of them go on, and `resume` when it has stopped"
            ),
        }
    }
}

impl std::error::Error for LogConflict {}

/// A record is not what was written: torn, or changed on the disk. In an error, by `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DamagedRecord {
    /// The thread.
    pub thread: String,
    /// Which record: 0 is what the run began with.
    pub position: u64,
}

impl DamagedRecord {
    /// The error for a [`GraphStore`](crate::GraphStore) that reads something else than was written.
    #[must_use]
    pub fn error(thread: &str, position: u64) -> Error {
        let this = Self { thread: thread.to_string(), position };
        Error::new(ErrorKind::Parse, this.to_string()).with_source(this)
    }
}

impl fmt::Display for DamagedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, position } = self;
        write!(f, "record {position} of the thread {thread:?} is damaged")?;
        match position.checked_sub(1) {
            Some(whole) => write!(f, "; what stands before it is whole: `fork({whole})` and go on from there"),
            None => f.write_str(", and nothing stands before it"),
        }
    }
}

impl std::error::Error for DamagedRecord {}

/// The log holds what this graph never comes to: its nodes, routes or lists do something else than when it was written.
/// In an error, by `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogMismatch {
    /// The path of the entry.
    pub path: String,
}

impl LogMismatch {
    pub(crate) fn error(path: &str) -> Error {
        let this = Self { path: path.to_string() };
        Error::new(ErrorKind::InvalidInput, this.to_string()).with_source(this)
    }
}

impl fmt::Display for LogMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the log has an entry of `{}`, which the graph does not come to: a node, a route or a list of it does \
             something else now; `fork` from a position before that entry",
            self.path
        )
    }
}

impl std::error::Error for LogMismatch {}

/// The log was written by a graph of another shape. In an error, by `downcast_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShapeChanged {
    /// What changed since, as a part of a sentence.
    pub changes: String,
}

impl ShapeChanged {
    pub(crate) fn error(changes: String) -> Error {
        let this = Self { changes };
        Error::new(ErrorKind::InvalidInput, this.to_string()).with_source(this)
    }
}

impl fmt::Display for ShapeChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log was written by another shape of the graph: {}; `migrate` leads it over", self.changes)
    }
}

impl std::error::Error for ShapeChanged {}
