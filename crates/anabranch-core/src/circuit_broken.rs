//! [`WithCircuitBreaker`]: a step behind a circuit breaker.

use crate::chunks::Chunks;
use crate::circuit_breaker::CircuitBreaker;
use crate::config::RunConfig;
use crate::describe::Description;
use crate::error::{Error, Result};
use crate::label::{Label, Labelled};
use crate::on_end::on_end;
use crate::pipe_operator;
use crate::runnable::Runnable;

/// See [`Runnable::with_circuit_breaker`].
#[derive(Debug, Clone)]
pub struct WithCircuitBreaker<R> {
    step: R,
    breaker: CircuitBreaker,
}

impl<R> WithCircuitBreaker<R> {
    pub(crate) fn new(step: R, breaker: CircuitBreaker) -> Self {
        Self { step, breaker }
    }
}

impl<R: Runnable> WithCircuitBreaker<R> {
    #[cold]
    fn named(&self, error: Error) -> Error {
        self.step.name_error(error)
    }
}

impl<R: Runnable> Runnable for WithCircuitBreaker<R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let call = self.breaker.admit().map_err(|error| self.named(error))?;
        let done = config.run(&self.step, input).await;
        call.ended(done.as_ref().err());
        done
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            let call = self.breaker.admit().map_err(|error| self.named(error))?;
            Ok(on_end(config.stream(&self.step, input), move |error| call.ended(error)))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around("circuit_breaker", self.step.describe())
    }
}

pipe_operator!(impl<R> for WithCircuitBreaker<R> where R: Runnable);
