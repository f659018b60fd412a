//! [`WithIdleTimeout`]: a step that must not fall silent.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::time::Sleep;

use crate::description::{Description, Kind, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::timed_stream::{TimeLimit, TimedStream};
use crate::run::config::RunConfig;
use crate::run::progress::Progress;
use crate::step::naming::name_from_outside;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;
use crate::work::task::{InPlace, stop};
use crate::work::timer::{poll_timer, sleep_until};

/// See [`RunnableExt::with_idle_timeout`](crate::RunnableExt::with_idle_timeout).
#[derive(Debug, Clone)]
pub struct WithIdleTimeout<R> {
    step: R,
    limit: Duration,
}

impl<R> WithIdleTimeout<R> {
    pub(crate) fn new(step: R, limit: Duration) -> Self {
        Self { step, limit }
    }
}

impl<R: Runnable> WithIdleTimeout<R> {
    /// What failed inside is passed on; nothing is silence.
    fn translated(&self, error: Option<Error>) -> Error {
        error.unwrap_or_else(|| self.silent())
    }

    #[cold]
    fn silent(&self) -> Error {
        let error = Error::new(ErrorKind::Timeout, format!("no chunk came for {:?}", self.limit));
        name_from_outside(&self.step, error)
    }
}

impl<R: Runnable> WithIdleTimeout<R> {
    /// The whole, as the step gives it to whoever calls it; its parts say whenever one of them has made a chunk.
    async fn while_there_is_progress(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let progress = Progress::inside(config.progress().cloned());
        let inner = config.showing(progress.clone());
        let mut running = pin!(Some(run(&inner, &self.step, input)));
        let mut timer: Option<Pin<Box<Sleep>>> = None;
        let done = std::future::poll_fn(|cx| {
            if let Some(running) = running.as_mut().as_pin_mut() {
                if let Poll::Ready(done) = running.poll(cx) {
                    return Poll::Ready(Ok::<_, Error>(Some(done)));
                }
            }
            // Too far away to be said is no limit.
            let Some(end) = progress.last().checked_add(self.limit) else { return Poll::Pending };
            let timer = match &mut timer {
                Some(timer) => timer,
                None => timer.insert(Box::pin(sleep_until(end)?)),
            };
            if timer.deadline() != end {
                timer.as_mut().reset(end);
            }
            poll_timer(timer.as_mut(), cx).map(|()| Ok(None))
        })
        .await?;
        match done {
            Some(done) => done,
            None => {
                let error = self.silent();
                stop(InPlace(running), &error).await;
                Err(error)
            }
        }
    }
}

impl<R: Runnable> Runnable for WithIdleTimeout<R> {
    type Input = R::Input;
    type Output = R::Output;

    /// Boxed: the future of the step borrows the configuration made for it.
    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        let running: BoxFuture<'a, _> = Box::pin(self.while_there_is_progress(input, config));
        running
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            // The silence of the steps before is not this step's.
            let input = Chunks::once(input.collect().await?);
            let mut chunks = stream(config, &self.step, input);
            chunks.begin();
            Ok(chunks.through(|chunks| {
                TimedStream::new(chunks, TimeLimit::Idle(self.limit), |error| self.translated(error))
            }))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::IDLE_TIMEOUT, self.step.describe())
    }
}

pipe_operator!(impl<R> for WithIdleTimeout<R> where R: Runnable);

#[cfg(test)]
mod tests;
