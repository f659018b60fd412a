//! [`opened`]: a stream that a step opens by itself, and calls other steps while it reads it.
//!
//! No joint is known between such a stream and whoever reads it. So all of the run in which it was opened counts as its
//! reader, except for what it is made of. What it is made of is a run of its own: what is opened in there is read there.
//!
//! Nor is it known when its reader does something else instead of reading it. If the stream could go on, and the run is
//! polled and polled again and does not read it, it is paused, too.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;
use futures_util::stream::poll_fn;
use pin_project_lite::pin_project;

use super::{Flow, Over, Place, Scope, Side, Spot, current, enter, is_in_a_run, read_by};
use crate::run::limit;

impl Flow {
    /// A run: whatever was opened in it may be read by all of it. Its permits are those in opened streams that rest.
    pub(super) fn of_run() -> Arc<Self> {
        Arc::new(Self { paused: true.into(), is_run: true, ..Self::default() })
    }

    /// Notes the news. The answer, if there is one, wakes the run: whoever polled this last may be gone.
    fn wake(self: &Arc<Self>) -> Option<Waker> {
        let mut state = self.state();
        if self.is_paused() {
            // It rests, as it would after the news.
            return None;
        }
        state.news = News::Woken;
        let mut run = self.run()?;
        if !std::mem::replace(&mut state.is_listed, true) {
            run.with_news.push(Arc::downgrade(self));
        }
        run.waker.clone()
    }

    /// A run is about to be polled with this waker.
    fn wakes(&self, waker: &Waker) {
        let before = self.state().waker.replace(waker.clone());
        // Not under the lock: what is dropped may be anything.
        drop(before);
    }

    /// An opened stream is about to be polled.
    fn is_read(&self) {
        let mut state = self.state();
        state.news = News::None;
        self.resume_from(state);
    }

    /// The run was polled; if this was not, although it could go on, it is paused sooner or later. Says whether there is
    /// news that nobody has looked at.
    fn is_told(&self) -> bool {
        let mut state = self.state();
        let times = match state.news {
            News::Woken => 1,
            News::Told(times) if times < ENOUGH => times + 1,
            news => {
                (state.news, state.is_listed) = (News::None, false);
                if news != News::None {
                    self.pause_from(state);
                }
                return false;
            }
        };
        state.news = News::Told(times);
        true
    }
}

/// Whether a stream that was not ready when it was polled last may be ready now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum News {
    #[default]
    None,
    Woken,
    /// The run was polled after that, so many times.
    Told(u8),
}

/// Many futures side by side do not all have a turn in one poll.
const ENOUGH: u8 = 16;

/// A run was polled and is not done.
pub(super) fn tell(run: &Arc<Flow>, cx: &Context<'_>) {
    let with_news = std::mem::take(&mut run.state().with_news);
    if with_news.is_empty() {
        return;
    }
    let left: Vec<_> = with_news.into_iter().filter(|flow| flow.upgrade().is_some_and(|flow| flow.is_told())).collect();
    if !left.is_empty() {
        run.state().with_news.extend(left);
        cx.waker().wake_by_ref();
    }
}

/// A future that is a run, or a part of the run in which it is polled.
pub(crate) fn in_run<F: Future>(future: F) -> InRun<F> {
    InRun { run: if limit::exists() { Run::Unknown } else { Run::Other }, future }
}

/// A future that is polled where it belongs, wherever that happens: for work on a task of its own. It is a run of its
/// own: when it is polled says nothing about what else is.
pub(crate) fn in_scope<F: Future>(scope: Option<Scope>, future: F) -> InRun<F> {
    if scope.is_none() {
        return in_run(future);
    }
    let run = Flow::of_run();
    let _ = run.parent.set(scope);
    InRun { run: Run::Known(Spot::new(run, Side::Reads)), future }
}

pin_project! {
    pub(crate) struct InRun<F> {
        run: Run,
        #[pin]
        future: F,
    }
}

/// Which run a future is.
enum Run {
    /// It was not polled yet.
    Unknown,
    /// It is a part of another, or there is nothing to lend.
    Other,
    /// Of its own; nothing in it has asked for it yet.
    Own,
    Known(Spot),
}

impl<F: Future> Future for InRun<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Run::Unknown = this.run {
            *this.run = if is_in_a_run() { Run::Other } else { Run::Own };
        }
        match this.run {
            Run::Known(run) => poll_run(run, cx, |cx| this.future.poll(cx)),
            Run::Own => {
                let entered = enter(Place::Run);
                let polled = this.future.poll(cx);
                if let (Place::At(Scope { flow, side }), true) = (entered.leave(), polled.is_pending()) {
                    flow.wakes(cx.waker());
                    tell(&flow, cx);
                    *this.run = Run::Known(Spot::new(flow, side));
                }
                polled
            }
            Run::Unknown | Run::Other => this.future.poll(cx),
        }
    }
}

/// Polls what a run is.
fn poll_run<T>(run: &mut Spot, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    if run.has_new_waker(cx.waker()) {
        run.flow.wakes(cx.waker());
    }
    let polled = run.poll(|| poll(cx));
    if polled.is_pending() {
        tell(&run.flow, cx);
    }
    polled
}

/// A stream that is opened in the run in which it is polled; if there is none, it is one.
pub(crate) fn opened<S: Stream + Unpin + Send>(stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
    Opened { stream, made_of: Spot::new(Flow::of_run(), Side::Reads), read: None, began: false }
}

struct Opened<S> {
    stream: S,
    made_of: Spot,
    /// If it is a part of a run.
    read: Option<Read>,
    began: bool,
}

struct Read {
    flow: Over,
    wakes: Arc<Wakes>,
    /// Made of it.
    waker: Waker,
}

/// Wakes who reads a flow, and notes that there is something to read.
struct Wakes {
    flow: Arc<Flow>,
    reader: Mutex<Waker>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let run = self.flow.wake();
        let reader = self.reader().clone();
        let run = run.filter(|run| !run.will_wake(&reader));
        run.into_iter().chain([reader]).for_each(Waker::wake);
    }
}

impl Wakes {
    fn reader(&self) -> MutexGuard<'_, Waker> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, waker: &Waker) {
        let before = std::mem::replace(&mut *self.reader(), waker.clone());
        // Not under the lock: what is dropped may be anything.
        drop(before);
    }
}

impl Read {
    fn new(scope: Option<&Scope>, waker: &Waker) -> Self {
        let flow = Arc::new(Flow::default());
        if let Some(run) = read_by(scope).find(|flow| flow.is_run) {
            let _ = flow.run.set(run.clone());
        }
        let wakes = Arc::new(Wakes { flow: flow.clone(), reader: Mutex::new(waker.clone()) });
        Self { flow: Over { spot: Spot::new(flow, Side::Inside) }, waker: Waker::from(wakes.clone()), wakes }
    }
}

impl<S: Stream + Unpin> Stream for Opened<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { stream, made_of, read, began } = &mut *self;
        if !std::mem::replace(began, true) {
            *read = current().map(|scope| Read::new(Some(&scope), cx.waker()));
        }
        let mut made = poll_fn(|cx| poll_run(made_of, cx, |cx| Pin::new(&mut *stream).poll_next(cx)));
        let Some(Read { flow: Over { spot }, wakes, waker }) = read else {
            return Pin::new(&mut made).poll_next(cx);
        };
        if spot.has_new_waker(cx.waker()) {
            wakes.register(cx.waker());
        }
        spot.flow.is_read();
        let next = spot.poll(|| Pin::new(&mut made).poll_next(&mut Context::from_waker(waker)));
        if next.is_ready() {
            spot.flow.pause();
        }
        next
    }
}
