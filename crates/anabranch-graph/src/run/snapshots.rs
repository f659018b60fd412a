//! [`Snapshots`]: the state after each activation, folded in the order of the graph.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use crate::state::State;
use crate::work::Writes;

type Key = Vec<u64>;
type Written<S> = Vec<Arc<Writes<S>>>;

/// The state after each activation that wrote something: the initial one with the updates of all that are done, in the
/// order of their keys.
///
/// An update whose key is the highest is applied to the state as it is. One that comes in between is applied to the
/// state before it, and those behind it once more. What is known of the states in between are *marks*, at the keys that
/// are at work: whatever starts later has an ancestor among them, and so a higher key than the lowest of them. What lies
/// below the lowest mark is forgotten.
pub(crate) struct Snapshots<S: State> {
    /// With all updates.
    whole: S,
    /// The highest key that wrote something.
    last: Option<Key>,
    /// What was written above the lowest mark.
    written: BTreeMap<Key, Written<S>>,
    /// At the keys that are at work, and at those that are done while their successors have not started.
    marks: BTreeMap<Key, Mark<S>>,
    done: Vec<Key>,
    /// What happened, and was not looked at.
    happened: VecDeque<Happened<S>>,
    pub(super) is_given: bool,
}

/// The state with what was written up to a key.
enum Mark<S> {
    /// Nothing was written above: it is the whole. These are the marks from the last key on.
    Whole,
    Known(S),
    /// The nearest one that is known below it, and what was written in between. The lowest mark is never this.
    Unknown,
}

enum Happened<S: State> {
    Began(Key),
    Done(Key, Written<S>),
    /// What follows from those that are done has started.
    Followed,
}

impl<S: State> Snapshots<S> {
    pub(super) fn new(initial: S) -> Self {
        Self {
            whole: initial,
            last: None,
            written: BTreeMap::new(),
            marks: BTreeMap::new(),
            done: Vec::new(),
            happened: VecDeque::new(),
            is_given: false,
        }
    }

    pub(super) fn began(&mut self, key: Key) {
        self.happened.push_back(Happened::Began(key));
    }

    pub(super) fn done(&mut self, key: Key, update: Written<S>) {
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
                    let mark = if self.is_behind_all(&key) { Mark::Whole } else { Mark::Unknown };
                    self.marks.insert(key, mark);
                }
                Happened::Done(key, mut update) => {
                    self.done.push(key.clone());
                    update.retain(|writes| !writes.is_empty());
                    if !update.is_empty() {
                        self.write(key, update);
                        self.is_given = true;
                        return Some(self.whole.clone());
                    }
                }
                Happened::Followed => self.forget(),
            }
        }
        None
    }

    fn is_behind_all(&self, key: &Key) -> bool {
        self.last.as_ref().is_none_or(|last| last < key)
    }

    fn write(&mut self, key: Key, update: Written<S>) {
        if self.is_behind_all(&key) {
            // For those in between, that was the whole so far. One of them is enough to find the others.
            let since = self.last.as_ref().map_or(Unbounded, Included);
            let mut between = self.marks.range_mut::<Key, _>((since, Excluded(&key))).map(|(_, mark)| mark);
            if let Some(first) = between.next() {
                *first = Mark::Known(self.whole.clone());
            }
            between.for_each(|mark| *mark = Mark::Unknown);
            apply(&mut self.whole, &update);
            self.last = Some(key.clone());
        } else {
            self.whole = self.before(&key);
            apply(&mut self.whole, &update);
            let above = self.marks.range_mut::<Key, _>((Excluded(&key), Unbounded)).map(|(_, mark)| mark);
            above.filter(|mark| matches!(mark, Mark::Known(_))).for_each(|mark| *mark = Mark::Unknown);
            self.marks.insert(key.clone(), Mark::Known(self.whole.clone()));
            self.written
                .range::<Key, _>((Excluded(&key), Unbounded))
                .for_each(|(_, update)| apply(&mut self.whole, update));
        }
        self.written.insert(key, update);
    }

    /// The state before a key that is at work.
    fn before(&mut self, key: &Key) -> S {
        if let Some(mark @ Mark::Known(_)) = self.marks.get_mut(key) {
            if let Mark::Known(state) = std::mem::replace(mark, Mark::Unknown) {
                return state;
            }
        }
        let below = self.marks.range::<Key, _>(..key).rev();
        let mut known =
            below.filter_map(|(at, mark)| if let Mark::Known(state) = mark { Some((at, state)) } else { None });
        let Some((at, state)) = known.next() else { return self.whole.clone() };
        let mut state = state.clone();
        self.written.range::<Key, _>((Excluded(at), Excluded(key))).for_each(|(_, update)| apply(&mut state, update));
        state
    }

    fn forget(&mut self) {
        for key in std::mem::take(&mut self.done) {
            let Some(Mark::Known(mut state)) = self.marks.remove(&key) else { continue };
            // The next one is known by this one.
            if let Some((next, mark @ Mark::Unknown)) =
                self.marks.range_mut::<Key, _>((Excluded(&key), Unbounded)).next()
            {
                self.written
                    .range::<Key, _>((Excluded(&key), Excluded(next)))
                    .for_each(|(_, update)| apply(&mut state, update));
                *mark = Mark::Known(state);
            }
        }
        while let Some(first) = self.written.first_entry() {
            if self.marks.first_key_value().is_some_and(|(lowest, _)| lowest < first.key()) {
                break;
            }
            first.remove();
        }
    }
}

fn apply<S: State>(state: &mut S, update: &Written<S>) {
    update.iter().flat_map(|writes| writes.iter()).for_each(|write| state.apply(write));
}
