//! A graph for Graphviz.

use std::fmt::Write as _;

use crate::shape::{EdgeKind, NodeKind, Shape};
use crate::{END, START};

/// A directed graph in the DOT language: <https://graphviz.org/doc/info/lang.html>.
pub(crate) fn dot(shape: &Shape) -> String {
    let mut out = String::from("digraph {\n    compound=true;\n");
    graph(shape, "", 1, &mut out);
    out.push_str("}\n");
    out
}

fn graph(shape: &Shape, prefix: &str, depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    let _ = writeln!(out, "{indent}{prefix}start [label={}, shape=circle];", quoted(START));
    for (place, node) in shape.nodes.iter().enumerate() {
        let (id, name) = (format!("{prefix}n{place}"), quoted(&node.name));
        let _ = match &node.kind {
            NodeKind::Plain => writeln!(out, "{indent}{id} [label={name}, shape=box];"),
            NodeKind::Map => writeln!(out, "{indent}{id} [label={name}, shape=box3d];"),
            NodeKind::Ask => writeln!(out, "{indent}{id} [label={name}, shape=diamond];"),
            NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) => {
                let _ = writeln!(out, "{indent}{id} [label={name}, shape=component];");
                let _ = writeln!(out, "{indent}subgraph cluster_{id} {{\n{indent}    label={name};");
                graph(inner, &format!("{id}_"), depth + 1, out);
                writeln!(out, "{indent}}}")
            }
        };
    }
    let _ = writeln!(out, "{indent}{prefix}stop [label={}, shape=doublecircle];", quoted(END));
    for (from, to, kind) in super::arrows(shape, prefix) {
        let style = match kind {
            EdgeKind::Plain => "",
            EdgeKind::Single | EdgeKind::Multi => " [style=dashed]",
            EdgeKind::Fail => " [style=dotted, label=failed]",
        };
        let _ = writeln!(out, "{indent}{from} -> {to}{style};");
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
