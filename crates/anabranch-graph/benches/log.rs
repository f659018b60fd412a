//! What the log costs: an entry in SQLite beside a bare insert of the same bytes, and a run in memory with and without.
//!
//! `cargo bench -p anabranch-graph --features sqlite --bench log`

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anabranch_core::RunnableExt;
use anabranch_graph::{CompiledGraph, END, GraphStore, MemoryStore, Progress, START, SqliteStore, State, StateGraph};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Counter {
    count: u32,
    until: u32,
    text: String,
}

fn graph() -> CompiledGraph<Counter> {
    let step = async |state: Arc<Counter>| Ok((Counter::count(state.count + 1), Counter::text("x".repeat(200))));
    StateGraph::new()
        .node("step", step)
        .edge(START, "step")
        .route("step", |state: &Counter| if state.count < state.until { "step" } else { END }, ["step", END])
        .step_limit(usize::MAX)
        .compile()
        .unwrap()
}

fn each(what: &str, count: u32, took: Duration) {
    println!("{what}: {:.2} µs an entry", took.as_secs_f64() * 1e6 / f64::from(count));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let folder = std::env::temp_dir().join(format!("anabranch-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();

    // In turns, so that what else the disk has to do is the same for both.
    let (count, rounds) = if is_test { (10, 1) } else { (200, 21) };
    let start = || Counter { until: count, ..Counter::default() };
    let store = SqliteStore::open(folder.join("run.sqlite")).await.unwrap();
    let bare = Connection::open(folder.join("bare.sqlite")).unwrap();
    bare.pragma_update(None, "journal_mode", "WAL").unwrap();
    bare.pragma_update(None, "synchronous", "FULL").unwrap();
    bare.execute(
        "CREATE TABLE log (thread TEXT, position INTEGER, record TEXT, PRIMARY KEY (thread, position)) WITHOUT ROWID",
        [],
    )
    .unwrap();
    let mut insert = bare.prepare("INSERT INTO log VALUES (?, ?, ?)").unwrap();
    let mut times = Vec::new();
    for round in 0..rounds {
        let thread = round.to_string();
        let began = Instant::now();
        let stored = graph().with_store(store.clone()).thread(&thread);
        let Progress::Done(_) = stored.start(start()).await.unwrap() else { panic!() };
        let by_run = began.elapsed().as_secs_f64();

        let (_, records) = store.read(&thread, None).await.unwrap().unwrap();
        let began = Instant::now();
        for (position, record) in (0_i64..).zip(&records) {
            insert.execute(params![thread, position, record]).unwrap();
        }
        times.push((by_run, began.elapsed().as_secs_f64()));
    }
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut all: Vec<_> = times.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };

    each("SQLite, by a run", count, Duration::from_secs_f64(median(&|(by_run, _)| *by_run)));
    each("SQLite, bare insert", count, Duration::from_secs_f64(median(&|(_, bare)| *bare)));
    println!("SQLite, by a run, beside a bare insert: {:.2} ×", median(&|(by_run, bare)| by_run / bare));

    for count in if is_test { [10, 20] } else { [10_000, 40_000] } {
        let start = || Counter { until: count, ..Counter::default() };
        let began = Instant::now();
        graph().invoke(start()).await.unwrap();
        each(&format!("{count} iterations without a log"), count, began.elapsed());
        let thread = graph().with_store(MemoryStore::new()).thread("t");
        let began = Instant::now();
        thread.start(start()).await.unwrap();
        each(&format!("{count} iterations with a log in memory"), count, began.elapsed());
        let began = Instant::now();
        thread.resume().await.unwrap();
        each(&format!("{count} iterations resumed"), count, began.elapsed());
        let began = Instant::now();
        thread.state().await.unwrap();
        each(&format!("{count} iterations folded"), count, began.elapsed());
    }
    let _ = std::fs::remove_dir_all(folder);
}
