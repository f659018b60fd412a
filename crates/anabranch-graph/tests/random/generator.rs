//! Graphs by chance, in the form of the neutral cases.

use serde_json::{Value, json};

/// Numbers by chance, the same for the same seed (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A graph of up to this many nodes, with graphs inside of it to this depth.
pub(crate) fn graph(chance: &mut Chance, most: usize, depth: usize) -> Value {
    let count = 1 + chance.below(most);
    let end = count;
    let name = |node: usize| if node == end { "END".to_string() } else { format!("n{node}") };
    // The ways forward: from node to node, `None` is START.
    let mut ways: Vec<(Option<usize>, usize)> = Vec::new();
    for node in 0..count {
        let sources = 1 + usize::from(chance.percent(45)) + usize::from(chance.percent(20));
        for _ in 0..sources {
            // Mostly what stands just before, so that there are loops around more than one node.
            let from = if chance.percent(55) { node.checked_sub(1) } else { chance.below(node + 1).checked_sub(1) };
            if !ways.contains(&(from, node)) {
                ways.push((from, node));
            }
        }
    }
    for node in 0..count {
        let is_last = !ways.iter().any(|(from, _)| *from == Some(node));
        if is_last || chance.percent(12) {
            ways.push((Some(node), end));
        }
    }
    let dominates = |by: usize, node: usize| {
        let (mut seen, mut open) = (vec![false; count + 1], vec![None]);
        while let Some(one) = open.pop() {
            for (_, to) in ways.iter().filter(|(from, to)| *from == one && *to != by) {
                if !std::mem::replace(&mut seen[*to], true) {
                    open.push(Some(*to));
                }
            }
        }
        !seen[node]
    };
    let mut edges = Vec::new();
    let mut routes = Vec::new();
    let (mut nodes, mut counters) = (Vec::new(), Vec::new());
    for from in std::iter::once(None).chain((0..count).map(Some)) {
        let mut targets: Vec<_> = ways.iter().filter(|(one, _)| *one == from).map(|(_, to)| *to).collect();
        let from_name = from.map_or("START".to_string(), name);
        let mut node = from.map(|node| work(chance, &name(node), depth));
        if let Some(node) = node.as_mut().filter(|_| targets.len() > 1 && chance.percent(20)) {
            node["fallback"] = name(targets.pop().unwrap()).into();
        }
        let headers: Vec<_> =
            (0..=from.unwrap_or(0)).filter(|to| from.is_some_and(|from| dominates(*to, from))).collect();
        let goes_back = !headers.is_empty() && chance.percent(25);
        if goes_back {
            let header = name(headers[chance.below(headers.len())]);
            let counter = format!("c{}", from.unwrap());
            counters.push(counter.clone());
            let node = node.as_mut().unwrap();
            node["writes"].as_array_mut().unwrap().push(json!({"field": counter, "op": "write", "value": 1}));
            let on = targets.pop().map(name);
            let rounds = 1 + chance.below(3);
            let again = json!({"lt": [{"mod": [{"get": counter}, rounds + 1]}, rounds]});
            let multi = chance.percent(40);
            // A route that may choose several goes on sometimes in two directions.
            let both = if multi && chance.percent(50) {
                vec![Some(header.clone()), on.clone()]
            } else {
                vec![Some(header.clone())]
            };
            let both: Vec<_> = both.into_iter().flatten().collect();
            let targets: Vec<_> = std::iter::once(header).chain(on.clone()).collect();
            routes.push(json!({"from": from_name, "multi": multi || on.is_none(), "targets": targets,
                "choose": {"cases": [[again, both]], "else": on.into_iter().collect::<Vec<_>>()}}));
        } else if !targets.is_empty() && chance.percent(45) {
            let some = 1 + chance.below(targets.len());
            let chosen: Vec<_> = targets.drain(..some).map(name).collect();
            let multi = chance.percent(50);
            let choice = |chance: &mut Chance| {
                if !multi && !chance.percent(2) {
                    return vec![chosen[chance.below(chosen.len())].clone()];
                }
                chosen.iter().filter(|_| chance.percent(60)).cloned().collect()
            };
            let cases = json!([[condition(chance), choice(chance)]]);
            routes.push(json!({"from": from_name, "multi": multi, "targets": chosen,
                "choose": {"cases": cases, "else": choice(chance)}}));
        }
        edges.extend(targets.into_iter().map(|to| json!([from_name, name(to)])));
        nodes.extend(node);
    }
    let mut fields = json!({"x": {"type": "int"}, "a": {"type": "int", "reduce": "add"},
        "m": {"type": "int", "reduce": "max"}, "l": {"type": "list", "reduce": "append"}});
    for counter in counters {
        fields[counter] = json!({"type": "int", "reduce": "add"});
    }
    // Declared in another order than that of the ways, so that places have to be found.
    if chance.percent(40) {
        for at in (1..nodes.len()).rev() {
            nodes.swap(at, chance.below(at + 1));
        }
    }
    json!({"fields": fields, "nodes": nodes, "edges": edges, "routes": routes, "limit": 20 + chance.below(20)})
}

fn condition(chance: &mut Chance) -> Value {
    let number = if chance.percent(50) { json!({"get": "a"}) } else { json!({"len": {"get": "l"}}) };
    let of = 2 + chance.below(2);
    json!({"eq": [{"mod": [number, of]}, chance.below(of)]})
}

/// The same answer to the same question, whenever it is given.
pub(crate) fn answer(path: &str) -> Value {
    (path.bytes().map(u64::from).sum::<u64>() % 4).into()
}

/// Whether a graph asks, or one inside of it.
pub(crate) fn asks(graph: &Value) -> bool {
    graph["nodes"].as_array().unwrap().iter().any(|node| node["kind"] == "ask" || node.get("graph").is_some_and(asks))
}

fn question(chance: &mut Chance, name: &str) -> Value {
    let said = json!({"cat": [name, "?", {"answer": 1}, "/", {"len": {"get": "l"}}]});
    let mut writes = vec![json!({"field": "l", "op": "write", "value": {"list": [said]}})];
    if chance.percent(50) {
        writes.push(json!({"field": "a", "op": "write", "value": {"answer": 1}}));
    }
    json!({"name": name, "kind": "ask", "writes": writes, "join_all": chance.percent(10)})
}

/// A node and its work: what it writes shows what it saw.
fn work(chance: &mut Chance, name: &str, depth: usize) -> Value {
    if chance.percent(6) {
        return question(chance, name);
    }
    let is_map = chance.percent(20);
    let inner = depth > 0 && chance.percent(20);
    let own = if is_map && !inner { json!({"item": 1}) } else { json!({"get": "m"}) };
    let saw = json!({"cat": [name, ":", {"get": "a"}, "/", {"len": {"get": "l"}}, "/", own]});
    let mut writes = vec![json!({"field": "l", "op": "write", "value": {"list": [saw]}})];
    if chance.percent(60) {
        writes.push(json!({"field": "a", "op": "write", "value": 1 + chance.below(5)}));
    }
    if chance.percent(25) {
        let value = json!({"plus": [{"len": {"get": "l"}}, chance.below(5)]});
        writes.push(json!({"field": "m", "op": "write", "value": value, "when": condition(chance)}));
    }
    if !is_map && chance.percent(8) {
        writes.push(json!({"field": "x", "op": "write", "value": {"plus": [{"get": "a"}, {"get": "x"}]}}));
    }
    if !is_map && chance.percent(4) {
        writes.push(json!({"field": "l", "op": "overwrite", "value": {"list": [name]}}));
    }
    let mut node = json!({"name": name, "kind": if is_map { "map" } else { "node" }, "writes": writes});
    if is_map {
        node["list"] = json!({"range": {"mod": [{"plus": [{"get": "a"}, chance.below(4)]}, 4]}});
        if chance.percent(35) {
            node["settled"] = true.into();
        }
    }
    if inner {
        node["graph"] = graph(chance, 4, depth - 1);
        let own = if is_map { json!({"item": 1}) } else { json!({"get": "m"}) };
        node["read"] = json!({"a": {"get": "a"}, "l": {"get": "l"}, "m": own});
    } else if chance.percent(18) {
        node["fail"] = if is_map { json!({"items": [chance.below(3)]}) } else { condition(chance) };
    }
    // What can fail is mostly quiet: a run that fails early shows little.
    let quiet = if node.get("fail").is_some() { 75 } else { 10 };
    if chance.percent(quiet) {
        node["optional"] = true.into();
    }
    if chance.percent(12) {
        node["join_all"] = true.into();
    }
    node
}

/// Other delays, everywhere.
pub(crate) fn delay(chance: &mut Chance, graph: &mut Value) {
    for node in graph["nodes"].as_array_mut().unwrap() {
        node["delay"] = (0..3).map(|_| chance.below(6)).collect::<Vec<_>>().into();
        if let Some(inner) = node.get_mut("graph") {
            delay(chance, inner);
        }
    }
}
