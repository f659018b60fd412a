//! [`GraphEvent`]: what happens in a run.

use anabranch_core::ErrorKind;

use crate::run::Path;

/// Something that happened in a run of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphEvent {
    /// Which activation of which node: `name#i#j[item]`, below each other by `/`; the iterations of the loops around it,
    /// and the item of a map.
    pub path: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The node began.
    Started,
    /// The node is done, and its update counts.
    Done,
    /// The node was passed over: no edge into it was taken, or not all that it asks for. Of a loop, its header.
    PassedOver,
    /// The node or the item failed, and the run goes on.
    Failed(ErrorKind),
    /// The node failed, and with it the run, or the graph that it is in.
    Broke(ErrorKind),
}

impl GraphEvent {
    pub(crate) fn new(path: &Path, kind: EventKind) -> Self {
        Self { path: path.text.clone(), kind }
    }
}
