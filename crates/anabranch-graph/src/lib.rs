//! State graphs: fan-out and fan-in as a graph with typed, deterministic state.

pub mod dynamic;
pub mod reduce;
#[expect(dead_code, reason = "for the builder")]
mod shape;
mod state;
mod update;

pub use anabranch_macros::State;
pub use shape::Field;
pub use state::{Reduced, State};
pub use update::{Overwrite, Update, Write, WriteSet};

/// Where every graph begins.
pub const START: &str = "START";
/// Where every graph ends.
pub const END: &str = "END";

/// For the code that `#[derive(State)]` writes.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::state::{field, show};
    pub use crate::update::write;
}
