//! What people write around graphs, and what must compile as it stands: helpers over any state, nodes in a list or
//! behind a trait, graphs in a struct, in a `static`, in the handler of a web server.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, LazyLock};

use anabranch::Result;
use anabranch::graph::{
    CompiledGraph, END, GraphEvents, MemoryStore, Progress, Questions, RunReport, START, SqliteStore, State,
    StateGraph, Step, StoredGraph, Thread, Update, Write,
};
use anabranch::prelude::*;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    text: String,
    #[reduce(append)]
    notes: Vec<String>,
    approved: bool,
}

/// Gives a node.
fn note(text: &'static str) -> impl Runnable<Input = Arc<Essay>, Output = impl Update<Essay>> {
    lambda(move |_: Arc<Essay>| async move { Ok(Essay::notes([text])) })
}

/// Makes a node of an async function, whatever its state.
fn counted<S, U, F, Fut>(function: F) -> impl Runnable<Input = Arc<S>, Output = (U, Option<U>)>
where
    S: State,
    U: Update<S>,
    F: Fn(Arc<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<U>> + Send + 'static,
{
    lambda(move |state: Arc<S>| {
        let running = function(state);
        async move { Ok((running.await?, None)) }
    })
}

/// Takes a node of any state.
fn alone<S: State, U: Update<S>>(
    node: impl Runnable<Input = Arc<S>, Output = U> + 'static,
) -> Result<CompiledGraph<S>> {
    StateGraph::new().node("alone", node).edge(START, "alone").edge("alone", END).compile()
}

/// Adds to a graph.
fn reviewed(graph: StateGraph<Essay>, after: &str) -> StateGraph<Essay> {
    let review = format!("review of {after}");
    graph.node(&review, note("reviewed")).edge(after, &review).edge(&review, END)
}

/// A node has a type that can be named, boxed.
trait Agent {
    fn name(&self) -> &str;
    fn node(&self) -> BoxRunnable<Arc<Essay>, Write<Essay, 1>>;
}

struct Echo(&'static str);

impl Agent for Echo {
    fn name(&self) -> &str {
        self.0
    }

    fn node(&self) -> BoxRunnable<Arc<Essay>, Write<Essay, 1>> {
        let name = self.0;
        lambda(move |essay: Arc<Essay>| async move { Ok(Essay::notes([format!("{name}: {}", essay.text)])) }).boxed()
    }
}

#[tokio::test]
async fn nodes_come_out_of_functions_and_lists() -> Result<()> {
    let agents: Vec<Box<dyn Agent>> = vec![Box::new(Echo("a")), Box::new(Echo("b"))];
    let mut graph = StateGraph::new().node("first", counted(async |_: Arc<Essay>| Ok(Essay::notes(["first"]))));
    graph = graph.edge(START, "first");
    for agent in &agents {
        graph = reviewed(graph.node(agent.name(), agent.node()).edge("first", agent.name()), agent.name());
    }
    let done = graph.compile()?.invoke(Essay { text: "ebb".into(), ..Default::default() }).await?;
    assert_eq!(done.notes, ["first", "a: ebb", "reviewed", "b: ebb", "reviewed"]);
    Ok(())
}

static GRAPH: LazyLock<CompiledGraph<Essay>> = LazyLock::new(|| alone(note("static")).unwrap());

/// What handlers share.
struct App {
    essays: StoredGraph<Essay>,
}

/// A handler: its future goes to any thread.
async fn started(app: Arc<App>, id: String) -> Result<String> {
    let thread: Thread<Essay> = app.essays.thread(id).with_config(RunConfig::new().tag("web"));
    Ok(match thread.start(Essay::default()).await? {
        Progress::Done(essay) => essay.notes.join(", "),
        Progress::Asks(questions) => questions[0].node().to_string(),
    })
}

/// A handler whose answer is a stream that owns the run.
fn streamed(app: &App, id: &str) -> impl Stream<Item = Result<String>> + Send + 'static + use<> {
    app.essays.thread(id).events(Essay::default()).map(|event| Ok(event?.path))
}

/// Snapshots that own the graph.
fn snapshots(graph: &CompiledGraph<Essay>) -> impl Stream<Item = Result<Essay>> + Send + 'static + use<> {
    Arc::new(graph.clone()).stream_owned(Essay::default(), RunConfig::new())
}

#[tokio::test]
async fn a_graph_lives_where_a_program_wants_it() -> Result<()> {
    let app = Arc::new(App { essays: GRAPH.with_store(MemoryStore::new()) });
    assert_eq!(tokio::spawn(started(app.clone(), "1".into())).await.unwrap()?, "static");
    assert_eq!(streamed(&app, "2").collect::<Vec<_>>().await.len(), 3);
    assert_eq!(snapshots(&GRAPH).collect::<Vec<_>>().await.len(), 1);
    let chain = GRAPH.clone() | lambda(async |done: Essay| Ok(done.notes.len()));
    assert_eq!(chain.invoke(Essay::default()).await?, 1);
    Ok(())
}

#[test]
fn what_a_graph_is_made_of_goes_to_any_thread() {
    fn goes<T: Send + Sync + 'static>() {}
    fn moves<T: Send + Unpin + 'static>() {}
    goes::<StateGraph<Essay>>();
    goes::<CompiledGraph<Essay>>();
    goes::<StoredGraph<Essay>>();
    goes::<Thread<Essay>>();
    goes::<Progress<Essay>>();
    goes::<Questions<Essay>>();
    goes::<Step<Essay, Write<Essay, 1>>>();
    goes::<MemoryStore>();
    goes::<SqliteStore>();
    goes::<RunReport>();
    moves::<GraphEvents<Essay>>();
}
