//! State graphs: fan-out and fan-in as a graph with typed, deterministic state.
//!
//! Programs use this crate through the crate `anabranch` (feature `graph`), as `anabranch::graph`. It knows no language
//! model.

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod build_error;
mod draw;
pub mod dynamic;
mod event;
mod events;
mod graph;
mod log;
mod names;
mod options;
mod panics;
mod progress;
pub mod reduce;
mod report;
mod route;
mod run;
mod run_error;
mod shape;
mod state;
mod state_graph;
mod step;
mod stored;
mod thread;
mod update;
mod work;

/// Where a graph begins.
pub const START: &str = "START";
/// Where a graph ends.
pub const END: &str = "END";

pub use anabranch_macros::State;
pub use build_error::{BuildError, BuildErrorKind, BuildErrors};
pub use draw::Drawing;
pub use event::{EventKind, FieldUpdate, GraphEvent, NodeUpdate, Token};
pub use events::GraphEvents;
pub use graph::CompiledGraph;
#[cfg(feature = "sqlite")]
pub use log::SqliteStore;
pub use log::{DamagedRecord, Entry, GraphStore, LogConflict, LogMismatch, MemoryStore, ShapeChanged};
pub use names::Names;
pub use progress::{Progress, Question, Questions};
pub use report::{NodeReport, RunReport};
pub use run_error::{BadChoice, EndNotReached, NeedsAnswers, StepLimit};
pub use shape::Field;
pub use state::{Reduced, State};
pub use state_graph::StateGraph;
pub use step::{Step, Takes, step};
pub use stored::{Migration, StoredGraph};
pub use thread::Thread;
pub use update::{Overwrite, Update, Write, WriteSet};

/// For the code that `#[derive(State)]` writes.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::state::{field, show};
    pub use crate::update::write;
}
