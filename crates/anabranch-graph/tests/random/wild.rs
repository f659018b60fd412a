//! Graphs by chance without a plan: an edge may lead from anywhere to anywhere, back too, and be of any kind. Most are
//! refused; the others have shapes that nobody would think of.

use std::collections::BTreeSet;

use anabranch_core::RunnableExt;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{EventKind, GraphEvent, Progress};
use serde_json::{Value, json};

use crate::generator::{self, Chance};
use crate::interpreter::wanted;
use crate::{asked_for, build, paused, run};

/// One that passes its checks, if there is one among so many.
pub(crate) fn graph(chance: &mut Chance, most: usize, depth: usize) -> Value {
    let tries = std::iter::repeat_with(|| any(chance, most, depth)).take(60);
    let sound = tries.into_iter().find(|graph| build::graph(graph).is_ok());
    sound.unwrap_or_else(|| generator::graph(chance, most, depth))
}

fn any(chance: &mut Chance, most: usize, depth: usize) -> Value {
    let count = 1 + chance.below(most);
    let name = |place: usize| match place {
        0 => "START".to_string(),
        place if place > count => "END".to_string(),
        place => format!("n{place}"),
    };
    let percent = 100 * (10 + chance.below(10)) / (10 * (count + 1));
    let (mut nodes, mut edges, mut routes) = (Vec::new(), Vec::new(), Vec::new());
    for from in 0..=count {
        let mut targets: Vec<_> = (1..=count + 1).filter(|_| chance.percent(percent)).map(name).collect();
        if targets.is_empty() {
            targets.push(name(1 + chance.below(count + 1)));
        }
        for at in (1..targets.len()).rev() {
            targets.swap(at, chance.below(at + 1));
        }
        let mut node = (from > 0).then(|| work(chance, &name(from), depth));
        if let Some(node) = node.as_mut().filter(|_| targets.len() > 1 && chance.percent(20)) {
            node["fallback"] = targets.pop().into();
        }
        if chance.percent(55) {
            let chosen = targets.split_off(chance.below(targets.len()));
            routes.push(route(chance, &name(from), chosen));
        }
        edges.extend(targets.into_iter().map(|to| json!([name(from), to])));
        nodes.extend(node);
    }
    let fields = json!({"l": {"type": "list", "reduce": "append"}, "a": {"type": "int", "reduce": "add"},
        "m": {"type": "int", "reduce": "max"}, "x": {"type": "int"}});
    json!({"fields": fields, "nodes": nodes, "edges": edges, "routes": routes, "limit": 30 + chance.below(30)})
}

/// Something that changes with all that was seen.
fn condition(chance: &mut Chance) -> Value {
    let of = 2 + chance.below(3);
    json!({"eq": [{"mod": [{"plus": [{"len": {"get": "l"}}, {"get": "a"}]}, of]}, chance.below(of)]})
}

/// One that takes any number may choose none, all, and one of them twice.
fn route(chance: &mut Chance, from: &str, targets: Vec<String>) -> Value {
    let multi = chance.percent(50);
    let choice = |chance: &mut Chance| -> Vec<String> {
        let one = targets[chance.below(targets.len())].clone();
        match (multi, chance.below(5)) {
            (false, _) => vec![one],
            (true, 0) => vec![],
            (true, 1) => vec![one.clone(), one],
            (true, 2) => targets.clone(),
            _ => targets.iter().filter(|_| chance.percent(50)).cloned().collect(),
        }
    };
    let cases: Vec<_> = (0..1 + chance.below(2)).map(|_| json!([condition(chance), choice(chance)])).collect();
    let other = choice(chance);
    json!({"from": from, "multi": multi, "targets": targets, "choose": {"cases": cases, "else": other}})
}

fn work(chance: &mut Chance, name: &str, depth: usize) -> Value {
    let kind = ["node", "node", "node", "map", "map", "ask"][chance.below(6)];
    let is_graph = kind != "ask" && depth > 0 && chance.percent(20);
    let own = match kind {
        "ask" => json!({"answer": 1}),
        "map" if !is_graph => json!({"item": 1}),
        _ => json!({"get": "m"}),
    };
    let saw = json!({"cat": [name, ":", {"get": "a"}, "/", {"len": {"get": "l"}}, "/", {"get": "x"}, "/", own]});
    let mut writes = vec![json!({"field": "l", "op": "write", "value": {"list": [saw]}})];
    if chance.percent(25) {
        writes.clear();
    }
    for (field, percent, is_one) in [("a", 50, false), ("m", 20, false), ("x", 15, true)] {
        if chance.percent(percent) && !(is_one && kind == "map") {
            let value = json!({"plus": [{"len": {"get": "l"}}, chance.below(4)]});
            writes.push(json!({"field": field, "op": "write", "value": value, "when": condition(chance)}));
        }
    }
    if kind != "map" && chance.percent(6) {
        writes.push(json!({"field": "l", "op": "overwrite", "value": {"list": [name]}}));
    }
    let mut node = json!({"name": name, "kind": kind, "writes": writes});
    if kind == "map" {
        node["list"] = json!({"range": {"mod": [{"plus": [{"len": {"get": "l"}}, chance.below(4)]}, 4]}});
        node["settled"] = chance.percent(30).into();
    }
    if is_graph {
        node["graph"] = graph(chance, 3, depth - 1);
        let own = if kind == "map" { json!({"item": 1}) } else { json!({"get": "m"}) };
        node["read"] = json!({"l": {"get": "l"}, "a": {"get": "a"}, "m": own});
    } else if kind != "ask" && chance.percent(15) {
        node["fail"] = if kind == "map" { json!({"items": [chance.below(3)]}) } else { condition(chance) };
    }
    let quiet = if node.get("fail").is_some() { 60 } else { 10 };
    node["optional"] = (kind != "ask" && chance.percent(quiet)).into();
    node["join_all"] = chance.percent(15).into();
    node
}

/// What is wrong with a graph: the words, and the nodes but for one.
fn refused(graph: &Value, but: &str) -> Vec<(String, Vec<String>)> {
    let Err(error) = build::graph(graph) else { return Vec::new() };
    let errors = error.downcast_ref::<anabranch_graph::BuildErrors>().unwrap();
    let others = |one: &anabranch_graph::BuildError| one.nodes().iter().filter(|node| *node != but).cloned().collect();
    let all = errors.iter().map(|one| (one.kind().to_string(), others(one)));
    let mut all: Vec<_> = all.filter(|(_, nodes): &(_, Vec<_>)| !nodes.is_empty()).collect();
    all.sort_unstable();
    all
}

/// How a run came out.
fn came(graph: &Value) -> Result<Value, &'static str> {
    let built = build::graph(graph).unwrap();
    paused(run(&built)).map(|state| json!(state)).map_err(|error| build::kind(&error))
}

/// The same graph with a node on one of its edges that does nothing. It is declared first, so that it has its place as
/// soon as its only predecessor has, and all others keep their order.
fn with_a_stop(chance: &mut Chance, graph: &Value) -> Value {
    let mut graph = graph.clone();
    let count = |graph: &Value, of: &str| graph[of].as_array().unwrap().len();
    let (edges, routes) = (count(&graph, "edges"), count(&graph, "routes"));
    let at = chance.below(edges + routes);
    let to = if at < edges {
        std::mem::replace(&mut graph["edges"][at][1], "stop".into())
    } else {
        let route = &mut graph["routes"][at - edges];
        let target = chance.below(route["targets"].as_array().unwrap().len());
        let to = std::mem::replace(&mut route["targets"][target], "stop".into());
        let choose = &mut route["choose"];
        let cases = choose["cases"].as_array_mut().unwrap().iter_mut().map(|case| case[1].take()).collect::<Vec<_>>();
        let renamed = |mut names: Value| {
            names.as_array_mut().unwrap().iter_mut().filter(|name| **name == to).for_each(|name| *name = "stop".into());
            names
        };
        for (place, names) in cases.into_iter().enumerate() {
            choose["cases"][place][1] = renamed(names);
        }
        choose["else"] = renamed(choose["else"].take());
        to
    };
    graph["edges"].as_array_mut().unwrap().push(json!(["stop", to]));
    graph["nodes"].as_array_mut().unwrap().insert(0, json!({"name": "stop", "kind": "node", "writes": []}));
    graph
}

/// How many graphs the laws below are tried on.
fn tries() -> u64 {
    asked_for().unwrap_or(1_000)
}

#[test]
fn a_node_that_does_nothing_changes_nothing() {
    let (mut built, mut wrong) = (0, 0);
    for seed in 0..tries() {
        let chance = &mut Chance(seed);
        let mut one = any(chance, 2 + (seed * 5 / tries()) as usize, 1);
        one["limit"] = 40.into();
        let mut other = with_a_stop(chance, &one);
        other["limit"] = 200.into();
        let (refused_one, refused_other) = (refused(&one, "stop"), refused(&other, "stop"));
        assert_eq!(refused_one, refused_other, "seed {seed}\n{one}\n{other}");
        if !refused_one.is_empty() {
            wrong += 1;
            continue;
        }
        // Each answer begins the step limit anew, so a loop that asks may never end.
        if wanted(&one).came.is_too_long {
            continue;
        }
        let came_of_one = came(&one);
        if came_of_one == Err("StepLimit") {
            continue;
        }
        built += 1;
        assert_eq!(came_of_one, came(&other), "seed {seed}\n{one}\n{other}");
    }
    println!("{built} ran, {wrong} were refused");
    assert!(built > tries() / 20 && wrong > tries() / 20);
}

#[test]
fn a_graph_in_a_node_comes_to_the_same() {
    let mut built = 0;
    for seed in 0..tries() / 6 {
        let chance = &mut Chance(seed);
        let inner = graph(chance, 2 + (seed * 30 / tries()) as usize, 1);
        // What is answered depends on the path.
        if generator::asks(&inner) {
            continue;
        }
        let fields: Vec<String> = inner["fields"].as_object().unwrap().keys().cloned().collect();
        let read = fields.iter().map(|field| (field.clone(), json!({"get": field})));
        let read: Value = read.collect::<serde_json::Map<_, _>>().into();
        let writes = fields.iter().map(|field| json!({"field": field, "op": "overwrite", "value": {"get": field}}));
        let node = json!({"name": "g", "kind": "node", "graph": inner, "read": read,
            "writes": writes.collect::<Vec<_>>()});
        let outer = json!({"fields": inner["fields"], "nodes": [node], "edges": [["START", "g"], ["g", "END"]],
            "routes": []});
        built += 1;
        let came_of_inner = came(&inner);
        // Which of two failures comes first is a matter of time.
        if let Err(kind) = came_of_inner {
            let errors = wanted(&inner).result.unwrap_err();
            assert!(
                errors.contains(kind) && came(&outer).is_err_and(|kind| errors.contains(kind)),
                "seed {seed}\n{inner}"
            );
        } else {
            assert_eq!(came_of_inner, came(&outer), "seed {seed}\n{inner}");
        }
    }
    assert!(built > tries() / 30, "{built}");
}

/// All that happened in a run, and how it ended.
fn heard(graph: &Value) -> (Vec<GraphEvent>, Result<Value, &'static str>) {
    let built = build::graph(graph).unwrap();
    paused(async {
        let mut events = built.events(DynamicState::default());
        let mut all = Vec::new();
        while let Some(Ok(event)) = events.next().await {
            all.push(event);
        }
        let ended = match events.finish().await {
            Ok(Progress::Done(state)) => Ok(json!(state)),
            Ok(Progress::Asks(_)) => Err("Asks"),
            Err(error) => Err(build::kind(&error)),
        };
        (all, ended)
    })
}

/// The ends of all edges, by name.
fn edges(graph: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let mut all: Vec<_> =
        graph["edges"].as_array().unwrap().iter().map(|edge| (text(&edge[0]), text(&edge[1]))).collect();
    for route in graph["routes"].as_array().unwrap() {
        all.extend(route["targets"].as_array().unwrap().iter().map(|to| (text(&route["from"]), text(to))));
    }
    for node in graph["nodes"].as_array().unwrap() {
        all.extend(node.get("fallback").map(|to| (text(&node["name"]), text(to))));
    }
    all
}

/// An event tells that a node, of the graph itself, began or was passed over; or that it is decided what follows.
#[test]
fn a_node_begins_when_what_leads_to_it_is_decided() {
    let (mut begun, mut broken) = (0, 0);
    for seed in 0..tries() / 6 {
        let chance = &mut Chance(seed);
        let mut one = graph(chance, 2 + (seed * 30 / tries()) as usize, 1);
        generator::delay(chance, &mut one);
        let (events, ended) = heard(&one);
        let edges = edges(&one);
        let is_own = |event: &&GraphEvent| !event.path.contains(['/', '[']);
        let has_loops = events.iter().filter(is_own).any(|event| event.path.contains('#'));
        let mut decided = BTreeSet::from(["START"]);
        for event in events.iter().filter(is_own) {
            let node = event.path.as_str();
            match event.kind {
                EventKind::Started | EventKind::PassedOver => {
                    begun += 1;
                    let mut before = edges.iter().filter(|(_, to)| to == node).map(|(from, _)| from.as_str());
                    let missing = before.find(|from| !has_loops && !decided.contains(from));
                    assert_eq!(missing, None, "seed {seed}: {event:?} in {events:?}\n{one}");
                }
                _ => {}
            }
            if matches!(event.kind, EventKind::Done | EventKind::Failed(_) | EventKind::PassedOver) {
                decided.insert(node);
            }
        }
        // What stops a run is told of as the last of its own events.
        let breaks = events.iter().filter(is_own).filter(|event| matches!(event.kind, EventKind::Broke(_))).count();
        broken += breaks;
        assert!(breaks == 0 || ended.as_ref().is_err_and(|kind| *kind != "Asks"), "seed {seed}\n{one}");
        // However it is run it comes to the same.
        if !generator::asks(&one) {
            let built = build::graph(&one).unwrap();
            let kind = |error: anabranch_core::Error| build::kind(&error);
            let streamed = paused(built.stream(DynamicState::default()).collect()).map(|state| json!(state));
            let invoked = paused(built.invoke(DynamicState::default())).map(|state| json!(state));
            assert_eq!(streamed.map_err(kind), ended, "seed {seed}\n{one}");
            assert_eq!(invoked.map_err(kind), ended, "seed {seed}\n{one}");
        }
    }
    assert!(begun as u64 > tries() / 6 && broken as u64 > tries() / 200, "{begun} {broken}");
}
