//! A directed graph in the DOT language: <https://graphviz.org/doc/info/lang.html>.

use std::fmt::Write as _;

use super::picture::{Arrow, Form, Part, Picture};
use crate::report::Mark;
use crate::shape::EdgeKind;

pub(super) fn dot(picture: &Picture) -> String {
    let mut out = String::from("digraph {\n    compound=true;\n");
    let font = r#"fontname="Helvetica""#;
    let _ = writeln!(out, "    graph [{font}];");
    let _ =
        writeln!(out, "    node [{font}, shape=box, style=\"rounded,filled\", fillcolor=white, margin=\"0.2,0.1\"];");
    let _ = writeln!(out, "    edge [{font}, fontsize=11];");
    level(picture, 1, &mut out);
    out.push_str("}\n");
    out
}

fn level(picture: &Picture, depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    for part in &picture.parts {
        let (id, label, style) = (&part.id, label(part), style(part));
        let _ = match (&part.inside, shape(part.form)) {
            (Some(inside), _) => {
                let _ = writeln!(out, "{indent}subgraph cluster_{id} {{");
                let _ = writeln!(out, "{indent}    graph [label={label}{style}];");
                level(inside, depth + 1, out);
                writeln!(out, "{indent}}}")
            }
            (None, Some(shape)) => writeln!(out, "{indent}{id} [label={label}, shape={shape}{style}];"),
            (None, None) => writeln!(out, "{indent}{id} [label={label}{style}];"),
        };
    }
    for arrow in &picture.arrows {
        edge(picture, arrow, &indent, out);
    }
}

/// An edge ends at nodes, never at a cluster: it leads to a node inside, and is cut off where the cluster begins.
fn edge(picture: &Picture, arrow: &Arrow, indent: &str, out: &mut String) {
    let (from, to) = (&picture.parts[arrow.from], &picture.parts[arrow.to]);
    let mut settings = match arrow.kind {
        EdgeKind::Plain => Vec::new(),
        EdgeKind::Single => vec!["style=dashed".to_owned()],
        EdgeKind::Multi => vec!["style=dashed, label=\"any of\"".to_owned()],
        EdgeKind::Fail => vec!["style=dotted, label=\"on failure\"".to_owned()],
    };
    match arrow.taken {
        Some(true) => settings.extend(["color=\"#1a7f37\"", "penwidth=2"].map(str::to_owned)),
        Some(false) => settings.extend(["color=\"#b0bec5\"", "fontcolor=\"#78909c\""].map(str::to_owned)),
        None => {}
    }
    if !picture.is_inner_loop(arrow) {
        settings.extend(from.inside.as_ref().map(|_| format!("ltail=cluster_{}", from.id)));
        settings.extend(to.inside.as_ref().map(|_| format!("lhead=cluster_{}", to.id)));
    }
    let _ = write!(out, "{indent}{} -> {}", from.last(), to.first());
    if !settings.is_empty() {
        let _ = write!(out, " [{}]", settings.join(", "));
    }
    out.push_str(";\n");
}

fn shape(form: Form) -> Option<&'static str> {
    match form {
        Form::Start | Form::End => Some("oval"),
        Form::Step => None,
        Form::Map => Some("box3d"),
        Form::Ask => Some("hexagon"),
        Form::Graph => Some("component"),
    }
}

fn style(part: &Part) -> String {
    // Round corners make a hexagon something else.
    let corners = if part.form == Form::Ask { "filled" } else { "rounded,filled" };
    let Some((mark, _)) = &part.mark else {
        return match (&part.inside, part.form) {
            // A cluster inherits from the one around it.
            (Some(_), _) => format!(", style=\"{corners}\", fillcolor=white, color=black, fontcolor=black"),
            (None, Form::Ask) => format!(", style={corners}"),
            (None, _) => String::new(),
        };
    };
    let (fill, line, text) = match mark {
        Mark::Ran => ("#d9f2e0", "#1a7f37", "#0b3d1a"),
        Mark::Failed => ("#ffdddb", "#c62828", "#5f1010"),
        Mark::Unfinished => ("#fff2cc", "#b07d00", "#4d3700"),
        Mark::PassedOver => ("#eceff1", "#90a4ae", "#546e7a"),
        Mark::NotReached => ("#ffffff", "#b0bec5", "#78909c"),
    };
    let more = match mark {
        Mark::PassedOver => ",dashed",
        Mark::NotReached => ",dotted",
        Mark::Ran | Mark::Failed | Mark::Unfinished => "",
    };
    format!(", style=\"{corners}{more}\", fillcolor=\"{fill}\", color=\"{line}\", fontcolor=\"{text}\"")
}

fn label(part: &Part) -> String {
    let lines: Vec<_> = part.lines().iter().map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// Graphviz reads entities of HTML, and `\N` and its like, in every label.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\"")
}
