//! The streams of several branches as one, in the order their chunks arrive.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, Result};
use crate::fan_out::join::first_of;
use crate::work::task::drop_and_wait;

/// Up to this many streams are simply all polled at each wake-up.
const FEW: usize = 32;

/// The streams of several branches as one. At most `limit` of them run at once; the first failure drops the others,
/// and the stream ends only when they are gone.
pub(crate) struct ParallelStream<'a, S, F> {
    state: State<'a, S>,
    limit: usize,
    keyed: F,
}

enum State<'a, S> {
    Few { branches: Vec<Option<S>>, next: usize },
    Many { waiting: std::vec::IntoIter<Numbered<S>>, running: FuturesUnordered<Numbered<S>> },
    Failing(BoxFuture<'a, Error>),
    Done,
}

impl<'a, T, S: Stream<Item = Result<T>> + Unpin + Send + 'a, F> ParallelStream<'a, S, F> {
    pub(crate) fn new(branches: Vec<S>, limit: usize, keyed: F) -> Self {
        let state = if branches.len() <= FEW {
            State::Few { branches: branches.into_iter().map(Some).collect(), next: 0 }
        } else {
            let numbered: Vec<_> = branches
                .into_iter()
                .enumerate()
                .map(|(index, chunks)| Numbered { index, chunks: Some(chunks) })
                .collect();
            State::Many { waiting: numbered.into_iter(), running: FuturesUnordered::new() }
        };
        Self { state, limit: limit.max(1), keyed }
    }

    /// Drops what runs, and ends with the failures when it is gone.
    fn fail(&mut self, failures: Vec<(usize, Error)>) {
        let running = std::mem::replace(&mut self.state, State::Done);
        self.state = State::Failing(Box::pin(async move {
            drop_and_wait(running).await;
            first_of(failures)
        }));
    }
}

impl<'a, T, U, S, F> Stream for ParallelStream<'a, S, F>
where
    S: Stream<Item = Result<T>> + Unpin + Send + 'a,
    F: Fn(usize, T) -> U + Unpin,
{
    type Item = Result<U>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let limit = this.limit;
        loop {
            let step = match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Failing(gone) => match gone.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(error) => {
                        this.state = State::Done;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Few { branches, next } => poll_few(branches, next, limit, cx),
                State::Many { waiting, running } => poll_many(waiting, running, limit, cx),
            };
            match step {
                Step::Chunk(index, chunk) => return Poll::Ready(Some(Ok((this.keyed)(index, chunk)))),
                Step::Failed(failures) => this.fail(failures),
                Step::Pending => return Poll::Pending,
                Step::Done => this.state = State::Done,
            }
        }
    }
}

enum Step<T> {
    Chunk(usize, T),
    Failed(Vec<(usize, Error)>),
    Pending,
    Done,
}

/// One sweep over the branches, from the one after the last that gave something.
fn poll_few<T, S: Stream<Item = Result<T>> + Unpin>(
    branches: &mut [Option<S>],
    next: &mut usize,
    limit: usize,
    cx: &mut Context<'_>,
) -> Step<T> {
    let count = branches.len();
    // Where not all may run, the first ones that are not done yet do.
    let running = branches.iter().filter(|branch| branch.is_some()).count();
    let last = if running <= limit {
        count
    } else {
        branches.iter().enumerate().filter(|(_, branch)| branch.is_some()).nth(limit).map_or(count, |(index, _)| index)
    };
    let mut pending = false;
    let mut ended = false;
    for offset in 0..count {
        let index = (*next + offset) % count;
        let Some(chunks) = branches[index].as_mut().filter(|_| index < last) else { continue };
        match Pin::new(chunks).poll_next(cx) {
            Poll::Pending => pending = true,
            Poll::Ready(None) => {
                branches[index] = None;
                ended = true;
            }
            Poll::Ready(Some(Ok(chunk))) => {
                *next = (index + 1) % count;
                return Step::Chunk(index, chunk);
            }
            Poll::Ready(Some(Err(error))) => {
                branches[index] = None;
                let mut failures = vec![(index, error)];
                // Failures of the same moment.
                for (other, place) in branches.iter_mut().enumerate().filter(|(other, _)| *other < last) {
                    if let Some(chunks) = place {
                        if let Poll::Ready(Some(Err(error))) = Pin::new(chunks).poll_next(cx) {
                            failures.push((other, error));
                        }
                    }
                }
                return Step::Failed(failures);
            }
        }
    }
    if ended && last < count {
        // One that ended made room for another.
        return poll_few(branches, next, limit, cx);
    }
    if pending { Step::Pending } else { Step::Done }
}

fn poll_many<T, S: Stream<Item = Result<T>> + Unpin>(
    waiting: &mut std::vec::IntoIter<Numbered<S>>,
    running: &mut FuturesUnordered<Numbered<S>>,
    limit: usize,
    cx: &mut Context<'_>,
) -> Step<T> {
    loop {
        while running.len() < limit {
            match waiting.next() {
                Some(branch) => running.push(branch),
                None => break,
            }
        }
        match running.poll_next_unpin(cx) {
            Poll::Pending => return Step::Pending,
            Poll::Ready(None) => return Step::Done,
            Poll::Ready(Some((_, None, _))) => {}
            Poll::Ready(Some((index, Some(Ok(chunk)), chunks))) => {
                running.push(Numbered { index, chunks: Some(chunks) });
                return Step::Chunk(index, chunk);
            }
            Poll::Ready(Some((index, Some(Err(error)), _))) => {
                let mut failures = vec![(index, error)];
                // All of them, woken or not: where many wait for timers tokio puts most of them off to the next poll.
                let look = std::future::poll_fn(|cx| {
                    for branch in running.iter_mut() {
                        if let Poll::Ready((index, Some(Err(error)), _)) = Pin::new(branch).poll(cx) {
                            failures.push((index, error));
                        }
                    }
                    Poll::Ready(())
                });
                let _ = Pin::new(&mut tokio::task::unconstrained(look)).poll(cx);
                return Step::Failed(failures);
            }
        }
    }
}

/// The next chunk of one branch, as a future that gives the stream back.
struct Numbered<S> {
    index: usize,
    chunks: Option<S>,
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Future for Numbered<S> {
    type Output = (usize, Option<Result<T>>, S);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let next = match &mut this.chunks {
            Some(chunks) => Pin::new(chunks).poll_next(cx),
            None => return Poll::Pending,
        };
        match (next, this.chunks.take()) {
            (Poll::Ready(next), Some(chunks)) => Poll::Ready((this.index, next, chunks)),
            (_, chunks) => {
                this.chunks = chunks;
                Poll::Pending
            }
        }
    }
}
