//! [`Replay`]: what earlier runs entered, until this one comes to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anabranch_core::Result;

use super::{Entry, LogMismatch};

/// What earlier runs entered, by path, until this one comes to it.
pub(crate) struct Replay {
    entries: Mutex<BTreeMap<String, Entry>>,
    /// The latest answer inside of each run that has one, by the path of the run: its place in the order of the log, and
    /// its path.
    answers: HashMap<String, (u64, Arc<str>)>,
}

impl Replay {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        // By their order, not by their positions: those of a migrated log stand at one.
        let mut answers = HashMap::new();
        for (order, entry) in (1..).zip(&entries).filter(|(_, entry)| entry.answer) {
            let path: Arc<str> = entry.path.as_str().into();
            for around in std::iter::once(0).chain(path.match_indices(['/', '[']).map(|(end, _)| end)) {
                answers.insert(path[..around].to_string(), (order, path.clone()));
            }
        }
        // What lies below something that is done is not come to again, and what lies below a failure is void.
        let done: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.failed.is_some())).collect();
        let entries =
            (1..).zip(entries).map(|(order, entry)| (entry.path.clone(), Entry { position: order, ..entry })).collect();
        let this = Self { entries: Mutex::new(entries), answers };
        done.iter().for_each(|(path, failed)| this.forget_below(path, *failed));
        this
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of a path, once.
    pub(crate) fn take(&self, path: &str) -> Option<Entry> {
        self.entries().remove(path)
    }

    /// Whether something lies below a path that nobody came to yet.
    pub(crate) fn is_below(&self, path: &str) -> bool {
        let start = format!("{path}/");
        self.entries().range(start.clone()..).next().is_some_and(|(found, _)| found.starts_with(&start))
    }

    /// Nobody comes to what lies below a path any more; `items`: nor to its items.
    pub(crate) fn forget_below(&self, path: &str, items: bool) {
        let mut entries = self.entries();
        for below in [Some('/'), items.then_some('[')].into_iter().flatten() {
            let start = format!("{path}{below}");
            while let Some((found, _)) = entries.range(start.clone()..).next().filter(|(at, _)| at.starts_with(&start))
            {
                let found = found.clone();
                entries.remove(&found);
            }
        }
    }

    /// Whether an activation began before the latest answer inside its run, so that the step limit does not count it.
    /// `run` is the path of the run, `order` that of the entry of the activation, if it has one.
    pub(crate) fn is_before_answer(&self, run: &str, path: &str, order: Option<u64>) -> bool {
        let Some((at, answer)) = self.answers.get(run) else { return false };
        let is_inside =
            || answer.strip_prefix(path).is_some_and(|rest| path.is_empty() || rest.starts_with(['/', '[']));
        order.is_some_and(|order| order <= *at) || is_inside()
    }

    /// That the run came to all of them.
    pub(crate) fn all_reached(&self) -> Result<()> {
        match self.entries().keys().next() {
            Some(path) => Err(LogMismatch::error(path)),
            None => Ok(()),
        }
    }
}
