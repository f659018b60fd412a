//! Logs in a file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anabranch_core::Result;
use anabranch_graph::{
    DamagedRecord, END, GraphStore, LogConflict, MemoryStore, Progress, START, SqliteStore, StateGraph,
};
use rusqlite::Connection;

use super::graphs::{ALL, Run, Works, asks, initial, loops};
use super::prefixes::{entries, records as all, to_end};

/// A file that is not there yet.
pub(crate) fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("logs.sqlite")
}

fn records(of: &[&str]) -> Vec<String> {
    of.iter().map(|record| (*record).to_string()).collect()
}

/// What is asked of a store, by two that are the same one.
async fn both_keep_records(store: &impl GraphStore, another: &impl GraphStore) -> Result<()> {
    assert_eq!(store.read("t", None).await?, None);
    store.append("t", "1", 0, records(&["a", "b"])).await?;
    another.append("t", "1", 2, records(&["c"])).await?;
    let wrong = [("1", 0), ("1", 2), ("1", 4), ("2", 0), ("2", 2), ("2", 3), ("2", 4), ("", 3)];
    for (log, at) in wrong {
        for more in [&["x", "y"][..], &["x"], &[]] {
            let error = store.append("t", log, at, records(more)).await.unwrap_err();
            let conflict = error.downcast_ref::<LogConflict>().unwrap();
            assert_eq!((conflict.expected, conflict.found, conflict.is_another_log), (at, 3, log != "1"));
        }
    }
    another.append("t", "1", 3, Vec::new()).await?;
    store.append("another", "log 3", 0, records(&["ä\0"])).await?;
    let of = |log: &str, kept: &[&str]| Some((log.to_string(), records(kept)));
    assert_eq!(store.read("t", None).await?, of("1", &["a", "b", "c"]));
    assert_eq!(store.read("t", Some(2)).await?, of("1", &["a", "b"]));
    assert_eq!(another.read("another", None).await?, of("log 3", &["ä\0"]));
    assert_eq!(store.list().await?, ["another", "t"]);
    another.delete("t").await?;
    another.delete("t").await?;
    assert_eq!(store.list().await?, ["another"]);
    for more in [&["x", "y"][..], &["x"], &[]] {
        let error = store.append("t", "1", 3, records(more)).await.unwrap_err();
        let conflict = error.downcast_ref::<LogConflict>().unwrap();
        assert_eq!((conflict.expected, conflict.found, conflict.is_another_log), (3, 0, false));
    }
    Ok(())
}

/// Names may be any text, and each is another one.
#[tokio::test]
async fn threads_may_have_any_name() -> Result<()> {
    let long = "x".repeat(100_000);
    let mut names =
        vec!["", "\0", "a", "a\0", "a\0b", "A", " a", "a ", "ä", "a\u{308}", "a@1", "a@1.2", "a'--", "%", &long];
    let path = file("names");
    for store in [&SqliteStore::open(&path).await? as &dyn GraphStore, &MemoryStore::new()] {
        for (number, name) in names.iter().enumerate() {
            store.append(name, &number.to_string(), 0, records(&[name])).await?;
        }
        for (number, name) in names.iter().enumerate() {
            assert_eq!(store.read(name, None).await?, Some((number.to_string(), records(&[name]))));
        }
        names.sort();
        assert_eq!(store.list().await?, names);
        for name in &names {
            store.delete(name).await?;
        }
        assert!(store.list().await?.is_empty());
    }
    Ok(())
}

/// As a version of the table that this program does not know.
#[tokio::test]
async fn a_table_of_another_form_is_named_and_left_alone() {
    let path = file("form");
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "CREATE TABLE anabranch_log (thread TEXT, position INTEGER, record TEXT, checksum INTEGER);
         INSERT INTO anabranch_log VALUES ('t', 0, '{}', 0);",
    )
    .unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    let wanted = format!("cannot open {path:?} as a SQLite store: its table `anabranch_log` has another form");
    assert!(error.message().starts_with(&wanted), "{error}");
    let count: i64 = raw.query_row("SELECT COUNT(*) FROM anabranch_log", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn records_are_kept_in_order_and_only_where_they_are_expected() -> Result<()> {
    let memory = MemoryStore::new();
    both_keep_records(&memory, &memory.clone()).await?;
    let path = file("order");
    let store = SqliteStore::open(&path).await?;
    let another = SqliteStore::open(&path).await?;
    both_keep_records(&store, &another).await
}

#[tokio::test]
async fn of_two_processes_one_wins() -> Result<()> {
    let path = file("two");
    let (one, other) = (SqliteStore::open(&path).await?, SqliteStore::open(&path).await?);
    for at in 0..50 {
        let (a, b) =
            tokio::join!(one.append("t", "1", at, records(&["a"])), other.append("t", "1", at, records(&["b"])));
        assert!(a.is_ok() != b.is_ok(), "one of them");
        let lost = a.err().or(b.err()).unwrap();
        assert!(lost.downcast_ref::<LogConflict>().is_some(), "{lost:?}");
    }
    assert_eq!(all(&one, "t").await.len(), 50);
    Ok(())
}

#[tokio::test]
async fn a_damaged_record_is_found() -> Result<()> {
    let path = file("damaged");
    let store = SqliteStore::open(&path).await?;
    let works = Works::default();
    let graph = loops(&works).with_store(store.clone());
    let state = to_end(graph.thread("t").start(initial()).await?).await?;
    let last = all(&store, "t").await.len() as u64 - 1;
    let damages = [
        "record = substr(record, 1, length(record) / 2)",
        // One digit of a number, which is still an entry.
        "record = replace(record, 'last:3', 'last:2')",
        "record = CAST(x'ff' AS TEXT)",
        "checksum = checksum + 1",
        "log = 'LOG'",
        "position = position + 1",
    ];
    let raw = Connection::open(&path).unwrap();
    for (number, damage) in damages.iter().enumerate() {
        let name = format!("damaged {number}");
        store.append(&name, "log", 0, all(&store, "t").await).await?;
        let changed = raw
            .execute(
                &format!("UPDATE anabranch_log SET {damage} WHERE thread = ? AND position = ?"),
                (&name, last as i64),
            )
            .unwrap();
        assert_eq!(changed, 1);
        let thread = graph.thread(&name);
        for error in [thread.resume().await.unwrap_err(), thread.history().await.unwrap_err()] {
            let damaged = error.downcast_ref::<DamagedRecord>().unwrap_or_else(|| panic!("{damage}: {error:?}"));
            assert_eq!((&damaged.thread, damaged.position), (&name, last), "{damage}");
        }
        // What stands before it is whole.
        assert_eq!(to_end(thread.fork(last - 1).await?.resume().await?).await?, state);
    }
    Ok(())
}

/// The machine stops in the middle of a write: SQLite's journal ends anywhere. What is whole of it counts.
#[tokio::test]
async fn a_torn_write_is_as_if_it_had_not_been() -> Result<()> {
    let path = file("torn");
    let store = SqliteStore::open(&path).await?;
    let graph = asks(&Works::default());
    let Progress::Asks(_) = graph.with_store(store.clone()).thread("t").start(initial()).await? else { panic!() };
    let whole = all(&store, "t").await;
    let wal = |path: &PathBuf| PathBuf::from(format!("{}-wal", path.display()));
    let journal = std::fs::read(wal(&path)).unwrap();
    let mut lengths = Vec::new();
    for cut in [1, 100, 4096, 5000, 20_000] {
        let torn = file(&format!("torn-{cut}"));
        std::fs::copy(&path, &torn).unwrap();
        std::fs::write(wal(&torn), &journal[..journal.len() - cut]).unwrap();
        let thread = graph.with_store(SqliteStore::open(&torn).await?).thread("t");
        let kept = thread.history().await?.len() + 1;
        assert!(kept < whole.len(), "the last is gone");
        lengths.push(kept);
        let state = to_end(thread.resume().await?).await?;
        assert_eq!((state.x, state.sum), (2, 2));
    }
    assert!(lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
    Ok(())
}

/// Another process keeps the file locked for longer than one waits, while the run is at it.
#[tokio::test]
async fn a_file_that_stays_locked_stops_the_run_and_no_more() -> Result<()> {
    let path = file("locked");
    let store = SqliteStore::open(&path).await?;
    let locks = Arc::new(Mutex::new(Some(Connection::open(&path).unwrap())));
    let lock = locks.clone();
    let works = Works::default();
    let step = works.step("a", move |_: &Arc<Run>| {
        if let Some(other) = &*lock.lock().unwrap() {
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        Ok(Run::x(1))
    });
    let graph = StateGraph::new().node("a", step).edge(START, "a").edge("a", END).compile()?;
    let thread = graph.with_store(store).thread("t");
    let error = thread.start(initial()).await.unwrap_err();
    assert_eq!(error.message(), "the SQLite store failed: database is locked");
    // Who reads does not wait.
    assert_eq!(thread.state().await?, initial());
    drop(locks.lock().unwrap().take());
    let Progress::Done(state) = thread.resume().await? else { panic!("it asks nothing") };
    assert_eq!((state.x, works.get()["a"]), (1, 2));
    Ok(())
}

/// Each answer by a store that is opened anew.
#[tokio::test]
async fn runs_go_on_from_a_file() -> Result<()> {
    for (number, (name, build)) in ALL.into_iter().enumerate() {
        let path = file(&format!("runs-{number}"));
        let works = Works::default();
        let state = to_end(build(&works).start(initial()).await?).await?;
        let thread = async || {
            Ok::<_, anabranch_core::Error>(build(&works).with_store(SqliteStore::open(&path).await?).thread("t"))
        };
        let mut progress = thread().await?.start(initial()).await?;
        let came = loop {
            let Progress::Asks(questions) = progress else { break to_end(progress).await? };
            let answer = super::graphs::answer(questions[0].question());
            progress = thread().await?.answer(questions[0].path(), answer).await?;
        };
        assert_eq!(came, state, "{name}");
        assert_eq!(thread().await?.state().await?, state, "{name}");
        entries(&thread().await?.history().await?);
    }
    Ok(())
}

/// SQLite takes these for places that are gone with the program, and the last for an option.
#[tokio::test]
async fn a_name_is_the_name_of_a_file() {
    for name in ["", ":memory:"] {
        let error = SqliteStore::open(name).await.unwrap_err();
        assert!(error.message().contains("it would be gone with the program"), "{error}");
    }
    let path = file("uri");
    let path = path.parent().unwrap().join("file:logs?mode=memory");
    SqliteStore::open(&path).await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let path = file("folder");
    let (folder, nowhere) = (path.parent().unwrap(), path.join("below/logs.sqlite"));
    for path in [folder, &nowhere] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(error.message().starts_with(&format!("cannot open {path:?} as a SQLite store: ")), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let path = file("text");
    std::fs::write(&path, "This is text, and no database. ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(error.message(), format!("cannot open {path:?} as a SQLite store: file is not a database"));
}
