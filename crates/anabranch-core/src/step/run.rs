//! Running a step: every way to one leads through here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::description::Label;
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::run::flow::in_run;
use crate::run::watch::Watch;
use crate::step::in_time::InTime;
use crate::step::runnable::Runnable;
use crate::step::watched;
use crate::stream::exit::Names;

/// Runs a step: names it in errors, tells the observers, keeps the time.
///
/// A future of its own and not an async block: those nest so deep in a chain that the compiler gives up.
#[inline]
pub(crate) fn run<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
) -> impl Future<Output = Result<R::Output>> + Send + use<'a, R> {
    if !config.watches() {
        return Run::Plain { running: step.call(input, config), step };
    }
    if config.is_observed() || config.progress().is_some() {
        return Run::Watched { running: watched::call(config, step, input), step };
    }
    let deadline = watched::own_deadline(config, step);
    Run::Timed { running: InTime::new(deadline, step.call(input, config)), step }
}

pin_project! {
    #[project = RunProjection]
    enum Run<'a, F, T> {
        Plain { #[pin] running: F, step: &'a dyn Names },
        Timed { #[pin] running: InTime<F>, step: &'a dyn Names },
        Watched { running: BoxFuture<'a, Result<T>>, step: &'a dyn Names },
    }
}

impl<F: Future<Output = Result<T>>, T> Future for Run<'_, F, T> {
    type Output = Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let (done, step) = match self.project() {
            RunProjection::Plain { running, step } => (ready!(running.poll(cx)), step),
            RunProjection::Timed { running, step } => (ready!(running.poll(cx)), step),
            RunProjection::Watched { running, step } => (ready!(running.as_mut().poll(cx)), step),
        };
        match done {
            Err(error) => Poll::Ready(Err(step.name_error(error))),
            done => Poll::Ready(done),
        }
    }
}

impl RunConfig {
    /// Runs a step inside another one: names it in errors, tells the observers, keeps to the deadline. This is how a
    /// step of your own calls the steps it is made of.
    ///
    /// # Errors
    /// The error of the step, with its name in the path.
    pub async fn run<R: Runnable>(&self, step: &R, input: R::Input) -> Result<R::Output> {
        match self.started() {
            None => in_run(run(self, step, input)).await,
            Some(started) => in_run(run(&started, step, input)).await,
        }
    }

    /// [`run`](Self::run) as a part of the present step that has a name of its own for observers: the node of a graph.
    /// In errors it is named by whoever calls this.
    ///
    /// # Errors
    /// The error of the step.
    #[doc(hidden)]
    pub async fn run_part<R: Runnable>(&self, part: Label<'_>, step: &R, input: R::Input) -> Result<R::Output> {
        let watch = self.is_observed().then(|| Watch::begin(self.at(part)));
        let done = watch.as_ref().map_or(self, Watch::config).run(step, input).await;
        if let Some(watch) = &watch {
            watch.ended(&done);
        }
        done
    }
}
