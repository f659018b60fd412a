//! [`RegionRun`]: the top level of a run, or one iteration of a loop.

use std::sync::Arc;

use anabranch_core::{Error, Result};

use crate::panics::caught;
use crate::shape::plan::{Region, View};
use crate::state::State;
use crate::work::Writes;

/// A reducer panicked, or something else of a state did.
pub(super) struct Misfit {
    /// What was being applied: whose write, and which, without its value.
    pub(super) write: Option<(usize, String)>,
    pub(super) error: Error,
}

type Folded<T> = Result<T, Misfit>;

/// Applies writes to a state, which is of no use where one cannot be.
fn apply<'a, S: State>(state: &mut Arc<S>, writes: impl Iterator<Item = (usize, &'a Writes<S>)>) -> Folded<()> {
    let mut writes = writes.flat_map(|(child, writes)| writes.iter().map(move |write| (child, write))).peekable();
    let mut at = None;
    let applied = caught(|| {
        if writes.peek().is_none() {
            return;
        }
        let state = Arc::make_mut(state);
        for (child, write) in writes {
            at = Some((child, write));
            state.apply(write);
        }
    });
    applied.map_err(|error| Misfit { write: at.map(|(child, write)| (child, format!("{write:?}"))), error })
}

/// The top level of a run, or one iteration of a loop.
pub(super) struct RegionRun<S: State> {
    pub(super) iteration: u64,
    /// The state it began with, until nobody needs it any more.
    base: Option<Arc<S>>,
    base_heirs: usize,
    pub(super) children: Vec<ChildRun<S>>,
    /// How many back edges of this iteration are not decided yet, and whether one was taken.
    pub(super) backs_open: usize,
    pub(super) goes_on: bool,
    /// The ways out that were taken in any iteration.
    pub(super) ways_out: Vec<bool>,
    /// What was written in the iterations before, where somebody folds it one by one.
    pub(super) written: Option<Vec<Arc<Writes<S>>>>,
}

pub(super) struct ChildRun<S: State> {
    /// How many edges into it are not decided yet, and how many were taken.
    pub(super) open: usize,
    pub(super) taken: usize,
    heirs: usize,
    /// What it saw; `None` where it did not run.
    view: Option<Arc<S>>,
    after: Option<Arc<S>>,
    pub(super) written: Vec<Arc<Writes<S>>>,
}

impl<S: State> RegionRun<S> {
    pub(super) fn new(region: &Region, base: Arc<S>, is_folded: bool) -> Self {
        let mut this = Self {
            iteration: 0,
            base: None,
            base_heirs: 0,
            children: Vec::new(),
            backs_open: 0,
            goes_on: false,
            ways_out: vec![false; region.ways_out.len()],
            written: is_folded.then(Vec::new),
        };
        this.begin(region, base);
        this
    }

    /// A new iteration.
    pub(super) fn begin(&mut self, region: &Region, base: Arc<S>) {
        let from_base = |view: &View| usize::from(view.after.is_none());
        let is_loop = region.parent.is_some();
        self.base_heirs = region.children.iter().map(|child| from_base(&child.view)).sum::<usize>()
            + if is_loop { from_base(&region.end) } else { 0 };
        self.base = Some(base);
        self.backs_open = region.back_edges;
        self.goes_on = false;
        self.children.clear();
        self.children.extend(region.children.iter().map(|child| ChildRun {
            open: child.incoming,
            taken: 0,
            heirs: child.heirs,
            view: None,
            after: None,
            written: Vec::new(),
        }));
    }

    /// What a child sees. Asked once of each child that runs.
    pub(super) fn view(&mut self, region: &Region, child: usize) -> Folded<Arc<S>> {
        let seen = self.fold(region, &region.children[child].view)?;
        self.children[child].view = Some(seen.clone());
        Ok(seen)
    }

    /// What a child sees that runs nothing of its own.
    pub(super) fn sees(&mut self, region: &Region, child: usize) -> Folded<Arc<S>> {
        self.fold(region, &region.children[child].view)
    }

    /// A child does not run, and sees nothing unless somebody begins with what stands after it.
    pub(super) fn forgo(&mut self, region: &Region, child: usize) {
        if self.children[child].heirs > 0 {
            return;
        }
        match region.children[child].view.after {
            None => drop(self.take_base()),
            Some(before) => {
                let before = &mut self.children[before];
                before.heirs = before.heirs.saturating_sub(1);
                if before.heirs == 0 {
                    before.after = None;
                }
            }
        }
    }

    /// The state at the end of an iteration.
    pub(super) fn end(&mut self, region: &Region) -> Folded<Arc<S>> {
        self.fold(region, &region.end)
    }

    fn fold(&mut self, region: &Region, view: &View) -> Folded<Arc<S>> {
        let state = match view.after {
            None => self.take_base(),
            Some(child) => {
                self.heirs_of(region, child)?;
                self.take_after(child)
            }
        };
        self.with_between(state, view)
    }

    /// The state with which a view begins, and what comes on top of it.
    fn with_between(&self, mut state: Arc<S>, view: &View) -> Folded<Arc<S>> {
        let of = |child: usize| self.children[child].written.iter().map(move |writes| (child, &**writes));
        apply(&mut state, view.between.iter().flat_map(|child| of(*child)))?;
        Ok(state)
    }

    fn take_base(&mut self) -> Arc<S> {
        self.base_heirs = self.base_heirs.saturating_sub(1);
        let base = if self.base_heirs == 0 { self.base.take() } else { self.base.clone() };
        base.unwrap_or_default()
    }

    /// Sees to it that the state after a child is there. Children that did not run saw something, too: what stands after
    /// them is made without calling oneself, since there may be many in a row.
    fn heirs_of(&mut self, region: &Region, child: usize) -> Folded<()> {
        let mut missing = vec![child];
        while let Some(&last) = missing.last() {
            if self.children[last].after.is_some() || self.children[last].view.is_some() {
                break;
            }
            match region.children[last].view.after {
                Some(before) => missing.push(before),
                None => break,
            }
        }
        while let Some(child) = missing.pop() {
            if self.children[child].after.is_some() {
                continue;
            }
            if self.children[child].view.is_none() {
                let view = &region.children[child].view;
                let seen = match view.after {
                    None => self.take_base(),
                    Some(before) => self.take_after(before),
                };
                self.children[child].view = Some(self.with_between(seen, view)?);
            }
            self.set_after(child)?;
        }
        Ok(())
    }

    fn set_after(&mut self, child: usize) -> Folded<()> {
        let this = &mut self.children[child];
        if this.after.is_some() {
            return Ok(());
        }
        let Some(mut state) = this.view.take() else { return Ok(()) };
        apply(&mut state, this.written.iter().map(|writes| (child, &**writes)))?;
        this.after = Some(state);
        Ok(())
    }

    fn take_after(&mut self, child: usize) -> Arc<S> {
        let child = &mut self.children[child];
        child.heirs = child.heirs.saturating_sub(1);
        let after = if child.heirs == 0 { child.after.take() } else { child.after.clone() };
        after.unwrap_or_default()
    }

    /// What a child wrote. It is applied when somebody looks at the state after it: what saw the same state beside it may
    /// be done by then, so that no copy has to be made.
    pub(super) fn wrote(&mut self, child: usize, writes: Vec<Arc<Writes<S>>>) {
        self.children[child].written = writes;
    }

    /// The state after a child, for its route.
    pub(super) fn after(&mut self, child: usize) -> Folded<Arc<S>> {
        self.set_after(child)?;
        Ok(self.children[child].after.clone().unwrap_or_default())
    }

    /// A loop gives the state it ended with.
    pub(super) fn ended(&mut self, child: usize, state: Arc<S>, written: Vec<Arc<Writes<S>>>) {
        let child = &mut self.children[child];
        child.written = written;
        child.view = None;
        child.after = Some(state);
    }

    /// Nobody begins with the state after it, and its route is chosen.
    pub(super) fn let_go(&mut self, child: usize) {
        let child = &mut self.children[child];
        if child.heirs == 0 {
            child.view = None;
            child.after = None;
        }
    }
}
