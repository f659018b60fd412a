//! Running a step: every way to one leads through here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::error::Result;
use crate::run::config::RunConfig;
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
    if config.watches() {
        return Run::Watched { running: watched::run(config, step, input) };
    }
    Run::Plain { running: step.call(input, config), step }
}

pin_project! {
    #[project = RunProjection]
    enum Run<'a, F, T> {
        Plain { #[pin] running: F, step: &'a dyn Names },
        Watched { running: BoxFuture<'a, Result<T>> },
    }
}

impl<F: Future<Output = Result<T>>, T> Future for Run<'_, F, T> {
    type Output = Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project() {
            RunProjection::Plain { running, step } => match ready!(running.poll(cx)) {
                Err(error) => Poll::Ready(Err(step.name_error(error))),
                done => Poll::Ready(done),
            },
            RunProjection::Watched { running } => running.as_mut().poll(cx),
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
            None => run(self, step, input).await,
            Some(started) => run(&started, step, input).await,
        }
    }
}
