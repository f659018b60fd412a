//! [`Spot`]: where something is polled again and again.

use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{Flow, Place, Scope, Side, current, enter};

/// One side of a flow, on which something is polled again and again.
pub(super) struct Spot {
    pub(super) flow: Arc<Flow>,
    side: Side,
    /// Moved to where the thread is and back: to count one more owner at each poll costs more than all the rest.
    scope: Option<Scope>,
    /// Of the last poll.
    waker: Option<KnownWaker>,
}

/// A waker, and how the one that was given looks. A clone may have a table of functions of its own, the same ones compiled
/// in another place, and then [`Waker::will_wake`] never says yes.
struct KnownWaker {
    clone: Waker,
    table: usize,
}

impl KnownWaker {
    fn new(waker: &Waker) -> Self {
        Self { clone: waker.clone(), table: Self::table(waker) }
    }

    fn table(waker: &Waker) -> usize {
        std::ptr::from_ref(waker.vtable()).addr()
    }

    fn is(&self, waker: &Waker) -> bool {
        // What the data points to lives as long as the clone has it.
        (self.clone.data() == waker.data() && self.table == Self::table(waker)) || self.clone.will_wake(waker)
    }
}

impl Spot {
    pub(super) fn new(flow: Arc<Flow>, side: Side) -> Self {
        Self { flow, side, scope: None, waker: None }
    }

    /// Whether it is polled with another waker than the last time.
    #[inline]
    pub(super) fn has_new_waker(&mut self, waker: &Waker) -> bool {
        let is_new = self.waker.as_ref().is_none_or(|known| !known.is(waker));
        if is_new {
            self.waker = Some(KnownWaker::new(waker));
        }
        is_new
    }

    #[inline]
    pub(super) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        // Where it is polled, not where it was made: what a step reads is made by the step, but is not a part of it.
        self.flow.parent.get_or_init(current);
        // It is not there after a panic.
        let scope = self.scope.take().unwrap_or_else(|| Scope { flow: self.flow.clone(), side: self.side });
        let entered = enter(Place::At(scope));
        let polled = poll();
        if let Place::At(scope) = entered.leave() {
            self.scope = Some(scope);
        }
        polled
    }
}
