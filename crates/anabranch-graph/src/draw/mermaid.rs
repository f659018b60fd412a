//! A graph as a flowchart of Mermaid.

use std::fmt::Write as _;

use crate::shape::{EdgeKind, NodeKind, Shape};
use crate::{END, START};

/// A flowchart: <https://mermaid.js.org/syntax/flowchart.html>.
pub(crate) fn mermaid(shape: &Shape) -> String {
    let mut out = String::from("flowchart TD\n");
    graph(shape, "", 1, &mut out);
    out
}

fn graph(shape: &Shape, prefix: &str, depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    let _ = writeln!(out, "{indent}{prefix}start([{}])", quoted(START));
    for (place, node) in shape.nodes.iter().enumerate() {
        let (id, name) = (format!("{prefix}n{place}"), quoted(&node.name));
        let _ = match &node.kind {
            NodeKind::Plain => writeln!(out, "{indent}{id}[{name}]"),
            NodeKind::Map => writeln!(out, "{indent}{id}[[{name}]]"),
            NodeKind::Ask => writeln!(out, "{indent}{id}{{{{{name}}}}}"),
            NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) => {
                let _ = writeln!(out, "{indent}subgraph {id}[{name}]");
                graph(inner, &format!("{id}_"), depth + 1, out);
                writeln!(out, "{indent}end")
            }
        };
    }
    let _ = writeln!(out, "{indent}{prefix}stop([{}])", quoted(END));
    for (from, to, kind) in super::arrows(shape, prefix) {
        let arrow = match kind {
            EdgeKind::Plain => "-->",
            EdgeKind::Single | EdgeKind::Multi => "-.->",
            EdgeKind::Fail => "-. failed .->",
        };
        let _ = writeln!(out, "{indent}{from} {arrow} {to}");
    }
}

/// A label: quotation marks and what Mermaid or HTML reads as something else are written as numbers.
fn quoted(name: &str) -> String {
    let mut out = String::from("\"");
    for char in name.chars() {
        match char {
            char if char.is_alphanumeric() || " _-.,:;()/!?+*=".contains(char) => out.push(char),
            char => _ = write!(out, "#{};", u32::from(char)),
        }
    }
    out.push('"');
    out
}
