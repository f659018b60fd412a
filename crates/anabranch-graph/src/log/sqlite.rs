//! [`SqliteStore`]: logs in one file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use async_trait::async_trait;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::Mutex;

use super::{DamagedRecord, GraphStore, LogConflict};

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS anabranch_log (
        thread TEXT NOT NULL,
        position INTEGER NOT NULL,
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
/// ([`DamagedRecord`](crate::DamagedRecord)).
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
        let cannot = move |error: rusqlite::Error| {
            let message = format!("cannot open {of:?} as a SQLite store: {error}");
            Error::new(ErrorKind::Other, message).with_source(error)
        };
        let open = move || {
            let connection = Connection::open(path)?;
            // Another process may be at it.
            connection.busy_timeout(std::time::Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute(TABLE, [])?;
            Ok(connection)
        };
        let connection = tokio::task::spawn_blocking(open).await.map_err(stopped)?.map_err(cannot)?;
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
fn checksum(thread: &str, position: i64, record: &str) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(thread.as_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.update(record.as_bytes());
    i64::from(hasher.finalize())
}

/// Appends to a log that ends where the first of these records is to stand.
fn append(connection: &mut Connection, thread: &str, at: i64, records: &[String]) -> Result<()> {
    let inserted = match records {
        [] => return Ok(()),
        // The usual case, in one statement: it is a transaction of its own.
        [record] => insert(connection, thread, at, record)?,
        [first, rest @ ..] => {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            let inserted = insert(&transaction, thread, at, first)?;
            if inserted {
                for (position, record) in (at + 1..).zip(rest) {
                    insert(&transaction, thread, position, record)?;
                }
                transaction.commit().map_err(failed)?;
            }
            inserted
        }
    };
    if inserted {
        return Ok(());
    }
    let found = connection.query_row(
        "SELECT COALESCE(MAX(position) + 1, 0) FROM anabranch_log WHERE thread = ?",
        [thread],
        |row| row.get(0),
    );
    let found: i64 = found.map_err(failed)?;
    Err(LogConflict::error(thread, at.unsigned_abs(), found.unsigned_abs()))
}

/// Whether the log ended there, and so has the record now.
fn insert(connection: &Connection, thread: &str, position: i64, record: &str) -> Result<bool> {
    let statement = "INSERT INTO anabranch_log (thread, position, record, checksum) SELECT ?1, ?2, ?3, ?4
        WHERE ?2 = (SELECT COALESCE(MAX(position) + 1, 0) FROM anabranch_log WHERE thread = ?1)";
    let values = params![thread, position, record, checksum(thread, position, record)];
    let inserted = connection.prepare_cached(statement).and_then(|mut insert| insert.execute(values));
    Ok(inserted.map_err(failed)? == 1)
}

fn read(connection: &Connection, thread: &str, count: i64) -> Result<Vec<String>> {
    let mut select = connection
        .prepare_cached(
            "SELECT position, record, checksum FROM anabranch_log WHERE thread = ? AND position < ? ORDER BY position",
        )
        .map_err(failed)?;
    let mut rows = select.query(params![thread, count]).map_err(failed)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let wanted = records.len() as i64;
        let damaged = |_| DamagedRecord::error(thread, wanted.unsigned_abs());
        // Text that is no UTF-8 any more is damaged, too.
        let record: String = row.get(1).map_err(damaged)?;
        let (position, sum): (i64, i64) = (row.get(0).map_err(damaged)?, row.get(2).map_err(damaged)?);
        if position != wanted || sum != checksum(thread, position, &record) {
            return Err(DamagedRecord::error(thread, wanted.unsigned_abs()));
        }
        records.push(record);
    }
    Ok(records)
}

#[async_trait]
impl GraphStore for SqliteStore {
    async fn append(&self, thread: &str, at: u64, records: Vec<String>) -> Result<()> {
        let thread = thread.to_string();
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.with(move |connection| append(connection, &thread, at, &records)).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Vec<String>> {
        let thread = thread.to_string();
        let count = count.map_or(i64::MAX, |count| i64::try_from(count).unwrap_or(i64::MAX));
        self.with(move |connection| read(connection, &thread, count)).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        let list = |connection: &mut Connection| {
            let mut threads = connection.prepare_cached("SELECT DISTINCT thread FROM anabranch_log ORDER BY thread")?;
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
