//! [`Spawned`]: a step on a task of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::description::{Description, Label};
use crate::error::Result;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::flow;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream_of;
use crate::stream::chunks::Chunks;
use crate::stream::late::LateLaw;
use crate::work::task::Task;

/// How many chunks a spawned step may be ahead of whoever reads them.
const AHEAD: usize = 16;

/// See [`RunnableExt::spawned`](crate::RunnableExt::spawned).
pub struct Spawned<R> {
    step: Arc<R>,
}

impl<R> Spawned<R> {
    pub(crate) fn new(step: R) -> Self {
        Self { step: Arc::new(step) }
    }
}

impl<R: Runnable + 'static> Runnable for Spawned<R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn call(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let (step, config) = (self.step.clone(), config.clone());
        let work = async move { run(&config, &*step, input).await };
        Task::spawn(flow::in_scope(flow::current(), work))?.await?
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // The task may outlive what the input borrows from, so the input is read here.
            let input = input.collect().await?;
            let mut chunks = stream_of(config.clone(), self.step.clone(), Chunks::once(input));
            let (sender, receiver) = mpsc::channel(AHEAD);
            let law = LateLaw::new();
            let found = law.clone();
            let work = async move {
                chunks.tell_law(&found);
                while let Some(chunk) = chunks.next().await {
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
            };
            let task = Task::spawn(flow::in_scope(flow::current(), work))?;
            Ok(Chunks::with_late_law(SpawnedChunks { receiver, task: Some(task) }, law))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

impl<R> Clone for Spawned<R> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone() }
    }
}

impl<R: fmt::Debug> fmt::Debug for Spawned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spawned").field(&self.step).finish()
    }
}

pipe_operator!(impl<R> for Spawned<R> where R: Runnable + 'static);

struct SpawnedChunks<T> {
    receiver: mpsc::Receiver<Result<T>>,
    /// `None` after its end.
    task: Option<Task<()>>,
}

impl<T> Stream for SpawnedChunks<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.receiver.poll_recv(cx) {
            Poll::Ready(None) => {}
            next => return next,
        }
        let Some(task) = &mut self.task else { return Poll::Ready(None) };
        let ended = match Pin::new(task).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(ended) => ended,
        };
        self.task = None;
        Poll::Ready(ended.err().map(Err))
    }
}
