//! A step under a configuration of its own, which its stream must own: under the eyes of observers and the deadline,
//! or with what [`with_config`](crate::Runnable::with_config) brought along.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::resilience::timer::{poll_timer, sleep_until, until};
use crate::run::config::RunConfig;
use crate::run::observe::Watch;
use crate::runnable::Runnable;
use crate::steps::spawned::drop_and_wait;
use crate::stream::chunks::{Chunks, WholeSource};
use crate::stream::coroutine::{Coroutine, coroutine};
use crate::stream::merge::Merge;

pub(crate) async fn invoke<R: Runnable>(
    step: &R,
    input: R::Input,
    config: RunConfig,
    kind: &'static str,
) -> Result<R::Output> {
    watched(step.invoke_with(input, &config), &config, kind).await
}

async fn watched<T>(running: impl Future<Output = Result<T>>, config: &RunConfig, kind: &'static str) -> Result<T> {
    let mut watch = Watch::start(config.clone(), kind);
    let done = match config.run_deadline() {
        None => running.await,
        Some(deadline) => {
            let mut running = Box::pin(running);
            match until(deadline, running.as_mut()).await {
                Ok(Some(done)) => done,
                Ok(None) => {
                    drop_and_wait(running).await;
                    Err(deadline_exceeded())
                }
                Err(error) => Err(error),
            }
        }
    };
    match &done {
        Ok(_) => watch.finished(),
        Err(error) => watch.failed(error),
    }
    done
}

fn deadline_exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the run's deadline passed before the step was done")
}

/// The stream of a step that has a configuration of its own.
pub(crate) struct Reported<'a, R: Runnable> {
    step: &'a R,
    /// `None` once it runs.
    input: Option<Chunks<'a, R::Input>>,
    config: RunConfig,
    /// What kind of step the observers hear of; `None` if the step reports itself.
    kind: Option<&'static str>,
    running: Option<Running<'a, R::Output>>,
    law: Arc<OnceLock<Merge<R::Output>>>,
}

struct Running<'a, T> {
    /// `None` after the end, so that nothing is held when the observers hear of it.
    chunks: Option<Coroutine<'a, Result<T>>>,
    watch: Option<Watch>,
    deadline: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// After the deadline: waits until what ran is gone.
    leaving: Option<BoxFuture<'a, ()>>,
}

impl<'a, R: Runnable> Reported<'a, R> {
    pub(crate) fn chunks(
        step: &'a R,
        input: Chunks<'a, R::Input>,
        config: RunConfig,
        kind: Option<&'static str>,
    ) -> Chunks<'a, R::Output> {
        let law = Arc::new(OnceLock::new());
        let known = law.clone();
        let merge = Merge::late(move || known.get().cloned());
        Chunks::from_whole(Self { step, input: Some(input), config, kind, running: None, law }, merge)
    }

    fn start(&self, input: Chunks<'a, R::Input>) -> Running<'a, R::Output> {
        let watch = self.kind.map(|kind| Watch::start(self.config.clone(), kind));
        // A step that reports itself keeps to the deadline itself.
        let deadline = self.config.run_deadline().filter(|_| watch.is_some());
        let own = self.kind.is_none();
        let (step, config, law) = (self.step, self.config.clone(), self.law.clone());
        let chunks = coroutine(|mut yielder| async move {
            let chunks = if own { config.stream(step, input) } else { step.transform_with(input, &config) };
            let mut chunks = chunks.that_add_up();
            let _ = law.set(chunks.merge().clone());
            while let Some(chunk) = chunks.next().await {
                yielder.give(chunk).await;
            }
        });
        Running { chunks: Some(chunks), watch, deadline, timer: None, leaving: None }
    }
}

impl<R: Runnable> WholeSource<R::Output> for Reported<'_, R> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<R::Output>>> {
        if let Some(input) = self.input.take() {
            self.running = Some(self.start(input));
        }
        match &mut self.running {
            Some(running) => running.poll_chunk(cx),
            None => Poll::Ready(None),
        }
    }

    fn collect<'s>(mut self: Box<Self>) -> BoxFuture<'s, Result<R::Output>>
    where
        Self: 's,
    {
        Box::pin(async move {
            let Some(input) = self.input.take() else {
                let merge = self.law.get().cloned().unwrap_or(Merge::last());
                let rest = futures_util::stream::poll_fn(|cx| self.poll_chunk(cx));
                return Chunks::new(rest, merge).collect().await;
            };
            match self.kind {
                None => self.config.stream(self.step, input).collect().await,
                Some(kind) => {
                    let whole = async { self.step.transform_with(input, &self.config).collect().await };
                    watched(whole, &self.config, kind).await
                }
            }
        })
    }
}

impl<T: Send + 'static> Running<'_, T> {
    /// Ready once, when the deadline has come; or with an error where there can be no timer.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => self.timer.insert(Box::pin(sleep_until(deadline)?)),
        };
        if poll_timer(timer.as_mut(), cx).is_pending() {
            return Poll::Pending;
        }
        self.deadline = None;
        Poll::Ready(Ok(()))
    }

    fn tell(&mut self, event: impl FnOnce(&mut Watch)) {
        if let Some(watch) = &mut self.watch {
            event(watch);
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let mut next = match &mut self.chunks {
            Some(chunks) => Pin::new(chunks).poll_next(cx),
            None if self.leaving.is_none() => return Poll::Ready(None),
            None => Poll::Pending,
        };
        if next.is_pending() {
            match self.poll_deadline(cx) {
                Poll::Ready(Ok(())) => self.leaving = Some(Box::pin(drop_and_wait(self.chunks.take()))),
                Poll::Ready(Err(error)) => next = Poll::Ready(Some(Err(error))),
                Poll::Pending => {}
            }
            if let Some(leaving) = &mut self.leaving {
                if leaving.as_mut().poll(cx).is_ready() {
                    self.leaving = None;
                    next = Poll::Ready(Some(Err(deadline_exceeded())));
                }
            }
        }
        match &next {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => self.tell(|watch| watch.chunk()),
            Poll::Ready(Some(Err(error))) => {
                self.chunks = None;
                self.tell(|watch| watch.failed(error));
            }
            Poll::Ready(None) => {
                self.chunks = None;
                self.tell(Watch::finished);
            }
        }
        next
    }
}
