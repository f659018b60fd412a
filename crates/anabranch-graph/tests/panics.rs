//! Functions that panic: the run fails, and the program goes on.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_graph::{CompiledGraph, END, GraphStore, MemoryStore, Progress, START, State, StateGraph, step};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Notes {
    #[reduce(append)]
    lines: Vec<String>,
    count: u32,
}

fn secret<T>(_: &Notes) -> T {
    panic!("a secret")
}

fn compiled(graph: StateGraph<Notes>) -> CompiledGraph<Notes> {
    graph.compile().unwrap()
}

fn with_x(add: impl FnOnce(StateGraph<Notes>) -> StateGraph<Notes>) -> StateGraph<Notes> {
    let graph = StateGraph::new().node("a", async |_: Arc<Notes>| Ok(Notes::lines(["a"])));
    add(graph).edge(START, ["a", "x"]).edge(["a", "x"], END)
}

fn inner() -> CompiledGraph<Notes> {
    compiled(StateGraph::new().node("i", async |_: Arc<Notes>| Ok(())).edge(START, "i").edge("i", END))
}

fn is_panic(error: &Error, begins: &str) {
    let text = error.to_string();
    assert!(error.kind() == ErrorKind::Panic && text.starts_with(begins) && !text.contains("secret"), "{text}");
}

/// However it is run.
async fn fails(graph: &CompiledGraph<Notes>, begins: &str) {
    is_panic(&graph.start(Notes::default()).await.unwrap_err(), begins);
    is_panic(&graph.events(Notes::default()).finish().await.unwrap_err(), begins);
    let stored = graph.with_store(MemoryStore::new());
    let thread = stored.thread("t");
    is_panic(&thread.start(Notes::default()).await.unwrap_err(), begins);
    is_panic(&thread.resume().await.unwrap_err(), begins);
}

async fn fails_invoked_too(graph: &CompiledGraph<Notes>, begins: &str) {
    is_panic(&graph.invoke(Notes::default()).await.unwrap_err(), begins);
    is_panic(&graph.stream(Notes::default()).collect().await.unwrap_err(), begins);
    fails(graph, begins).await;
}

#[tokio::test]
async fn what_belongs_to_a_node_is_a_failure_of_it() {
    type Add = fn(StateGraph<Notes>) -> StateGraph<Notes>;
    let list: Add = |graph| graph.map("x", secret::<Vec<u32>>, async |_: u32| Ok(()));
    let read: Add = |graph| graph.node("x", step(secret::<Notes>, inner(), |done: Notes| Notes::lines(done.lines)));
    let read_of_item: Add = |graph| {
        let read = |_: &u32| -> Notes { panic!("a secret") };
        graph.map("x", |_| [1_u32], step(read, inner(), |done: Notes| Notes::lines(done.lines)))
    };
    for add in [list, read, read_of_item] {
        fails_invoked_too(&compiled(with_x(add)), "graph > node \"x\"").await;
        let done = compiled(with_x(add).optional("x")).invoke(Notes::default()).await.unwrap();
        assert_eq!(done.lines, ["a"]);
    }
    let asks = with_x(|graph| graph.ask("x", secret::<String>, |count: u32| Notes::count(count)));
    fails(&compiled(asks), "graph > node \"x\"").await;
}

#[tokio::test]
async fn a_route_that_panics_is_named() {
    let graph = StateGraph::new().node("a", async |_: Arc<Notes>| Ok(Notes::lines(["a"]))).edge(START, "a");
    let graph = compiled(graph.route("a", secret::<&str>, [END]));
    fails_invoked_too(&graph, "graph > route of \"a\"").await;
    // What the node did is kept.
    let stored = graph.with_store(MemoryStore::new());
    assert!(stored.thread("t").start(Notes::default()).await.is_err());
    assert_eq!(stored.thread("t").state().await.unwrap().lines, ["a"]);

    let graph = StateGraph::new().node("a", async |_: Arc<Notes>| Ok(())).route(START, secret::<&str>, ["a"]);
    fails_invoked_too(&compiled(graph.edge("a", END)), "graph > route of \"START\"").await;
}

#[tokio::test]
async fn an_answer_whose_update_panics_changes_nothing() {
    let update = |count: u32| {
        assert!(count < 10, "a secret");
        Notes::count(count)
    };
    let graph = compiled(StateGraph::new().ask("q", |_| "?", update).edge(START, "q").edge("q", END));
    let Progress::Asks(questions) = graph.start(Notes::default()).await.unwrap() else { panic!("it asks") };
    is_panic(&questions.answer("q", 11).await.unwrap_err(), "panic");
    let Progress::Done(done) = questions.answer("q", 9).await.unwrap() else { panic!("it is done") };
    assert_eq!(done.count, 9);
}

#[tokio::test]
async fn who_listens_does_a_run_no_harm() {
    let graph = with_x(|graph| graph.map("x", |_| [1, 2], async |_: i32| Ok(Notes::lines(["x"]))));
    let heard = compiled(graph).on_event(|_| panic!("a secret"));
    assert_eq!(heard.invoke(Notes::default()).await.unwrap().lines, ["a", "x", "x"]);
}

/// Panics where it is to write an entry.
struct Panics(MemoryStore);

#[async_trait]
impl GraphStore for Panics {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        assert!(at == 0, "a secret");
        self.0.append(thread, log, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        self.0.read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.0.list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.0.delete(thread).await
    }
}

#[tokio::test]
async fn a_store_that_panics_fails_the_run() {
    let stored = inner().with_store(Panics(MemoryStore::new()));
    is_panic(&stored.thread("t").start(Notes::default()).await.unwrap_err(), "panic");
}

fn sum(all: u8, more: u8) -> u8 {
    all.checked_add(more).expect("a secret")
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Small {
    #[reduce(with = sum)]
    bytes: u8,
    #[reduce(append)]
    lines: Vec<String>,
}

impl Clone for Small {
    fn clone(&self) -> Self {
        assert!(self.lines.len() < 2, "a secret");
        Self { bytes: self.bytes, lines: self.lines.clone() }
    }
}

macro_rules! adds {
    ($bytes:literal) => {
        async |_: Arc<Small>| Ok((Small::lines(None::<String>), Small::bytes($bytes)))
    };
}

/// However it is run, and it does not run on from a log either.
async fn small_fails(graph: StateGraph<Small>, begins: &str) {
    let graph = graph.compile().unwrap();
    is_panic(&graph.invoke(Small::default()).await.unwrap_err(), begins);
    is_panic(&graph.stream(Small::default()).collect().await.unwrap_err(), begins);
    is_panic(&graph.start(Small::default()).await.unwrap_err(), begins);
    is_panic(&graph.events(Small::default()).finish().await.unwrap_err(), begins);
    let stored = graph.with_store(MemoryStore::new());
    let thread = stored.thread("t");
    is_panic(&thread.start(Small::default()).await.unwrap_err(), begins);
    is_panic(&thread.resume().await.unwrap_err(), begins);
}

#[tokio::test]
async fn a_reducer_that_panics_is_named_by_node_and_field() {
    let of = |node: &str| format!("graph > {node} > reducer of Write {{ field: \"bytes\", .. }}");
    let pair = || StateGraph::<Small>::new().node("a", adds!(200)).node("b", adds!(100)).edge(START, "a");
    // In the state that the next node would see, that a route looks at, and that comes of it all.
    let next = pair().node("c", adds!(0)).edge("a", "b").edge("b", "c").edge("c", END);
    small_fails(next, &of("node \"b\"")).await;
    let route = pair().edge("a", "b").route("b", |_| END, [END]);
    small_fails(route, &of("node \"b\"")).await;
    let last = pair().edge("a", "b").edge("b", END);
    small_fails(last, &of("node \"b\"")).await;
    // Neither of the two by itself.
    let join = pair().edge(START, "b").node("c", adds!(0)).edge(["a", "b"], "c").edge("c", END);
    small_fails(join, &of("node \"b\"")).await;
    // A loop beside another node.
    let in_loop =
        StateGraph::<Small>::new().node("a", adds!(150)).node("again", adds!(100)).edge(START, ["a", "again"]);
    let in_loop = in_loop.route("again", |small| if small.bytes < 200 { "again" } else { END }, ["again", END]);
    small_fails(in_loop.edge("a", END), &of("loop of \"again\"")).await;
    // A list.
    let list = StateGraph::<Small>::new().map("list", |_| [200_u8, 100], async |byte: u8| Ok(Small::bytes(byte)));
    small_fails(list.edge(START, "list").edge("list", END), &of("node \"list\"")).await;
}

#[tokio::test]
async fn what_panics_in_a_graph_inside_is_a_failure_of_its_node() {
    let inner = StateGraph::<Small>::new().node("a", adds!(200)).node("b", adds!(100)).edge(START, ["a", "b"]);
    let inner = inner.edge(["a", "b"], END).compile().unwrap();
    let read = |_: &Small| Small::default();
    let graph = StateGraph::<Small>::new().node("x", step(read, inner, |small: Small| Small::bytes(small.bytes)));
    let graph =
        graph.node("y", adds!(7)).optional("x").edge(START, ["x", "y"]).edge(["x", "y"], END).compile().unwrap();
    assert_eq!(graph.invoke(Small::default()).await.unwrap().bytes, 7);
}

#[tokio::test]
async fn a_state_whose_clone_panics_fails_the_run() {
    let two = async |_: Arc<Small>| Ok(Small::lines(["x", "y"]));
    let line = async |_: Arc<Small>| Ok(Small::lines(["z"]));
    let graph = StateGraph::<Small>::new().node("two", two).node("a", line).node("b", line).node("c", line);
    let graph = graph.edge(START, "two").edge("two", ["a", "b"]).edge("a", "c").edge(["b", "c"], END);
    let graph = graph.compile().unwrap();
    is_panic(&graph.invoke(Small::default()).await.unwrap_err(), "graph");
    is_panic(&graph.stream(Small::default()).collect().await.unwrap_err(), "graph");
    is_panic(&graph.start(Small::default()).await.unwrap_err(), "graph");
}

/// What failed at the same time, and comes first in the graph, is what the run failed with: a choice that is none, too.
#[tokio::test]
async fn the_first_of_failures_that_come_together_counts() {
    let fails = async |_: Arc<Notes>| Err::<(), _>(Error::new(ErrorKind::Server, "down"));
    let chooses = async |_: Arc<Notes>| Ok(());
    for first in ["fails", "chooses"] {
        // Whichever is polled first.
        for order in [["fails", "chooses"], ["chooses", "fails"]] {
            let graph = StateGraph::<Notes>::new();
            let graph = match first {
                "fails" => graph.node("fails", fails).node("chooses", chooses),
                _ => graph.node("chooses", chooses).node("fails", fails),
            };
            let graph = graph.edge(START, order).route("chooses", |_| "nobody", [END]).edge("fails", END);
            let error = compiled(graph).invoke(Notes::default()).await.unwrap_err();
            let (is_choice, related) = (error.to_string().contains("nobody"), error.related().len());
            assert_eq!((is_choice, related), (first == "chooses", 1), "{error}");
        }
    }
}
