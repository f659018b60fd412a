//! Streams that know how their chunks add up.

pub(crate) mod chunks;
pub(crate) mod coroutine;
pub(crate) mod merge;
pub(crate) mod tee;
