//! Of a thread that is deleted and started again the logs are two.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_graph::{CompiledGraph, END, GraphStore, LogConflict, MemoryStore, Progress, START, StateGraph, Thread};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::graphs::{ALL, Run, Works, asks, initial, loops};
use super::prefixes::{entries, records, to_end};

/// Two nodes, the second of which waits to be let go; what the first writes is what the run began with.
fn waits(gate: &Arc<Semaphore>) -> CompiledGraph<Run> {
    let gate = gate.clone();
    StateGraph::new()
        .node("a", async |run: Arc<Run>| Ok(Run::log([format!("a{}", run.x)])))
        .node("b", move |run: Arc<Run>| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(Run::log([format!("b{}", run.x)]))
            }
        })
        .edge(START, "a")
        .edge("a", "b")
        .edge("b", END)
        .compile()
        .unwrap()
}

fn begins_with(x: u32) -> Run {
    Run { x, ..Run::default() }
}

/// Waits until the log of a thread is that long.
async fn until(store: &impl GraphStore, thread: &str, length: usize) {
    while store.read(thread, None).await.unwrap().map_or(0, |(_, records)| records.len()) != length {
        tokio::task::yield_now().await;
    }
}

async fn of_a_deleted_run_nothing_gets_into_the_next(store: impl GraphStore + Clone + 'static) {
    let (first_gate, second_gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let first = waits(&first_gate).with_store(store.clone()).thread("t");
    let going = first.clone();
    let old = tokio::spawn(async move { going.start(begins_with(1)).await });
    until(&store, "t", 2).await;
    first.delete().await.unwrap();
    assert_eq!(first.state().await.unwrap_err().kind(), ErrorKind::NotFound);

    // The new log is as long as the old one was, and waits at the same place.
    let second = waits(&second_gate).with_store(store.clone()).thread("t");
    let going = second.clone();
    let new = tokio::spawn(async move { going.start(begins_with(2)).await });
    until(&store, "t", 2).await;
    first_gate.add_permits(1);
    let error = old.await.unwrap().unwrap_err();
    let conflict = error.downcast_ref::<LogConflict>().unwrap_or_else(|| panic!("{error}"));
    assert!(conflict.is_another_log);
    assert!(error.message().starts_with("the thread \"t\" was deleted and started again"), "{error}");

    second_gate.add_permits(1);
    let Progress::Done(state) = new.await.unwrap().unwrap() else { panic!("it asks nothing") };
    assert_eq!(state.log, ["a2", "b2"]);
    assert_eq!(second.state().await.unwrap(), state);
    assert_eq!(second.history().await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_a_deleted_run_nothing_gets_into_the_next_in_memory() {
    of_a_deleted_run_nothing_gets_into_the_next(MemoryStore::new()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn of_a_deleted_run_nothing_gets_into_the_next_in_a_file() {
    let store = anabranch_graph::SqliteStore::open(super::sqlite::file("identity")).await.unwrap();
    of_a_deleted_run_nothing_gets_into_the_next(store).await;
}

#[tokio::test]
async fn a_run_whose_log_is_deleted_says_so() {
    let (gate, store) = (Arc::new(Semaphore::new(0)), MemoryStore::new());
    let thread = waits(&gate).with_store(store.clone()).thread("t");
    let going = thread.clone();
    let run = tokio::spawn(async move { going.start(begins_with(1)).await });
    until(&store, "t", 2).await;
    thread.delete().await.unwrap();
    gate.add_permits(1);
    let error = run.await.unwrap().unwrap_err();
    assert!(error.downcast_ref::<LogConflict>().is_some());
    assert!(error.message().starts_with("the thread \"t\" was deleted while this run worked on it"), "{error}");
    assert!(store.list().await.unwrap().is_empty(), "it is not there again");
}

/// Also a fork of the same name, from the same place, is another log.
#[tokio::test]
async fn a_fork_that_is_deleted_and_made_again_is_another_log() {
    let (gate, store) = (Arc::new(Semaphore::new(1)), MemoryStore::new());
    let whole = waits(&gate).with_store(store.clone()).thread("t");
    let Progress::Done(_) = whole.start(begins_with(1)).await.unwrap() else { panic!() };
    let first = whole.fork(1).await.unwrap();
    let going = first.clone();
    let old = tokio::spawn(async move { going.resume().await });
    tokio::task::yield_now().await;
    first.delete().await.unwrap();
    let second = whole.fork(1).await.unwrap();
    assert_eq!(second.id(), first.id());
    gate.add_permits(1);
    assert!(old.await.unwrap().unwrap_err().downcast_ref::<LogConflict>().unwrap().is_another_log);
    assert_eq!(second.history().await.unwrap().len(), 1, "it is as it was made");
}

/// Tries again by itself: what it wrote at first stands there when it does.
#[derive(Clone, Default)]
struct TriesAgain {
    store: MemoryStore,
    appends: Arc<AtomicUsize>,
}

#[async_trait]
impl GraphStore for TriesAgain {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        self.store.append(thread, log, at, records.clone()).await?;
        tokio::task::yield_now().await;
        // The first answer was lost on its way.
        self.store.append(thread, log, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        self.store.read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.store.list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.store.delete(thread).await
    }
}

#[tokio::test]
async fn what_a_store_wrote_at_its_first_try_is_no_conflict() {
    for (name, build) in ALL {
        let works = Works::default();
        let state = to_end(build(&works).start(initial()).await.unwrap()).await.unwrap();
        let store = TriesAgain::default();
        let thread = build(&works).with_store(store.clone()).thread("t");
        let came = to_end(thread.start(initial()).await.unwrap()).await.unwrap();
        assert_eq!(came, state, "{name}");
        assert!(store.appends.load(Ordering::Relaxed) > 3);
        let fork = thread.fork(2).await.unwrap();
        assert_eq!(fork.id(), "t@2");
        assert_eq!(to_end(fork.resume().await.unwrap()).await.unwrap(), state, "{name}");
        assert_eq!(store.list().await.unwrap(), ["t", "t@2"]);
        assert_eq!(entries(&fork.history().await.unwrap()), entries(&thread.history().await.unwrap()), "{name}");
    }
}

/// Though what they write is the same, to the last letter.
#[tokio::test]
async fn of_two_that_try_again_one_goes_on() {
    let store = TriesAgain::default();
    let thread = loops(&Works::default()).with_store(store.clone()).thread("t");
    to_end(thread.start(initial()).await.unwrap()).await.unwrap();
    let fork = thread.fork(3).await.unwrap();
    let (one, other) = tokio::join!(fork.resume(), fork.resume());
    assert!(one.is_ok() != other.is_ok(), "one of them");
    let lost = one.err().or(other.err()).unwrap();
    let conflict = lost.downcast_ref::<LogConflict>().unwrap();
    assert!(!conflict.is_another_log && lost.message().starts_with("another run works on the thread"), "{lost}");
    assert_eq!(fork.history().await.unwrap().len(), thread.history().await.unwrap().len());

    let (one, other) = (thread.clone(), thread.clone());
    thread.delete().await.unwrap();
    let (one, other) = tokio::join!(one.start(initial()), other.start(initial()));
    assert!(one.is_ok() != other.is_ok(), "one of them");
}

/// Two answer the same question at once: one of them counts, and the other is told so.
#[tokio::test]
async fn of_two_answers_one_counts() {
    let store = MemoryStore::new();
    let works = Works::default();
    let thread = || asks(&works).with_store(store.clone()).thread("t");
    let Progress::Asks(kept) = thread().start(initial()).await.unwrap() else { panic!("it asks") };
    let answers = (thread(), thread());
    let (yes, no) = tokio::join!(answers.0.answer("approve#0", true), answers.1.answer("approve#0", false));
    assert!(yes.is_err() || no.is_err(), "one of them");
    for lost in [yes.err(), no.err()].into_iter().flatten() {
        let is_late = lost.message().starts_with("`approve#0` asks nothing");
        assert!(is_late || lost.downcast_ref::<LogConflict>().is_some(), "{lost}");
    }
    // So is who kept the questions, and nobody answers by mistake what is asked later.
    assert!(kept.answer("approve#0", true).await.unwrap_err().downcast_ref::<LogConflict>().is_some());
    let late = thread().answer("approve#0", true).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::InvalidInput, "{late}");
    assert!(late.message().starts_with("`approve#0` asks nothing"), "{late}");
    let answered = thread().history().await.unwrap();
    let answered: Vec<_> = answered.iter().filter(|entry| entry.path() == "approve#0").collect();
    assert_eq!(answered.len(), 1);
}

/// A run goes on, and another one is resumed beside it, at each place.
#[tokio::test]
async fn a_run_that_is_resumed_while_it_goes_on() {
    for (name, build) in ALL {
        let whole = build(&Works::default()).with_store(MemoryStore::new()).thread("t");
        let state = to_end(whole.start(initial()).await.unwrap()).await.unwrap();
        let log = entries(&whole.history().await.unwrap());
        for turns in 0..40 {
            let store = MemoryStore::new();
            let thread: Thread<Run> = build(&Works::default()).with_store(store.clone()).thread("t");
            let (one, other) = (thread.clone(), thread.clone());
            let first = async move { to_end(one.start(initial()).await?).await };
            let second = async move {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                to_end(other.resume().await?).await
            };
            let (first, second) = tokio::join!(first, second);
            for lost in [&first, &second].into_iter().filter_map(|one| one.as_ref().err()) {
                let is_told = lost.downcast_ref::<LogConflict>().is_some() || lost.kind() == ErrorKind::NotFound;
                assert!(is_told, "{name} {turns}: {lost}");
            }
            // Whoever lost, the log is one that a single run could have written.
            let came = to_end(thread.resume().await.unwrap()).await.unwrap();
            assert_eq!(came, state, "{name} {turns}");
            assert_eq!(entries(&thread.history().await.unwrap()), log, "{name} {turns}");
            assert_eq!(records(&store, "t").await.len(), thread.history().await.unwrap().len() + 1);
            for state in [first, second].into_iter().flatten() {
                assert_eq!(state, came, "{name} {turns}");
            }
        }
    }
}

/// A store that cannot read says what failed at first: the conflict.
#[tokio::test]
async fn a_conflict_that_cannot_be_looked_into_is_one() {
    #[derive(Clone, Default)]
    struct Blind(MemoryStore);

    #[async_trait]
    impl GraphStore for Blind {
        async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
            self.0.append(thread, log, at, records.clone()).await?;
            self.0.append(thread, log, at, records).await
        }

        async fn read(&self, _: &str, _: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
            Err(Error::new(ErrorKind::Connection, "gone"))
        }

        async fn list(&self) -> Result<Vec<String>> {
            self.0.list().await
        }

        async fn delete(&self, thread: &str) -> Result<()> {
            self.0.delete(thread).await
        }
    }
    let error = loops(&Works::default()).with_store(Blind::default()).thread("t").start(initial()).await.unwrap_err();
    assert!(error.downcast_ref::<LogConflict>().is_some(), "{error}");
}
