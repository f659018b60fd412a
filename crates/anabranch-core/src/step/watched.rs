//! A step that is watched: by observers, by the clock, by somebody who wants to see progress.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::error::Result;
use crate::run::config::RunConfig;
use crate::run::progress::Progress;
use crate::run::watch::Watch;
use crate::step::in_time::{InTime, deadline_exceeded};
use crate::step::or_boxed::OrBoxed;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::stream::coroutine::coroutine;
use crate::stream::exit::Names;
use crate::stream::late::LateLaw;
use crate::work::task::stop;
use crate::work::timer::{poll_timer, sleep_until};

/// Runs a step that is observed, or whose progress somebody wants to see; whoever calls this names it.
pub(crate) fn call<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    // One future in each box: all of them in one would be as large as the largest, and is moved there as a whole.
    match step.label() {
        // What has no name reports nothing: its parts do.
        None => Box::pin(step.call(input, config)),
        Some(_) if !config.is_observed() => Box::pin(InTime::new(config.run_deadline(), work(config, step, input))),
        // It begins when it is polled for the first time.
        Some(label) => {
            Box::pin(async move { begun(Watch::begin(config.at(label)), config.run_deadline(), step, input).await })
        }
    }
}

/// Runs a step that reports as what `own`, its own configuration, says.
pub(crate) fn call_at<'a, R: Runnable>(
    own: RunConfig,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    let deadline = own_deadline(&own, step);
    Box::pin(async move { begun(Watch::begin(own), deadline, step, input).await })
}

/// Runs a step that has begun already.
pub(crate) fn call_begun<'a, R: Runnable>(
    watch: Watch,
    step: &'a R,
    input: R::Input,
) -> BoxFuture<'a, Result<R::Output>> {
    let deadline = own_deadline(watch.config(), step);
    Box::pin(begun(watch, deadline, step, input))
}

async fn begun<R: Runnable>(watch: Watch, deadline: Option<Instant>, step: &R, input: R::Input) -> Result<R::Output> {
    let done = InTime::new(deadline, work(watch.config(), step, input)).await;
    watch.ended(&done);
    done
}

/// Runs a step that is watched inside the block of another one, and names it in errors.
pub(crate) async fn within<R: Runnable>(config: &RunConfig, step: &R, input: R::Input) -> Result<R::Output> {
    // What has no name leaves all of it to its parts.
    let Some(label) = step.label() else {
        return step.call(input, config).await.map_err(|error| step.name_error(error));
    };
    let watch = config.is_observed().then(|| Watch::begin(config.at(label)));
    let own = watch.as_ref().map_or(config, Watch::config);
    let done = InTime::new(config.run_deadline(), work(own, step, input)).await;
    if let Some(watch) = &watch {
        watch.ended(&done);
    }
    done.map_err(|error| step.name_error(error))
}

/// The step's own work. Where somebody wants to see progress, a step without parts is read chunk by chunk.
fn work<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: R::Input,
) -> impl Future<Output = Result<R::Output>> + Send + use<'a, R> {
    match config.progress().filter(|_| step.describe().children.is_empty()) {
        None => OrBoxed::InPlace { running: step.call(input, config) },
        Some(progress) => OrBoxed::Boxed { running: Box::pin(ticking(config, step, input, progress)) },
    }
}

async fn ticking<R: Runnable>(config: &RunConfig, step: &R, input: R::Input, progress: &Progress) -> Result<R::Output> {
    let chunks = step.call_stream(Chunks::once(input), config);
    // The whole of a step that it hands on, such as one it has chosen, is made as `invoke` makes it.
    let ticking = |chunks| Ticking { chunks, progress: progress.clone() };
    let whole = chunks.collect_by(|chunks| chunks.through(ticking).add_up()).await;
    progress.made();
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
pub(crate) fn own_deadline<R: Runnable>(config: &RunConfig, step: &R) -> Option<Instant> {
    config.run_deadline().filter(|_| step.label().is_some())
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
    let chunks = coroutine(|mut yielder| async move {
        let own = watch.config();
        let mut chunks = step.call_stream(input, own);
        chunks.make_output();
        chunks.tell_law(&found);
        yielder.give_all(Watched::new(chunks, Some(&watch), own_deadline(own, step))).await;
    });
    Chunks::with_late_law(chunks, law)
}

/// So many chunks are handed on between two looks at the clock,
const BETWEEN_LOOKS: u8 = 15;

/// if the last look was no longer ago than this.
const QUICK: Duration = Duration::from_micros(50);

/// A stream that is over at the deadline, and reports.
struct Watched<'a, S> {
    /// `None` after the end, so that nothing is held when the observers hear of it.
    chunks: Option<S>,
    watch: Option<&'a Watch>,
    deadline: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// How many chunks may still be handed on without a look at the clock.
    unlooked: u8,
    looked: Option<Instant>,
    /// After the deadline: waits until what ran is gone.
    leaving: Option<BoxFuture<'a, ()>>,
}

impl<'a, S> Watched<'a, S> {
    fn new(chunks: S, watch: Option<&'a Watch>, deadline: Option<Instant>) -> Self {
        Self { chunks: Some(chunks), watch, deadline, timer: None, unlooked: 0, looked: None, leaving: None }
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

    /// Whether a chunk that is there comes too late. A look at the clock costs as much as a chunk, so where chunks come
    /// quickly and need not be waited for there is one look for many.
    fn is_late(&mut self) -> bool {
        let Some(deadline) = self.deadline else { return false };
        if let Some(unlooked) = self.unlooked.checked_sub(1) {
            self.unlooked = unlooked;
            return false;
        }
        let now = Instant::now();
        let quick = self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < QUICK);
        self.unlooked = if quick { BETWEEN_LOOKS } else { 0 };
        self.looked = Some(now);
        now > deadline
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

    /// There was nothing: perhaps it is time to go.
    #[cold]
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.unlooked = 0;
        if self.leaving.is_none() {
            if let Err(error) = ready!(self.poll_deadline(cx)) {
                return self.end(Some(Err(error)));
            }
        }
        let end = ready!(self.poll_leaving(cx));
        self.end(end)
    }

    #[cold]
    fn end(&mut self, end: Option<Result<T>>) -> Poll<Option<Result<T>>> {
        self.chunks = None;
        self.leaving = None;
        match (&end, self.watch) {
            (Some(Err(error)), Some(watch)) => watch.failed(error),
            (_, Some(watch)) => watch.finished(),
            (_, None) => {}
        }
        Poll::Ready(end)
    }
}

impl<'a, T, S> Stream for Watched<'a, S>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(chunks) = &mut this.chunks else {
            return if this.leaving.is_some() { this.poll_time(cx) } else { Poll::Ready(None) };
        };
        match Pin::new(chunks).poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                // A stream that always has something ready never sees its timer. (An end is an end, however late.)
                if this.is_late() {
                    let end = ready!(this.poll_leaving(cx));
                    return this.end(end);
                }
                if let Some(watch) = this.watch {
                    watch.chunk();
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(end) => this.end(end),
            Poll::Pending => this.poll_time(cx),
        }
    }
}

/// Nothing of it is pinned in place.
impl<S> Unpin for Watched<'_, S> {}
