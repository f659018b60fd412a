//! How deep graphs may stand inside of one another.

use super::{NodeKind, NodeShape, Shape};
use crate::build_error::{BuildError, BuildErrorKind};

/// A run polls each graph inside of the one around it, on one stack; threads of Tokio have 2 MB for it.
const DEEPEST: usize = 64;

/// Names nodes whose graphs are too deep.
pub(super) fn check(shape: &Shape, errors: &mut Vec<BuildError>) {
    for node in shape.nodes.iter().filter(|node| depth(node) > DEEPEST) {
        errors.push(BuildError::new(
            BuildErrorKind::NestedTooDeep,
            [node.name.as_str()],
            format!(
                "{:?} holds more than {DEEPEST} graphs inside of one another, more than the stack of a thread has room \
                 for: make a loop or a chain of nodes of some of them",
                node.name
            ),
        ));
    }
}

/// What is inside of a graph passed this check, so it is no deeper than that.
fn depth(node: &NodeShape) -> usize {
    match &node.kind {
        NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) => {
            1 + inner.nodes.iter().map(depth).max().unwrap_or_default()
        }
        NodeKind::Plain | NodeKind::Map | NodeKind::Ask => 0,
    }
}
