//! A step that is watched: by observers, by the clock, by somebody who wants to see progress.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::run::config::RunConfig;
use crate::run::progress::Progress;
use crate::run::watch::Watch;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::stream::coroutine::coroutine;
use crate::stream::exit::Names;
use crate::stream::late::LateLaw;
use crate::work::task::{InPlace, stop};
use crate::work::timer::{poll_timer, sleep_until, until};

/// Runs a step that is watched, and names it in errors.
pub(crate) fn run<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    let running = call(config, step, input);
    Box::pin(async move { running.await.map_err(|error| step.name_error(error)) })
}

/// Runs a step that is watched; whoever calls this names it.
pub(crate) fn call<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    Box::pin(async move {
        match step.label() {
            // What has no name reports nothing: its parts do.
            None => step.call(input, config).await,
            Some(_) if !config.is_observed() => in_time(config.run_deadline(), work(config, step, input)).await,
            Some(label) => call_at(config.at(label), step, input).await,
        }
    })
}

/// Runs a step that reports as what `own`, its own configuration, says.
pub(crate) fn call_at<'a, R: Runnable>(
    own: RunConfig,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    Box::pin(async move { call_begun(Watch::begin(own), step, input).await })
}

/// Runs a step that has begun already.
pub(crate) fn call_begun<'a, R: Runnable>(
    mut watch: Watch,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    Box::pin(async move {
        let own = watch.config().clone();
        let done = in_time(own_deadline(&own, step), work(&own, step, input)).await;
        match &done {
            Ok(_) => watch.finished(),
            Err(error) => watch.failed(error),
        }
        done
    })
}

/// The step's own work. Where somebody wants to see progress, a step without parts is read chunk by chunk.
async fn work<R: Runnable>(config: &RunConfig, step: &R, input: R::Input) -> Result<R::Output> {
    let Some(progress) = config.progress().filter(|_| step.describe().children.is_empty()) else {
        return step.call(input, config).await;
    };
    let chunks = step.call_stream(Chunks::once(input), config);
    let progress = progress.clone();
    let whole = chunks.through(|chunks| Ticking { chunks, progress }).add_up().await;
    if let Some(progress) = config.progress() {
        progress.made();
    }
    whole
}

struct Ticking<S> {
    chunks: S,
    progress: Progress,
}

impl<S: Stream + Unpin> Stream for Ticking<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let next = Pin::new(&mut self.chunks).poll_next(cx);
        if next.is_ready() {
            self.progress.made();
        }
        next
    }
}

/// The deadline that a step keeps to itself. What has no name leaves that to its parts, observed or not.
fn own_deadline<R: Runnable>(config: &RunConfig, step: &R) -> Option<Instant> {
    config.run_deadline().filter(|_| step.label().is_some())
}

/// Stops what runs at the run's deadline. What is done too late is not done.
async fn in_time<T>(deadline: Option<Instant>, running: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = deadline else { return running.await };
    let mut running = pin!(Some(running));
    let done = match running.as_mut().as_pin_mut() {
        Some(running) => until(deadline, running).await?,
        None => None,
    };
    match done {
        Some(Ok(_)) if Instant::now() > deadline => Err(deadline_exceeded()),
        Some(done) => done,
        None => {
            let error = deadline_exceeded();
            stop(InPlace(running), &error).await;
            Err(error)
        }
    }
}

#[cold]
fn deadline_exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the run's deadline passed before the step was done")
}

/// The stream of a step that is watched.
pub(crate) fn stream<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: Chunks<'a, R::Input>,
) -> Chunks<'a, R::Output> {
    let Some(label) = step.label() else { return step.call_stream(input, config) };
    if config.is_observed() {
        return stream_at(config.at(label), step, input);
    }
    let mut chunks = step.call_stream(input, config);
    chunks.make_output();
    match config.run_deadline() {
        None => chunks,
        Some(deadline) => chunks.through(|chunks| Watched::new(chunks, None, Some(deadline))),
    }
}

/// The stream of a step that reports as what `own`, its own configuration, says.
pub(crate) fn stream_at<'a, R: Runnable>(
    own: RunConfig,
    step: &'a R,
    input: Chunks<'a, R::Input>,
) -> Chunks<'a, R::Output> {
    stream_begun(Watch::begin(own), step, input)
}

/// The stream of a step that has begun already.
pub(crate) fn stream_begun<'a, R: Runnable>(
    watch: Watch,
    step: &'a R,
    input: Chunks<'a, R::Input>,
) -> Chunks<'a, R::Output> {
    let law = LateLaw::new();
    let found = law.clone();
    let own = watch.config().clone();
    let deadline = own_deadline(&own, step);
    let chunks = coroutine(|mut yielder| async move {
        let mut chunks = step.call_stream(input, &own);
        chunks.make_output();
        chunks.tell_law(&found);
        yielder.give_all(chunks).await;
    });
    Chunks::with_late_law(Watched::new(chunks, Some(watch), deadline), law)
}

/// A stream that is over at the deadline, and reports.
struct Watched<'a, S> {
    /// `None` after the end, so that nothing is held when the observers hear of it.
    chunks: Option<S>,
    watch: Option<Watch>,
    deadline: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// After the deadline: waits until what ran is gone.
    leaving: Option<BoxFuture<'a, ()>>,
}

impl<'a, S> Watched<'a, S> {
    fn new(chunks: S, watch: Option<Watch>, deadline: Option<Instant>) -> Self {
        Self { chunks: Some(chunks), watch, deadline, timer: None, leaving: None }
    }

    /// Ready once, when the deadline has come; or with an error where there can be no timer.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => self.timer.insert(Box::pin(sleep_until(deadline)?)),
        };
        poll_timer(timer.as_mut(), cx).map(Ok)
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    fn tell(&mut self, event: impl FnOnce(&mut Watch)) {
        if let Some(watch) = &mut self.watch {
            event(watch);
        }
    }
}

impl<'a, T, S> Watched<'a, S>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
{
    /// Stops what runs; ready when it is gone.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let chunks = &mut self.chunks;
        let leaving = self.leaving.get_or_insert_with(|| {
            let chunks = chunks.take();
            Box::pin(async move { stop(chunks, &deadline_exceeded()).await })
        });
        leaving.as_mut().poll(cx).map(|()| Some(Err(deadline_exceeded())))
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let next = match &mut self.chunks {
            Some(chunks) => Pin::new(chunks).poll_next(cx),
            None if self.leaving.is_some() => Poll::Pending,
            None => return Poll::Ready(None),
        };
        match next {
            // A stream that always has something ready never sees its timer. (An end is an end, however late.)
            Poll::Ready(Some(Ok(_))) if self.is_late() => self.poll_leaving(cx),
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending if self.leaving.is_some() => self.poll_leaving(cx),
            Poll::Pending => match self.poll_deadline(cx) {
                Poll::Ready(Ok(())) => self.poll_leaving(cx),
                Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl<'a, T, S> Stream for Watched<'a, S>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = this.poll_chunk(cx);
        match &next {
            Poll::Pending => return next,
            Poll::Ready(Some(Ok(_))) => {
                this.tell(|watch| watch.chunk());
                return next;
            }
            Poll::Ready(Some(Err(error))) => this.tell(|watch| watch.failed(error)),
            Poll::Ready(None) => this.tell(Watch::finished),
        }
        this.chunks = None;
        this.leaving = None;
        next
    }
}

/// Nothing of it is pinned in place.
impl<S> Unpin for Watched<'_, S> {}
