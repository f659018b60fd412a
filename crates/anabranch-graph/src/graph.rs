//! [`CompiledGraph`]: a graph that passed its checks.

use std::fmt;
use std::sync::Arc;

use anabranch_core::describe::{Description, Label};
use anabranch_core::{Chunks, Error, ErrorKind, Merge, Result, RunConfig, Runnable, pipe_operator};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, TryFutureExt};
use futures_util::stream::{BoxStream, try_unfold};
use serde_json::Value;
use tokio::time::Instant;

use crate::draw::{self, Drawing};
use crate::dynamic::DynamicFields;
use crate::event::GraphEvent;
use crate::log::{self, Entry, Log};
use crate::panics::caught;
use crate::progress::{Progress, progress};
use crate::route::Route;
use crate::run::{Ears, Engine, Inside, Listener, Outcome, Path};
use crate::run_error::NeedsAnswers;
use crate::shape::Shape;
use crate::shape::plan::{Child, Plan};
use crate::state::State;
use crate::work::Work;

/// A graph that passed its checks: a step from a state to a state. Cheap to clone.
pub struct CompiledGraph<S> {
    pub(crate) inner: Arc<dyn AnyGraph<S>>,
    pub(crate) ears: Ears,
}

/// What there is to a graph, whatever its state: so that a step can find out whether it is one.
pub(crate) trait AnyGraph<S>: Send + Sync {
    fn shape(&self) -> &Shape;
    /// What it says of itself, as a step.
    fn describe(&self) -> Description;
    fn run_nested(self: Arc<Self>, initial: S, inside: Inside, path: Path) -> BoxFuture<'static, Result<S>>;
    fn run(self: Arc<Self>, initial: S, inside: Inside) -> BoxFuture<'static, Result<S>>;
    /// The state after each activation that wrote something; the last is what `run` gives.
    fn snapshots(self: Arc<Self>, initial: S, inside: Inside) -> BoxStream<'static, Result<S>>;
    fn start(self: Arc<Self>, initial: S, inside: Inside) -> BoxFuture<'static, Result<Progress<S>>>
    where
        S: State;
    /// Gives the fields that are missing their default.
    ///
    /// # Errors
    /// Where one is none of the graph's, or of another type.
    fn complete(&self, initial: S) -> Result<S>;
    /// Goes on from a log, from its beginning where nothing is in it. `answer` answers a question first. It lasts until
    /// `end`.
    fn go_on(
        self: Arc<Self>,
        initial: S,
        inside: Inside,
        end: Option<Instant>,
        answer: Option<(String, Value)>,
    ) -> BoxFuture<'static, Result<Progress<S>>>
    where
        S: State;
    /// The state a log leads to.
    fn fold(&self, initial: S, entries: &[Entry]) -> Result<S>
    where
        S: State;
}

/// A node.
pub(crate) struct Node<S: State> {
    pub(crate) name: String,
    pub(crate) work: Work<S>,
    pub(crate) route: Option<Route<S>>,
    /// The places of the fields that it may write, and whether it overwrites.
    pub(crate) allowed: Vec<(usize, bool)>,
}

pub(crate) struct Inner<S: State> {
    pub(crate) shape: Shape,
    pub(crate) plan: Plan,
    pub(crate) nodes: Vec<Node<S>>,
    pub(crate) start_route: Option<Route<S>>,
    pub(crate) limit: usize,
    pub(crate) declared: Arc<DynamicFields>,
}

impl<S: State> Inner<S> {
    /// The header of the innermost loop around a node.
    pub(crate) fn header_around(&self, node: usize) -> Option<&str> {
        self.header(self.plan.nodes[node].region)
    }

    /// The header of a loop, by its region.
    pub(crate) fn header(&self, region: usize) -> Option<&str> {
        let region = &self.plan.regions[region];
        region.parent?;
        match region.children.first()?.kind {
            Child::Node(header) => Some(&self.nodes[header].name),
            Child::Loop(_) | Child::End => None,
        }
    }

    /// A state to begin with, where nobody can be asked.
    fn complete_unasked(&self, initial: S) -> Result<S> {
        match self.shape.asks() {
            Some(node) => Err(NeedsAnswers::error(&node)),
            None => self.complete(initial),
        }
    }
}

impl<S: State> AnyGraph<S> for Inner<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn describe(&self) -> Description {
        let nodes = self.shape.nodes.iter().zip(&self.nodes);
        draw::describe(
            &self.shape,
            nodes.map(|(shape, node)| draw::node(&node.name, &shape.kind, node.work.describe())),
        )
    }

    fn run_nested(self: Arc<Self>, initial: S, inside: Inside, path: Path) -> BoxFuture<'static, Result<S>> {
        // What is in the log below is come to before anything runs, wherever it would.
        let is_in_log = inside.log().is_some_and(|log| log.replay.is_below(&path.text));
        let begin = move || Engine::new(self.clone(), self.complete(initial)?, inside, path);
        if is_in_log {
            let engine = begin().and_then(Engine::replayed);
            return Box::pin(async move { engine?.into_end().await });
        }
        Box::pin(async move { begin()?.into_end().await })
    }

    fn run(self: Arc<Self>, initial: S, inside: Inside) -> BoxFuture<'static, Result<S>> {
        Box::pin(async move {
            let initial = self.complete_unasked(initial)?;
            let mut engine = Engine::new(self, initial, inside, Path::default())?;
            match engine.go_on().await? {
                Outcome::Done(state) => Ok(state),
                Outcome::Waits => Err(NeedsAnswers::unknown()),
            }
        })
    }

    fn snapshots(self: Arc<Self>, initial: S, inside: Inside) -> BoxStream<'static, Result<S>> {
        let engine = async move {
            let initial = self.complete_unasked(initial)?;
            Engine::with_snapshots(self, initial, inside).map(Box::new)
        };
        let next = |mut engine: Box<Engine<S>>| async move {
            Ok::<_, Error>(engine.next_snapshot().await?.map(|state| (state, engine)))
        };
        engine.map_ok(move |engine| try_unfold(engine, next)).try_flatten_stream().boxed()
    }

    fn start(self: Arc<Self>, initial: S, inside: Inside) -> BoxFuture<'static, Result<Progress<S>>> {
        Box::pin(async move {
            let initial = self.complete(initial)?;
            let engine = Engine::new(self, initial, inside.clone(), Path::default());
            progress(engine.map_err(|error| error.at("graph"))?, inside, None).await
        })
    }

    fn complete(&self, mut initial: S) -> Result<S> {
        initial.complete(&self.declared)?;
        Ok(initial)
    }

    fn go_on(
        self: Arc<Self>,
        initial: S,
        inside: Inside,
        end: Option<Instant>,
        answer: Option<(String, Value)>,
    ) -> BoxFuture<'static, Result<Progress<S>>> {
        Box::pin(async move {
            let initial = self.complete(initial)?;
            let engine = Engine::new(self, initial, inside.clone(), Path::default());
            let came = progress(engine.map_err(|error| error.at("graph"))?, inside, end).await?;
            match (came, answer) {
                (Progress::Asks(questions), Some(answer)) => questions.go_on(vec![answer], end).await,
                (Progress::Done(_), Some((node, _))) => {
                    let message = format!("`{node}` asks nothing: the run is done");
                    Err(Error::new(ErrorKind::InvalidInput, message))
                }
                (came, None) => Ok(came),
            }
        })
    }

    fn fold(&self, initial: S, entries: &[Entry]) -> Result<S> {
        let initial = self.complete(initial)?;
        caught(|| log::fold(initial, &self.shape, &self.plan, entries)).and_then(|state| state)
    }
}

impl<S: State> CompiledGraph<S> {
    /// For those that have a state.
    pub(crate) fn new(inner: Inner<S>) -> Self {
        Self { inner: Arc::new(inner), ears: Ears::default() }
    }
}

impl<S> Clone for CompiledGraph<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), ears: self.ears.clone() }
    }
}

impl<S> fmt::Debug for CompiledGraph<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.inner.shape().nodes.iter().map(|node| &node.name);
        f.debug_struct("CompiledGraph").field("nodes", &names.collect::<Vec<_>>()).finish()
    }
}

impl<S: State> CompiledGraph<S> {
    /// The same graph, telling what happens in its runs: nodes that begin, write, are done, are passed over, fail. It
    /// hears of no [tokens](crate::EventKind::Token), which models would have to be asked for in another way:
    /// [`events`](Self::events) does, and so does an [`Observer`](anabranch_core::Observer).
    ///
    /// The listener is called on the task that runs, so it should be quick. One that is already there hears first. Those
    /// of a graph that is a node of another one hear nothing: the run is that of the outer one.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, EventKind, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .node("write", async |_: Arc<Essay>| Ok(Essay::draft("…")))
    ///     .edge(START, "write")
    ///     .edge("write", END)
    ///     .compile()?;
    ///
    /// let done = Arc::new(Mutex::new(Vec::new()));
    /// let seen = done.clone();
    /// let watched = graph.on_event(move |event| {
    ///     if event.kind == EventKind::Done {
    ///         seen.lock().unwrap().push(event.path);
    ///     }
    /// });
    /// watched.invoke(Essay::default()).await?;
    /// assert_eq!(*done.lock().unwrap(), ["write"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_event(&self, listener: impl Fn(GraphEvent) + Send + Sync + 'static) -> Self {
        let listener: Listener = match self.ears.listener.clone() {
            None => Arc::new(listener),
            Some(earlier) => Arc::new(move |event: GraphEvent| {
                // A listener that panics takes nothing from the next.
                let _ = caught(|| earlier(event.clone()));
                listener(event);
            }),
        };
        Self { inner: self.inner.clone(), ears: Ears { listener: Some(listener), ..self.ears.clone() } }
    }

    fn inside(&self, config: &RunConfig) -> Inside {
        Inside::new(config.clone(), self.ears.clone(), None)
    }

    /// Goes on from a log.
    pub(crate) async fn go_on(
        &self,
        initial: S,
        config: &RunConfig,
        end: Option<Instant>,
        log: Log,
        answer: Option<(String, Value)>,
    ) -> Result<Progress<S>> {
        let inside = Inside::new(config.clone(), self.ears.clone(), Some(log));
        self.inner.clone().go_on(initial, inside, end, answer).await
    }

    /// Runs the graph to its end, or until it asks: [`answer`](crate::Questions::answer) goes on.
    ///
    /// ```
    /// use anabranch_graph::{END, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    ///     approved: bool,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .ask("approve", |state| format!("Shall this go out? {}", state.draft), Essay::approved)
    ///     .edge(START, "approve")
    ///     .edge("approve", END)
    ///     .compile()?;
    ///
    /// match graph.start(Essay::default()).await? {
    ///     Progress::Done(state) => println!("{}", state.draft),
    ///     Progress::Asks(questions) => println!("{} asks", questions[0].node()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Whatever the run fails with.
    pub async fn start(&self, initial: S) -> Result<Progress<S>> {
        self.start_with(initial, RunConfig::empty()).await
    }

    /// [`start`](Self::start) with a configuration. Its time-out begins anew with each answer.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_with(&self, initial: S, config: &RunConfig) -> Result<Progress<S>> {
        self.inner.clone().start(initial, self.inside(config)).await
    }

    /// A picture of it, to say how much of it is drawn and of which run, and then in which language.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::{Retry, RunnableExt, lambda};
    /// use anabranch_graph::{END, START, State, StateGraph, step};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    /// }
    ///
    /// let outline = lambda(async |essay: String| Ok(essay)).with_name("outline");
    /// let chain = outline | lambda(async |essay: String| Ok(essay)).with_name("write");
    /// let graph = StateGraph::<Essay>::new()
    ///     .node("draft", step(|essay: &Essay| essay.draft.clone(), chain, Essay::draft).with_retry(Retry::attempts(3)))
    ///     .edge(START, "draft")
    ///     .edge("draft", END)
    ///     .compile()?;
    ///
    /// assert_eq!(graph.drawing().to_text(), "START -> draft\ndraft (retry) -> END\n");
    /// let opened = "START -> draft\ndraft (retry) -> END\n  outline\n  | write\n";
    /// assert_eq!(graph.drawing().depth(1).to_text(), opened);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// The words behind a node are those that made it: `map`, `ask`, `optional`, `join_all`, `settled`, `retry`. A broken
    /// arrow is taken or not: one of several behind a `route`, any of them behind a `route_many`, one on failure.
    /// [`Drawing::report`] marks what a run did.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing::new(self.inner.shape(), self.inner.describe())
    }

    /// A picture of the nodes for [Mermaid](https://mermaid.js.org), which GitHub shows: `drawing().to_mermaid()`. What
    /// is inside of them shows [`drawing`](Self::drawing).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    /// }
    ///
    /// let graph = StateGraph::<Essay>::new()
    ///     .node("write", async |_: Arc<Essay>| Ok(Essay::draft("…")))
    ///     .edge(START, "write")
    ///     .edge("write", END)
    ///     .compile()?;
    /// let picture = r#"flowchart TD
    ///     start(["START"])
    ///     n0["write"]
    ///     stop(["END"])
    ///     start --> n0
    ///     n0 --> stop
    /// "#;
    /// assert_eq!(graph.to_mermaid(), picture);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        self.drawing().to_mermaid()
    }

    /// A picture of the nodes for [Graphviz](https://graphviz.org): `drawing().to_dot()`.
    #[must_use]
    pub fn to_dot(&self) -> String {
        self.drawing().to_dot()
    }

    /// The nodes for a terminal, one a line with what follows it: `drawing().to_text()`.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.drawing().to_text()
    }
}

impl<S: State> Runnable for CompiledGraph<S> {
    type Input = S;
    type Output = S;

    async fn call(&self, initial: S, config: &RunConfig) -> Result<S> {
        self.inner.clone().run(initial, self.inside(config)).await
    }

    /// A chunk is the whole state as it is after one more node that wrote something, and takes the place of the one
    /// before it.
    fn call_stream<'a>(&'a self, input: Chunks<'a, S>, config: &'a RunConfig) -> Chunks<'a, S> {
        let snapshots = async move {
            let initial = input.collect().await?;
            Ok(self.inner.clone().snapshots(initial, self.inside(config)))
        };
        Chunks::new(snapshots.try_flatten_stream(), Merge::last())
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(draw::GRAPH, "graph"))
    }

    fn describe(&self) -> Description {
        self.inner.describe()
    }
}

pipe_operator!(impl<S> for CompiledGraph<S> where S: State);
