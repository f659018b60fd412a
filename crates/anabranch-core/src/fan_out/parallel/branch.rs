//! A branch of a parallel: how it runs, and how it streams.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde_json::Value;

use super::RunnableParallel;
use crate::description::{Description, Kind, Label};
use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::step::boxed::BoxRunnable;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::step::watched;
use crate::stream::chunks::Chunks;
use crate::stream::exit::Names;
use crate::stream::late::LateLaw;
use crate::work::panics::{Caught, caught_in, panicked, poll_caught};

/// One branch: a step under its key.
pub(crate) struct Branch<I> {
    pub(super) key: String,
    /// As it stands in error paths.
    pub(super) name: String,
    pub(super) step: BoxRunnable<I, Value>,
}

impl<I: Send + 'static> Branch<I> {
    /// Runs the branch in one allocation.
    fn start<'a>(&'a self, input: I, config: &'a RunConfig) -> BranchRun<'a> {
        let running = caught_in(|| {
            Ok(match config.watches() {
                true => StepRun { running: watched::call(config, self, input), step: None },
                false => StepRun { running: self.step.start(input, config), step: Some(&self.step) },
            })
        });
        BranchRun { running: running.map_err(Some), branch: self }
    }
}

/// The runs of the branches, each started when its turn comes.
pub(crate) struct BranchRuns<'a, I> {
    branches: std::slice::Iter<'a, Branch<I>>,
    /// Cloned for every branch but the last.
    input: Option<I>,
    config: &'a RunConfig,
}

impl<'a, I> BranchRuns<'a, I> {
    pub(crate) fn new(parallel: &'a RunnableParallel<I>, input: I, config: &'a RunConfig) -> Self {
        Self { branches: parallel.branches.iter(), input: Some(input), config }
    }
}

impl<'a, I: Clone + Send + 'static> Iterator for BranchRuns<'a, I> {
    type Item = BranchRun<'a>;

    fn next(&mut self) -> Option<BranchRun<'a>> {
        let branch = self.branches.next()?;
        let input = if self.branches.len() == 0 { self.input.take() } else { self.input.clone() }?;
        Some(branch.start(input, self.config))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.branches.size_hint()
    }
}

pub(crate) struct BranchRun<'a> {
    /// Or the panic with which it began.
    running: Result<StepRun<'a>, Option<Error>>,
    branch: &'a dyn Names,
}

impl Future for BranchRun<'_> {
    type Output = Result<Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Value>> {
        let done = match &mut self.running {
            Ok(running) => poll_caught(|| Pin::new(running).poll(cx)),
            Err(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        };
        // Where a panic is caught no step inside can be named any more: the branch is.
        done.map_err(|error| self.branch.name_error(error))
    }
}

struct StepRun<'a> {
    running: BoxFuture<'a, Result<Value>>,
    /// `None` where it is named already.
    step: Option<&'a dyn Names>,
}

impl Future for StepRun<'_> {
    type Output = Result<Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Value>> {
        self.running.as_mut().poll(cx).map_err(|error| match self.step {
            Some(step) => step.name_error(error),
            None => error,
        })
    }
}

impl<I: Send + 'static> Runnable for Branch<I> {
    type Input = I;
    type Output = Value;

    async fn call(&self, input: I, config: &RunConfig) -> Result<Value> {
        Caught::starting(|| run(config, &self.step, input)).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, Value> {
        stream(config, &self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BRANCH, &*self.name))
    }

    fn describe(&self) -> Description {
        let step = self.step.describe();
        Description::around(Kind::BRANCH, step).named(&self.key)
    }
}

/// The chunks of a branch on their way into the fan-out.
pub(crate) struct BranchStream<'a> {
    pub(crate) key: &'a str,
    pub(crate) chunks: Chunks<'a, Value>,
    /// To be told the law of the chunks, which is known when the branch has begun.
    pub(super) law: Option<LateLaw<Value>>,
}

impl BranchStream<'_> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Value>>> {
        let next = ready!(Pin::new(&mut self.chunks).poll_next(cx));
        if let Some(law) = self.law.take() {
            // The first time that it gives something.
            self.chunks.tell_law(&law);
        }
        Poll::Ready(next)
    }
}

impl Stream for BranchStream<'_> {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.poll_chunk(cx))) {
            Ok(next) => next,
            Err(panic) => Poll::Ready(Some(Err(panicked(panic).at(branch_name(self.key))))),
        }
    }
}

pub(crate) fn branch_name(key: &str) -> String {
    format!("parallel {key:?}")
}

impl<I> Clone for Branch<I> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), name: self.name.clone(), step: self.step.clone() }
    }
}
