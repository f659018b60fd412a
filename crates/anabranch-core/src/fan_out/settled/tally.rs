//! [`Tally`]: how far a fan-out whose branches may fail is, and when it is decided.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::work::timer::{poll_timer, sleep_until};

/// How far a fan-out is.
pub(super) struct Tally {
    needed: usize,
    branches: usize,
    grace: Option<Duration>,
    pub(super) succeeded: usize,
    failed: usize,
    /// A branch that must come through has not.
    lost: bool,
    /// The end of the wait for stragglers.
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Tally {
    pub(super) fn new(needed: usize, branches: usize, grace: Option<Duration>) -> Self {
        Self { needed, branches, grace, succeeded: 0, failed: 0, lost: false, timer: None }
    }

    pub(super) fn succeed(&mut self) {
        self.succeeded += 1;
        self.begin_grace();
    }

    pub(super) fn fail(&mut self, required: bool) {
        self.failed += 1;
        self.lost |= required;
        self.begin_grace();
    }

    fn begin_grace(&mut self) {
        if self.succeeded >= self.needed && self.timer.is_none() && self.succeeded + self.failed < self.branches {
            // A period too long to be said has no end.
            let end = self.grace.and_then(|grace| Instant::now().checked_add(grace));
            // Whether there can be a timer was asked before anything ran.
            self.timer = end.and_then(|end| Some((end, Box::pin(sleep_until(end).ok()?))));
        }
    }

    /// Whether too many failed for enough to come through.
    pub(super) fn is_lost(&self) -> bool {
        self.lost || self.branches.saturating_sub(self.failed) < self.needed
    }

    /// Whether the wait for stragglers is over. One that always has something ready must not keep the timer from being
    /// heard, so the clock is asked, too.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.timer
            .as_mut()
            .is_some_and(|(end, timer)| poll_timer(timer.as_mut(), cx).is_ready() || Instant::now() >= *end)
    }
}
