//! Why a part of a run is dropped, for the observers of its steps.

use std::cell::RefCell;

use crate::error::Error;

thread_local! {
    static REASON: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Drops something whose steps have failed with `error`, such as a time-out: their observers hear that and not that
/// they were cancelled.
pub(crate) fn drop_because<T>(error: &Error, owner: impl FnOnce() -> T) -> T {
    let _restore = Restore(REASON.replace(Some(error.clone())));
    owner()
}

/// The reason for the drop that is going on.
pub(crate) fn drop_reason() -> Option<Error> {
    REASON.with_borrow(Clone::clone)
}

struct Restore(Option<Error>);

impl Drop for Restore {
    fn drop(&mut self) {
        REASON.replace(self.0.take());
    }
}
