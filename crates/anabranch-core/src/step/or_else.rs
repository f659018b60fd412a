//! [`attempt_or_else`]: a step, and what happens when it fails.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::step::attempt::Attempt;
use crate::step::run::run;
use crate::step::runnable::Runnable;

/// Runs a step; what follows on its failure is told which attempt failed, and how. Without an observer the attempt
/// allocates nothing.
#[inline]
pub(crate) fn attempt_or_else<'a, R, G>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
    or_else: G,
) -> impl Future<Output = Result<R::Output>> + Send + use<'a, R, G>
where
    R: Runnable,
    G: FnOnce(Attempt, Error) -> BoxFuture<'a, Result<R::Output>> + Send + 'a,
{
    if config.is_observed() {
        let running = Box::pin(async move {
            let attempt = Attempt::at(config, step);
            match attempt.run(config, step, input).await {
                Ok(done) => Ok(done),
                Err(error) => or_else(attempt, error).await,
            }
        });
        return OrElse::Rest { running };
    }
    let or_else = move |error| or_else(Attempt::at(config, step), error);
    OrElse::First { running: run(config, step, input), or_else: Some(or_else) }
}

pin_project! {
    /// The first attempt stands in its place and allocates nothing; what happens after a failure is boxed.
    #[project = OrElseProjection]
    enum OrElse<'a, F, G, T> {
        First { #[pin] running: F, or_else: Option<G> },
        Rest { running: BoxFuture<'a, Result<T>> },
    }
}

impl<'a, T, F, G> Future for OrElse<'a, F, G, T>
where
    F: Future<Output = Result<T>>,
    G: FnOnce(Error) -> BoxFuture<'a, Result<T>>,
{
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        loop {
            let running = match self.as_mut().project() {
                OrElseProjection::First { running, or_else } => match ready!(running.poll(cx)) {
                    Ok(done) => return Poll::Ready(Ok(done)),
                    Err(error) => match or_else.take() {
                        Some(or_else) => or_else(error),
                        None => return Poll::Ready(Err(error)),
                    },
                },
                OrElseProjection::Rest { running } => return running.as_mut().poll(cx),
            };
            self.set(Self::Rest { running });
        }
    }
}
