//! Steps side by side.

pub(crate) mod batch;
pub(crate) mod each;
pub(crate) mod into_branch;
pub(crate) mod join;
pub(crate) mod json;
pub(crate) mod outcome;
pub(crate) mod parallel;
pub(crate) mod parallel_stream;
pub(crate) mod quorum;
pub(crate) mod race;
pub(crate) mod settled;
pub(crate) mod tuple;
