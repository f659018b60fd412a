//! [`WithTimeout`]: a step that must be done in time.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::time::Instant;

use crate::description::{Description, Kind, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::timed_stream::{TimeLimit, TimedStream};
use crate::run::config::RunConfig;
use crate::step::naming::name_from_outside;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::{stream, stream_owned};
use crate::stream::chunks::Chunks;
use crate::work::task::{InPlace, stop};
use crate::work::timer::until;

/// See [`RunnableExt::with_timeout`](crate::RunnableExt::with_timeout).
#[derive(Debug, Clone)]
pub struct WithTimeout<R> {
    step: R,
    limit: Duration,
}

impl<R> WithTimeout<R> {
    pub(crate) fn new(step: R, limit: Duration) -> Self {
        Self { step, limit }
    }
}

impl<R: Runnable> WithTimeout<R> {
    #[cold]
    fn timed_out(&self) -> Error {
        let error = Error::new(ErrorKind::Timeout, format!("not done within {:?}", self.limit));
        name_from_outside(&self.step, error)
    }

    async fn in_time(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        // Too far away to be said is no limit.
        let Some(limit) = Instant::now().checked_add(self.limit) else { return run(config, &self.step, input).await };
        let inner = config.within(limit);
        let mut running = pin!(Some(run(&inner, &self.step, input)));
        let done = match running.as_mut().as_pin_mut() {
            Some(running) => until(limit, running).await?,
            None => None,
        };
        match done {
            // What is done too late is not done.
            Some(Ok(_)) if Instant::now() > limit => Err(self.timed_out()),
            Some(done) => done.map_err(|error| translated(error, config)),
            None => {
                let error = self.timed_out();
                stop(InPlace(running), &error).await;
                Err(error)
            }
        }
    }
}

/// What failed for want of time inside failed because of this time-out, if the run itself has time left.
fn translated(error: Error, config: &RunConfig) -> Error {
    let ours = error.kind() == ErrorKind::DeadlineExceeded && config.time_left().is_none_or(|left| !left.is_zero());
    if ours { error.with_kind(ErrorKind::Timeout) } else { error }
}

impl<R: Runnable> Runnable for WithTimeout<R> {
    type Input = R::Input;
    type Output = R::Output;

    /// Boxed: the future of the step borrows the configuration made for it.
    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        let running: BoxFuture<'a, _> = Box::pin(self.in_time(input, config));
        running
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // The time the steps before need to give the input is not this step's: the clock starts with the whole.
            let input = Chunks::once(input.collect().await?);
            let Some(limit) = Instant::now().checked_add(self.limit) else {
                return Ok(stream(config, &self.step, input));
            };
            let mut chunks = stream_owned(config.within(limit), &self.step, input);
            chunks.begin();
            Ok(chunks.through(|chunks| {
                TimedStream::new(chunks, TimeLimit::Whole(limit), move |error| match error {
                    Some(error) => translated(error, config),
                    None => self.timed_out(),
                })
            }))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::TIMEOUT, self.step.describe())
    }
}

pipe_operator!(impl<R> for WithTimeout<R> where R: Runnable);

#[cfg(test)]
mod tests;
