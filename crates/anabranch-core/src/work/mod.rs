//! Work that waits, panics, or goes on on a task of its own; and how it is stopped.

pub(crate) mod drop_reason;
pub(crate) mod panics;
pub(crate) mod task;
pub(crate) mod timer;
