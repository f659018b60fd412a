//! Functions of those who build a graph may panic: that is a failure, and no end of the program.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anabranch_core::{Error, Result};
use futures_util::future::FutureExt;

/// What a function gives that may panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Error::from_panic)
}

/// What a future gives that may panic. It is no `async fn`: that would have room for the future twice.
pub(crate) fn caught_in<T>(work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    let caught = AssertUnwindSafe(work).catch_unwind();
    caught.map(|done| done.unwrap_or_else(|panic| Err(Error::from_panic(panic))))
}
