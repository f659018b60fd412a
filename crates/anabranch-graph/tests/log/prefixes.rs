//! Resuming from every prefix of a log.

use std::collections::BTreeMap;
use std::task::Poll;

use anabranch_core::Result;
use anabranch_graph::{CompiledGraph, Entry, GraphStore, MemoryStore, Progress, Thread};

use super::graphs::{ALL, Run, Works, answer, initial};

pub(crate) async fn to_end(mut progress: Progress<Run>) -> Result<Run> {
    loop {
        match progress {
            Progress::Done(state) => return Ok(state),
            Progress::Asks(questions) => {
                let (path, answer) = (questions[0].path().to_string(), answer(questions[0].question()));
                progress = questions.answer(&path, answer).await?;
            }
        }
    }
}

/// Each answer by a run of its own, as from another process.
async fn to_end_anew(thread: &Thread<Run>) -> Run {
    let mut progress = thread.resume().await.unwrap();
    for _ in 0..100 {
        match progress {
            Progress::Done(state) => return state,
            Progress::Asks(questions) => {
                let last = &questions[questions.len() - 1];
                progress = thread.answer(last.path(), answer(last.question())).await.unwrap();
            }
        }
    }
    panic!("it asks without end");
}

/// Without what a failure makes void: it is there or not, as it comes.
pub(crate) fn entries(history: &[Entry]) -> BTreeMap<String, String> {
    let failed: Vec<_> = history.iter().filter(|entry| entry.failure().is_some()).map(Entry::path).collect();
    let is_void = |path: &str| {
        failed.iter().any(|failed| path.strip_prefix(failed).is_some_and(|rest| rest.starts_with(['/', '['])))
    };
    let kept = history.iter().filter(|entry| !is_void(entry.path()));
    let kept: Vec<_> = kept
        .map(|entry| {
            let said = format!("{:?} {:?} {:?}", entry.update(), entry.chosen(), entry.failure());
            (entry.path().to_string(), said)
        })
        .collect();
    let count = kept.len();
    let kept: BTreeMap<_, _> = kept.into_iter().collect();
    assert_eq!(count, kept.len(), "nothing is entered twice");
    kept
}

/// What is in the log of a thread.
pub(crate) async fn records(store: &impl GraphStore, thread: &str) -> Vec<String> {
    store.read(thread, None).await.unwrap().map_or(Vec::new(), |(_, records)| records)
}

fn thread(graph: &CompiledGraph<Run>, store: &MemoryStore) -> Thread<Run> {
    graph.with_store(store.clone()).thread("t")
}

#[tokio::test]
async fn every_prefix_gives_the_same_and_repeats_nothing() {
    for (name, build) in ALL {
        let (works, store) = (Works::default(), MemoryStore::new());
        let graph = build(&works);
        let whole = thread(&graph, &store);
        let state = to_end(whole.start(initial()).await.unwrap()).await.unwrap();
        let history = whole.history().await.unwrap();
        let (total, records) = (works.get(), records(&store, "t").await);
        assert_eq!(records.len(), history.len() + 1, "{name}");
        assert!(records.len() > 4, "{name}");
        assert_eq!(whole.state().await.unwrap(), state, "{name}");
        let without = to_end(build(&Works::default()).start(initial()).await.unwrap()).await.unwrap();
        assert_eq!(without, state, "{name}: the log changes nothing");

        for kept in 1..=records.len() {
            for anew in [false, true] {
                let (works, store) = (Works::default(), MemoryStore::new());
                store.append("t", "log", 0, records[..kept].to_vec()).await.unwrap();
                let again = thread(&build(&works), &store);
                assert_eq!(
                    again.state().await.unwrap(),
                    whole.state_at(kept as u64 - 1).await.unwrap(),
                    "{name}: the state at {kept}"
                );
                let came = match anew {
                    false => to_end(again.resume().await.unwrap()).await.unwrap(),
                    true => to_end_anew(&again).await,
                };
                assert_eq!(came, state, "{name} from {kept} records");
                let history_now = again.history().await.unwrap();
                assert_eq!(entries(&history_now), entries(&history), "{name} from {kept} records");

                let mut left = total.clone();
                for entry in &history[..kept - 1] {
                    let worked = entry.update().is_some() || entry.failure().is_some();
                    // What a graph failed of has no entry of its own.
                    let node =
                        if entry.failure().is_some() && entry.node() == "graph" { "fails" } else { entry.node() };
                    if let Some(left) = left.get_mut(node).filter(|_| worked) {
                        *left -= 1;
                    }
                }
                left.retain(|_, count| *count > 0);
                assert_eq!(works.get(), left, "{name} from {kept} records: what was in the log is not done again");
            }
        }
    }
}

/// As a process that is killed: the run is dropped in the middle of a poll, and another one goes on.
#[tokio::test]
async fn a_run_dropped_at_any_poll_goes_on() {
    for (name, build) in ALL {
        let store = MemoryStore::new();
        let whole = thread(&build(&Works::default()), &store);
        let state = to_end(whole.start(initial()).await.unwrap()).await.unwrap();
        let history = entries(&whole.history().await.unwrap());
        for polls in 0.. {
            let store = MemoryStore::new();
            let first = thread(&build(&Works::default()), &store);
            let mut run = Box::pin(async { to_end(first.start(initial()).await?).await });
            let mut is_done = false;
            for _ in 0..polls {
                if let Poll::Ready(result) = futures::poll!(&mut run) {
                    assert_eq!(result.unwrap(), state, "{name}");
                    is_done = true;
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(run);
            if polls > 0 {
                assert_eq!(to_end_anew(&first).await, state, "{name} dropped after {polls} polls");
                assert_eq!(entries(&first.history().await.unwrap()), history, "{name} dropped after {polls} polls");
            }
            if is_done {
                break;
            }
        }
    }
}
