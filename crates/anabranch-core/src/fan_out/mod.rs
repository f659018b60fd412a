//! Steps side by side.

pub(crate) mod assign;
pub(crate) mod batch;
pub(crate) mod each;
pub(crate) mod first_success;
pub(crate) mod into_branch;
pub(crate) mod join;
pub(crate) mod known;
pub(crate) mod outcome;
pub(crate) mod parallel;
pub(crate) mod parallel_stream;
pub(crate) mod quorum;
pub(crate) mod race;
pub(crate) mod router_batch;
pub(crate) mod settled;
pub(crate) mod spare;
pub(crate) mod to_json;
pub(crate) mod together;
pub(crate) mod tuple;
pub(crate) mod typed_parallel;
