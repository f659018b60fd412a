//! A run: the engine, and what it keeps of each region.

mod activation;
mod edges;
mod engine;
mod logged;
mod path;
mod region;
mod session;

pub(crate) use engine::{Engine, Outcome};
pub(crate) use path::Path;
pub(crate) use session::{Ask, Inside, Listener, node_of};
