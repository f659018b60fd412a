//! State graphs: fan-out and fan-in as a graph with typed, deterministic state.
#![expect(dead_code, reason = "the checks are there before the builder that calls them")]

mod build_error;
mod shape;

pub use build_error::{BuildError, BuildErrorKind, BuildErrors};
pub use shape::Field;

/// Where a graph begins.
pub const START: &str = "START";

/// Where a graph ends.
pub const END: &str = "END";
