//! [`Turns`]: work that is always ready lets others run now and then.

use std::task::{Context, Poll};

/// After so much work without a pause the task lets others run.
const IN_A_ROW: u32 = 128;

/// Counts pieces of work done in a row.
#[derive(Debug, Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// One more piece of work is about to be done: pending, with the task woken again, if it is time for a pause.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0 += 1;
        if self.0 <= IN_A_ROW {
            return Poll::Ready(());
        }
        self.0 = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// There was a pause.
    pub(crate) fn rested(&mut self) {
        self.0 = 0;
    }
}
