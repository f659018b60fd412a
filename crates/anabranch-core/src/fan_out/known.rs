//! The engine of a [`RunnableParallel`] whose branches the compiler knows: all of them run in one box.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;
use serde_json::map::ValuesMut;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::fan_out::into_branch::IntoBranch;
use crate::fan_out::join::first_of;
use crate::fan_out::parallel::{Branch, RunnableParallel};
use crate::run::config::RunConfig;
use crate::step::boxed::BoxRunnable;
use crate::step::runnable::Runnable;
use crate::stream::exit::Names;
use crate::work::panics::panicked;
use crate::work::task::after_drop;

/// The branches of a `parallel!` as they are written down, before it is a [`RunnableParallel`].
///
/// They stay what they are until all of them are there: so the compiler says of a branch that cannot be one what it says
/// at [`RunnableParallel::branch`], at its place, and nothing besides.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "no program holds one")]
pub struct KnownBranches<I, List> {
    /// `(((), first), second)`, and so on.
    list: List,
    input: PhantomData<fn(I)>,
}

/// One of them.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "no program holds one")]
pub struct Written<B, Marker> {
    key: &'static str,
    step: B,
    marker: PhantomData<Marker>,
}

impl<I: Clone + Send + 'static> KnownBranches<I, ()> {
    #[allow(clippy::new_without_default, reason = "only `parallel!` makes one")]
    #[must_use]
    pub fn new() -> Self {
        Self { list: (), input: PhantomData }
    }
}

impl<I: Clone + Send + 'static, List> KnownBranches<I, List> {
    /// One more branch.
    #[must_use]
    pub fn branch<B, Marker>(self, key: &'static str, step: B) -> KnownBranches<I, (List, Written<B, Marker>)>
    where
        B: IntoBranch<I, Marker>,
    {
        KnownBranches { list: (self.list, Written { key, step, marker: PhantomData }), input: PhantomData }
    }

    /// What the compiler takes for [`AllKnown::parallel`] where a branch cannot be one, which it has said already. No
    /// program that compiles calls it.
    #[must_use]
    pub fn parallel(&self) -> RunnableParallel<I> {
        RunnableParallel::new()
    }
}

/// The branches as a [`RunnableParallel`].
#[doc(hidden)]
pub trait AllKnown<I> {
    fn parallel(self) -> RunnableParallel<I>;
}

impl<I: Clone + Send + 'static, L: List<I>> AllKnown<I> for KnownBranches<I, L> {
    fn parallel(self) -> RunnableParallel<I> {
        let (parallel, steps) = self.list.add_to(RunnableParallel::new());
        parallel.together(Arc::new(Known { steps, input: PhantomData }))
    }
}

/// Branches that were written down.
#[doc(hidden)]
#[expect(private_bounds, reason = "how they run is nobody else's business")]
pub trait List<I>: Listed<I> {}

impl<I, L: Listed<I>> List<I> for L {}

pub(crate) trait Listed<I> {
    /// Adds them. Gives the steps they are.
    fn add_to(self, parallel: RunnableParallel<I>) -> (RunnableParallel<I>, impl Begin<I>);
}

impl<I: Send> Listed<I> for () {
    fn add_to(self, parallel: RunnableParallel<I>) -> (RunnableParallel<I>, impl Begin<I>) {
        (parallel, ())
    }
}

impl<I, Before, B, Marker> Listed<I> for (Before, Written<B, Marker>)
where
    I: Clone + Send + 'static,
    Before: Listed<I>,
    B: IntoBranch<I, Marker>,
{
    fn add_to(self, parallel: RunnableParallel<I>) -> (RunnableParallel<I>, impl Begin<I>) {
        let (before, Written { key, step, .. }) = self;
        let (mut parallel, before) = before.add_to(parallel);
        let step = Arc::new(step.into_branch());
        parallel.add(key.to_string(), BoxRunnable::shared(step.clone()));
        (parallel, (before, step))
    }
}

/// The steps of branches that the compiler knows.
pub(crate) trait Begin<I>: Send + Sync + 'static {
    /// A run of all of them. None has begun.
    fn lanes<'a>(&'a self, config: &'a RunConfig) -> impl Lanes<I> + 'a;
}

impl<I: Send> Begin<I> for () {
    fn lanes<'a>(&'a self, _: &'a RunConfig) -> impl Lanes<I> + 'a {}
}

impl<I, Before, R> Begin<I> for (Before, Arc<R>)
where
    I: Clone + Send + 'static,
    Before: Begin<I>,
    R: Runnable<Input = I, Output = Value> + 'static,
{
    fn lanes<'a>(&'a self, config: &'a RunConfig) -> impl Lanes<I> + 'a {
        let (before, step) = self;
        let step = &**step;
        let state = State::Waiting { start: Some(move |input| step.call(input, config)) };
        Lane { before: before.lanes(config), state, step }
    }
}

/// Branches that run together.
pub(crate) trait Together<I>: Send + Sync {
    /// Runs all of them. What they give takes the places in the object.
    fn run<'a>(
        &'a self,
        branches: &'a [Branch<I>],
        input: I,
        object: Map<String, Value>,
        config: &'a RunConfig,
    ) -> BoxFuture<'a, Result<Value>>;
}

struct Known<I, Steps> {
    steps: Steps,
    input: PhantomData<fn(I)>,
}

impl<I: Send + 'static, Steps: Begin<I>> Together<I> for Known<I, Steps> {
    fn run<'a>(
        &'a self,
        branches: &'a [Branch<I>],
        input: I,
        object: Map<String, Value>,
        config: &'a RunConfig,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(Run { lanes: self.steps.lanes(config), branches, input: Some(input), object, failed: None })
    }
}

/// The branches of a run: those before the last, and the last.
pub(crate) trait Lanes<I>: Send {
    /// Lets each that is not over go on.
    fn go_on(self: Pin<&mut Self>, look: &mut Look<'_, I>, is_last: bool, cx: &mut Context<'_>);

    /// Drops what runs.
    fn stop(self: Pin<&mut Self>);
}

/// A look at the branches, from the first to the last.
pub(crate) struct Look<'l, I> {
    /// There until the last of them has begun.
    input: &'l mut Option<I>,
    /// Where the outputs go.
    places: ValuesMut<'l>,
    index: usize,
    running: bool,
    failures: Vec<(usize, Error)>,
    /// Whether something has failed at this moment, and all that run are looked at once more.
    again: bool,
}

impl<I> Lanes<I> for () {
    fn go_on(self: Pin<&mut Self>, _: &mut Look<'_, I>, _: bool, _: &mut Context<'_>) {}

    fn stop(self: Pin<&mut Self>) {}
}

pin_project! {
    struct Lane<'a, Before, Start, F> {
        #[pin]
        before: Before,
        #[pin]
        state: State<Start, F>,
        step: &'a dyn Names,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<Start, F> {
        Waiting { start: Option<Start> },
        Running { #[pin] running: F },
        Over,
    }
}

impl<I, Before, Start, F> Lanes<I> for Lane<'_, Before, Start, F>
where
    I: Clone,
    Before: Lanes<I>,
    Start: FnOnce(I) -> F + Send,
    F: Future<Output = Result<Value>> + Send,
{
    fn go_on(self: Pin<&mut Self>, look: &mut Look<'_, I>, is_last: bool, cx: &mut Context<'_>) {
        let mut this = self.project();
        this.before.go_on(look, false, cx);
        let (index, place) = (look.index, look.places.next());
        look.index += 1;
        let done = catch_unwind(AssertUnwindSafe(|| {
            if let StateProjection::Waiting { start } = this.state.as_mut().project() {
                let input = if is_last { look.input.take() } else { look.input.clone() };
                if let (Some(start), Some(input)) = (start.take(), input) {
                    this.state.set(State::Running { running: start(input) });
                }
            } else if !look.again && !look.failures.is_empty() {
                // The next look comes at once.
                return Poll::Pending;
            }
            match this.state.as_mut().project() {
                StateProjection::Running { running } => running.poll(cx).map(Some),
                _ => Poll::Ready(None),
            }
        }));
        let failure = match done {
            Ok(Poll::Pending) => return look.running = true,
            Ok(Poll::Ready(None)) => return,
            Ok(Poll::Ready(Some(Ok(output)))) => {
                this.state.set(State::Over);
                if let Some(place) = place {
                    *place = output;
                }
                return;
            }
            Ok(Poll::Ready(Some(Err(error)))) => this.step.name_error(error),
            // Where a panic is caught no step inside can be named any more.
            Err(panic) => panicked(panic),
        };
        this.state.set(State::Over);
        look.failures.push((index, failure));
    }

    fn stop(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.before.stop();
        this.state.set(State::Over);
    }
}

pin_project! {
    struct Run<'a, I, Lanes> {
        #[pin]
        lanes: Lanes,
        branches: &'a [Branch<I>],
        input: Option<I>,
        object: Map<String, Value>,
        failed: Option<Failed>,
    }
}

/// The error is told when the tasks of the branches are gone.
struct Failed {
    error: Option<Error>,
    gone: Option<BoxFuture<'static, ()>>,
}

impl<I: Send + 'static, L: Lanes<I>> Future for Run<'_, I, L> {
    type Output = Result<Value>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Value>> {
        let mut this = self.project();
        let failed = match this.failed {
            Some(failed) => failed,
            None => {
                let places = this.object.values_mut();
                let mut look =
                    Look { input: this.input, places, index: 0, running: false, failures: Vec::new(), again: false };
                this.lanes.as_mut().go_on(&mut look, true, cx);
                if look.failures.is_empty() {
                    return match look.running {
                        true => Poll::Pending,
                        false => Poll::Ready(Ok(Value::Object(std::mem::take(this.object)))),
                    };
                }
                let failures = failures_now(this.lanes.as_mut(), look.failures, cx);
                let failures =
                    failures.into_iter().map(|(index, error)| (index, this.branches[index].name_error(error)));
                let error = Some(first_of(failures.collect()));
                this.failed.insert(Failed { error, gone: after_drop(|| this.lanes.stop()) })
            }
        };
        if let Some(gone) = &mut failed.gone {
            ready!(gone.as_mut().poll(cx));
        }
        match failed.error.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        }
    }
}

/// Those of this moment: what failed may have woken others, and where many wait for timers tokio puts some of them off
/// to the next poll.
#[cold]
fn failures_now<I>(
    mut lanes: Pin<&mut impl Lanes<I>>,
    failures: Vec<(usize, Error)>,
    cx: &mut Context<'_>,
) -> Vec<(usize, Error)> {
    let mut nothing = Map::new();
    let mut look =
        Look { input: &mut None, places: nothing.values_mut(), index: 0, running: false, failures, again: true };
    let all = std::future::poll_fn(|cx| {
        lanes.as_mut().go_on(&mut look, true, cx);
        Poll::Ready(())
    });
    let _ = Pin::new(&mut tokio::task::unconstrained(all)).poll(cx);
    look.failures
}

#[cfg(test)]
mod tests;
