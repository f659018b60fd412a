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
