//! [`Spawned`]: a step on a task of its own.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::panics::panicked;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// How many chunks a spawned step may be ahead of whoever reads them.
const AHEAD: usize = 16;

/// See [`Runnable::spawned`].
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

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let (step, config) = (self.step.clone(), config.clone());
        Task::spawn(async move { config.run(&*step, input).await })?.await?
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // The task may outlive what the input borrows from, so the input is read here.
            let input = input.collect().await?;
            let mut chunks = self.step.clone().stream_owned(input, config.clone());
            let merge = chunks.merge().clone();
            let (sender, receiver) = mpsc::channel(AHEAD);
            let task = Task::spawn(async move {
                while let Some(chunk) = chunks.next().await {
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
            })?;
            Ok(Chunks::new(SpawnedChunks { receiver, task: Some(task) }, merge))
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

/// A task that is aborted when it is dropped.
pub(crate) struct Task<T: Send + 'static> {
    /// Taken on drop.
    handle: Option<JoinHandle<T>>,
    /// Whether it ends soon after it is aborted. A thread that runs a synchronous function does not, and nobody waits
    /// for it.
    ends: bool,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Result<Self> {
        Ok(Self { handle: Some(runtime()?.spawn(work)), ends: true })
    }

    pub(crate) fn spawn_blocking(work: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        Ok(Self { handle: Some(runtime()?.spawn_blocking(work)), ends: false })
    }
}

fn runtime() -> Result<tokio::runtime::Handle> {
    tokio::runtime::Handle::try_current().map_err(|_| {
        Error::new(
            ErrorKind::Unsupported,
            "a step on a task or thread of its own needs a tokio runtime: run the chain under `#[tokio::main]`, or \
             with `invoke_blocking`",
        )
    })
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Some(handle) = &mut self.handle else { return Poll::Pending };
        Pin::new(handle).poll(cx).map(|done| {
            done.map_err(|error| match error.try_into_panic() {
                Ok(panic) => panicked(panic),
                Err(_) => Error::new(ErrorKind::Other, "the task was stopped: its runtime is shutting down"),
            })
        })
    }
}

impl<T: Send + 'static> Drop for Task<T> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take().filter(|handle| !handle.is_finished()) else { return };
        handle.abort();
        if !self.ends {
            return;
        }
        ABORTED.with_borrow_mut(|aborted| {
            if let Some(aborted) = aborted {
                aborted.push(Box::pin(async move {
                    // Gone is gone: by abort, panic or its own end.
                    let _ = handle.await;
                }));
            }
        });
    }
}

thread_local! {
    /// Tasks aborted by the drop that `drop_and_wait` is doing on this thread.
    static ABORTED: RefCell<Option<Vec<BoxFuture<'static, ()>>>> = const { RefCell::new(None) };
}

/// Drops something and returns when the tasks it owned are gone, too.
///
/// An aborted task may be in the middle of a poll on another thread. A fan-out that failed waits for that, so that
/// nothing of it runs on when it returns. (Who drops a future cannot wait; there the task ends at its next await.)
pub(crate) async fn drop_and_wait<T>(owner: T) {
    let mut aborted = {
        let outer = ABORTED.replace(Some(Vec::new()));
        drop(owner);
        Aborted(ABORTED.replace(outer).unwrap_or_default())
    };
    std::future::poll_fn(|cx| {
        while let Some(task) = aborted.0.last_mut() {
            if task.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            aborted.0.pop();
        }
        Poll::Ready(())
    })
    .await;
}

/// Aborted tasks that are being waited for.
struct Aborted(Vec<BoxFuture<'static, ()>>);

/// Who drops the wait takes it over.
impl Drop for Aborted {
    fn drop(&mut self) {
        ABORTED.with_borrow_mut(|aborted| {
            if let Some(aborted) = aborted {
                aborted.append(&mut self.0);
            }
        });
    }
}
