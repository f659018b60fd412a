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

use super::{Flow, Over, Place, Scope, Side, State, current, enter, is_nowhere, poll_at, read_by};
use crate::run::limit;

impl Flow {
    /// A run: whatever was opened in it may be read by all of it. Its permits are those in opened streams that rest.
    pub(super) fn of_run() -> Arc<Self> {
        let state = State { paused: true, ..State::default() };
        Arc::new(Self { state: state.into(), is_run: true, ..Self::default() })
    }

    /// Notes the news. The answer, if there is one, wakes the run: whoever polled this last may be gone.
    fn wake(self: &Arc<Self>) -> Option<Waker> {
        let mut state = self.state();
        if state.paused {
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

    /// A run is about to be polled.
    fn begin_run(&self, waker: &Waker) {
        let mut state = self.state();
        if state.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            let before = state.waker.replace(waker.clone());
            drop(state);
            drop(before);
        }
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
    InRun { run: Run::Known(run), future }
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
    Known(Arc<Flow>),
}

impl<F: Future> Future for InRun<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Run::Unknown = this.run {
            *this.run = if is_nowhere() { Run::Own } else { Run::Other };
        }
        match this.run {
            Run::Known(run) => poll_run(run, cx, |cx| this.future.poll(cx)),
            Run::Own => {
                let entered = enter(Place::Run);
                let polled = this.future.poll(cx);
                if let (Place::At(Scope { flow, .. }), true) = (entered.leave(), polled.is_pending()) {
                    flow.begin_run(cx.waker());
                    tell(&flow, cx);
                    *this.run = Run::Known(flow);
                }
                polled
            }
            Run::Unknown | Run::Other => this.future.poll(cx),
        }
    }
}

/// Polls what a run is.
fn poll_run<T>(run: &Arc<Flow>, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    run.begin_run(cx.waker());
    let polled = {
        // Where it is polled, not where it was made.
        run.parent.get_or_init(current);
        let _entered = enter(Place::At(Scope { flow: run.clone(), side: Side::Reads }));
        poll(cx)
    };
    if polled.is_pending() {
        tell(run, cx);
    }
    polled
}

/// A stream that is opened in the run in which it is polled; if there is none, it is one.
pub(crate) fn opened<S: Stream + Unpin + Send>(stream: S) -> impl Stream<Item = S::Item> + Unpin + Send {
    Opened { stream, made_of: Flow::of_run(), read: None, began: false }
}

struct Opened<S> {
    stream: S,
    made_of: Arc<Flow>,
    /// If it is a part of a run.
    read: Option<Read>,
    began: bool,
}

struct Read {
    flow: Over,
    wakes: Arc<Wakes>,
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
        let mut reader = self.reader();
        if !reader.will_wake(waker) {
            let before = std::mem::replace(&mut *reader, waker.clone());
            // Not under the lock: what is dropped may be anything.
            drop(reader);
            drop(before);
        }
    }
}

impl Read {
    fn new(scope: Option<&Scope>, waker: &Waker) -> Self {
        let flow = Arc::new(Flow::default());
        if let Some(run) = read_by(scope).find(|flow| flow.is_run) {
            let _ = flow.run.set(run.clone());
        }
        let wakes = Wakes { flow: flow.clone(), reader: Mutex::new(waker.clone()) };
        Self { flow: Over { flow }, wakes: Arc::new(wakes) }
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
        let Some(Read { flow: Over { flow }, wakes }) = read else {
            return Pin::new(&mut made).poll_next(cx);
        };
        wakes.register(cx.waker());
        flow.state().news = News::None;
        flow.resume();
        let waker = Waker::from(wakes.clone());
        let next = poll_at(flow, Side::Inside, &mut made, &mut Context::from_waker(&waker));
        if next.is_ready() {
            flow.pause();
        }
        next
    }
}
