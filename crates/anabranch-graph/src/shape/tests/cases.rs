//! The neutral cases: those with build errors give exactly these, all others none.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::super::{Field, FieldWrite, NodeKind, NodeOption, NodeShape, Shape};
use super::naive;
use super::{Draft, EdgeKind};

/// Nothing, with a word about it, where the folder is absent.
pub(super) fn cases() -> Vec<Value> {
    let folder = std::env::var_os("ANABRANCH_GRAPH_CASES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/graph"));
    match std::fs::read(folder.join("cases.json")) {
        Ok(text) => serde_json::from_slice(&text).unwrap(),
        Err(error) => {
            println!("no cases in {}: {error}", folder.display());
            Vec::new()
        }
    }
}

pub(super) fn shape(graph: &Value) -> Shape {
    let fields = graph["fields"].as_object().unwrap();
    let mut draft = Draft::default();
    for (name, field) in fields {
        let reducer = field.get("reduce").and_then(Value::as_str).map(|reducer| reducer.to_owned().into());
        draft.0.fields.push(Field { name: name.clone().into(), reducer });
    }
    for node in list(&graph["nodes"]) {
        let write = |write: &Value| FieldWrite {
            field: fields.keys().position(|field| *field == text(&write["field"])).unwrap(),
            overwrite: write["op"] == "overwrite",
        };
        let inner = node.get("graph").map(|graph| Box::new(shape(graph)));
        let kind = match (text(&node["kind"]).as_str(), inner) {
            ("map", None) => NodeKind::Map,
            ("map", Some(inner)) => NodeKind::MapOfGraph(inner),
            ("ask", _) => NodeKind::Ask,
            (_, None) => NodeKind::Plain,
            (_, Some(inner)) => NodeKind::Graph(inner),
        };
        let name = text(&node["name"]);
        let writes = node.get("writes").map(|writes| list(writes).iter().map(write).collect()).unwrap_or_default();
        draft.0.nodes.push(NodeShape { name: name.clone(), kind, writes });
        let is = |option: &str| node.get(option).is_some_and(|value| *value == true);
        let options = [
            is("optional").then(|| NodeOption::Optional(name.clone())),
            node.get("fallback").map(|to| NodeOption::Fallback(name.clone(), text(to))),
            is("join_all").then(|| NodeOption::JoinAll(name.clone())),
            is("settled").then(|| NodeOption::Settled(name.clone())),
        ];
        draft.0.options.extend(options.into_iter().flatten());
    }
    for edge in list(&graph["edges"]) {
        draft.edge(&text(&edge[0]), &text(&edge[1]), EdgeKind::Plain);
    }
    for route in list(&graph["routes"]) {
        let targets: Vec<String> = list(&route["targets"]).iter().map(text).collect();
        draft = draft.route(&text(&route["from"]), &targets.join(" "), route["multi"] == true);
    }
    for name in graph.get("marks").map(list).unwrap_or_default() {
        draft = draft.optional(&text(name));
    }
    draft.0
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn with_inner(shape: &Shape) -> Vec<&Shape> {
    let mut all = vec![shape];
    for node in &shape.nodes {
        if let NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) = &node.kind {
            all.extend(with_inner(inner));
        }
    }
    all
}

#[test]
fn errors_are_those_of_the_cases() {
    for case in cases() {
        let expected = list(&case["expected"]["build_errors"]).iter().map(|error| {
            let nodes = list(&error["nodes"]).iter().map(text).collect::<Vec<_>>();
            (text(&error["kind"]), nodes, error.get("field").map(text))
        });
        let found = shape(&case["graph"])
            .check()
            .err()
            .into_iter()
            .flatten()
            .map(|error| (error.kind().to_string(), error.nodes().to_vec(), error.field().map(str::to_owned)));
        let (expected, found): (BTreeSet<_>, BTreeSet<_>) = (expected.collect(), found.collect());
        assert_eq!(found, expected, "{}", case["name"]);
    }
}

#[test]
fn plans_of_the_cases_are_those_of_the_definition() {
    for case in cases().iter().filter(|case| case["expected"].get("build_errors").is_none()) {
        for shape in with_inner(&shape(&case["graph"])) {
            naive::compare(shape, &shape.check().unwrap());
        }
    }
}

/// Sub-graphs of sub-graphs, options, routes: a log's head gives back what it was given.
#[test]
fn shapes_survive_a_log() {
    for case in cases() {
        let shape = shape(&case["graph"]);
        let text = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape, "{}", case["name"]);
    }
}
