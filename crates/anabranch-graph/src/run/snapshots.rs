//! [`Snapshots`]: the state after each activation, folded in the order of the graph.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use crate::panics::caught;
use crate::state::State;
use crate::work::Writes;

type Key = Vec<u64>;
type Written<S> = Vec<Arc<Writes<S>>>;

/// The state after each activation that wrote something: the initial one with the updates of all that are done, in the
/// order of their keys.
///
/// An update whose key is the highest is applied to the state as it is, and so is one behind which nothing wrote the same
/// fields. Any other is applied to the state before it, and those behind it once more. What is known of the states in
/// between are *marks*, at the keys that are at work: whatever starts later has an ancestor among them, and so a higher key
/// than the lowest of them. What lies below the lowest mark is forgotten.
pub(crate) struct Snapshots<S: State> {
    /// With all updates.
    whole: S,
    /// The highest key that wrote something.
    last: Option<Key>,
    /// The highest key that wrote each field, by its place.
    last_of: HashMap<usize, Key>,
    /// What was written above the lowest mark.
    written: BTreeMap<Key, Written<S>>,
    /// At the keys that are at work, and at those that are done while their successors have not started.
    marks: BTreeMap<Key, Mark<S>>,
    done: Vec<Key>,
    /// What happened, and was not looked at.
    happened: VecDeque<Happened<S>>,
    /// Whether the latest state was given.
    pub(super) is_given: bool,
    /// A reducer panicked. The run will say so, if what it applies it to is the same.
    is_broken: bool,
}

/// The state with what was written up to a key.
enum Mark<S> {
    /// Nothing was written above: it is the whole. These are the marks from the last key on.
    Whole,
    Known(S),
    /// The nearest one that is known below it, and what was written in between. The lowest mark is never this.
    Unknown,
}

impl<S> Mark<S> {
    fn known(&mut self) -> Option<&mut S> {
        if let Self::Known(state) = self { Some(state) } else { None }
    }
}

enum Happened<S: State> {
    Began(Key),
    /// With the places of the fields that it may have written.
    Done(Key, Written<S>, Vec<usize>),
    /// What follows from those that are done has started.
    Followed,
}

impl<S: State> Snapshots<S> {
    pub(super) fn new(initial: S) -> Self {
        Self {
            whole: initial,
            last: None,
            last_of: HashMap::new(),
            written: BTreeMap::new(),
            marks: BTreeMap::new(),
            done: Vec::new(),
            happened: VecDeque::new(),
            is_given: false,
            is_broken: false,
        }
    }

    pub(super) fn began(&mut self, key: Key) {
        self.happened.push_back(Happened::Began(key));
    }

    pub(super) fn done(&mut self, key: Key, update: Written<S>, fields: Vec<usize>) {
        self.happened.push_back(Happened::Done(key, update, fields));
    }

    pub(super) fn followed(&mut self) {
        self.happened.push_back(Happened::Followed);
    }

    /// The next snapshot, if something was written.
    pub(super) fn next(&mut self) -> Option<S> {
        if self.is_broken {
            self.happened.clear();
            return None;
        }
        caught(|| self.next_one()).unwrap_or_else(|_| {
            (self.is_broken, self.is_given) = (true, false);
            None
        })
    }

    fn next_one(&mut self) -> Option<S> {
        while let Some(happened) = self.happened.pop_front() {
            match happened {
                Happened::Began(key) => {
                    let mark = if self.is_behind_all(&key) { Mark::Whole } else { Mark::Unknown };
                    self.marks.insert(key, mark);
                }
                Happened::Done(key, mut update, fields) => {
                    self.done.push(key.clone());
                    update.retain(|writes| !writes.is_empty());
                    if !update.is_empty() {
                        self.write(key, update, &fields);
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

    fn write(&mut self, key: Key, update: Written<S>, fields: &[usize]) {
        let is_last_of = |field: &usize| self.last_of.get(field).is_none_or(|last| *last < key);
        let is_apart = fields.iter().all(is_last_of);
        for field in fields {
            let last = self.last_of.entry(*field).or_insert_with(|| key.clone());
            if *last < key {
                last.clone_from(&key);
            }
        }
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
        } else if is_apart {
            // What is behind it makes no difference to these fields, and they make none to that.
            apply(&mut self.whole, &update);
            let from_here = self.marks.range_mut::<Key, _>((Included(&key), Unbounded)).map(|(_, mark)| mark);
            from_here.filter_map(Mark::known).for_each(|state| apply(state, &update));
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
