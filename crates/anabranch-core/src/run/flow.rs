//! Lending: while a step works on a chunk, the permits held by what it reads from are lent to that step's own work.
//!
//! `model | step that asks a model for each chunk`, streamed under a limit of one, would otherwise wait for itself for
//! ever: the permit is held by a stream that nobody reads until the step is done, and the step waits for a permit.
//!
//! A [`Flow`] is what a step reads from: its input, which has a [`joint()`], or a stream that it has [`opened()`] by
//! itself. Who is polled on which side of it is known from the [`Scope`] in which the thread is at that moment. A flow is
//! *paused* from when it has handed out a chunk until it is read again. A flow that answers that it is pending is not
//! paused: it waits for the outside, and its permits are in use. When it has something then, and its reader is polled
//! and does not read it, it is paused, too.
//!
//! What is inside a paused flow rests, as nobody polls it:
//!
//! - its permits may be lent to those who read from it and wait for one, the oldest first;
//! - where one of these waits for a permit of another limit, the permits inside go back to their limits;
//! - a permit that was given to somebody inside, who has not taken it yet, is passed on;
//! - who waits inside steps aside until the flow is read again, and keeps its turn.
//!
//! Work whose permit is not there when it is read again waits for another, in the turn it had, and gives back meanwhile
//! what it has of other limits.
//!
//! **Why nothing waits for itself.** Who waits for a permit keeps none, and nothing that it reads from keeps one. So a
//! permit is either in use by work that is polled and waits for the outside, or rests behind a reader that does; then it
//! comes back when the outside has answered. Were all who are polled waiting for permits, no permit would be held, and
//! the first in line would have one.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::successors;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;

use crate::run::limit::Limit;

pub(crate) use self::joint::{Up, joint};
pub(crate) use self::opened::{in_run, in_scope, opened};

use self::opened::News;
use self::spot::Spot;

mod joint;
mod opened;
mod spot;

thread_local! {
    static CURRENT: Cell<Place> = const { Cell::new(Place::Nowhere) };
}

/// Where the thread is.
#[derive(Default)]
enum Place {
    #[default]
    Nowhere,
    /// In a run that nobody has asked for yet: most need none.
    Run,
    At(Scope),
}

/// Where in a run a future is polled: on one side of a flow, which is itself somewhere.
#[derive(Clone)]
pub(crate) struct Scope {
    flow: Arc<Flow>,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A part of what is read.
    Inside,
    /// A part of the step that reads it.
    Reads,
}

/// A joint between a step and what it reads from.
#[derive(Default)]
pub(crate) struct Flow {
    /// Where the joint is. Known when it is polled for the first time.
    parent: OnceLock<Option<Scope>>,
    /// Written under the lock of the state.
    paused: AtomicBool,
    /// Nothing is inside any more.
    over: AtomicBool,
    state: Mutex<State>,
    /// Of a stream that a step has opened by itself: the run it was opened in, all of which may read it.
    run: OnceLock<Arc<Flow>>,
    is_run: bool,
}

/// A limit and a ticket of it.
type Key = (u64, u64);
type Tickets = BTreeMap<Key, Limit>;

#[derive(Default)]
struct State {
    /// Of an opened stream.
    news: News,
    is_listed: bool,
    /// Of a run: the streams that were opened in it and have news.
    with_news: Vec<Weak<Flow>>,
    /// Of a run.
    waker: Option<Waker>,
    /// Permits held inside that may be lent.
    held: Tickets,
    /// Who inside has lent its permit.
    lent: Tickets,
    /// Permits given to somebody inside who has not taken them yet.
    given: Tickets,
    /// Who waits inside, but not in the line of the limit. While the flow is read its first goes ahead and makes way
    /// for the next, so that a flow steps aside at once, however many wait in it.
    parked: Tickets,
    /// Permits that would have been lent to somebody inside.
    offered: Tickets,
    /// Who waits and reads from this.
    readers: BTreeSet<Key>,
}

fn first(tickets: &Tickets, limit: &Limit) -> Option<u64> {
    tickets.range((limit.id(), 0)..=(limit.id(), u64::MAX)).next().map(|(&(_, id), _)| id)
}

fn all(tickets: &Tickets) -> Vec<(Limit, u64)> {
    tickets.iter().map(|(&(_, id), limit)| (limit.clone(), id)).collect()
}

/// Each of their limits once, however many tickets there are.
fn limits(tickets: &Tickets) -> Vec<Limit> {
    let next = |after: u64| tickets.range((after, 0)..).next().map(|(_, limit)| limit);
    successors(next(0), |limit| next(limit.id() + 1)).cloned().collect()
}

impl Flow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run knows of a stream that was opened in it.
    fn run(&self) -> Option<MutexGuard<'_, State>> {
        self.run.get().map(|run| run.state())
    }

    pub(crate) fn parent(&self) -> Option<&Scope> {
        self.parent.get()?.as_ref()
    }

    /// Whether this rests, and a step that reads from `flow` reads from this.
    pub(crate) fn rests_for(self: &Arc<Self>, flow: &Arc<Self>) -> bool {
        let is_read = Arc::ptr_eq(self, flow) || self.run.get().is_some_and(|run| Arc::ptr_eq(run, flow));
        is_read && self.is_paused()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Nothing inside is read from now on, until the next poll.
    fn pause(&self) {
        self.pause_from(self.state());
    }

    fn pause_from(&self, state: MutexGuard<'_, State>) {
        // Most flows hold nothing.
        if self.paused.swap(true, Ordering::AcqRel) || (state.given.is_empty() && state.held.is_empty()) {
            return;
        }
        if let Some(mut run) = self.run() {
            run.held.extend(state.held.iter().map(|(key, limit)| (*key, limit.clone())));
        }
        let (given, held) = (all(&state.given), all(&state.held));
        drop(state);
        given.iter().for_each(|(limit, id)| limit.paused(*id));
        // Who comes to read later finds it paused.
        held.iter().take_while(|_| self.is_waited_for()).for_each(|(limit, id)| limit.lends(*id));
        held.iter().take_while(|_| self.is_waited_for()).for_each(|(limit, id)| limit.yields(*id));
    }

    /// It is read again, or will never be.
    fn resume(&self) {
        if self.is_paused() {
            self.resume_from(self.state());
        }
    }

    fn resume_from(&self, mut state: MutexGuard<'_, State>) {
        if !self.paused.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Some(mut run) = self.run() {
            state.held.keys().for_each(|key| {
                run.held.remove(key);
            });
        }
        if state.parked.is_empty() && state.offered.is_empty() {
            return;
        }
        let (parked, offered) = (limits(&state.parked), std::mem::take(&mut state.offered));
        drop(state);
        parked.iter().for_each(|limit| limit.resumed(self));
        offered.iter().for_each(|(&(_, lender), limit)| limit.lends(lender));
    }

    /// Somebody inside holds a permit that may be lent.
    pub(crate) fn hold(&self, limit: &Limit, id: u64) {
        let mut state = self.state();
        let key = (limit.id(), id);
        state.given.remove(&key);
        state.lent.remove(&key);
        state.held.insert(key, limit.clone());
        if let Some(mut run) = self.run() {
            run.lent.remove(&key);
            if self.is_paused() {
                run.held.insert(key, limit.clone());
            }
        }
    }

    /// Somebody inside has lent its permit.
    pub(crate) fn lend(&self, limit: &Limit, id: u64) {
        let mut state = self.state();
        for state in [Some(&mut *state), self.run().as_deref_mut()].into_iter().flatten() {
            state.held.remove(&(limit.id(), id));
            state.lent.insert((limit.id(), id), limit.clone());
        }
    }

    /// Somebody inside holds no permit any more, or not one that may be lent or passed on.
    pub(crate) fn let_go(&self, limit: &Limit, id: u64) {
        let mut state = self.state();
        for state in [Some(&mut *state), self.run().as_deref_mut()].into_iter().flatten() {
            let key = (limit.id(), id);
            state.given.remove(&key);
            state.held.remove(&key);
            state.lent.remove(&key);
        }
    }

    /// Somebody inside is about to be given a permit. While the flow is paused it refuses, and remembers who is to be
    /// seen to when it is read again: the `lender`, or who would have had a free permit.
    pub(crate) fn admit(&self, limit: &Limit, id: u64, lender: Option<u64>) -> bool {
        let mut state = self.state();
        let (tickets, id) = match (self.is_paused(), lender) {
            (false, _) => (&mut state.given, id),
            (true, None) => (&mut state.parked, id),
            (true, Some(lender)) => (&mut state.offered, lender),
        };
        tickets.insert((limit.id(), id), limit.clone());
        !self.is_paused()
    }

    /// Whether somebody inside who waits may go on towards the line of the limit. If not, it is parked.
    pub(crate) fn lets_pass(&self, limit: &Limit, id: u64) -> bool {
        let mut state = self.state();
        let passes = !self.is_paused() && first(&state.parked, limit).is_none_or(|first| first > id);
        if !passes {
            state.parked.insert((limit.id(), id), limit.clone());
        }
        passes
    }

    /// The first that is parked goes on.
    pub(crate) fn next(&self, limit: &Limit) -> Option<u64> {
        let mut state = self.state();
        let next = if self.is_paused() { None } else { first(&state.parked, limit) }?;
        state.parked.remove(&(limit.id(), next));
        Some(next)
    }

    /// Somebody inside waits no more.
    pub(crate) fn unpark(&self, limit: &Limit, id: u64) {
        self.state().parked.remove(&(limit.id(), id));
    }

    /// Somebody who reads from this waits for a permit.
    pub(crate) fn listen(&self, limit: &Limit, id: u64) {
        self.state().readers.insert((limit.id(), id));
    }

    pub(crate) fn unlisten(&self, limit: &Limit, id: u64) {
        self.state().readers.remove(&(limit.id(), id));
    }

    /// Whose permit a reader may borrow now.
    pub(crate) fn lender(&self, limit: &Limit) -> Option<u64> {
        let state = self.state();
        if self.is_paused() { first(&state.held, limit) } else { None }
    }

    /// The permits of other limits that rest inside.
    pub(crate) fn others(&self, limit: &Limit) -> Vec<(Limit, u64)> {
        let state = self.state();
        let mut held = if self.is_paused() { all(&state.held) } else { Vec::new() };
        held.retain(|(other, _)| other.id() != limit.id());
        held
    }

    /// Who inside has lent a permit.
    pub(crate) fn lent(&self, limit: &Limit) -> Option<u64> {
        first(&self.state().lent, limit)
    }

    /// The first reader, from this ticket on, who may borrow a permit now.
    pub(crate) fn reader(&self, limit: &Limit, from: u64) -> Option<u64> {
        let state = self.state();
        if !self.is_paused() {
            return None;
        }
        let first = |state: &State| state.readers.range((limit.id(), from)..=(limit.id(), u64::MAX)).next().copied();
        let in_run = self.run().and_then(|run| first(&run));
        first(&state).into_iter().chain(in_run).map(|(_, id)| id).min()
    }

    fn is_waited_for(&self) -> bool {
        !self.state().readers.is_empty() || self.run().is_some_and(|run| !run.readers.is_empty())
    }

    /// Whether a reader waits for a permit of another limit while this is paused.
    pub(crate) fn is_waited_for_elsewhere(&self, limit: &Limit) -> bool {
        let state = self.state();
        self.is_paused()
            && (state.is_waited_for_elsewhere(limit)
                || self.run().is_some_and(|run| run.is_waited_for_elsewhere(limit)))
    }
}

impl State {
    fn is_waited_for_elsewhere(&self, limit: &Limit) -> bool {
        let before = || self.readers.range(..(limit.id(), 0)).next();
        let after = || self.readers.range((limit.id() + 1, 0)..).next();
        before().or_else(after).is_some()
    }
}

fn chain(scope: Option<&Scope>, side: Side) -> impl Iterator<Item = &Arc<Flow>> {
    let chain = successors(scope, |scope| scope.flow.parent());
    chain.filter(move |scope| scope.side == side).map(|scope| &scope.flow)
}

/// The flows a scope is a part of, from the innermost outwards.
pub(crate) fn inside(scope: Option<&Scope>) -> impl Iterator<Item = &Arc<Flow>> {
    chain(scope, Side::Inside)
}

/// The flows a scope reads from, from the innermost outwards.
pub(crate) fn read_by(scope: Option<&Scope>) -> impl Iterator<Item = &Arc<Flow>> {
    chain(scope, Side::Reads)
}

/// Looks at where the thread is. Nowhere, if it is ending.
fn look<T: Default>(look: impl FnOnce(&mut Place) -> T) -> T {
    let look = |current: &Cell<Place>| {
        let mut place = current.take();
        let seen = look(&mut place);
        current.set(place);
        seen
    };
    CURRENT.try_with(look).unwrap_or_default()
}

/// Where the thread is now.
pub(crate) fn current() -> Option<Scope> {
    look(|place| {
        if let Place::Run = *place {
            *place = Place::At(Scope { flow: Flow::of_run(), side: Side::Reads });
        }
        if let Place::At(scope) = &*place { Some(scope.clone()) } else { None }
    })
}

/// Whether what runs now is a part of something that is read.
pub(crate) fn is_inside() -> bool {
    look(|place| match &*place {
        Place::At(scope) => inside(Some(scope)).next().is_some(),
        Place::Nowhere | Place::Run => false,
    })
}

fn is_in_a_run() -> bool {
    look(|place| !matches!(place, Place::Nowhere))
}

#[inline]
fn swap(place: Place) -> Place {
    CURRENT.try_with(|current| current.replace(place)).unwrap_or_default()
}

/// Puts the thread back where it was, also after a panic.
struct Entered {
    before: Place,
}

#[inline]
fn enter(place: Place) -> Entered {
    Entered { before: swap(place) }
}

impl Entered {
    /// Back, and where it was until now.
    #[inline]
    fn leave(mut self) -> Place {
        let place = swap(std::mem::take(&mut self.before));
        std::mem::forget(self);
        place
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(std::mem::take(&mut self.before));
    }
}

/// A flow is over when what is polled inside is dropped, after the stream in it.
struct Over {
    spot: Spot,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.spot.flow.over.store(true, Ordering::Release);
        self.spot.flow.resume();
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let around = self.flow.parent();
        f.debug_struct("Scope").field("side", &self.side).field("around", &around).finish_non_exhaustive()
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("parent", &self.parent()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
