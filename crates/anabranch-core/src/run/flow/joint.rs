//! [`joint`]: between a step and what it reads from.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;

use super::{Flow, Over, Side, Spot};

/// The two sides of a joint between a step and what it reads from.
pub(crate) fn joint() -> (Up, Down) {
    let (flow, news) = (Arc::new(Flow::default()), Arc::new(News::default()));
    (Up { flow: flow.clone(), news: news.clone() }, Down { flow, news })
}

/// The side that is read.
#[derive(Debug)]
pub(crate) struct Up {
    flow: Arc<Flow>,
    news: Arc<News>,
}

/// The side that reads.
#[derive(Debug)]
pub(crate) struct Down {
    flow: Arc<Flow>,
    news: Arc<News>,
}

impl Up {
    /// The input of a step.
    pub(crate) fn wrap<S: Stream + Unpin + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
        let waker = Waker::from(self.news.clone());
        UpStream { stream, flow: Over { spot: Spot::new(self.flow, Side::Inside) }, news: self.news, waker }
    }
}

impl Down {
    /// The output of the step that reads that input.
    pub(crate) fn wrap<S: Stream + Unpin + Send>(self, stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
        DownStream { stream, spot: Spot::new(self.flow, Side::Reads), news: self.news }
    }
}

/// Whether what is read, which was not ready when it was polled last, has something now. Who reads it may look in, find
/// nothing, and do something else instead of waiting: then, too, it is not read.
#[derive(Debug, Default)]
struct News {
    state: AtomicU8,
    wakers: Mutex<Wakers>,
}

/// It was polled, and has not woken anybody since.
const NO_NEWS: u8 = 0;

/// It has woken its reader.
const WOKEN: u8 = 1;

/// Its reader was polled after that, and has something else to wait for.
const TOLD: u8 = 2;

/// It was polled once more: many futures side by side do not all have a turn in one poll.
const TOLD_TWICE: u8 = 3;

#[derive(Debug, Default)]
struct Wakers {
    /// Of who polled it last.
    up: Option<Waker>,
    /// Of the step that reads it, which may have let go of who polled it.
    down: Option<Waker>,
}

impl News {
    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader is polled. What wakes it from here on is for the next poll.
    fn tell(&self) {
        for (from, to) in [(TOLD, TOLD_TWICE), (WOKEN, TOLD)] {
            if self.state.load(Ordering::Relaxed) == from {
                let _ = self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Puts a waker in.
    fn register(&self, which: impl FnOnce(&mut Wakers) -> &mut Option<Waker>, waker: &Waker) {
        let before = which(&mut self.wakers()).replace(waker.clone());
        // Not under the lock: what is dropped may be anything.
        drop(before);
    }
}

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.state.store(WOKEN, Ordering::Release);
        let (up, down) = {
            let wakers = self.wakers();
            (wakers.up.clone(), wakers.down.clone())
        };
        let down = down.filter(|down| up.as_ref().is_none_or(|up| !up.will_wake(down)));
        up.into_iter().chain(down).for_each(Waker::wake);
    }
}

struct UpStream<S> {
    stream: S,
    flow: Over,
    news: Arc<News>,
    /// Wakes whoever the news is for.
    waker: Waker,
}

impl<S: Stream + Unpin> Stream for UpStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { stream, flow: Over { spot }, news, waker } = &mut *self;
        news.state.store(NO_NEWS, Ordering::Release);
        if spot.has_new_waker(cx.waker()) {
            news.register(|wakers| &mut wakers.up, cx.waker());
        }
        spot.flow.resume();
        let next = spot.poll(|| Pin::new(stream).poll_next(&mut Context::from_waker(waker)));
        if matches!(next, Poll::Ready(Some(_))) {
            spot.flow.pause();
        }
        next
    }
}

struct DownStream<S> {
    stream: S,
    spot: Spot,
    news: Arc<News>,
}

impl<S: Stream + Unpin> Stream for DownStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { stream, spot, news } = &mut *self;
        // Most steps have read all of their input before they give much.
        if spot.flow.over.load(Ordering::Acquire) {
            return Pin::new(stream).poll_next(cx);
        }
        if spot.has_new_waker(cx.waker()) {
            news.register(|wakers| &mut wakers.down, cx.waker());
        }
        news.tell();
        let next = spot.poll(|| Pin::new(stream).poll_next(cx));
        if next.is_pending() {
            match news.state.load(Ordering::Acquire) {
                TOLD => cx.waker().wake_by_ref(),
                TOLD_TWICE => spot.flow.pause(),
                _ => {}
            }
        }
        next
    }
}
