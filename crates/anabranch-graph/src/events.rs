//! [`GraphEvents`]: a run as a stream of what happens in it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anabranch_core::{Error, ErrorKind, Result, RunConfig};
use futures_util::Stream;
use futures_util::future::BoxFuture;

use crate::event::GraphEvent;
use crate::graph::CompiledGraph;
use crate::progress::Progress;
use crate::run::{Ears, Queue};
use crate::state::State;

/// A run of a graph as a stream of what happens in it: see [`CompiledGraph::events`](crate::CompiledGraph::events).
///
/// The run goes on while the stream is read, and each event is handed on before the run goes on behind it. Dropping the
/// stream drops the run. An error of the run is the last item. [`finish`](Self::finish) gives what came of it.
#[must_use = "a run does nothing until its events are read"]
pub struct GraphEvents<S: State> {
    /// Until it is over.
    run: Option<BoxFuture<'static, Result<Progress<S>>>>,
    outcome: Option<Result<Progress<S>>>,
    error_is_told: bool,
    queue: Reader,
}

/// Nobody reads the events when it is gone.
struct Reader(Arc<Queue>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<S: State> CompiledGraph<S> {
    /// A run, as a stream of what happens in it: nodes that begin, the tokens of the models inside of them, what they
    /// write, nodes that are done, passed over, fail, and ask; those of the graphs and lists inside, too, each with its
    /// path. Nothing runs until it is read, and each event is handed on before the run goes on.
    /// [`finish`](GraphEvents::finish) gives the state.
    ///
    /// ```
    /// use anabranch_core::{RunConfig, lambda_with};
    /// use anabranch_graph::{END, EventKind, Progress, START, State, StateGraph, step};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     topic: String,
    ///     draft: String,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// // A model tells of its tokens by itself. Any other step can, too.
    /// let writer = lambda_with(|topic: String, config: RunConfig| async move {
    ///     for word in ["About ", &topic] {
    ///         config.token(word);
    ///     }
    ///     Ok(format!("About {topic}"))
    /// });
    /// let graph = StateGraph::<Essay>::new()
    ///     .node("write", step(|essay: &Essay| essay.topic.clone(), writer, Essay::draft))
    ///     .edge(START, "write")
    ///     .edge("write", END)
    ///     .compile()?;
    ///
    /// let mut events = graph.events(Essay { topic: "rivers".into(), ..Essay::default() });
    /// let mut shown = Vec::new();
    /// while let Some(event) = events.next().await {
    ///     let event = event?;
    ///     let node = event.node();
    ///     shown.push(match &event.kind {
    ///         EventKind::Token(token) => format!("{node}: {}", token.text()),
    ///         EventKind::Update(update) => format!("{node} wrote {}", update.writes()?[0].field),
    ///         kind => format!("{node} {kind:?}"),
    ///     });
    /// }
    /// let wanted = ["write Started", "write: About ", "write: rivers", "write wrote draft", "write Done"];
    /// assert_eq!(shown, wanted);
    /// let Progress::Done(essay) = events.finish().await? else { panic!("nobody asks") };
    /// assert_eq!(essay.draft, "About rivers");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A graph that asks gives its questions by [`finish`](GraphEvents::finish);
    /// [`Questions::answer_events`](crate::Questions::answer_events) goes on. For a run whose log is kept see
    /// [`Thread::events`](crate::Thread::events).
    pub fn events(&self, initial: S) -> GraphEvents<S> {
        self.events_with(initial, RunConfig::empty())
    }

    /// [`events`](Self::events) with a configuration.
    pub fn events_with(&self, initial: S, config: &RunConfig) -> GraphEvents<S> {
        let (queue, graph) = self.queued();
        let config = config.clone();
        GraphEvents::new(queue, async move { graph.start_with(initial, &config).await })
    }

    /// The same graph, and where the events of its run can be read.
    pub(crate) fn queued(&self) -> (Arc<Queue>, Self) {
        let queue = Arc::<Queue>::default();
        let ears = Ears { queue: Some(queue.clone()), ..self.ears.clone() };
        (queue, Self { inner: self.inner.clone(), ears })
    }
}

impl<S: State> GraphEvents<S> {
    pub(crate) fn new(
        queue: Arc<Queue>,
        run: impl Future<Output = Result<Progress<S>>> + Send + 'static,
    ) -> GraphEvents<S> {
        queue.open();
        Self { run: Some(Box::pin(run)), outcome: None, error_is_told: false, queue: Reader(queue) }
    }

    /// The next event; `None` when the run is over or waits for answers.
    ///
    /// # Errors
    /// What the run failed with. Nothing comes after it.
    pub async fn next(&mut self) -> Option<Result<GraphEvent>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// What came of the run: its state, or the questions at which it waits. Runs to there where it is not there yet;
    /// nobody hears of events any more.
    ///
    /// # Errors
    /// What the run failed with.
    pub async fn finish(mut self) -> Result<Progress<S>> {
        self.queue.0.close();
        if let Some(run) = self.run.take() {
            return run.await;
        }
        self.outcome.take().unwrap_or_else(|| Err(Error::new(ErrorKind::Other, "the run was stopped")))
    }

    fn end(&mut self) -> Option<Result<GraphEvent>> {
        match &self.outcome {
            Some(Err(error)) if !std::mem::replace(&mut self.error_is_told, true) => Some(Err(error.clone())),
            _ => None,
        }
    }
}

impl<S: State> Stream for GraphEvents<S> {
    type Item = Result<GraphEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(event) = this.queue.0.next() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(run) = &mut this.run else { return Poll::Ready(this.end()) };
        match run.as_mut().poll(context) {
            Poll::Pending => this.queue.0.poll_next(context).map(|event| Some(Ok(event))),
            Poll::Ready(outcome) => {
                this.run = None;
                this.outcome = Some(outcome);
                let event = this.queue.0.next();
                Poll::Ready(event.map(Ok).or_else(|| this.end()))
            }
        }
    }
}

/// Nothing of it is pinned in place.
impl<S: State> Unpin for GraphEvents<S> {}

impl<S: State> fmt::Debug for GraphEvents<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphEvents").field("is_over", &self.run.is_none()).finish_non_exhaustive()
    }
}
