//! Graphs whose nodes count their work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph, step};
use futures::future::{BoxFuture, FutureExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
pub(crate) struct Run {
    #[reduce(append)]
    pub(crate) log: Vec<String>,
    pub(crate) x: u32,
    pub(crate) y: u32,
    #[reduce(add)]
    pub(crate) sum: u32,
    pub(crate) items: Vec<u32>,
    pub(crate) approved: bool,
}

/// How often each of the nodes worked.
#[derive(Clone, Default)]
pub(crate) struct Works(Arc<Mutex<BTreeMap<String, usize>>>);

impl Works {
    pub(crate) fn count(&self, name: &str) -> usize {
        let mut works = self.0.lock().unwrap();
        let count = works.entry(name.to_string()).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn get(&self) -> BTreeMap<String, usize> {
        self.0.lock().unwrap().clone()
    }

    /// A step that counts, takes its time, and gives an update.
    pub(crate) fn step<I: Send + Sync + 'static, U: Send + 'static>(
        &self,
        name: &'static str,
        update: impl Fn(&I) -> Result<U> + Clone + Send + Sync + 'static,
    ) -> impl Fn(I) -> BoxFuture<'static, Result<U>> + Send + Sync + 'static {
        let works = self.clone();
        move |input: I| {
            let (works, update) = (works.clone(), update.clone());
            async move {
                works.count(name);
                for _ in 0..name.len() % 3 {
                    tokio::task::yield_now().await;
                }
                update(&input)
            }
            .boxed()
        }
    }
}

fn says(name: &'static str) -> impl Fn(&Arc<Run>) -> Result<anabranch_graph::Write<Run, 0>> + Clone + Send + Sync {
    move |state| Ok(Run::log([format!("{name}:{}", state.x)]))
}

pub(crate) fn broken<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Server, "broken"))
}

pub(crate) type Build = fn(&Works) -> CompiledGraph<Run>;

pub(crate) const ALL: [(&str, Build); 7] = [
    ("loops", loops),
    ("lists", lists),
    ("nested", nested),
    ("asks", asks),
    ("asks in a list of graphs", asks_in_lists),
    ("quiet failures", quiet),
    ("wide", wide),
];

/// A loop in a loop, with branches in the inner one, and a way out of both.
pub(crate) fn loops(works: &Works) -> CompiledGraph<Run> {
    let next = |state: &Arc<Run>| Ok((Run::x(state.x + 1), Run::log([format!("outer:{}", state.x)])));
    let inner = |state: &Arc<Run>| Ok((Run::y(state.y + 1), Run::log([format!("inner:{}", state.y)])));
    StateGraph::new()
        .node("outer", works.step("outer", next))
        .node("inner", works.step("inner", inner))
        .node("left", works.step("left", says("left")))
        .node("right", works.step("right", says("right")))
        .node("join", works.step("join", says("join")))
        .node("last", works.step("last", says("last")))
        .edge(START, "outer")
        .edge("outer", "inner")
        .edge("inner", ["left", "right"])
        .edge(["left", "right"], "join")
        .route(
            "join",
            |state: &Run| match (state.y % 3, state.x) {
                (0, 3) => "last",
                (0, _) => "outer",
                _ => "inner",
            },
            ["inner", "outer", "last"],
        )
        .edge("last", END)
        .compile()
        .unwrap()
}

/// A list in a loop whose items may fail, and an empty one.
pub(crate) fn lists(works: &Works) -> CompiledGraph<Run> {
    let item = |item: &u32| if *item % 3 == 1 { broken() } else { Ok(Run::log([format!("item {item}")])) };
    let none = |_: &u32| Ok(Run::sum(1));
    StateGraph::new()
        .map(
            "each",
            |state: &Run| state.items.iter().map(|item| item + state.x).collect::<Vec<_>>(),
            works.step("each", item),
        )
        .map("none", |_: &Run| Vec::<u32>::new(), works.step("none", none))
        .node("next", works.step("next", |state: &Arc<Run>| Ok(Run::x(state.x + 1))))
        .edge(START, "each")
        .edge("each", "none")
        .edge("none", "next")
        .settled("each")
        .route("next", |state: &Run| if state.x < 3 { "each" } else { END }, ["each", END])
        .compile()
        .unwrap()
}

fn inner(works: &Works, name: &'static str, twice: &'static str) -> CompiledGraph<Run> {
    StateGraph::new()
        .node(
            name,
            works.step(name, |state: &Arc<Run>| Ok((Run::x(state.x + 1), Run::log([format!("in {}", state.x)])))),
        )
        .node(twice, works.step(twice, says(twice)))
        .edge(START, name)
        .edge(name, twice)
        .route(twice, move |state: &Run| if state.x < 3 { name } else { END }, [name, END])
        .compile()
        .unwrap()
}

/// A graph in a graph in a graph, and one for each item of a list.
pub(crate) fn nested(works: &Works) -> CompiledGraph<Run> {
    let read = |state: &Run| Run { x: state.x, ..Run::default() };
    let of_item = |item: &u32| Run { x: *item, ..Run::default() };
    let write = |state: Run| (Run::log(state.log), Run::sum(state.x));
    let middle = StateGraph::new()
        .node("before", works.step("before", says("before")))
        .node("deep", step(read, inner(works, "deepest", "again"), write))
        .edge(START, "before")
        .edge("before", "deep")
        .edge("deep", END)
        .compile()
        .unwrap();
    StateGraph::new()
        .node("graph", step(read, middle, write))
        .map("each", |state: &Run| state.items.clone(), step(of_item, inner(works, "one", "two"), write))
        .node("beside", works.step("beside", |state: &Arc<Run>| Ok(Run::y(state.y + 7))))
        .node("join", works.step("join", says("join")))
        .edge(START, ["graph", "each", "beside"])
        .edge(["graph", "each", "beside"], "join")
        .edge("join", END)
        .compile()
        .unwrap()
}

/// A question in a loop, with somebody at work beside it.
pub(crate) fn asks(works: &Works) -> CompiledGraph<Run> {
    StateGraph::new()
        .map(
            "write",
            |state: &Run| state.items.clone(),
            works.step("write", |item: &u32| Ok(Run::log([format!("{item}")]))),
        )
        .node("draft", works.step("draft", |state: &Arc<Run>| Ok(Run::x(state.x + 1))))
        .ask("approve", |state: &Run| state.x, Run::approved)
        .node("beside", works.step("beside", |_: &Arc<Run>| Ok(Run::sum(1))))
        .node("join", works.step("join", says("join")))
        .edge(START, "write")
        .edge("write", "draft")
        .edge("draft", ["approve", "beside"])
        .edge(["approve", "beside"], "join")
        .route("join", |state: &Run| if state.approved { END } else { "write" }, ["write", END])
        .compile()
        .unwrap()
}

/// Questions in each graph of a list.
pub(crate) fn asks_in_lists(works: &Works) -> CompiledGraph<Run> {
    let one = StateGraph::new()
        .node("prepare", works.step("prepare", |state: &Arc<Run>| Ok(Run::y(state.x * 2))))
        .ask("sure", |state: &Run| state.y, Run::approved)
        .node("done", works.step("done", |state: &Arc<Run>| Ok(Run::log([format!("{} {}", state.y, state.approved)]))))
        .edge(START, "prepare")
        .edge("prepare", "sure")
        .edge("sure", "done")
        .edge("done", END)
        .compile()
        .unwrap();
    let of_item = |item: &u32| Run { x: *item, ..Run::default() };
    StateGraph::new()
        .map("each", |state: &Run| state.items.clone(), step(of_item, one, |state: Run| Run::log(state.log)))
        .node("last", works.step("last", says("last")))
        .edge(START, "each")
        .edge("each", "last")
        .edge("last", END)
        .compile()
        .unwrap()
}

/// What fails quietly: a node with a fallback, an optional one, an optional graph after some work in it.
pub(crate) fn quiet(works: &Works) -> CompiledGraph<Run> {
    let fails = |_: &Arc<Run>| broken::<anabranch_graph::Write<Run, 0>>();
    let graph = StateGraph::new()
        .node("works", works.step("works", says("works")))
        .node("fails", works.step("fails", fails))
        .edge(START, "works")
        .edge("works", "fails")
        .edge("fails", END)
        .compile()
        .unwrap();
    StateGraph::new()
        .node("first", works.step("first", fails))
        .node("instead", works.step("instead", says("instead")))
        .node("news", works.step("news", fails))
        .node("graph", step(|state: &Run| state.clone(), graph, |state: Run| Run::log(state.log)))
        .node("join", works.step("join", says("join")))
        .fallback("first", "instead")
        .optional("news")
        .optional("graph")
        .edge(START, ["first", "news", "graph"])
        .edge(["first", "instead", "news", "graph"], "join")
        .edge("join", END)
        .compile()
        .unwrap()
}

/// Branches chosen by a route, of unequal length.
pub(crate) fn wide(works: &Works) -> CompiledGraph<Run> {
    StateGraph::new()
        .node("a", works.step("a", |_: &Arc<Run>| Ok(Run::x(4))))
        .node("b", works.step("b", says("b")))
        .node("cc", works.step("cc", says("cc")))
        .node("ccc", works.step("ccc", says("ccc")))
        .node("dd", works.step("dd", says("dd")))
        .node("join", works.step("join", says("join")))
        .edge(START, "a")
        .route_many("a", |state: &Run| if state.x == 4 { vec!["b", "cc"] } else { vec![] }, ["b", "cc", "dd"])
        .edge("cc", "ccc")
        .edge(["b", "ccc", "dd"], "join")
        .edge("join", END)
        .compile()
        .unwrap()
}

pub(crate) fn initial() -> Run {
    Run { items: vec![1, 2, 3], ..Run::default() }
}

/// The same answer to the same question, whenever it is given.
pub(crate) fn answer(question: &Value) -> Value {
    json!(question.as_u64().unwrap() % 4 != 1)
}
