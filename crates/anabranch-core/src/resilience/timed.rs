//! A stream with a limit on its time: what [`with_timeout`](crate::Runnable::with_timeout) and
//! [`with_idle_timeout`](crate::Runnable::with_idle_timeout) are made of.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::resilience::timer::{let_go, poll_timer, sleep_until, until};
use crate::stream::chunks::{Chunks, WholeSource};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// The stream must be at its end then.
    Whole(Instant),
    /// The longest wait for one chunk.
    Idle(Duration),
}

pub(crate) struct Timed<'a, T, F> {
    chunks: Chunks<'a, T>,
    limit: Limit,
    /// The error to give: made from one of the stream, or because time is over.
    fails: F,
    /// Made when there is something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the reader waits for a chunk.
    waiting: bool,
    /// Time is over: waits until what ran is gone.
    leaving: Option<BoxFuture<'a, ()>>,
}

impl<'a, T: Send + 'static, F: Fn(Option<Error>) -> Error + Send + 'a> Timed<'a, T, F> {
    pub(crate) fn chunks(chunks: Chunks<'a, T>, limit: Limit, fails: F) -> Chunks<'a, T> {
        let merge = chunks.merge().clone();
        Chunks::from_whole(Self::new(chunks, limit, fails), merge)
    }

    pub(crate) fn new(chunks: Chunks<'a, T>, limit: Limit, fails: F) -> Self {
        Self { chunks, limit, fails, timer: None, waiting: false, leaving: None }
    }

    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let begins = !std::mem::replace(&mut self.waiting, true);
        let moment = match self.limit {
            Limit::Whole(moment) => Some(moment),
            // The clock runs while the reader waits, not while it works on a chunk.
            Limit::Idle(wait) => Instant::now().checked_add(wait).filter(|_| begins || self.timer.is_none()),
        };
        match (&mut self.timer, moment) {
            (Some(timer), Some(moment)) if begins => timer.as_mut().reset(moment),
            (None, Some(moment)) => match sleep_until(moment) {
                Ok(timer) => self.timer = Some(Box::pin(timer)),
                Err(error) => return Poll::Ready(error),
            },
            _ => {}
        }
        let over = self.timer.as_mut().is_some_and(|timer| poll_timer(timer.as_mut(), cx).is_ready());
        if over { self.poll_leaving(cx) } else { Poll::Pending }
    }

    /// Stops what runs; ready with the error when it is gone.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let chunks = &mut self.chunks;
        let leaving = self.leaving.get_or_insert_with(|| {
            let chunks = std::mem::replace(chunks, Chunks::failed(Error::new(ErrorKind::Timeout, "")));
            Box::pin(async move {
                let mut place = pin!(Some(chunks));
                let_go(place.as_mut()).await;
            })
        });
        leaving.as_mut().poll(cx).map(|()| (self.fails)(None))
    }

    /// All of it.
    pub(crate) async fn whole(mut self) -> Result<T> {
        let moment = match self.limit {
            Limit::Whole(moment) => moment,
            // Such chunks cannot be added up here: only their source knows the whole, and shows no progress.
            Limit::Idle(_) if self.chunks.merge().is_whole() => return self.chunks.collect().await,
            Limit::Idle(_) => {
                // Chunk by chunk, to see that there is progress.
                let mut collector = None;
                loop {
                    match std::future::poll_fn(|cx| self.poll_chunk(cx)).await {
                        None => break,
                        Some(chunk) => {
                            let merge = self.chunks.merge();
                            collector.get_or_insert_with(|| merge.collector()).push(chunk?)?;
                        }
                    }
                }
                return collector.unwrap_or_else(|| self.chunks.merge().collector()).finish();
            }
        };
        let Self { chunks, fails, .. } = self;
        let mut running = pin!(Some(chunks.collect()));
        let done = match running.as_mut().as_pin_mut() {
            Some(running) => until(moment, running).await?,
            None => None,
        };
        match done {
            Some(done) => done.map_err(|error| fails(Some(error))),
            None => {
                let_go(running).await;
                Err(fails(None))
            }
        }
    }
}

impl<'a, T: Send + 'static, F: Fn(Option<Error>) -> Error + Send + 'a> WholeSource<T> for Timed<'a, T, F> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.leaving.is_some() {
            return self.poll_leaving(cx).map(|error| Some(Err(error)));
        }
        let late = matches!(self.limit, Limit::Whole(moment) if Instant::now() > moment);
        match Pin::new(&mut self.chunks).poll_next(cx) {
            Poll::Pending => self.poll_limit(cx).map(|error| Some(Err(error))),
            Poll::Ready(Some(Ok(_))) if late => self.poll_leaving(cx).map(|error| Some(Err(error))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err((self.fails)(Some(error))))),
            next => {
                self.waiting = false;
                next
            }
        }
    }

    fn collect<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's,
    {
        Box::pin((*self).whole())
    }
}
