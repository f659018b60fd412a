//! A graph as text.

use std::fmt::Write as _;

use crate::START;
use crate::shape::{EdgeKind, NodeKind, NodeOption, Shape};

/// Each node with what follows it, one to a line; graphs inside of it below.
pub(crate) fn text(shape: &Shape) -> String {
    let mut out = String::new();
    graph(shape, 0, &mut out);
    out
}

fn graph(shape: &Shape, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    line(shape, START, "", &indent, out);
    for node in &shape.nodes {
        let kind = match &node.kind {
            NodeKind::Plain => "",
            NodeKind::Map | NodeKind::MapOfGraph(_) => " (map)",
            NodeKind::Ask => " (ask)",
            NodeKind::Graph(_) => " (graph)",
        };
        line(shape, &node.name, kind, &indent, out);
        if let NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) = &node.kind {
            graph(inner, depth + 1, out);
        }
    }
}

fn line(shape: &Shape, name: &str, kind: &str, indent: &str, out: &mut String) {
    let shown = |name: &str| name.escape_debug().to_string();
    let _ = write!(out, "{indent}{}{kind}", shown(name));
    let plain = shape.edges.iter().filter(|edge| edge.from == name && edge.kind == EdgeKind::Plain);
    let routed = shape.edges.iter().filter(|edge| edge.from == name && edge.kind != EdgeKind::Plain);
    let plain: Vec<_> = plain.map(|edge| shown(&edge.to)).collect();
    let routed: Vec<_> = routed.map(|edge| shown(&edge.to)).collect();
    if !plain.is_empty() {
        let _ = write!(out, " -> {}", plain.join(", "));
    }
    if !routed.is_empty() {
        let _ = write!(out, " -> one of {}", routed.join(", "));
    }
    for option in &shape.options {
        match option {
            NodeOption::Fallback(from, to) if from == name => _ = write!(out, ", if it fails {}", shown(to)),
            _ => {}
        }
    }
    out.push('\n');
}
