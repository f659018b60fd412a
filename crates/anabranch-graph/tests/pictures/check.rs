//! One picture in all languages. `ANABRANCH_PICTURES` is a folder to keep pictures in, for parsers of others: `.ci/run`.

use anabranch_graph::Drawing;
use serde_json::json;

use crate::grammar::{self, Line, Seen};

/// What a picture shows, which is the same in all languages.
#[track_caller]
pub(crate) fn agreed(drawing: &Drawing<'_>) -> Seen {
    let seen = grammar::mermaid(&drawing.to_mermaid());
    let dot = grammar::dot(&drawing.to_dot());
    assert_eq!((&dot.nodes, &dot.frames, dot.edges.len()), (&seen.nodes, &seen.frames, seen.edges.len()));

    let lines = grammar::text(&drawing.to_text());
    let ends = seen.nodes.iter().filter(|(id, _)| *id == "stop" || id.ends_with("_stop")).count();
    assert_eq!(lines.len() + ends, seen.nodes.len() + seen.frames.len());
    // What stands behind a name there stands below it here.
    let behind = |line: &Line| {
        let notes = (!line.notes.is_empty()).then(|| line.notes.join(", "));
        notes.into_iter().chain(line.mark.clone()).collect::<Vec<_>>().join("\n")
    };
    let below = |(_, label): &(String, String)| label.split_once('\n').map_or("", |(_, rest)| rest).to_owned();
    let mut there: Vec<_> = lines.iter().map(behind).chain(std::iter::repeat_n(String::new(), ends)).collect();
    let mut here: Vec<_> = seen.nodes.iter().chain(&seen.frames).map(below).collect();
    there.sort();
    here.sort();
    assert_eq!(there, here);

    let arrows: usize = lines.iter().map(|line| line.targets.len() + usize::from(line.is_next)).sum();
    assert_eq!(arrows, seen.edges.len());
    seen
}

/// Keeps a picture, if somebody asks for it.
pub(crate) fn keep(name: &str, drawing: &Drawing<'_>) {
    let seen = agreed(drawing);
    let Some(folder) = std::env::var_os("ANABRANCH_PICTURES") else { return };
    let picture = json!({
        "mermaid": drawing.to_mermaid(),
        "dot": drawing.to_dot(),
        "nodes": seen.nodes,
        "frames": seen.frames,
        "edges": seen.edges.len(),
    });
    let path = std::path::Path::new(&folder).join(format!("{name}.json"));
    std::fs::write(path, picture.to_string()).unwrap();
}
