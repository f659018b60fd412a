//! A graph of the cases, by the public API.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite};
use anabranch_graph::{BadChoice, CompiledGraph, EndNotReached, StateGraph, StepLimit, step};
use serde_json::{Map, Value};

use crate::expression::{On, eval, is_true};

/// One unit of the clock.
pub(crate) const UNIT: Duration = Duration::from_millis(10);

type Dynamic = StateGraph<DynamicState>;

fn object(state: &DynamicState) -> &Map<String, Value> {
    state.as_object()
}

fn writes(list: &Value, on: On<'_>) -> Vec<DynamicWrite> {
    let list = list.as_array().into_iter().flatten();
    let wanted = list.filter(|write| write.get("when").is_none_or(|when| is_true(&eval(when, on))));
    wanted
        .map(|write| {
            let this = DynamicWrite::new(write["field"].as_str().unwrap(), eval(&write["value"], on));
            if write["op"] == "overwrite" { this.overwrite() } else { this }
        })
        .collect()
}

fn delay(node: &Value, index: usize) -> Duration {
    let units = match node.get("delay") {
        None => 0,
        Some(Value::Array(list)) if list.is_empty() => 0,
        Some(Value::Array(list)) => list[index % list.len()].as_u64().unwrap(),
        Some(units) => units.as_u64().unwrap(),
    };
    UNIT * u32::try_from(units).unwrap()
}

thread_local! {
    /// By node: its latest activation. A case has a thread of its own, and an activation of a node ends before the next.
    pub(crate) static STARTED: RefCell<HashMap<String, String>> = RefCell::default();
    /// By activation: how often its work was entered.
    pub(crate) static ENTERED: RefCell<BTreeMap<String, u64>> = RefCell::default();
}

/// Counts that the work of a node is entered, and says how often it was.
fn entered(name: &str) -> u64 {
    let path = STARTED.with_borrow(|started| started.get(name).cloned()).unwrap_or_else(|| name.to_string());
    ENTERED.with_borrow_mut(|entered| {
        let times = entered.entry(path).or_default();
        *times += 1;
        *times
    })
}

fn fails(node: &Value, on: On<'_>, index: usize, tries: u64) -> bool {
    match node.get("fail") {
        None => false,
        Some(fail) if fail.get("items").is_some() => fail["items"].as_array().unwrap().iter().any(|one| *one == index),
        Some(fail) if fail.get("times").is_some() => tries <= fail["times"].as_u64().unwrap(),
        Some(condition) => is_true(&eval(condition, on)),
    }
}

/// What it says that failed by [`BREAKS`].
pub(crate) const BROKE: &str = "it fails for once";

thread_local! {
    /// How many nodes and items are at work on this thread.
    pub(crate) static AT_WORK: Cell<usize> = const { Cell::new(0) };
}

/// One node or item is at work, until this is dropped.
struct AtWork;

impl AtWork {
    fn begin() -> Self {
        AT_WORK.set(AT_WORK.get() + 1);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.set(AT_WORK.get() - 1);
    }
}

/// What a piece of work is, in every run the same: the node with the graphs around it, an item of it as `m[]`; and the
/// item and the state that it sees.
pub(crate) type Known = (String, u64);

pub(crate) fn known(plain: &str, item: Option<usize>, state: &Map<String, Value>) -> Known {
    let mut hasher = DefaultHasher::new();
    let state: BTreeMap<_, _> = state.iter().collect();
    (item, state).hash(&mut hasher);
    (format!("{plain}{}", if item.is_some() { "[]" } else { "" }), hasher.finish())
}

thread_local! {
    /// What began to work on this thread, and how often.
    pub(crate) static WORKED: RefCell<BTreeMap<Known, u64>> = RefCell::default();
    /// How many pieces of work whose failure stops the run begin before one of them fails, for once.
    pub(crate) static BREAKS: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A node, and where it is.
struct At {
    node: Value,
    /// With the graphs around it.
    plain: String,
    /// Whether its failure stops the run.
    is_firm: bool,
}

async fn work(at: Arc<At>, state: DynamicState, item: Option<(usize, Value)>) -> Result<Vec<DynamicWrite>> {
    let _at_work = AtWork::begin();
    let node = &at.node;
    let tries = entered(node["name"].as_str().unwrap());
    let known = known(&at.plain, item.as_ref().map(|(index, _)| *index), object(&state));
    WORKED.with_borrow_mut(|worked| *worked.entry(known).or_default() += 1);
    let breaks = at.is_firm && BREAKS.get() == Some(0);
    if at.is_firm {
        BREAKS.set(BREAKS.get().and_then(|left| left.checked_sub(1)));
    }
    let index = item.as_ref().map_or(0, |(index, _)| *index);
    let time = delay(node, index);
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    let on = On { state: object(&state), item: item.as_ref().map(|(_, item)| item), answer: None };
    if breaks {
        return Err(Error::new(ErrorKind::Other, BROKE));
    }
    if fails(node, on, index, tries) {
        return Err(Error::new(ErrorKind::Other, "as the case wants it"));
    }
    Ok(writes(&node["writes"], on))
}

/// The initial state of a graph inside of another.
fn inner_state(read: &Value, on: On<'_>) -> DynamicState {
    let fields = read.as_object().into_iter().flatten();
    DynamicState::from_iter(fields.map(|(name, expression)| (name.clone(), eval(expression, on))))
}

pub(crate) fn graph(graph: &Value) -> Result<CompiledGraph<DynamicState>> {
    graph_in(graph, "", true)
}

/// `around`: the graphs around it; `is_firm`: whether its failure stops the run.
fn graph_in(graph: &Value, around: &str, is_firm: bool) -> Result<CompiledGraph<DynamicState>> {
    let fields: DynamicFields = serde_json::from_value(graph["fields"].clone()).unwrap();
    let mut built = Dynamic::dynamic(fields);
    for node in graph["nodes"].as_array().unwrap() {
        let is_quiet =
            ["optional", "settled"].iter().any(|option| node[option] == true) || node.get("fallback").is_some();
        let plain = format!("{around}{}", node["name"].as_str().unwrap());
        built = add(built, Arc::new(At { node: node.clone(), plain, is_firm: is_firm && !is_quiet }))?;
    }
    for edge in graph["edges"].as_array().unwrap() {
        built = built.edge(edge[0].as_str().unwrap(), edge[1].as_str().unwrap());
    }
    for route in graph["routes"].as_array().into_iter().flatten() {
        let (from, targets) = (route["from"].as_str().unwrap(), names(&route["targets"]));
        let choose = {
            let choose = route["choose"].clone();
            move |state: &DynamicState| {
                let on = On { state: object(state), item: None, answer: None };
                let mut cases = choose["cases"].as_array().into_iter().flatten();
                let case = cases.find(|case| is_true(&eval(&case[0], on)));
                names(case.map_or(&choose["else"], |case| &case[1]))
            }
        };
        built = match route["multi"] == true {
            true => built.route_many(from, choose, targets),
            false => built.route(from, choose, targets),
        };
    }
    if let Some(limit) = graph.get("limit").and_then(Value::as_u64) {
        built = built.step_limit(limit as usize);
    }
    for name in graph.get("marks").and_then(Value::as_array).into_iter().flatten() {
        built = built.optional(name.as_str().unwrap());
    }
    built.compile()
}

fn add(built: Dynamic, at: Arc<At>) -> Result<Dynamic> {
    let node = &at.node;
    let name = node["name"].as_str().unwrap();
    let inner = node.get("graph").map(|graph| graph_in(graph, &format!("{}/", at.plain), at.is_firm)).transpose()?;
    let mut built = match (node["kind"].as_str().unwrap(), inner) {
        ("node", None) => {
            let at = at.clone();
            built.node(name, move |state: Arc<DynamicState>| work(at.clone(), (*state).clone(), None))
        }
        ("node", Some(inner)) => {
            let (read, write) = (node["read"].clone(), node["writes"].clone());
            let read =
                move |state: &DynamicState| inner_state(&read, On { state: object(state), item: None, answer: None });
            let write =
                move |state: DynamicState| writes(&write, On { state: object(&state), item: None, answer: None });
            built.node(name, step(read, inner, write))
        }
        ("map", inner) => {
            let list = node["list"].clone();
            // A step of an item sees the item alone: the state goes with it.
            let list = move |state: &DynamicState| {
                let list = eval(&list, On { state: object(state), item: None, answer: None });
                let list = list.as_array().unwrap().clone();
                let state = state.clone();
                list.into_iter().enumerate().map(move |(index, item)| (state.clone(), index, item)).collect::<Vec<_>>()
            };
            match inner {
                None => {
                    let at = at.clone();
                    built.map(name, list, move |(state, index, item): (DynamicState, usize, Value)| {
                        work(at.clone(), state, Some((index, item)))
                    })
                }
                Some(inner) => {
                    let (read, write) = (node["read"].clone(), node["writes"].clone());
                    let read = move |(state, _, item): &(DynamicState, usize, Value)| {
                        inner_state(&read, On { state: object(state), item: Some(item), answer: None })
                    };
                    let write = move |state: DynamicState| {
                        writes(&write, On { state: object(&state), item: None, answer: None })
                    };
                    built.map(name, list, step(read, inner, write))
                }
            }
        }
        ("ask", _) => {
            let write = node["writes"].clone();
            built.ask_with(
                name,
                |_: &DynamicState| "?",
                move |state: &DynamicState, answer: Value| {
                    writes(&write, On { state: object(state), item: None, answer: Some(&answer) })
                },
            )
        }
        (other, _) => panic!("no kind of node: {other}"),
    };
    for write in node["writes"].as_array().into_iter().flatten() {
        let field = [write["field"].as_str().unwrap()];
        built = if write["op"] == "overwrite" { built.overwrites(name, field) } else { built.writes(name, field) };
    }
    if node["optional"] == true {
        built = built.optional(name);
    }
    if node["join_all"] == true {
        built = built.join_all(name);
    }
    if node["settled"] == true {
        built = built.settled(name);
    }
    Ok(match node.get("fallback").and_then(Value::as_str) {
        Some(instead) => built.fallback(name, instead),
        None => built,
    })
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_string()).collect()
}

/// What the cases call an error.
pub(crate) fn kind(error: &Error) -> &'static str {
    if error.downcast_ref::<BadChoice>().is_some() {
        "BadChoice"
    } else if error.downcast_ref::<EndNotReached>().is_some() {
        "EndNotReached"
    } else if error.downcast_ref::<StepLimit>().is_some() {
        "StepLimit"
    } else {
        "Failed"
    }
}
