//! [`WithCircuitBreaker`]: a step behind a circuit breaker.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::description::{Description, Kind, Label};
use crate::error::{Error, Result};
use crate::resilience::circuit_breaker::{Call, CircuitBreaker, CircuitState};
use crate::run::config::RunConfig;
use crate::step::naming::name_from_outside;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;

/// See [`RunnableExt::with_circuit_breaker`](crate::RunnableExt::with_circuit_breaker).
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
        name_from_outside(&self.step, error)
    }
}

impl<R: Runnable> Runnable for WithCircuitBreaker<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        match self.breaker.admit() {
            Ok(call) => Admitted::Running { running: run(config, &self.step, input), call: Some(call) },
            Err(error) => Admitted::Refused { error: Some(self.named(error)) },
        }
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // A probe begins when the step does: while the step before still runs, another call may be the probe.
            let input = match self.breaker.state() {
                CircuitState::Closed => input.begun_lawfully().await?,
                _ => Chunks::once(input.collect().await?),
            };
            let call = self.breaker.admit().map_err(|error| self.named(error))?;
            let mut chunks = stream(config, &self.step, input);
            chunks.begin();
            Ok(chunks.inspect_end(move |error| call.ended(error)))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::CIRCUIT_BREAKER, self.step.describe())
    }
}

pipe_operator!(impl<R> for WithCircuitBreaker<R> where R: Runnable);

pin_project! {
    #[project = AdmittedProjection]
    enum Admitted<'a, F> {
        Running { #[pin] running: F, call: Option<Call<'a>> },
        Refused { error: Option<Error> },
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Admitted<'_, F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project() {
            AdmittedProjection::Running { running, call } => {
                let done = ready!(running.poll(cx));
                if let Some(call) = call.take() {
                    call.ended(done.as_ref().err());
                }
                Poll::Ready(done)
            }
            AdmittedProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests;
