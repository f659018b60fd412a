//! Futures side by side on the caller's task: the engine of every fan-out.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, Result};
use crate::work::task::drop_and_wait;

/// Up to this many futures are simply all polled at each wake-up; more are polled one by one as they wake.
const FEW: usize = 32;

/// After this many completions in one poll the task lets others run.
const BUDGET: usize = 128;

/// Futures side by side, started one by one from an iterator as places become free, with the index of each.
pub(crate) struct Window<I: Iterator> {
    waiting: std::iter::Fuse<std::iter::Enumerate<I>>,
    running: Running<I::Item>,
    limit: usize,
    stopped: bool,
    completed: usize,
}

enum Running<F> {
    Few { futures: Vec<Option<(usize, F)>>, next: usize },
    Many(FuturesUnordered<Indexed<F>>),
}

impl<I> Window<I>
where
    I: Iterator<Item: Future + Unpin>,
{
    /// At most `limit` at once.
    pub(crate) fn new(futures: I, limit: usize) -> Self {
        let limit = limit.max(1);
        let at_most = futures.size_hint().1.unwrap_or(usize::MAX).min(limit);
        let running = if at_most <= FEW {
            Running::Few { futures: Vec::with_capacity(at_most), next: 0 }
        } else {
            Running::Many(FuturesUnordered::new())
        };
        Self { waiting: futures.enumerate().fuse(), running, limit, stopped: false, completed: 0 }
    }

    /// The next one that is done: `None` when all are.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, <I::Item as Future>::Output)>> {
        if self.completed == BUDGET {
            self.completed = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (waiting, stopped) = (&mut self.waiting, self.stopped);
        let mut start = || if stopped { None } else { waiting.next() };
        let next = match &mut self.running {
            Running::Few { futures, next } => poll_few(futures, next, &mut start, self.limit, cx),
            Running::Many(running) => {
                while running.len() < self.limit {
                    match start() {
                        Some((index, future)) => running.push(Indexed { index, future }),
                        None => break,
                    }
                }
                running.poll_next_unpin(cx)
            }
        };
        match next {
            Poll::Ready(_) => self.completed += 1,
            Poll::Pending => self.completed = 0,
        }
        next
    }
}

impl<I, T> Window<I>
where
    I: Iterator<Item: Future<Output = Result<T>> + Unpin>,
{
    /// The failures of this moment: the one that was met, and those that one more look at what runs finds. Nothing
    /// new is started from here on.
    pub(crate) fn failures_now(&mut self, met: (usize, Error), cx: &mut Context<'_>) -> Vec<(usize, Error)> {
        self.stopped = true;
        if let Running::Few { next, .. } = &mut self.running {
            // All of them, also those before the one that failed: it may have woken them.
            *next = 0;
        }
        let mut failures = vec![met];
        loop {
            // However many there are, this is one look.
            self.completed = 0;
            let Poll::Ready(Some((index, done))) = self.poll_next(cx) else { return failures };
            failures.extend(done.err().map(|error| (index, error)));
        }
    }
}

fn poll_few<F: Future + Unpin>(
    futures: &mut Vec<Option<(usize, F)>>,
    next: &mut usize,
    start: &mut impl FnMut() -> Option<(usize, F)>,
    limit: usize,
    cx: &mut Context<'_>,
) -> Poll<Option<(usize, F::Output)>> {
    while futures.len() < limit {
        match start() {
            Some(future) => futures.push(Some(future)),
            None => break,
        }
    }
    while *next < futures.len() {
        let place = &mut futures[*next];
        if place.is_none() {
            *place = start();
        }
        if let Some((index, future)) = place {
            if let Poll::Ready(done) = Pin::new(future).poll(cx) {
                let index = *index;
                // The place is filled again, and its new future polled, in the same sweep.
                *place = None;
                return Poll::Ready(Some((index, done)));
            }
        }
        *next += 1;
    }
    *next = 0;
    if futures.iter().all(Option::is_none) { Poll::Ready(None) } else { Poll::Pending }
}

struct Indexed<F> {
    index: usize,
    future: F,
}

impl<F: Future + Unpin> Future for Indexed<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.future).poll(cx).map(|done| (self.index, done))
    }
}

/// All of them, in their order; the first failure in time stops the rest.
///
/// Failures that are there at the same moment are told in order: the first of them is the error, the others are
/// [related](Error::related) to it. It returns only when the rest is gone, tasks of their own included.
pub(crate) async fn all<T, I>(futures: I, limit: usize) -> Result<Outputs<T>>
where
    I: Iterator<Item: Future<Output = Result<T>> + Unpin>,
{
    let mut window = Window::new(futures, limit);
    let mut done: Vec<Option<T>> = std::iter::repeat_with(|| None).take(window.waiting.size_hint().0).collect();
    let failures = std::future::poll_fn(|cx| {
        loop {
            match window.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Vec::new()),
                Poll::Ready(Some((index, Err(error)))) => return Poll::Ready(window.failures_now((index, error), cx)),
                Poll::Ready(Some((index, Ok(value)))) => {
                    if done.len() <= index {
                        done.resize_with(index + 1, || None);
                    }
                    done[index] = Some(value);
                }
            }
        }
    })
    .await;
    if failures.is_empty() {
        return Ok(Outputs(done.into_iter()));
    }
    drop_and_wait(window).await;
    Err(first_of(failures))
}

/// What all of them gave, each in its place.
pub(crate) struct Outputs<T>(std::vec::IntoIter<Option<T>>);

impl<T> Iterator for Outputs<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        // Where all succeeded no place is empty.
        self.0.next()?
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// The first failure in declaration order, the others attached.
pub(crate) fn first_of(mut failures: Vec<(usize, Error)>) -> Error {
    failures.sort_by_key(|(index, _)| *index);
    // A failure that came in with the input comes out of every branch that reads it, and happened once.
    let mut came_in = false;
    failures.retain(|(_, error)| !(error.is_passing() && std::mem::replace(&mut came_in, true)));
    let mut failures = failures.into_iter().map(|(_, error)| error);
    match failures.next() {
        Some(first) => first.with_related(failures),
        None => Error::new(crate::ErrorKind::Other, "a fan-out failed without an error"),
    }
}
