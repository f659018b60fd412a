//! [`Desk`]: who waits for a permit of a limit, who gets it, and where it goes back to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::Waker;

use super::{Limit, PERMIT, Part, QUEUED};
use crate::run::flow::{self, Flow, Scope};

/// How many of those who may borrow a permit are looked at. Where none of these is read now, as there are many in what
/// rests, the permit goes back to the limit, whose line knows who goes on.
const FEW: usize = 8;

#[derive(Default)]
pub(super) struct Table {
    /// Those who may be given the next free permit. Tickets are numbered in the order they came.
    line: BTreeSet<u64>,
    /// Those who were given a permit and do not know yet.
    given: BTreeSet<u64>,
    tickets: BTreeMap<u64, Ticket>,
}

/// Somebody who waits for a permit, holds one that may be lent or is borrowed, or has lent it.
struct Ticket {
    scope: Option<Scope>,
    state: State,
    /// Who lent it the permit; `None` is the limit itself.
    from: Option<u64>,
    /// Of who waits.
    waker: Option<Waker>,
    /// It is not lent.
    kept: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    /// It has a permit and was woken, but does not know yet.
    Given,
    Holds,
    /// It has none while its work rests. It is given back if it is free before the work goes on; if not, the work asks
    /// for another.
    Lent,
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
    /// Permits of other limits, which have desks of their own.
    yields: Vec<(Limit, u64)>,
}

impl Drop for After {
    fn drop(&mut self) {
        self.yields.drain(..).for_each(|(limit, id)| limit.yields(id));
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

    fn free(&self) -> &AtomicUsize {
        &self.limit.shared.free
    }

    /// A permit for the ticket if there is one now; if not, it waits.
    pub(super) fn ask(&mut self, id: u64, scope: Option<&Scope>, waker: &Waker) -> Option<Part> {
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
        // Who waits keeps nothing meanwhile, and neither does what it reads from.
        self.after.yields.extend(flow::read_by(scope).flat_map(|flow| flow.others(self.limit)));
        None
    }

    fn enter(&mut self, id: u64, state: State, scope: Option<&Scope>) {
        let ticket = Ticket { scope: scope.cloned(), state, from: None, waker: None, kept: false };
        self.table.tickets.insert(id, ticket);
    }

    /// What was given is taken.
    fn collect(&mut self, id: u64, scope: Option<&Scope>) -> Option<Part> {
        self.limit.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        self.table.given.remove(&id);
        let limit = self.limit.clone();
        let ticket = self.table.tickets.get_mut(&id)?;
        let lendable = flow::inside(scope).next().is_some();
        if ticket.from.is_none() && !lendable {
            self.after.tickets.extend(self.table.tickets.remove(&id));
            return Some(Part { limit, ticket: None });
        }
        ticket.state = State::Holds;
        self.hold(id, scope);
        Some(Part { limit, ticket: Some(id) })
    }

    /// A permit that was taken inside a flow may be lent.
    pub(super) fn register(&mut self, id: u64, scope: Option<&Scope>) {
        self.enter(id, State::Holds, scope);
        self.hold(id, scope);
    }

    /// Somebody holds a permit that may be lent, perhaps at once.
    fn hold(&mut self, id: u64, scope: Option<&Scope>) {
        flow::inside(scope).for_each(|flow| flow.hold(self.limit, id));
        self.lend(id);
        self.yields(id);
    }

    /// A permit is needed also while nobody reads what it is for.
    pub(super) fn keep(&mut self, id: u64) {
        let scope = self.scope(id);
        flow::inside(scope.as_ref()).for_each(|flow| flow.let_go(self.limit, id));
        if let Some(ticket) = self.table.tickets.get_mut(&id) {
            ticket.kept = true;
        }
    }

    fn wait(&mut self, id: u64, scope: Option<&Scope>) {
        flow::read_by(scope).for_each(|flow| flow.listen(self.limit, id));
        self.line_up(id, scope);
    }

    /// Into the line, as far as the flows around it let it.
    fn line_up(&mut self, id: u64, scope: Option<&Scope>) {
        if flow::inside(scope).all(|flow| flow.lets_pass(self.limit, id)) {
            self.table.line.insert(id);
            self.free().fetch_or(QUEUED, Ordering::AcqRel);
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
            self.free().fetch_and(!QUEUED, Ordering::AcqRel);
        }
    }

    fn wait_no_more(&mut self, id: u64, scope: Option<&Scope>) {
        flow::read_by(scope).for_each(|flow| flow.unlisten(self.limit, id));
        flow::inside(scope).for_each(|flow| flow.unpark(self.limit, id));
        self.table.line.remove(&id);
        self.make_way(scope);
    }

    /// Gives free permits to those in the line, as far as they go. Who is in a flow that is paused steps aside.
    pub(super) fn serve(&mut self) {
        while self.free().load(Ordering::Acquire) >= PERMIT {
            let Some(&id) = self.table.line.first() else { return };
            let scope = self.scope(id);
            match self.admit(id, scope.as_ref(), None) {
                Ok(()) => {
                    // While somebody is in the line nobody takes a permit but here.
                    self.free().fetch_sub(PERMIT, Ordering::AcqRel);
                    self.give(id, scope.as_ref(), None);
                }
                Err(paused) => {
                    self.table.line.remove(&id);
                    self.make_way(paused.parent());
                }
            }
        }
    }

    /// Whether a ticket may be given a permit: not if it is in a flow that is paused, which is then the answer. When that
    /// flow is read again it sees to the ticket, or to the lender whose permit it is about.
    fn admit(&self, id: u64, scope: Option<&Scope>, lender: Option<u64>) -> Result<(), Arc<Flow>> {
        let Some(paused) = flow::inside(scope).find(|flow| !flow.admit(self.limit, id, lender)) else { return Ok(()) };
        flow::inside(scope).for_each(|flow| flow.let_go(self.limit, id));
        Err(paused.clone())
    }

    fn give(&mut self, id: u64, scope: Option<&Scope>, from: Option<u64>) {
        self.wait_no_more(id, scope);
        if let Some(lender) = from {
            self.is_lent(lender);
        }
        if let Some(ticket) = self.table.tickets.get_mut(&id) {
            (ticket.state, ticket.from) = (State::Given, from);
            self.after.wake.extend(ticket.waker.clone());
            self.table.given.insert(id);
        }
    }

    fn is_lent(&mut self, lender: u64) {
        let Some(ticket) = self.table.tickets.get_mut(&lender) else { return };
        ticket.state = State::Lent;
        ticket.from = None;
        flow::inside(ticket.scope.as_ref()).for_each(|flow| flow.lend(self.limit, lender));
    }

    /// Who reads from a flow that is paused borrows from it.
    fn borrow(&mut self, id: u64, scope: Option<&Scope>) {
        let Some(lender) = flow::read_by(scope).find_map(|flow| flow.lender(self.limit)) else { return };
        if self.admit(id, scope, Some(lender)).is_ok() {
            self.give(id, scope, Some(lender));
        }
    }

    fn may_lend(&self, lender: u64) -> bool {
        self.table.tickets.get(&lender).is_some_and(|ticket| ticket.state == State::Holds && !ticket.kept)
    }

    /// Lends a permit to the first who waits for one and reads from a paused flow that the permit is in. The first of
    /// all: if a younger one were preferred because it is nearer, two who need several limits could take turns for ever.
    pub(super) fn lend(&mut self, lender: u64) {
        if !self.may_lend(lender) {
            return;
        }
        let scope = self.scope(lender);
        let mut from = 0;
        for _ in 0..FEW {
            let Some(id) = flow::inside(scope.as_ref()).filter_map(|flow| flow.reader(self.limit, from)).min() else {
                return;
            };
            let scope = self.scope(id);
            if self.admit(id, scope.as_ref(), Some(lender)).is_ok() {
                return self.give(id, scope.as_ref(), Some(lender));
            }
            from = id + 1;
        }
        self.let_go(lender, scope.as_ref());
    }

    /// Gives a permit back that is in a paused flow, while somebody who reads from that waits for one of another limit:
    /// who waits keeps nothing, so nobody waits for anybody but those who go on.
    pub(super) fn yields(&mut self, id: u64) {
        let scope = self.scope(id);
        let waits = || flow::inside(scope.as_ref()).any(|flow| flow.is_waited_for_elsewhere(self.limit));
        if self.may_lend(id) && waits() {
            self.let_go(id, scope.as_ref());
        }
    }

    /// The permit of work that rests goes back.
    fn let_go(&mut self, id: u64, scope: Option<&Scope>) {
        let from = self.table.tickets.get_mut(&id).and_then(|ticket| ticket.from.take());
        self.is_lent(id);
        self.put(from, scope);
    }

    /// What was given to somebody younger, who has not taken it yet, is given again. Who needs permits of several limits
    /// has come from the line of another, perhaps late: of those who each have what another needs, the oldest goes on.
    fn overtake(&mut self, id: u64, scope: Option<&Scope>) {
        let of_use = |younger: &&u64| match self.table.tickets.get(younger)?.from {
            None => self.table.line.contains(&id).then_some(()),
            Some(lender) => {
                let lender = self.table.tickets.get(&lender)?.scope.as_ref();
                flow::inside(lender).any(|flow| flow::read_by(scope).any(|read| flow.rests_for(read))).then_some(())
            }
        };
        let younger = self.table.given.range(id + 1..).rev().find(|younger| of_use(younger).is_some()).copied();
        if let Some(younger) = younger {
            self.pass_on(younger);
        }
    }

    /// A permit is free. If it was lent by what its holder reads from, it goes back there, and is the limit's otherwise.
    fn put(&mut self, from: Option<u64>, scope: Option<&Scope>) {
        let lender = from.and_then(|from| {
            let lent = self.state(from) == Some(State::Lent);
            if lent { Some(from) } else { flow::read_by(scope).find_map(|flow| flow.lent(self.limit)) }
        });
        let Some(lender) = lender else {
            self.free().fetch_add(PERMIT, Ordering::AcqRel);
            return self.serve();
        };
        let scope = self.scope(lender);
        if let Some(ticket) = self.table.tickets.get_mut(&lender) {
            ticket.state = State::Holds;
        }
        self.hold(lender, scope.as_ref());
    }

    /// Who holds a permit is done.
    pub(super) fn release(&mut self, id: u64) {
        let Some(ticket) = self.table.tickets.remove(&id) else { return };
        self.table.given.remove(&id);
        flow::inside(ticket.scope.as_ref()).for_each(|flow| flow.let_go(self.limit, id));
        if ticket.state != State::Lent {
            self.put(ticket.from, ticket.scope.as_ref());
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
        self.put(from, scope.as_ref());
    }

    /// What was given to somebody who is not polled now goes to somebody else.
    pub(super) fn pause(&mut self, id: u64) {
        if self.state(id) == Some(State::Given) {
            self.pass_on(id);
        }
    }

    pub(super) fn resume(&mut self, flow: &Flow) {
        if let Some(id) = flow.next(self.limit) {
            self.line_up(id, flow.parent());
            self.serve();
        }
    }

    /// Whether a permit is where it belongs.
    pub(super) fn has(&self, id: u64) -> bool {
        self.state(id) == Some(State::Holds)
    }
}
