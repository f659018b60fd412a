//! What a graph says of itself: its nodes, what is inside of them, and what leads from one to another.

use std::collections::HashMap;

use anabranch_core::describe::{Composed, Description, Edge, Kind};

use crate::shape::{EdgeKind, NodeKind, NodeOption, Shape};

pub(crate) const GRAPH: Kind = Kind::new("graph");
pub(super) const NODE: Kind = Kind::new("node");
pub(super) const MAP: Kind = Kind::new("map");
pub(super) const ASK: Kind = Kind::new("ask");

/// A graph of these nodes.
pub(crate) fn describe(shape: &Shape, nodes: impl IntoIterator<Item = Description>) -> Description {
    let places: HashMap<_, _> = shape.nodes.iter().zip(0..).map(|(node, place)| (&*node.name, place)).collect();
    let place = |name: &str| places.get(name).copied();
    let edges = arrows(shape).map(|(from, to, kind)| Edge::new(place(from), place(to), kind == EdgeKind::Plain));
    let edges = edges.collect();
    Description::new(GRAPH, "graph").with_children(Composed::Graph { edges }, nodes)
}

/// A node, and the step that it runs, if it runs one.
pub(crate) fn node(name: &str, kind: &NodeKind, step: Option<Description>) -> Description {
    let (kind, composed) = match kind {
        NodeKind::Plain | NodeKind::Graph(_) => (NODE, Composed::InSequence),
        NodeKind::Map | NodeKind::MapOfGraph(_) => (MAP, Composed::PerElement),
        NodeKind::Ask => (ASK, Composed::InSequence),
    };
    Description::new(kind, name).with_children(composed, step)
}

/// What leads from node to node, by name: edges, the targets of routes, fallbacks.
pub(super) fn arrows(shape: &Shape) -> impl Iterator<Item = (&str, &str, EdgeKind)> {
    let edges = shape.edges.iter().map(|edge| (&*edge.from, &*edge.to, edge.kind));
    let fallbacks = shape.options.iter().filter_map(|option| match option {
        NodeOption::Fallback(from, to) => Some((&**from, &**to, EdgeKind::Fail)),
        _ => None,
    });
    edges.chain(fallbacks)
}
