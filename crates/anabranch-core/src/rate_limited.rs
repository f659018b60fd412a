//! [`WithRateLimiter`]: a step behind a rate limiter.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use crate::chunks::Chunks;
use crate::config::RunConfig;
use crate::describe::Description;
use crate::error::{Error, ErrorKind, Result};
use crate::label::{Label, Labelled};
use crate::observe::{self, Waited, WaitedOn};
use crate::on_end::on_end;
use crate::pipe_operator;
use crate::rate_limiter::{Cost, RateLimiter, ServerLimits};
use crate::runnable::Runnable;
use crate::timer::until;

type CostOf<I> = Arc<dyn Fn(&I) -> Cost + Send + Sync>;

/// See [`Runnable::with_rate_limiter`].
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

    async fn admitted(&self, cost: Cost, config: &RunConfig) -> Result<()> {
        if self.limiter.try_acquire(cost) {
            return Ok(());
        }
        let ahead = if config.observers().is_empty() { 0 } else { self.limiter.snapshot().waiting };
        let began = Instant::now();
        let deadline = config.deadline();
        let mut turn = self.limiter.acquire(cost, deadline);
        let admitted = match deadline {
            None => turn.await,
            Some(deadline) => until(deadline, pin!(&mut turn)).await?.unwrap_or_else(|| {
                Err(Error::new(ErrorKind::DeadlineExceeded, "the deadline passed before the rate limiter had a turn"))
            }),
        };
        let waited = Waited { on: WaitedOn::RateLimiter, time: began.elapsed(), ahead };
        observe::tell(config, &self.step, Some(began), |observer, step| observer.waited(step, &waited));
        admitted.map_err(|error| self.step.name_error(error))
    }

    /// A server that says when to come back is believed by all who share the limiter.
    fn learn(&self, error: &Error) {
        if let (ErrorKind::RateLimited, Some(wait)) = (error.kind(), error.retry_after()) {
            self.limiter.update(&ServerLimits::new().retry_after(wait));
        }
    }
}

impl<R: Runnable> Runnable for WithRateLimiter<R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        self.admitted(self.cost_of(&input), config).await?;
        config.run(&self.step, input).await.inspect_err(|error| self.learn(error))
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // An input that fails before its first chunk is charged nothing.
            let (input, cost) = match input.into_ready() {
                Ok(input) => {
                    let input = input?;
                    let cost = self.cost_of(&input);
                    (Chunks::once(input), cost)
                }
                Err(input) if self.cost.is_none() => (input.begun().await?, Cost::REQUEST),
                Err(input) => {
                    let input = input.collect().await?;
                    let cost = self.cost_of(&input);
                    (Chunks::once(input), cost)
                }
            };
            self.admitted(cost, config).await?;
            let chunks = config.stream(&self.step, input);
            Ok(on_end(chunks, |error| error.into_iter().for_each(|error| self.learn(error))))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around("rate_limiter", self.step.describe())
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
