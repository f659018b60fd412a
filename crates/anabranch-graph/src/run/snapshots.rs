//! [`Snapshots`]: the state after each activation, folded in the order of the graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::state::State;
use crate::work::Writes;

type Key = Vec<u64>;
type Update<S> = Vec<Arc<Writes<S>>>;

/// The state after each activation that wrote something: the initial one with the updates of all that are done, in the
/// order of their keys.
///
/// What lies below the lowest key that is at work stands at its place for good: whatever starts later has an ancestor at
/// work, and so a higher key. It is applied once, to the base; the few above it are applied again only where an update
/// comes in between.
pub(crate) struct Snapshots<S: State> {
    /// With the updates that stand at their place for good.
    base: S,
    /// With all updates.
    whole: S,
    above: BTreeMap<Key, Update<S>>,
    working: BTreeSet<Key>,
    /// Those that are done, and whose successors have not started.
    done: Vec<Key>,
    /// What happened, and was not looked at.
    happened: VecDeque<Happened<S>>,
    pub(super) is_given: bool,
}

enum Happened<S: State> {
    Began(Key),
    Done(Key, Update<S>),
    /// What follows from those that are done has started.
    Followed,
}

impl<S: State> Snapshots<S> {
    pub(super) fn new(initial: S) -> Self {
        Self {
            base: initial.clone(),
            whole: initial,
            above: BTreeMap::new(),
            working: BTreeSet::new(),
            done: Vec::new(),
            happened: VecDeque::new(),
            is_given: false,
        }
    }

    pub(super) fn began(&mut self, key: Key) {
        self.happened.push_back(Happened::Began(key));
    }

    pub(super) fn done(&mut self, key: Key, update: Update<S>) {
        self.happened.push_back(Happened::Done(key, update));
    }

    pub(super) fn followed(&mut self) {
        self.happened.push_back(Happened::Followed);
    }

    /// The next snapshot, if something was written.
    pub(super) fn next(&mut self) -> Option<S> {
        while let Some(happened) = self.happened.pop_front() {
            match happened {
                Happened::Began(key) => {
                    self.working.insert(key);
                }
                Happened::Done(key, mut update) => {
                    self.done.push(key.clone());
                    update.retain(|writes| !writes.is_empty());
                    if !update.is_empty() {
                        self.add(key, update);
                        self.is_given = true;
                        return Some(self.whole.clone());
                    }
                }
                Happened::Followed => self.settle(),
            }
        }
        None
    }

    fn add(&mut self, key: Key, update: Update<S>) {
        let is_last = self.above.last_key_value().is_none_or(|(last, _)| *last < key);
        if is_last {
            apply(&mut self.whole, &update);
        }
        self.above.insert(key, update);
        if !is_last {
            self.whole.clone_from(&self.base);
            self.above.values().for_each(|update| apply(&mut self.whole, update));
        }
    }

    fn settle(&mut self) {
        for key in self.done.drain(..) {
            self.working.remove(&key);
        }
        while let Some(first) = self.above.first_entry() {
            if self.working.first().is_some_and(|working| working < first.key()) {
                break;
            }
            apply(&mut self.base, &first.remove());
        }
    }
}

fn apply<S: State>(state: &mut S, update: &Update<S>) {
    update.iter().flat_map(|writes| writes.iter()).for_each(|write| state.apply(write));
}
