//! Pictures of a graph.

use crate::START;
use crate::shape::{EdgeKind, NodeOption, Shape};

mod dot;
mod mermaid;
mod text;

pub(crate) use dot::dot;
pub(crate) use mermaid::mermaid;
pub(crate) use text::text;

/// The arrows of a graph by the ids of their ends, those of fallbacks among them. The ids of a graph inside of another
/// have a prefix.
fn arrows<'a>(shape: &'a Shape, prefix: &'a str) -> impl Iterator<Item = (String, String, EdgeKind)> + 'a {
    let id = move |name: &str| match shape.nodes.iter().position(|node| node.name == name) {
        Some(place) => format!("{prefix}n{place}"),
        None if name == START => format!("{prefix}start"),
        None => format!("{prefix}stop"),
    };
    let edges = shape.edges.iter().map(|edge| (&edge.from, &edge.to, edge.kind));
    let fallbacks = shape.options.iter().filter_map(|option| match option {
        NodeOption::Fallback(from, to) => Some((from, to, EdgeKind::Fail)),
        _ => None,
    });
    edges.chain(fallbacks).map(move |(from, to, kind)| (id(from), id(to), kind))
}
