//! A store that hangs has the time of the run, and no more.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{ErrorKind, Result, RunConfig};
use anabranch_graph::{CompiledGraph, END, GraphStore, MemoryStore, Progress, START, StateGraph};
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::graphs::Run;

const SECOND: Duration = Duration::from_secs(1);

/// From a position on a write takes this long; so does each read, where it is said.
#[derive(Clone)]
struct Hangs {
    store: MemoryStore,
    at: u64,
    writes: Duration,
    reads: Duration,
}

impl Hangs {
    fn at(at: u64, writes: Duration) -> Self {
        Self { store: MemoryStore::new(), at, writes, reads: Duration::ZERO }
    }
}

#[async_trait]
impl GraphStore for Hangs {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        if at >= self.at {
            sleep(self.writes).await;
        }
        self.store.append(thread, log, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        sleep(self.reads).await;
        self.store.read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.store.list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.store.delete(thread).await
    }
}

/// One after the other, each for a second; with a question between.
fn graph(asks: bool) -> CompiledGraph<Run> {
    let works = |name: &'static str| {
        move |_: Arc<Run>| async move {
            sleep(SECOND).await;
            Ok(Run::log([name]))
        }
    };
    let graph = StateGraph::new().node("a", works("a")).node("b", works("b")).edge(START, "a").edge("b", END);
    match asks {
        true => graph.ask("q", |_: &Run| "?", Run::approved).edge("a", "q").edge("q", "b"),
        false => graph.edge("a", "b"),
    }
    .compile()
    .unwrap()
}

const FOREVER: Duration = Duration::from_secs(1_000_000);

/// Whatever the run is at: its head, an entry amid it, the last one.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_write_is_left_when_the_time_is_up() {
    for at in 0..3 {
        let hangs = Hangs::at(at, FOREVER);
        let thread =
            graph(false).with_store(hangs.clone()).thread("t").with_config(RunConfig::new().timeout(SECOND * 10));
        let began = Instant::now();
        let error = thread.start(Run::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "at {at}");
        let wanted = if at == 0 { SECOND * 10 } else { SECOND * 11 };
        assert_eq!(began.elapsed(), wanted, "at {at}: a second is for what was done by then");
        assert_eq!(super::prefixes::records(&hangs.store, "t").await.len() as u64, at);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_read_is_left_when_the_time_is_up() {
    let hangs = Hangs { reads: FOREVER, ..Hangs::at(0, Duration::ZERO) };
    let thread = graph(true).with_store(hangs).thread("t").with_config(RunConfig::new().timeout(SECOND * 10));
    let Progress::Asks(_) = thread.start(Run::default()).await.unwrap() else { panic!("it asks") };
    for answers in [false, true] {
        let began = Instant::now();
        let came = if answers { thread.answer("q", true).await } else { thread.resume().await };
        let error = came.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (ErrorKind::DeadlineExceeded, SECOND * 10), "{error}");
    }
}

/// Reading, what is missing and what comes behind the answer: all of it in the one time.
#[tokio::test(start_paused = true)]
async fn the_time_is_for_all_that_a_call_does() {
    let slow = Hangs { reads: SECOND * 4, ..Hangs::at(0, Duration::ZERO) };
    for (limit, is_enough) in [(SECOND * 6, true), (SECOND * 4 + SECOND / 2, false)] {
        let thread = graph(true).with_store(slow.clone()).thread("t");
        thread.delete().await.unwrap();
        let Progress::Asks(_) = thread.start(Run::default()).await.unwrap() else { panic!("it asks") };
        let thread = thread.with_config(RunConfig::new().timeout(limit));
        let began = Instant::now();
        match thread.answer("q", true).await {
            Ok(_) => assert!(is_enough && began.elapsed() == SECOND * 5),
            Err(error) => {
                assert_eq!((error.kind(), began.elapsed()), (ErrorKind::DeadlineExceeded, limit), "{error}");
                assert!(!is_enough);
            }
        }
    }
}

/// The time is up while an entry is written: it is kept all the same, and so is what waited behind it.
#[tokio::test(start_paused = true)]
async fn what_was_done_in_time_is_kept() {
    let hangs = Hangs::at(1, SECOND / 2);
    let thread = graph(false).with_store(hangs).thread("t");
    let timed = thread.clone().with_config(RunConfig::new().timeout(SECOND + SECOND / 4));
    let began = Instant::now();
    let error = timed.start(Run::default()).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (ErrorKind::DeadlineExceeded, SECOND * 3 / 2));
    assert_eq!(thread.state().await.unwrap().log, ["a"]);
    // An answer of the whole run that comes in time stands, though its last entry comes a little later.
    let timed = thread.clone().with_config(RunConfig::new().timeout(SECOND * 7 / 4));
    let Progress::Done(state) = timed.resume().await.unwrap() else { panic!("it asks nothing") };
    assert_eq!(state.log, ["a", "b"]);
}
