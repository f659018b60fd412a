//! Streams that know how their chunks add up.

pub(crate) mod accepts;
pub(crate) mod chunks;
pub(crate) mod convert;
pub(crate) mod coroutine;
pub(crate) mod exit;
pub(crate) mod inspect_end;
pub(crate) mod late;
pub(crate) mod merge;
pub(crate) mod tee;
pub(crate) mod yielding;
