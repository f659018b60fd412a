//! A graph as text.

use std::fmt::Write as _;

use super::name::bare_or_quoted;
use super::picture::{Arrow, Form, Layout, Part, Picture};
use crate::shape::EdgeKind;

/// Each node with what follows it, one to a line; what is inside of it below.
pub(super) fn text(picture: &Picture) -> String {
    let mut out = String::new();
    level(picture, 0, &mut out);
    out
}

fn level(picture: &Picture, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let mut arrows: Vec<Vec<&Arrow>> = picture.parts.iter().map(|_| Vec::new()).collect();
    picture.arrows.iter().for_each(|arrow| arrows[arrow.from].push(arrow));
    for (place, part) in picture.parts.iter().enumerate() {
        if part.form == Form::End {
            continue;
        }
        out.push_str(&indent);
        if picture.layout == Layout::Chain && place > 0 {
            out.push_str("| ");
        }
        line(picture, &arrows[place], part, out);
        out.push('\n');
        if let Some(inside) = &part.inside {
            level(inside, depth + 1, out);
        }
    }
}

fn line(picture: &Picture, arrows: &[&Arrow], part: &Part, out: &mut String) {
    out.push_str(&bare_or_quoted(&part.name));
    if !part.notes.is_empty() {
        let _ = write!(out, " ({})", part.notes.join(", "));
    }
    if picture.layout == Layout::Graph {
        let mut ways = Vec::new();
        for (kind, word) in [
            (EdgeKind::Plain, ""),
            (EdgeKind::Single, "one of "),
            (EdgeKind::Multi, "any of "),
            (EdgeKind::Fail, "on failure "),
        ] {
            let of_kind = arrows.iter().filter(|arrow| arrow.kind == kind);
            let to: Vec<_> = of_kind.map(|arrow| target(picture, arrow)).collect();
            if !to.is_empty() {
                ways.push(format!("{word}{}", to.join(", ")));
            }
        }
        if !ways.is_empty() {
            let _ = write!(out, " -> {}", ways.join("; "));
        }
    }
    if let Some((_, text)) = &part.mark {
        let _ = write!(out, " [{text}]");
    }
}

fn target(picture: &Picture, arrow: &Arrow) -> String {
    bare_or_quoted(&picture.parts[arrow.to].name)
}
