//! A run: the engine, and what it keeps of each region.

mod activation;
mod ears;
mod edges;
mod engine;
mod logged;
mod path;
mod region;
mod session;
mod snapshots;

pub(crate) use ears::{Ears, Listener, Queue};
pub(crate) use engine::{Engine, Outcome};
pub(crate) use path::Path;
pub(crate) use session::{Ask, Inside, node_of};
