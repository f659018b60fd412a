//! [`Spawned`]: a step on a task of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::description::{Description, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::run::config::RunConfig;
use crate::run::flow;
use crate::step::naming::name_from_outside;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream_of;
use crate::stream::chunks::Chunks;
use crate::stream::late::LateLaw;
use crate::work::drop_reason::drop_because;
use crate::work::task::{GRACE, Task, after_drop, stop};
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
        let mut task = Task::spawn(flow::in_scope(flow::current(), work))?;
        let Some(moment) = last_moment else { return task.await? };
        if let Some(done) = until(moment, Pin::new(&mut task)).await? {
            return done?;
        }
        let error = left_behind(&*self.step);
        stop(task, &error).await;
        Err(error)
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
            let chunks = SpawnedChunks {
                step,
                receiver,
                task: Some(task),
                last_moment: last_moment(config),
                timer: None,
                leaving: None,
            };
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
    /// After the last moment: waits for the task to go.
    leaving: Option<BoxFuture<'static, ()>>,
}

impl<R: Runnable> SpawnedChunks<R> {
    /// Ready with an error when the task has been waited for long enough, and is gone if it can be stopped.
    fn poll_last_moment(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if self.task.is_some() {
            let Some(moment) = self.last_moment else { return Poll::Pending };
            let timer = match &mut self.timer {
                Some(timer) => timer,
                None => match sleep_until(moment) {
                    Ok(timer) => self.timer.insert(Box::pin(timer)),
                    Err(error) => return Poll::Ready(error),
                },
            };
            ready!(poll_timer(timer.as_mut(), cx));
            let error = left_behind(&*self.step);
            self.leaving = after_drop(|| drop_because(&error, || self.task = None));
        }
        if let Some(leaving) = &mut self.leaving {
            ready!(leaving.as_mut().poll(cx));
        }
        Poll::Ready(left_behind(&*self.step))
    }
}

impl<R: Runnable> Stream for SpawnedChunks<R> {
    type Item = Result<R::Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.leaving.is_some() {
            return self.poll_last_moment(cx).map(|error| Some(Err(error)));
        }
        match self.receiver.poll_recv(cx) {
            Poll::Ready(None) => {}
            Poll::Pending => return self.poll_last_moment(cx).map(|error| Some(Err(error))),
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
