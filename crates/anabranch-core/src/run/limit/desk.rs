//! [`Desk`]: who waits for a place of a limit, who gets it, and where it goes back to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::{Poll, Waker};

use super::{Limit, PLACE, Place, QUEUED, next_ticket};
use crate::run::flow::{self, Flow, Scope};

#[derive(Default)]
pub(super) struct Table {
    /// Those who may be given the next free place. Tickets are numbered in the order they came.
    line: BTreeSet<u64>,
    /// Those who were given a place and do not know yet.
    given: BTreeSet<u64>,
    tickets: BTreeMap<u64, Ticket>,
}

/// Somebody who waits for a place, or holds one that may be lent or is borrowed.
struct Ticket {
    scope: Option<Scope>,
    state: State,
    /// Whose place it is; `None` is the limit's own.
    from: Option<u64>,
    /// Who has the place for now.
    lent_to: Option<u64>,
    /// Of who waits for the place, or for its return.
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    /// It has a place and was woken, but does not know yet.
    Given,
    Holds,
}

/// A limit's table while it is locked. Unlocks it first when it is dropped, then does what was left for afterwards.
pub(super) struct Desk<'a> {
    limit: &'a Limit,
    table: MutexGuard<'a, Table>,
    after: After,
}

/// What must not be done under the lock: who is woken or dropped may come back at once.
#[derive(Default)]
struct After {
    wake: Vec<Waker>,
    tickets: Vec<Ticket>,
    wakers: Vec<Waker>,
}

impl Drop for After {
    fn drop(&mut self) {
        self.wake.drain(..).for_each(Waker::wake);
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(limit: &'a Limit, table: MutexGuard<'a, Table>) -> Self {
        Self { limit, table, after: After::default() }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.table.line.is_empty() && self.table.tickets.is_empty()
    }

    fn state(&self, id: u64) -> Option<State> {
        self.table.tickets.get(&id).map(|ticket| ticket.state)
    }

    fn scope(&self, id: u64) -> Option<Scope> {
        self.table.tickets.get(&id)?.scope.clone()
    }

    fn places(&self) -> &AtomicUsize {
        &self.limit.shared.places
    }

    /// A place for the ticket if there is one now; if not, it waits.
    pub(super) fn ask(&mut self, id: u64, scope: Option<&Scope>, waker: &Waker) -> Option<Place> {
        match self.table.tickets.get_mut(&id) {
            // Who is here need not be woken.
            Some(ticket) => self.after.wakers.extend(ticket.waker.take()),
            None => {
                self.enter(id, State::Waits, scope);
                self.limit.shared.waiting.fetch_add(1, Ordering::Relaxed);
                self.wait(id, scope);
                self.serve();
            }
        }
        if self.state(id) == Some(State::Waits) {
            self.borrow(id, scope);
        }
        if self.state(id) == Some(State::Waits) {
            self.overtake(id, scope);
        }
        if self.state(id) == Some(State::Given) {
            return self.collect(id, scope);
        }
        if let Some(ticket) = self.table.tickets.get_mut(&id) {
            ticket.waker = Some(waker.clone());
        }
        None
    }

    fn enter(&mut self, id: u64, state: State, scope: Option<&Scope>) {
        let ticket = Ticket { scope: scope.cloned(), state, from: None, lent_to: None, waker: None };
        self.table.tickets.insert(id, ticket);
    }

    /// What was given is taken.
    fn collect(&mut self, id: u64, scope: Option<&Scope>) -> Option<Place> {
        self.limit.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        self.table.given.remove(&id);
        let limit = self.limit.clone();
        let ticket = self.table.tickets.get_mut(&id)?;
        let lendable = flow::inside(scope).next().is_some();
        if ticket.from.is_none() && !lendable {
            self.after.tickets.extend(self.table.tickets.remove(&id));
            return Some(Place { limit, ticket: None });
        }
        ticket.state = State::Holds;
        flow::inside(scope).for_each(|flow| flow.hold(&limit, id));
        Some(Place { limit, ticket: Some(id) })
    }

    /// A place that was taken inside a flow may be lent.
    pub(super) fn register(&mut self, scope: Option<&Scope>) -> u64 {
        let id = next_ticket();
        self.enter(id, State::Holds, scope);
        flow::inside(scope).for_each(|flow| flow.hold(self.limit, id));
        self.lend(id);
        id
    }

    fn wait(&mut self, id: u64, scope: Option<&Scope>) {
        flow::read_by(scope).for_each(|flow| flow.listen(self.limit, id));
        self.line_up(id, scope);
    }

    /// Into the line, as far as the flows around it let it.
    fn line_up(&mut self, id: u64, scope: Option<&Scope>) {
        if flow::inside(scope).all(|flow| flow.lets_pass(self.limit, id)) {
            self.table.line.insert(id);
            self.places().fetch_or(QUEUED, Ordering::AcqRel);
        }
    }

    /// Somebody of this scope waits no more: the next of each flow comes in its stead.
    fn make_way(&mut self, scope: Option<&Scope>) {
        for flow in flow::inside(scope) {
            if let Some(next) = flow.next(self.limit) {
                self.line_up(next, flow.parent());
            }
        }
        if self.table.line.is_empty() {
            self.places().fetch_and(!QUEUED, Ordering::AcqRel);
        }
    }

    fn wait_no_more(&mut self, id: u64, scope: Option<&Scope>) {
        flow::read_by(scope).for_each(|flow| flow.unlisten(self.limit, id));
        flow::inside(scope).for_each(|flow| flow.unpark(self.limit, id));
        self.table.line.remove(&id);
        self.make_way(scope);
    }

    /// Gives free places to those in the line, as far as they go. Who is in a flow that is paused steps aside.
    pub(super) fn serve(&mut self) {
        while self.places().load(Ordering::Acquire) >= PLACE {
            let Some(&id) = self.table.line.first() else { return };
            let scope = self.scope(id);
            match self.admit(id, scope.as_ref(), None) {
                Ok(()) => {
                    // While somebody is in the line nobody takes a place but here.
                    self.places().fetch_sub(PLACE, Ordering::AcqRel);
                    self.give(id, scope.as_ref(), None);
                }
                Err(paused) => {
                    self.table.line.remove(&id);
                    self.make_way(paused.parent());
                }
            }
        }
    }

    /// Whether a ticket may be given a place: not if it is in a flow that is paused, which is then the answer. When that
    /// flow is read again it sees to the ticket, or to the lender whose place it is about.
    fn admit(&self, id: u64, scope: Option<&Scope>, lender: Option<u64>) -> Result<(), Arc<Flow>> {
        let Some(paused) = flow::inside(scope).find(|flow| !flow.admit(self.limit, id, lender)) else { return Ok(()) };
        flow::inside(scope).for_each(|flow| flow.let_go(self.limit, id));
        Err(paused.clone())
    }

    fn give(&mut self, id: u64, scope: Option<&Scope>, from: Option<u64>) {
        self.wait_no_more(id, scope);
        if let Some(lender) = from {
            let scope = self.scope(lender);
            flow::inside(scope.as_ref()).for_each(|flow| flow.let_go(self.limit, lender));
            self.lent(lender, Some(id));
        }
        if let Some(ticket) = self.table.tickets.get_mut(&id) {
            (ticket.state, ticket.from) = (State::Given, from);
            self.after.wake.extend(ticket.waker.clone());
            self.table.given.insert(id);
        }
    }

    fn lent(&mut self, lender: u64, to: Option<u64>) {
        if let Some(ticket) = self.table.tickets.get_mut(&lender) {
            ticket.lent_to = to;
        }
    }

    /// Who reads from a flow that is paused borrows from it.
    fn borrow(&mut self, id: u64, scope: Option<&Scope>) {
        let Some(lender) = flow::read_by(scope).find_map(|flow| flow.lender(self.limit)) else { return };
        if self.admit(id, scope, Some(lender)).is_ok() {
            self.give(id, scope, Some(lender));
        }
    }

    /// Lends a place to the first who waits for one and reads from a paused flow that the place is in.
    pub(super) fn lend(&mut self, lender: u64) -> bool {
        let scope = self.scope(lender);
        if self.table.tickets.get(&lender).is_none_or(|ticket| ticket.lent_to.is_some()) {
            return false;
        }
        for flow in flow::inside(scope.as_ref()) {
            let mut reader = flow.reader(self.limit, 0);
            while let Some(id) = reader {
                let scope = self.scope(id);
                if self.admit(id, scope.as_ref(), Some(lender)).is_ok() {
                    self.give(id, scope.as_ref(), Some(lender));
                    return true;
                }
                reader = flow.reader(self.limit, id + 1);
            }
        }
        false
    }

    /// What was given to somebody younger, who has not taken it yet, is given again. Who needs places of several limits
    /// has come from the line of another, perhaps late: of those who each have what another needs, the oldest goes on.
    fn overtake(&mut self, id: u64, scope: Option<&Scope>) {
        let of_use = |younger: &&u64| match self.table.tickets.get(younger)?.from {
            None => self.table.line.contains(&id).then_some(()),
            Some(lender) => {
                let lender = self.table.tickets.get(&lender)?.scope.as_ref();
                flow::inside(lender).any(|flow| flow::read_by(scope).any(|read| Arc::ptr_eq(flow, read))).then_some(())
            }
        };
        let younger = self.table.given.range(id + 1..).rev().find(|younger| of_use(younger).is_some()).copied();
        if let Some(younger) = younger {
            self.pass_on(younger);
        }
    }

    /// A place goes back to where it came from.
    fn put(&mut self, from: Option<u64>) {
        let Some(lender) = from else {
            self.places().fetch_add(PLACE, Ordering::AcqRel);
            return self.serve();
        };
        let scope = self.scope(lender);
        self.lent(lender, None);
        flow::inside(scope.as_ref()).for_each(|flow| flow.hold(self.limit, lender));
        if !self.lend(lender) {
            let waker = self.table.tickets.get_mut(&lender).and_then(|ticket| ticket.waker.take());
            self.after.wake.extend(waker);
        }
    }

    /// Who holds a place is done. If it is lent, who has it now has it from whoever the lender had it from.
    pub(super) fn release(&mut self, id: u64) {
        let Some(ticket) = self.table.tickets.remove(&id) else { return };
        self.table.given.remove(&id);
        flow::inside(ticket.scope.as_ref()).for_each(|flow| flow.let_go(self.limit, id));
        match ticket.lent_to.and_then(|borrower| Some((borrower, self.table.tickets.get_mut(&borrower)?))) {
            None => self.put(ticket.from),
            Some((borrower, has_it)) => {
                has_it.from = ticket.from;
                if let Some(lender) = ticket.from {
                    self.lent(lender, Some(borrower));
                }
            }
        }
        self.after.tickets.push(ticket);
    }

    /// Who waits gives up.
    pub(super) fn abandon(&mut self, id: u64) {
        self.limit.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.state(id) == Some(State::Given) {
            return self.release(id);
        }
        let scope = self.scope(id);
        self.wait_no_more(id, scope.as_ref());
        self.after.tickets.extend(self.table.tickets.remove(&id));
        self.serve();
    }

    /// What was given and not yet taken goes to somebody else. The ticket keeps its number, and so its turn.
    fn pass_on(&mut self, id: u64) {
        let scope = self.scope(id);
        let Some(ticket) = self.table.tickets.get_mut(&id) else { return };
        ticket.state = State::Waits;
        let from = ticket.from.take();
        self.table.given.remove(&id);
        flow::inside(scope.as_ref()).for_each(|flow| flow.let_go(self.limit, id));
        self.wait(id, scope.as_ref());
        self.put(from);
    }

    pub(super) fn pause(&mut self, id: u64) {
        match self.state(id) {
            Some(State::Given) => self.pass_on(id),
            Some(State::Holds) => drop(self.lend(id)),
            Some(State::Waits) | None => {}
        }
    }

    pub(super) fn resume(&mut self, flow: &Flow) {
        if let Some(id) = flow.next(self.limit) {
            self.line_up(id, flow.parent());
            self.serve();
        }
    }

    /// Ready if the place of this ticket is not lent.
    pub(super) fn poll_back(&mut self, id: u64, waker: &Waker) -> Poll<()> {
        match self.table.tickets.get_mut(&id).filter(|ticket| ticket.lent_to.is_some()) {
            None => Poll::Ready(()),
            Some(ticket) => {
                self.after.wakers.extend(ticket.waker.replace(waker.clone()));
                Poll::Pending
            }
        }
    }
}
