//! A flowchart of Mermaid: <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write as _;

use super::picture::{Arrow, Form, Part, Picture};
use crate::report::Mark;
use crate::shape::EdgeKind;

pub(super) fn mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart TD\n");
    let mut links = Vec::new();
    level(picture, 1, &mut links, &mut out);
    for (taken, style) in [(true, "stroke:#1a7f37,stroke-width:2px"), (false, "stroke:#b0bec5")] {
        // By their places among all that are drawn.
        let links = links.iter().enumerate().filter(|(_, link)| **link == Some(taken));
        let links: Vec<_> = links.map(|(place, _)| place.to_string()).collect();
        if !links.is_empty() {
            let _ = writeln!(out, "    linkStyle {} {style}", links.join(","));
        }
    }
    let parts = picture.all();
    for mark in Mark::ALL {
        let ids = parts.iter().filter(|part| part.mark.as_ref().is_some_and(|(one, _)| *one == mark));
        let ids: Vec<_> = ids.map(|part| part.id.as_str()).collect();
        if !ids.is_empty() {
            let (class, style) = class(mark);
            let _ = writeln!(out, "    classDef {class} {style}\n    class {} {class}", ids.join(","));
        }
    }
    out
}

/// `links`: whether each edge that is drawn was taken.
fn level(picture: &Picture, depth: usize, links: &mut Vec<Option<bool>>, out: &mut String) {
    let indent = "    ".repeat(depth);
    for part in &picture.parts {
        let (id, label) = (&part.id, label(part));
        let _ = match (&part.inside, part.form) {
            (Some(inside), _) => {
                let _ = writeln!(out, "{indent}subgraph {id}[{label}]");
                level(inside, depth + 1, links, out);
                writeln!(out, "{indent}end")
            }
            (None, Form::Start | Form::End) => writeln!(out, "{indent}{id}([{label}])"),
            (None, Form::Step) => writeln!(out, "{indent}{id}[{label}]"),
            (None, Form::Map | Form::Graph) => writeln!(out, "{indent}{id}[[{label}]]"),
            (None, Form::Ask) => writeln!(out, "{indent}{id}{{{{{label}}}}}"),
        };
    }
    for arrow in &picture.arrows {
        let (from, to) = picture.ends(arrow);
        links.push(arrow.taken);
        let _ = writeln!(out, "{indent}{from} {} {to}", line(arrow));
    }
}

fn line(arrow: &Arrow) -> &'static str {
    match arrow.kind {
        EdgeKind::Plain => "-->",
        EdgeKind::Single => "-.->",
        EdgeKind::Multi => "-. any of .->",
        EdgeKind::Fail => "-. on failure .->",
    }
}

/// Colours with a text of their own are seen on a light page and on a dark one.
fn class(mark: Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::Ran => ("ran", "fill:#d9f2e0,stroke:#1a7f37,color:#0b3d1a"),
        Mark::Failed => ("failed", "fill:#ffdddb,stroke:#c62828,color:#5f1010"),
        Mark::Unfinished => ("unfinished", "fill:#fff2cc,stroke:#b07d00,color:#4d3700"),
        Mark::PassedOver => ("passed", "fill:none,stroke:#90a4ae,color:#78909c,stroke-dasharray:5 4"),
        Mark::NotReached => ("unreached", "fill:none,stroke:#b0bec5,color:#90a4ae,stroke-dasharray:1 4"),
    }
}

fn label(part: &Part) -> String {
    let lines: Vec<_> = part.lines().iter().map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("<br/>"))
}

/// Everything that Mermaid, or Markdown or HTML inside of it, could read as something else is written as a number: all
/// but letters, digits, and what stands between two of them.
fn escaped(line: &str) -> String {
    let mut out = String::new();
    let mut before = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let rest = chars.as_str();
        let after = rest.chars().next();
        let is_between = |is: fn(char) -> bool| before.is_some_and(is) && after.is_some_and(is);
        let is_plain = match char {
            // `1. ` would be a list, and `a.de` a link.
            '.' => is_between(|near| near.is_ascii_digit()),
            '_' | '-' => is_between(char::is_alphanumeric),
            ' ' => before.is_some_and(|near| near != ' ') && after.is_some(),
            ',' | ':' => rest.len() > 1 && rest.starts_with(' '),
            char => char.is_alphanumeric(),
        };
        if is_plain {
            out.push(char);
        } else {
            let _ = write!(out, "#{};", u32::from(char));
        }
        if matches!((char, after), ('\\', Some('n')) | ('$', Some('$')) | ('ﬂ', Some('°')) | ('¶', Some('ß'))) {
            // Where Mermaid ends a line, sets formulas, and keeps numbers, even if these are numbers. A joiner between
            // the two is not seen.
            out.push_str("#8288;");
        }
        before = Some(char);
    }
    out
}
