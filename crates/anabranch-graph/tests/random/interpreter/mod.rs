//! A plain sequential interpreter of a graph in the form of the neutral cases: straight from the semantics, with no plan
//! and no views. A loop is a loop, an ancestor is found by walking, a state by folding all updates that may be seen.

mod node;
mod walk;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::build::Known;
use crate::expression::{On, eval, is_true};
use crate::generator::asks;
use node::activate;

pub(crate) type Fields = Map<String, Value>;
type Write = (String, Value, bool);
/// What was walked, by region.
type Walked<T> = BTreeMap<Option<usize>, Rc<Vec<T>>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Plain,
    Single,
    Multi,
    Fail,
}

struct Edge {
    from: usize,
    to: usize,
    kind: Kind,
}

/// What a run does, whatever the delays.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) runs: BTreeMap<String, u64>,
    pub(crate) passed_over: BTreeSet<String>,
    pub(crate) failed: BTreeSet<String>,
}

impl Told {
    fn add(&mut self, other: Self) {
        for (name, count) in other.runs {
            *self.runs.entry(name).or_default() += count;
        }
        self.passed_over.extend(other.passed_over);
        self.failed.extend(other.failed);
    }
}

/// What can come in a run, also where it is void: below what failed, or beside what stopped the run.
#[derive(Default)]
pub(crate) struct Came {
    /// By path.
    pub(crate) works: BTreeMap<String, Known>,
    /// Activations and items.
    pub(crate) paths: BTreeSet<String>,
    /// A graph that asks came to its step limit: how far it comes depends on how it is answered.
    pub(crate) is_too_long: bool,
}

/// The kinds of errors one of which the run fails with: which comes first is a matter of time.
pub(crate) type Errors = BTreeSet<&'static str>;

/// One graph: START is the node behind the last one, END the one behind that.
pub(crate) struct Interpreter<'a> {
    graph: &'a Value,
    nodes: &'a [Value],
    edges: Vec<Edge>,
    /// By header: the nodes of the loop.
    loops: BTreeMap<usize, BTreeSet<usize>>,
    forward: RefCell<Walked<(usize, usize, usize)>>,
    children: RefCell<Walked<usize>>,
    initial: Fields,
    prefix: String,
    plain_prefix: String,
    steps: u64,
    errors: Errors,
    told: Told,
    came: &'a RefCell<Came>,
}

/// One region while it runs: what was written by child, and which edges are decided.
#[derive(Default)]
struct Region {
    updates: BTreeMap<usize, Vec<Write>>,
    decided: BTreeMap<usize, bool>,
}

/// What is expected of a graph.
pub(crate) struct Wanted {
    pub(crate) result: Result<Fields, Errors>,
    pub(crate) told: Told,
    pub(crate) came: Came,
}

pub(crate) fn wanted(graph: &Value) -> Wanted {
    let came = RefCell::default();
    let (result, told) = run(graph, &Fields::new(), "", "", &came);
    Wanted { result, told, came: came.into_inner() }
}

fn run(
    graph: &Value,
    initial: &Fields,
    prefix: &str,
    plain_prefix: &str,
    came: &RefCell<Came>,
) -> (Result<Fields, Errors>, Told) {
    let mut this = Interpreter::new(graph, initial, prefix, plain_prefix, came);
    let result = this.run();
    (result, this.told)
}

impl<'a> Interpreter<'a> {
    fn new(graph: &'a Value, initial: &Fields, prefix: &str, plain_prefix: &str, came: &'a RefCell<Came>) -> Self {
        let nodes = graph["nodes"].as_array().unwrap();
        let (start, end) = (nodes.len(), nodes.len() + 1);
        let place = |name: &Value| match name.as_str().unwrap() {
            "START" => start,
            "END" => end,
            name => nodes.iter().position(|node| node["name"] == name).unwrap(),
        };
        let mut edges = Vec::new();
        for edge in graph["edges"].as_array().unwrap() {
            edges.push(Edge { from: place(&edge[0]), to: place(&edge[1]), kind: Kind::Plain });
        }
        for route in graph["routes"].as_array().unwrap() {
            let kind = if route["multi"] == true { Kind::Multi } else { Kind::Single };
            for target in route["targets"].as_array().unwrap() {
                edges.push(Edge { from: place(&route["from"]), to: place(target), kind });
            }
        }
        for (from, node) in nodes.iter().enumerate() {
            if node.get("fallback").is_some() {
                edges.push(Edge { from, to: place(&node["fallback"]), kind: Kind::Fail });
            }
        }
        let mut all = initial.clone();
        for (name, field) in graph["fields"].as_object().unwrap() {
            let default = if field["type"] == "list" { Value::Array(Vec::new()) } else { 0.into() };
            all.entry(name.clone()).or_insert(default);
        }
        let mut this = Self {
            graph,
            nodes,
            edges,
            loops: BTreeMap::new(),
            forward: RefCell::default(),
            children: RefCell::default(),
            initial: all,
            prefix: prefix.into(),
            plain_prefix: plain_prefix.into(),
            steps: 0,
            errors: Errors::new(),
            told: Told::default(),
            came,
        };
        this.find_loops();
        this
    }

    fn fold(&self, updates: &[Write]) -> Fields {
        let mut state = self.initial.clone();
        for (field, value, overwrite) in updates {
            let reduce = self.graph["fields"][field].get("reduce").and_then(Value::as_str);
            let current = state.get_mut(field).unwrap();
            match reduce {
                None => *current = value.clone(),
                Some("append") if !overwrite => {
                    current.as_array_mut().unwrap().extend(value.as_array().unwrap().iter().cloned());
                }
                Some("add") if !overwrite => *current = (current.as_i64().unwrap() + value.as_i64().unwrap()).into(),
                Some("max") if !overwrite => {
                    *current = current.as_i64().unwrap().max(value.as_i64().unwrap()).into();
                }
                Some(_) => *current = value.clone(),
            }
        }
        state
    }

    fn run(&mut self) -> Result<Fields, Errors> {
        let mut region = Region::default();
        let start = self.nodes.len();
        match self.chosen(start, &self.initial.clone()) {
            Ok(chosen) => self.leave(start, &chosen, &mut region),
            Err(()) => return Err(self.errors.clone()),
        }
        let reached = self.iterate(None, &[], &[], &mut region);
        if !self.errors.is_empty() {
            return Err(self.errors.clone());
        }
        if reached != Some(true) {
            return Err(Errors::from(["EndNotReached"]));
        }
        let updates = self.in_order(None, &region, None);
        Ok(self.fold(&updates))
    }

    /// The updates of a region, or those of the ancestors of one of its children, in the order of the places.
    fn in_order(&self, region: Option<usize>, ran: &Region, of: Option<usize>) -> Vec<Write> {
        let wanted = of.map(|child| self.ancestors(region, child));
        let children = self.children(region);
        let seen = children.iter().filter(|child| wanted.as_ref().is_none_or(|wanted| wanted.contains(child)));
        seen.flat_map(|child| ran.updates.get(child).cloned().unwrap_or_default()).collect()
    }

    /// One iteration of a region. `None` where it does not come to its end, since a node in it stops the run; at the top,
    /// whether END was reached.
    fn iterate(&mut self, header: Option<usize>, base: &[Write], iterations: &[u64], ran: &mut Region) -> Option<bool> {
        let (mut stuck, mut reached) = (false, None);
        for &child in self.children(header).iter() {
            let into = self.forward(header);
            let into: Vec<_> = into.iter().filter(|(_, _, to)| *to == child).collect();
            let decided: Option<Vec<bool>> = into.iter().map(|(at, _, _)| ran.decided.get(at).copied()).collect();
            let Some(decided) = decided else {
                stuck = true;
                continue;
            };
            let (taken, all) = (decided.contains(&true), decided.iter().all(|taken| *taken));
            if child == self.nodes.len() + 1 {
                reached = Some(taken);
                continue;
            }
            let runs = header == Some(child) || if self.nodes[child]["join_all"] == true { all } else { taken };
            let mut sees = base.to_vec();
            sees.extend(self.in_order(header, ran, Some(child)));
            let is_loop = header != Some(child) && self.loops.contains_key(&child);
            let done = match (is_loop, runs) {
                (false, true) => self.node(child, &sees, iterations, ran),
                (true, true) => self.loop_of(child, &sees, iterations, ran),
                (_, false) => {
                    let zero: &[u64] = if is_loop { &[0] } else { &[] };
                    let path = self.path(child, &[iterations, zero].concat());
                    self.told.passed_over.insert(path);
                    let body = if is_loop { self.loops[&child].clone() } else { BTreeSet::from([child]) };
                    for (at, edge) in self.edges.iter().enumerate() {
                        if body.contains(&edge.from) && (!is_loop || !body.contains(&edge.to)) {
                            ran.decided.insert(at, false);
                        }
                    }
                    true
                }
            };
            stuck |= !done;
        }
        if stuck { None } else { reached.or(Some(false)) }
    }

    /// A whole loop. Whether it ended.
    fn loop_of(&mut self, header: usize, base: &[Write], iterations: &[u64], outer: &mut Region) -> bool {
        let body = self.loops[&header].clone();
        let (mut written, mut ways_out) = (Vec::new(), BTreeMap::<usize, bool>::new());
        let steps_before = self.steps;
        for iteration in 0.. {
            if self.steps - steps_before > self.limit() {
                return false;
            }
            let (mut ran, iterations) = (Region::default(), [iterations, &[iteration]].concat());
            let sees = [base, &written].concat();
            if self.iterate(Some(header), &sees, &iterations, &mut ran).is_none() {
                return false;
            }
            written.extend(self.in_order(Some(header), &ran, None));
            let mut goes_on = false;
            for (at, edge) in self.edges.iter().enumerate().filter(|(_, edge)| body.contains(&edge.from)) {
                let taken = ran.decided.get(&at).copied();
                if edge.to == header {
                    goes_on |= taken.expect("all back edges are decided when all nodes are");
                } else if !body.contains(&edge.to) {
                    *ways_out.entry(at).or_default() |= taken.expect("all ways out are decided when all nodes are");
                }
            }
            if !goes_on {
                break;
            }
        }
        outer.updates.insert(header, written);
        outer.decided.extend(ways_out);
        true
    }

    fn limit(&self) -> u64 {
        self.graph["limit"].as_u64().unwrap()
    }

    fn path(&self, node: usize, iterations: &[u64]) -> String {
        let iterations: String = iterations.iter().map(|one| format!("#{one}")).collect();
        format!("{}{}{iterations}", self.prefix, self.nodes[node]["name"].as_str().unwrap())
    }

    /// One activation. Whether the run goes on from it.
    fn node(&mut self, node: usize, sees: &[Write], iterations: &[u64], ran: &mut Region) -> bool {
        // It goes on all the same: what does not depend on the activation that was one too many may come before it, and
        // fail.
        self.steps += 1;
        if self.steps > self.limit() {
            self.errors.insert("StepLimit");
            self.came.borrow_mut().is_too_long |= asks(self.graph);
        }
        let this = &self.nodes[node];
        let path = self.path(node, iterations);
        let plain = format!("{}{}", self.plain_prefix, this["name"].as_str().unwrap());
        *self.told.runs.entry(plain.clone()).or_default() += 1;
        let state = self.fold(sees);
        self.came.borrow_mut().paths.insert(path.clone());
        match activate(this, &state, &path, &plain, self.came) {
            Ok((writes, told)) => {
                self.told.add(told);
                ran.updates.insert(node, writes.clone());
                let after = self.fold(&[sees, &writes].concat());
                match self.chosen(node, &after) {
                    Ok(chosen) => self.leave(node, &chosen, ran),
                    Err(()) => return false,
                }
                true
            }
            Err(_) if this["optional"] == true || this.get("fallback").is_some() => {
                self.told.failed.insert(path);
                for (at, edge) in self.edges.iter().enumerate().filter(|(_, edge)| edge.from == node) {
                    ran.decided.insert(at, edge.kind == Kind::Fail);
                }
                true
            }
            Err(errors) => {
                self.errors.extend(errors);
                false
            }
        }
    }

    /// What the route of a node chooses, if it has one.
    fn chosen(&mut self, node: usize, state: &Fields) -> Result<BTreeSet<usize>, ()> {
        let name = self.nodes.get(node).map_or("START", |node| node["name"].as_str().unwrap());
        let routes = self.graph["routes"].as_array().unwrap();
        let Some(route) = routes.iter().find(|route| route["from"] == name) else { return Ok(BTreeSet::new()) };
        let on = On { state, item: None, answer: None };
        let mut cases = route["choose"]["cases"].as_array().unwrap().iter();
        let case = cases.find(|case| is_true(&eval(&case[0], on)));
        let names = case.map_or(&route["choose"]["else"], |case| &case[1]).as_array().unwrap();
        if route["multi"] != true && names.len() != 1 {
            self.errors.insert("BadChoice");
            return Err(());
        }
        let place = |name: &Value| {
            let node = self.nodes.iter().position(|node| node["name"] == *name);
            node.unwrap_or(self.nodes.len() + 1)
        };
        Ok(names.iter().map(place).collect())
    }

    fn leave(&self, node: usize, chosen: &BTreeSet<usize>, ran: &mut Region) {
        for (at, edge) in self.edges.iter().enumerate().filter(|(_, edge)| edge.from == node) {
            let taken = match edge.kind {
                Kind::Plain => true,
                Kind::Single | Kind::Multi => chosen.contains(&edge.to),
                Kind::Fail => false,
            };
            ran.decided.insert(at, taken);
        }
    }
}
