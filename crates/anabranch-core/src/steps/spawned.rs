//! [`Spawned`]: a step on a task of its own.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::description::{Description, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::flow;
use crate::step::naming::name_from_outside;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream_of;
use crate::stream::chunks::Chunks;
use crate::stream::late::LateLaw;
use crate::work::task::{GRACE, Task};
use crate::work::timer::{poll_timer, sleep_until, until};

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
        let last_moment = last_moment(&config);
        let work = async move { run(&config, &*step, input).await };
        let task = Task::spawn(flow::in_scope(flow::current(), work))?;
        match last_moment {
            None => task.await?,
            Some(moment) => until(moment, pin!(task)).await?.unwrap_or_else(|| Err(left_behind(&*self.step)))?,
        }
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
            let step = self.step.clone();
            let chunks =
                SpawnedChunks { step, receiver, task: Some(task), last_moment: last_moment(config), timer: None };
            Ok(Chunks::with_late_law(chunks, law))
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

/// The steps in a task keep to the run's deadline by themselves. A task that keeps its thread cannot; whoever waits for
/// it leaves it behind a moment later.
fn last_moment(config: &RunConfig) -> Option<Instant> {
    config.run_deadline()?.checked_add(GRACE)
}

#[cold]
fn left_behind<R: Runnable>(step: &R) -> Error {
    let error = Error::new(ErrorKind::DeadlineExceeded, "the run's deadline passed before the step was done");
    name_from_outside(step, error)
}

struct SpawnedChunks<R: Runnable> {
    step: Arc<R>,
    receiver: mpsc::Receiver<Result<R::Output>>,
    /// `None` after its end.
    task: Option<Task<()>>,
    last_moment: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<R: Runnable> SpawnedChunks<R> {
    /// Ready with an error when the task has been waited for long enough.
    fn poll_last_moment(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some(moment) = self.last_moment.filter(|_| self.task.is_some()) else { return Poll::Pending };
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => match sleep_until(moment) {
                Ok(timer) => self.timer.insert(Box::pin(timer)),
                Err(error) => return Poll::Ready(error),
            },
        };
        poll_timer(timer.as_mut(), cx).map(|()| left_behind(&*self.step))
    }
}

impl<R: Runnable> Stream for SpawnedChunks<R> {
    type Item = Result<R::Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.receiver.poll_recv(cx) {
            Poll::Ready(None) => {}
            Poll::Pending => {
                return self.poll_last_moment(cx).map(|error| {
                    self.task = None;
                    Some(Err(error))
                });
            }
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
