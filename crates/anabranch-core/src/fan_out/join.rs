//! Futures side by side on the caller's task: the engine of every fan-out.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use crate::error::{Error, Result};
use crate::work::task::drop_and_wait;

/// Up to this many futures are simply all polled at each wake-up; of more only those that were woken.
const FEW: usize = 32;

/// After this many completions in one poll the task lets others run.
const BUDGET: usize = 128;

/// Futures side by side, started one by one from an iterator as places become free, with the index of each.
///
/// A future is polled as soon as it is started, and gets a place only if it has to wait.
pub(crate) struct Window<I: Iterator> {
    waiting: std::iter::Fuse<std::iter::Enumerate<I>>,
    places: Vec<Place<I::Item>>,
    free: Vec<usize>,
    /// Places that were taken since the last look at those who wait.
    fresh: Vec<usize>,
    /// The look at those who wait that goes on.
    look: Look,
    /// Made when there are more than a few places.
    woken: Option<Arc<Woken>>,
    limit: usize,
    stopped: bool,
    completed: usize,
}

struct Place<F> {
    /// Who waits here, with its index.
    running: Option<(usize, F)>,
    /// Tells that somebody here was woken. Where there are only a few, and before the second look, all are looked at
    /// together, and it is the task itself that is woken.
    waker: Option<(Arc<PlaceWaker>, Waker)>,
}

/// One look at those who wait.
enum Look {
    Over,
    /// At all of them.
    All {
        next: usize,
        end: usize,
    },
    At(VecDeque<usize>),
}

impl<I> Window<I>
where
    I: Iterator<Item: Future + Unpin>,
{
    /// At most `limit` at once.
    pub(crate) fn new(futures: I, limit: usize) -> Self {
        Self {
            waiting: futures.enumerate().fuse(),
            places: Vec::new(),
            free: Vec::new(),
            fresh: Vec::new(),
            look: Look::Over,
            woken: None,
            limit: limit.max(1),
            stopped: false,
            completed: 0,
        }
    }

    /// The next one that is done: `None` when all are.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, <I::Item as Future>::Output)>> {
        if self.completed == BUDGET {
            self.completed = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let begins = matches!(self.look, Look::Over);
            if begins {
                self.look = self.begin_look(cx);
            }
            let next = self.start(cx).or_else(|| self.look_on(cx));
            if next.is_some() {
                self.completed += 1;
                return Poll::Ready(next);
            }
            self.look = Look::Over;
            // Whoever was looked at in an earlier poll may have been woken since.
            if begins {
                break;
            }
        }
        self.completed = 0;
        match self.running() {
            0 => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }

    fn running(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Starts as many as may run, until one is done.
    fn start(&mut self, cx: &mut Context<'_>) -> Option<(usize, <I::Item as Future>::Output)> {
        while !self.stopped && self.running() < self.limit {
            if let Poll::Ready(done) = self.start_one(cx)? {
                return Some(done);
            }
        }
        None
    }

    /// Starts the next one: `None` if there is none.
    fn start_one(&mut self, cx: &mut Context<'_>) -> Option<Poll<(usize, <I::Item as Future>::Output)>> {
        let (index, mut future) = self.waiting.next()?;
        if let Poll::Ready(done) = Pin::new(&mut future).poll(cx) {
            return Some(Poll::Ready((index, done)));
        }
        let running = Some((index, future));
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place].running = running;
                place
            }
            None => {
                self.places.push(Place { running, waker: None });
                self.places.len() - 1
            }
        };
        self.fresh.push(place);
        Some(Poll::Pending)
    }

    fn begin_look(&mut self, cx: &Context<'_>) -> Look {
        let all = Look::All { next: 0, end: self.places.len() };
        if self.places.len() <= FEW {
            self.fresh.clear();
            return all;
        }
        match &self.woken {
            Some(woken) => {
                woken.task.register(cx.waker());
                let mut places = std::mem::take(&mut *woken.places());
                places.extend(self.fresh.drain(..));
                Look::At(places)
            }
            None => {
                let woken = self.woken.insert(Arc::default());
                woken.task.register(cx.waker());
                self.fresh.clear();
                all
            }
        }
    }

    /// Goes on with the look, until one is done.
    fn look_on(&mut self, cx: &mut Context<'_>) -> Option<(usize, <I::Item as Future>::Output)> {
        loop {
            let place = match &mut self.look {
                Look::Over => return None,
                Look::All { next, end } if *next == *end => return None,
                Look::All { next, .. } => {
                    *next += 1;
                    *next - 1
                }
                Look::At(places) => places.pop_front()?,
            };
            let Place { running, waker } = &mut self.places[place];
            let waker = self.woken.as_ref().map(|woken| {
                let (flag, waker) = waker.get_or_insert_with(|| woken.waker(place));
                flag.is_woken.store(false, Ordering::Release);
                &*waker
            });
            // Who was woken may be done by now, and its place empty, or somebody else's who is looked at once too often.
            let Some((index, future)) = running else { continue };
            let done = match waker {
                None => Pin::new(future).poll(cx),
                Some(waker) => Pin::new(future).poll(&mut Context::from_waker(waker)),
            };
            if let Poll::Ready(done) = done {
                let index = *index;
                *running = None;
                self.free.push(place);
                return Some((index, done));
            }
        }
    }
}

impl<I, T> Window<I>
where
    I: Iterator<Item: Future<Output = Result<T>> + Unpin>,
{
    /// The failures of this moment: the one that was met, and those that one more look at the others finds. Nothing
    /// new is started from here on but what would have been started beside the one that failed.
    pub(crate) fn failures_now(&mut self, met: (usize, Error), cx: &mut Context<'_>) -> Vec<(usize, Error)> {
        let mut failures = vec![met];
        for _ in self.running() + 1..self.limit {
            match self.start_one(cx) {
                Some(Poll::Ready((index, done))) => failures.extend(done.err().map(|error| (index, error))),
                Some(Poll::Pending) => {}
                None => break,
            }
        }
        self.stopped = true;
        // At all of them, woken or not, however many: what failed may have woken others, and where many wait for timers
        // tokio puts most of them off to the next poll.
        self.look = Look::All { next: 0, end: self.places.len() };
        let look = std::future::poll_fn(|cx| {
            while let Some((index, done)) = self.look_on(cx) {
                failures.extend(done.err().map(|error| (index, error)));
            }
            Poll::Ready(())
        });
        let _ = Pin::new(&mut tokio::task::unconstrained(look)).poll(cx);
        self.look = Look::Over;
        failures
    }
}

/// Who was woken since the last look.
#[derive(Default)]
struct Woken {
    places: Mutex<VecDeque<usize>>,
    task: AtomicWaker,
}

impl Woken {
    fn places(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waker(self: &Arc<Self>, place: usize) -> (Arc<PlaceWaker>, Waker) {
        let flag = Arc::new(PlaceWaker { woken: self.clone(), place, is_woken: AtomicBool::new(false) });
        (flag.clone(), Waker::from(flag))
    }
}

struct PlaceWaker {
    woken: Arc<Woken>,
    place: usize,
    /// It is in the queue.
    is_woken: AtomicBool,
}

impl Wake for PlaceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.woken.places().push_back(self.place);
            self.woken.task.wake();
        }
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

#[cfg(test)]
mod tests;
