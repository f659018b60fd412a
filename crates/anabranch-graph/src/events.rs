//! [`GraphEvents`]: a run as a stream of what happens in it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::Stream;
use futures_util::future::BoxFuture;

use crate::event::GraphEvent;
use crate::progress::Progress;
use crate::run::Queue;
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
