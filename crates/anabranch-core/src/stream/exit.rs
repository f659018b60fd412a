//! [`Exit`]: what happens to an error on its way out of a step's stream.

use crate::error::Error;

/// Names a step in errors that happen in it: the part of a runnable that a stream needs.
pub(crate) trait Names: Send + Sync {
    fn name_error(&self, error: Error) -> Error;
}

/// The steps whose streams an error leaves and enters, in this order: looked at only when there is an error.
#[derive(Default)]
pub(crate) struct Exit<'a> {
    /// What happens before.
    before: Option<Box<Exit<'a>>>,
    /// The step it happened in, unless it came in with the input.
    step: Option<&'a dyn Names>,
    /// The steps it leaves.
    leaves: u16,
    /// The steps it enters, as their input, after that.
    enters: u16,
}

impl<'a> Exit<'a> {
    #[cold]
    pub(crate) fn apply(&self, mut error: Error) -> Error {
        if let Some(before) = &self.before {
            error = before.apply(error);
        }
        if let Some(step) = self.step {
            error = step.name_error(error);
        }
        error.leave(self.leaves);
        error.enter(self.enters);
        error
    }

    fn is_trivial(&self) -> bool {
        self.before.is_none() && self.step.is_none() && self.leaves == 0 && self.enters == 0
    }

    /// The error enters one more step as its input.
    pub(crate) fn enter(&mut self) {
        self.enters = self.enters.saturating_add(1);
    }

    /// The error leaves the innermost step it is in.
    pub(crate) fn leave(&mut self) {
        match self.enters.checked_sub(1) {
            // What enters a step and comes out of it as it is has not been there.
            Some(enters) => self.enters = enters,
            None => self.leaves = self.leaves.saturating_add(1),
        }
    }

    /// The error is named by one more step.
    pub(crate) fn name(&mut self, step: &'a dyn Names) {
        if !self.is_trivial() {
            self.before = Some(Box::new(std::mem::take(self)));
        }
        self.step = Some(step);
    }

    /// `inner` happens before all of this.
    pub(crate) fn after(&mut self, inner: Self) {
        if inner.is_trivial() {
            return;
        }
        let mut place = &mut self.before;
        while let Some(before) = place {
            place = &mut before.before;
        }
        *place = Some(Box::new(inner));
    }
}
