//! [`WithRateLimiter`]: a step behind a rate limiter.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::description::{Description, Kind, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::rate_limiter::{Cost, RateLimiter, ServerLimits};
use crate::run::config::RunConfig;
use crate::run::observer::{Waited, WaitedOn};
use crate::run::watch::{self, Watch};
use crate::step::naming::{label_from_outside, name_from_outside};
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream_owned;
use crate::step::watched;
use crate::stream::chunks::Chunks;
use crate::stream::exit::Names;
use crate::work::timer::until;

type CostOf<I> = Arc<dyn Fn(&I) -> Cost + Send + Sync>;

/// See [`RunnableExt::with_rate_limiter`](crate::RunnableExt::with_rate_limiter).
pub struct WithRateLimiter<R: Runnable> {
    step: R,
    limiter: Arc<dyn RateLimiter>,
    cost: Option<CostOf<R::Input>>,
}

impl<R: Runnable> WithRateLimiter<R> {
    pub(crate) fn new(step: R, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { step, limiter, cost: None }
    }

    /// Says what an input costs. Without it each call is one request without units.
    ///
    /// A streamed input is collected first, because only the whole of it has a cost.
    #[must_use]
    pub fn cost(mut self, cost: impl Fn(&R::Input) -> Cost + Send + Sync + 'static) -> Self {
        self.cost = Some(Arc::new(cost));
        self
    }

    fn cost_of(&self, input: &R::Input) -> Cost {
        self.cost.as_ref().map_or(Cost::REQUEST, |cost| cost(input))
    }

    /// Where there are observers, the step begins with its wait.
    async fn begun(&self, cost: Cost, config: &RunConfig) -> Result<Watch> {
        let config = config.charged(self.limiter.clone(), cost);
        let watch = Watch::begin(config.at(label_from_outside(&self.step)));
        self.admitted(cost, watch.config()).await.inspect_err(|error| watch.failed(error))?;
        Ok(watch)
    }

    async fn observed(&self, cost: Cost, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let watch = self.begun(cost, config).await?;
        watched::call_begun(watch, &self.step, input).await.map_err(|error| self.step.name_error(error))
    }

    /// Waits for a turn.
    async fn admitted(&self, cost: Cost, config: &RunConfig) -> Result<()> {
        if self.limiter.try_acquire(cost) {
            return Ok(());
        }
        let ahead = if config.is_observed() { self.limiter.snapshot().waiting } else { 0 };
        let began = Instant::now();
        let deadline = config.deadline();
        let mut had_to_wait = false;
        let mut turn = self.limiter.acquire(cost, deadline);
        let turn = pin!(std::future::poll_fn(|cx| {
            let turn = turn.as_mut().poll(cx);
            had_to_wait |= turn.is_pending();
            turn
        }));
        let admitted = match deadline {
            None => turn.await,
            Some(deadline) => until(deadline, turn).await?.unwrap_or_else(|| {
                Err(Error::new(ErrorKind::DeadlineExceeded, "the deadline passed before the rate limiter had a turn"))
            }),
        };
        if had_to_wait {
            let waited = Waited { on: WaitedOn::RateLimiter, time: began.elapsed(), ahead };
            watch::tell(config, |observer, step| observer.waited(step, &waited));
        }
        admitted.map_err(|error| name_from_outside(&self.step, error))
    }

    /// A server that says when to come back is believed by all who share the limiter.
    fn learn(&self, error: &Error) {
        // One that came in with the input is another server's.
        if error.is_passing() {
            return;
        }
        if let (ErrorKind::RateLimited, Some(wait)) = (error.kind(), error.retry_after()) {
            self.limiter.update(&ServerLimits::new().retry_after(wait));
        }
    }
}

impl<R: Runnable> Runnable for WithRateLimiter<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        let cost = self.cost_of(&input);
        let running = if config.is_observed() {
            self.observed(cost, input, config).boxed()
        } else {
            let running = async move {
                self.admitted(cost, config).await?;
                let charged = config.charged(self.limiter.clone(), cost);
                run(&charged, &self.step, input).await
            };
            running.boxed()
        };
        Learning { running, limited: self }
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // An input that fails before its first chunk is charged nothing.
            let (input, cost) = match input.into_ready() {
                Ok(input) => {
                    let input = input?;
                    let cost = self.cost_of(&input);
                    (Chunks::once(input), cost)
                }
                Err(input) if self.cost.is_none() => (input.begun_lawfully().await?, Cost::REQUEST),
                Err(input) => {
                    let input = input.collect().await?;
                    let cost = self.cost_of(&input);
                    (Chunks::once(input), cost)
                }
            };
            let mut chunks = if config.is_observed() {
                let watch = self.begun(cost, config).await?;
                watched::stream_begun(watch, &self.step, input.entering()).named(&self.step).leaving()
            } else {
                self.admitted(cost, config).await?;
                stream_owned(config.charged(self.limiter.clone(), cost), &self.step, input)
            };
            chunks.begin();
            Ok(chunks.inspect_end(|error| error.into_iter().for_each(|error| self.learn(error))))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::RATE_LIMITER, self.step.describe())
    }
}

impl<R: Runnable + Clone> Clone for WithRateLimiter<R> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), limiter: self.limiter.clone(), cost: self.cost.clone() }
    }
}

impl<R: Runnable + fmt::Debug> fmt::Debug for WithRateLimiter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithRateLimiter")
            .field("step", &self.step)
            .field("limiter", &self.limiter.snapshot())
            .finish_non_exhaustive()
    }
}

pipe_operator!(impl<R> for WithRateLimiter<R> where R: Runnable);

pin_project! {
    struct Learning<'a, R: Runnable, F> {
        #[pin]
        running: F,
        limited: &'a WithRateLimiter<R>,
    }
}

impl<R: Runnable, F: Future<Output = Result<R::Output>>> Future for Learning<'_, R, F> {
    type Output = Result<R::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let done = ready!(this.running.poll(cx));
        if let Err(error) = &done {
            this.limited.learn(error);
        }
        Poll::Ready(done)
    }
}

#[cfg(test)]
mod tests;
