//! Lending: while a step works on a chunk, the places held by what it reads from are lent to that step's own work.
//!
//! `model | step that asks a model for each chunk`, streamed under a limit of one, would otherwise wait for itself for
//! ever: the place is held by a stream that nobody reads until the step is done, and the step waits for a place.
//!
//! A [`Flow`] is the joint between a step and what it reads from. Who is polled on which side of it is known from the
//! [`Scope`] in which the thread is at that moment. A flow is *paused* from when it has handed out a chunk until it is
//! read again. What is inside it then is not polled, so
//!
//! - the places held inside it may be lent to those who read from it and wait for one;
//! - a place that was given to somebody inside it, who has not taken it yet, is passed on;
//! - who waits inside it steps aside until it is read again, and keeps its turn.
//!
//! A flow that answers that it is pending is not paused: it waits for the outside, and its places are in use.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::{Future, poll_fn};
use std::iter::successors;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::run::limit::Limit;

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
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
    state: Mutex<State>,
}

/// A limit and a ticket of it.
type Key = (u64, u64);
type Tickets = BTreeMap<Key, Limit>;

#[derive(Default)]
struct State {
    paused: bool,
    /// Places held inside that are not lent.
    held: Tickets,
    /// Places given to somebody inside who has not taken them yet.
    given: Tickets,
    /// Who waits inside, but not in the line of the limit. While the flow is read its first goes ahead and makes way
    /// for the next, so that a flow steps aside at once, however many wait in it.
    parked: Tickets,
    /// Places that would have been lent to somebody inside.
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

    pub(crate) fn parent(&self) -> Option<&Scope> {
        self.parent.get()?.as_ref()
    }

    /// A chunk was handed out: until the next poll nothing inside is polled.
    fn pause(&self) {
        let (given, held) = {
            let mut state = self.state();
            state.paused = true;
            // Who comes to read later finds it paused.
            (all(&state.given), if state.readers.is_empty() { Vec::new() } else { all(&state.held) })
        };
        for (limit, id) in given.into_iter().chain(held) {
            limit.paused(id);
        }
    }

    /// It is read again, or will never be.
    fn resume(&self) {
        let (parked, offered) = {
            let mut state = self.state();
            if !std::mem::take(&mut state.paused) {
                return;
            }
            (limits(&state.parked), std::mem::take(&mut state.offered))
        };
        parked.iter().for_each(|limit| limit.resumed(self));
        offered.iter().for_each(|(&(_, lender), limit)| limit.offer(lender));
    }

    /// Somebody inside holds a place that may be lent.
    pub(crate) fn hold(&self, limit: &Limit, id: u64) {
        let mut state = self.state();
        state.given.remove(&(limit.id(), id));
        state.held.insert((limit.id(), id), limit.clone());
    }

    /// Somebody inside holds no place any more, or not one that may be lent or passed on.
    pub(crate) fn let_go(&self, limit: &Limit, id: u64) {
        let mut state = self.state();
        state.given.remove(&(limit.id(), id));
        state.held.remove(&(limit.id(), id));
    }

    /// Somebody inside is about to be given a place. While the flow is paused it refuses, and remembers who is to be
    /// seen to when it is read again: the `lender`, or who would have had a free place.
    pub(crate) fn admit(&self, limit: &Limit, id: u64, lender: Option<u64>) -> bool {
        let mut state = self.state();
        let (tickets, id) = match (state.paused, lender) {
            (false, _) => (&mut state.given, id),
            (true, None) => (&mut state.parked, id),
            (true, Some(lender)) => (&mut state.offered, lender),
        };
        tickets.insert((limit.id(), id), limit.clone());
        !state.paused
    }

    /// Whether somebody inside who waits may go on towards the line of the limit. If not, it is parked.
    pub(crate) fn lets_pass(&self, limit: &Limit, id: u64) -> bool {
        let mut state = self.state();
        let passes = !state.paused && first(&state.parked, limit).is_none_or(|first| first > id);
        if !passes {
            state.parked.insert((limit.id(), id), limit.clone());
        }
        passes
    }

    /// The first that is parked goes on.
    pub(crate) fn next(&self, limit: &Limit) -> Option<u64> {
        let mut state = self.state();
        let next = if state.paused { None } else { first(&state.parked, limit) }?;
        state.parked.remove(&(limit.id(), next));
        Some(next)
    }

    /// Somebody inside waits no more.
    pub(crate) fn unpark(&self, limit: &Limit, id: u64) {
        self.state().parked.remove(&(limit.id(), id));
    }

    /// Somebody who reads from this waits for a place.
    pub(crate) fn listen(&self, limit: &Limit, id: u64) {
        self.state().readers.insert((limit.id(), id));
    }

    pub(crate) fn unlisten(&self, limit: &Limit, id: u64) {
        self.state().readers.remove(&(limit.id(), id));
    }

    /// Whose place a reader may borrow now.
    pub(crate) fn lender(&self, limit: &Limit) -> Option<u64> {
        let state = self.state();
        if state.paused { first(&state.held, limit) } else { None }
    }

    /// The first reader, from this ticket on, who may borrow a place now.
    pub(crate) fn reader(&self, limit: &Limit, from: u64) -> Option<u64> {
        let state = self.state();
        let readers = (limit.id(), from)..=(limit.id(), u64::MAX);
        if state.paused { state.readers.range(readers).next().map(|&(_, id)| id) } else { None }
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

/// Where the thread is now. Nowhere, if it is ending.
pub(crate) fn current() -> Option<Scope> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

fn swap(scope: Option<Scope>) -> Option<Scope> {
    CURRENT.try_with(|current| current.replace(scope)).ok().flatten()
}

/// Puts the thread back where it was, also after a panic.
struct Entered {
    before: Option<Scope>,
}

fn enter(scope: Option<Scope>) -> Entered {
    Entered { before: swap(scope) }
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(self.before.take());
    }
}

/// A future that is polled where it belongs, wherever that happens: for work on a task of its own.
pub(crate) async fn in_scope<F: Future>(scope: Option<Scope>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _entered = enter(scope.clone());
        future.as_mut().poll(cx)
    })
    .await
}

/// The two sides of a joint between a step and what it reads from.
pub(crate) fn joint() -> (Up, Down) {
    let flow = Arc::new(Flow::default());
    (Up { flow: flow.clone() }, Down { flow })
}

/// The side that is read.
#[derive(Debug)]
pub(crate) struct Up {
    flow: Arc<Flow>,
}

/// The side that reads.
#[derive(Debug)]
pub(crate) struct Down {
    flow: Arc<Flow>,
}

impl Up {
    /// The input of a step.
    pub(crate) fn wrap<S: Stream + Unpin + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
        UpStream { stream, flow: Over { flow: self.flow } }
    }
}

impl Down {
    /// The output of the step that reads that input.
    pub(crate) fn wrap<S: Stream + Unpin + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
        DownStream { stream, flow: self.flow }
    }
}

/// Polls a stream on one side of a flow.
fn poll_at<S: Stream + Unpin>(
    flow: &Arc<Flow>,
    side: Side,
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<Option<S::Item>> {
    // Where it is polled, not where it was made: what a step reads is made by the step, but is not a part of it.
    flow.parent.get_or_init(current);
    let _entered = enter(Some(Scope { flow: flow.clone(), side }));
    Pin::new(stream).poll_next(cx)
}

/// A flow that is over when this is dropped, after the stream in it.
struct Over {
    flow: Arc<Flow>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.flow.resume();
    }
}

struct UpStream<S> {
    stream: S,
    flow: Over,
}

impl<S: Stream + Unpin> Stream for UpStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        let flow = &this.flow.flow;
        flow.resume();
        let next = poll_at(flow, Side::Inside, &mut this.stream, cx);
        if matches!(next, Poll::Ready(Some(_))) {
            flow.pause();
        }
        next
    }
}

struct DownStream<S> {
    stream: S,
    flow: Arc<Flow>,
}

impl<S: Stream + Unpin> Stream for DownStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        poll_at(&this.flow, Side::Reads, &mut this.stream, cx)
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
