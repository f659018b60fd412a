//! [`SqliteStore`]: logs in one file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use tokio::sync::Mutex;

use super::{DamagedRecord, GraphStore, LogConflict};

/// Where the log ends at the position, the record stands there. One statement is a transaction of its own.
const INSERT: &str = "
    INSERT INTO anabranch_log (thread, position, log, record, checksum) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE ?2 = COALESCE((
        SELECT CASE WHEN log = ?3 THEN position + 1 ELSE -1 END
        FROM anabranch_log WHERE thread = ?1 ORDER BY position DESC LIMIT 1
    ), 0)";

/// From each thread to the next, past its records.
const LIST: &str = "
    WITH RECURSIVE threads(thread) AS (
        SELECT MIN(thread) FROM anabranch_log UNION ALL
        SELECT (SELECT MIN(thread) FROM anabranch_log WHERE thread > threads.thread) FROM threads
        WHERE threads.thread IS NOT NULL
    )
    SELECT thread FROM threads WHERE thread IS NOT NULL";

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS anabranch_log (
        thread TEXT NOT NULL,
        position INTEGER NOT NULL,
        log TEXT NOT NULL,
        record TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (thread, position)
    ) STRICT, WITHOUT ROWID";

/// Logs in one file, by [SQLite](https://sqlite.org), which comes along: no server, no library of the system. Several
/// processes may use one file. Clones share a connection. It needs a Tokio runtime: the file is written on threads for
/// what blocks.
///
/// Each append is a transaction in WAL mode with `synchronous=FULL`: what is written outlives a crash of the process and
/// of the machine. Each record carries a CRC-32, so that what was damaged on the disk is found
/// ([`DamagedRecord`](crate::DamagedRecord)). Only how many records there are on a page is not seen to: what damages that
/// number can hide the last ones, which SQLite's `PRAGMA integrity_check` finds.
#[derive(Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] where it cannot be opened, or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let of = path.clone();
        let cannot = |why: &str| Error::new(ErrorKind::Other, format!("cannot open {of:?} as a SQLite store: {why}"));
        if ["", ":memory:"].map(Path::new).contains(&&*path) {
            return Err(cannot("it would be gone with the program: name a file, or take a `MemoryStore`"));
        }
        let open = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            // Another process may be at it.
            connection.busy_timeout(std::time::Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute(TABLE, [])?;
            let form = connection.prepare_cached(INSERT).map(drop);
            Ok::<_, rusqlite::Error>((connection, form))
        };
        let opened = tokio::task::spawn_blocking(open).await.map_err(stopped)?;
        let (connection, form) = opened.map_err(|error| cannot(&error.to_string()).with_source(error))?;
        form.map_err(|error| {
            let why = "its table `anabranch_log` has another form than this version of anabranch gives it: take \
                       another file";
            cannot(why).with_source(error)
        })?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Calls take their turn in the order in which they came; one that is dropped while it is at it is finished first.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut connection = self.connection.clone().lock_owned().await;
        tokio::task::spawn_blocking(move || work(&mut connection)).await.map_err(stopped)?
    }
}

fn failed(error: rusqlite::Error) -> Error {
    // SQLite says what is wrong with the file, and nothing of what is in it.
    Error::new(ErrorKind::Other, format!("the SQLite store failed: {error}")).with_source(error)
}

fn stopped(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Other, "the thread of the SQLite store stopped").with_source(error)
}

/// Of the place of a record too: one that stands where another belongs is no record of that place.
fn checksum(thread: &str, log: &str, position: i64, record: &str) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(thread.as_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.update(log.as_bytes());
    hasher.update(record.as_bytes());
    i64::from(hasher.finalize())
}

/// Appends to a log that ends where the first of these records is to stand.
fn append(connection: &mut Connection, thread: &str, log: &str, at: i64, records: &[String]) -> Result<()> {
    let is_there = match records {
        [] => end(connection, thread)?.map_or(at == 0, |(found, end)| found == log && end == at),
        // The usual case.
        [record] => insert(connection, thread, log, at, record)?,
        [first, rest @ ..] => {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            let inserted = insert(&transaction, thread, log, at, first)?;
            if inserted {
                for (position, record) in (at + 1..).zip(rest) {
                    insert(&transaction, thread, log, position, record)?;
                }
                transaction.commit().map_err(failed)?;
            }
            inserted
        }
    };
    if is_there {
        return Ok(());
    }
    let found = end(connection, thread)?;
    let found = found.as_ref().map(|(log, end)| (log.as_str(), end.unsigned_abs()));
    Err(LogConflict::error(thread, log, at.unsigned_abs(), found))
}

/// Whether the log ended there, and so has the record now.
fn insert(connection: &Connection, thread: &str, log: &str, position: i64, record: &str) -> Result<bool> {
    let values = params![thread, position, log, record, checksum(thread, log, position, record)];
    let inserted = connection.prepare_cached(INSERT).and_then(|mut insert| insert.execute(values));
    Ok(inserted.map_err(failed)? == 1)
}

/// Which log a thread has, and how many records.
fn end(connection: &Connection, thread: &str) -> Result<Option<(String, i64)>> {
    let last = "SELECT log, position + 1 FROM anabranch_log WHERE thread = ? ORDER BY position DESC LIMIT 1";
    let found = connection.query_row(last, [thread], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    found.map_err(failed)
}

/// The rows from the first of a thread on, in their order, and what comes behind them: where the first of the next
/// thread does not, that is damage that hides something of this one.
const SELECT: &str = "SELECT thread = ?1, position, log, record, checksum FROM anabranch_log
    WHERE thread >= ?1 ORDER BY thread, position";

fn read(connection: &Connection, thread: &str, count: u64) -> Result<Option<(String, Vec<String>)>> {
    let mut select = connection.prepare_cached(SELECT).map_err(failed)?;
    let mut rows = select.query([thread]).map_err(failed)?;
    let mut read: Option<(String, Vec<String>)> = None;
    for wanted in 0..count {
        let Some(row) = rows.next().map_err(failed)? else { break };
        let damaged = |_| DamagedRecord::error(thread, wanted);
        let (is_of_thread, position): (bool, i64) = (row.get(0).map_err(damaged)?, row.get(1).map_err(damaged)?);
        if !is_of_thread && position == 0 {
            break;
        }
        // Text that is no UTF-8 any more is damaged, too.
        let (log, record): (String, String) = (row.get(2).map_err(damaged)?, row.get(3).map_err(damaged)?);
        let sum: i64 = row.get(4).map_err(damaged)?;
        let is_of_log = read.as_ref().is_none_or(|(first, _)| *first == log);
        let is_in_place = is_of_thread && is_of_log && u64::try_from(position) == Ok(wanted);
        if !is_in_place || sum != checksum(thread, &log, position, &record) {
            return Err(DamagedRecord::error(thread, wanted));
        }
        read.get_or_insert((log, Vec::new())).1.push(record);
    }
    Ok(read)
}

#[async_trait]
impl GraphStore for SqliteStore {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        let (thread, log) = (thread.to_string(), log.to_string());
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.with(move |connection| append(connection, &thread, &log, at, &records)).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        let thread = thread.to_string();
        self.with(move |connection| read(connection, &thread, count.unwrap_or(u64::MAX))).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        let list = |connection: &mut Connection| {
            let mut threads = connection.prepare_cached(LIST)?;
            threads.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        self.with(move |connection| list(connection).map_err(failed)).await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        let thread = thread.to_string();
        let delete = move |connection: &mut Connection| {
            connection.execute("DELETE FROM anabranch_log WHERE thread = ?", [thread])
        };
        self.with(move |connection| delete(connection).map(drop).map_err(failed)).await
    }
}

/// Records may hold what a model said.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
