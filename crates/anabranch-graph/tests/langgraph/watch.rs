//! What the tests watch: how often, how many at once, what was cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_graph::{Entry, Progress, Questions, State};

/// A number that many count on.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more, and how many that makes.
    pub(crate) fn up(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts when it is dropped before it is [`done`](Unfinished::done).
    pub(crate) fn if_dropped(&self) -> Unfinished {
        Unfinished(Some(self.clone()))
    }
}

pub(crate) struct Unfinished(Option<Count>);

impl Unfinished {
    pub(crate) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(count) = self.0.take() {
            count.up();
        }
    }
}

/// How many are at work, and how many were at most.
#[derive(Clone, Default)]
pub(crate) struct Peak(Arc<(AtomicUsize, AtomicUsize)>);

impl Peak {
    pub(crate) fn enter(&self) -> Inside {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Inside(self.clone())
    }

    pub(crate) fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

pub(crate) struct Inside(Peak);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) fn done<S: State>(progress: Progress<S>) -> S {
    match progress {
        Progress::Done(state) => state,
        Progress::Asks(questions) => panic!("it asks {questions:?}"),
    }
}

pub(crate) fn asks<S: State>(progress: Progress<S>) -> Questions<S> {
    match progress {
        Progress::Asks(questions) => questions,
        Progress::Done(_) => panic!("it is done"),
    }
}

/// What a log has entries of, in the order of their names.
pub(crate) fn paths(entries: &[Entry]) -> Vec<&str> {
    let mut paths: Vec<_> = entries.iter().map(Entry::path).collect();
    paths.sort_unstable();
    paths
}

/// A file for a store, that is not there yet.
#[cfg(feature = "sqlite")]
pub(crate) fn file(name: &str) -> std::path::PathBuf {
    let folder =
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("langgraph-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("logs.sqlite")
}
