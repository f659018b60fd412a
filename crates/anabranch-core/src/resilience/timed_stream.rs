//! [`TimedStream`]: a stream with a limit on its time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::error::{Error, Result};
use crate::work::task::stop;
use crate::work::timer::{poll_timer, sleep_until};

#[derive(Debug, Clone, Copy)]
pub(crate) enum TimeLimit {
    /// The stream must be at its end then.
    Whole(Instant),
    /// The longest wait for one chunk.
    Idle(Duration),
}

pub(crate) struct TimedStream<'a, S, F> {
    /// `None` after the end.
    chunks: Option<S>,
    limit: TimeLimit,
    /// The error to give: made from one of the stream, or because time is over.
    fails: F,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the reader waits for a chunk.
    waiting: bool,
    /// Time is over: waits until what ran is gone.
    leaving: Option<(Error, BoxFuture<'a, ()>)>,
}

impl<'a, T, S, F> TimedStream<'a, S, F>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
    F: Fn(Option<Error>) -> Error,
{
    pub(crate) fn new(chunks: S, limit: TimeLimit, fails: F) -> Self {
        Self { chunks: Some(chunks), limit, fails, timer: None, waiting: false, leaving: None }
    }

    /// Whether time is over, while the reader waits.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let begins = !std::mem::replace(&mut self.waiting, true);
        let moment = match self.limit {
            TimeLimit::Whole(moment) => Some(moment),
            // The clock runs while the reader waits, not while it works on a chunk.
            TimeLimit::Idle(wait) => Instant::now().checked_add(wait).filter(|_| begins || self.timer.is_none()),
        };
        match (&mut self.timer, moment) {
            (Some(timer), Some(moment)) if begins => timer.as_mut().reset(moment),
            (None, Some(moment)) => self.timer = Some(Box::pin(sleep_until(moment)?)),
            _ => {}
        }
        match &mut self.timer {
            Some(timer) => poll_timer(timer.as_mut(), cx).map(Ok),
            None => Poll::Pending,
        }
    }

    /// Stops what runs; ready with the error when it is gone.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let (chunks, fails) = (&mut self.chunks, &self.fails);
        let (error, leaving) = self.leaving.get_or_insert_with(|| {
            let (chunks, error) = (chunks.take(), fails(None));
            let reason = error.clone();
            (error, Box::pin(async move { stop(chunks, &reason).await }))
        });
        leaving.as_mut().poll(cx).map(|()| Some(Err(error.clone())))
    }
}

impl<'a, T, S, F> Stream for TimedStream<'a, S, F>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
    F: Fn(Option<Error>) -> Error,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(chunks) = &mut this.chunks else {
            return if this.leaving.is_some() { this.poll_leaving(cx) } else { Poll::Ready(None) };
        };
        match Pin::new(chunks).poll_next(cx) {
            Poll::Pending => match this.poll_limit(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(())) => this.poll_leaving(cx),
                Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            },
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err((this.fails)(Some(error))))),
            // An end is an end, however late its reader comes for it.
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(next) => {
                this.waiting = false;
                // A stream that always has something ready never sees its timer.
                let late = matches!(this.limit, TimeLimit::Whole(moment) if Instant::now() > moment);
                if late { this.poll_leaving(cx) } else { Poll::Ready(next) }
            }
        }
    }
}

/// Nothing of it is pinned in place.
impl<S, F> Unpin for TimedStream<'_, S, F> {}
