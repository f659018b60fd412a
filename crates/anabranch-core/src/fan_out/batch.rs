//! Many inputs through one chain: `batch`, `batch_settled`, `batch_as_completed`, and what `each` is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::description::{Kind, Label};
use crate::error::{Error, Result};
use crate::fan_out::join::{self, Window};
use crate::run::config::RunConfig;
use crate::run::flow::in_run;
use crate::step::run::run as run_step;
use crate::step::runnable::Runnable;
use crate::work::panics::Caught;
use crate::work::task::drop_and_wait;

/// How many elements of a batch are under way at once where no
/// [`max_concurrency`](crate::RunConfig::max_concurrency) says otherwise.
pub const DEFAULT_BATCH_WINDOW: usize = 1024;

/// One element of a batch: its index is its name.
pub(crate) struct Element<'a, R> {
    step: &'a R,
    what: &'static str,
    index: usize,
}

impl Element<'_, ()> {
    pub(crate) const BATCH: &'static str = "batch";
    pub(crate) const EACH: &'static str = "each";
}

impl<R: Runnable> Runnable for Element<'_, R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn call(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        Caught::starting(|| run_step(config, self.step, input)).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::ELEMENT, format!("{} {}", self.what, self.index)))
    }
}

/// How many elements may be under way at once.
pub(crate) fn window(config: &RunConfig) -> usize {
    config.concurrency_limit().unwrap_or(DEFAULT_BATCH_WINDOW)
}

type Running<'a, T> = BoxFuture<'a, Result<T>>;

/// The runs of the elements, each made when its turn comes. An input may fail to be one: then its element fails.
struct Runs<'a, R, I> {
    step: &'a R,
    what: &'static str,
    inputs: std::iter::Enumerate<I>,
    config: RunConfig,
}

fn runs<'a, R, I: Iterator>(step: &'a R, what: &'static str, inputs: I, config: RunConfig) -> Runs<'a, R, I> {
    Runs { step, what, inputs: inputs.enumerate(), config }
}

impl<'a, R: Runnable, I: Iterator<Item = Result<R::Input>>> Iterator for Runs<'a, R, I> {
    type Item = Running<'a, R::Output>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, input) = self.inputs.next()?;
        let (element, config) = (Element { step: self.step, what: self.what, index }, self.config.clone());
        Some(Box::pin(async move { in_run(run_step(&config, &element, input?)).await }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inputs.size_hint()
    }
}

/// The same runs, where every outcome is a success.
struct Settled<I>(I);

impl<'a, T: Send + 'a, I: Iterator<Item = Running<'a, T>>> Iterator for Settled<I> {
    type Item = Running<'a, Result<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let running = self.0.next()?;
        Some(Box::pin(async move { Ok(running.await) }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// All results in order, or the first failure.
pub(crate) async fn run<R: Runnable>(
    step: &R,
    what: &'static str,
    inputs: impl Iterator<Item = Result<R::Input>> + Send,
    config: RunConfig,
    window: usize,
) -> Result<Vec<R::Output>> {
    Ok(join::all(runs(step, what, inputs, config), window).await?.collect())
}

pub(crate) async fn all<R: Runnable>(
    step: &R,
    inputs: impl Iterator<Item = Result<R::Input>> + Send,
    config: RunConfig,
) -> Result<Vec<R::Output>> {
    let window = window(&config);
    run(step, Element::BATCH, inputs, config, window).await
}

pub(crate) async fn settled<R: Runnable>(
    step: &R,
    inputs: impl Iterator<Item = Result<R::Input>> + Send,
    config: RunConfig,
) -> Vec<Result<R::Output>> {
    let window = window(&config);
    // Every outcome is a success of the join.
    let outcomes = Settled(runs(step, Element::BATCH, inputs, config));
    join::all(outcomes, window).await.map(Iterator::collect).unwrap_or_default()
}

pub(crate) fn as_completed<'a, R: Runnable>(
    step: &'a R,
    inputs: impl Iterator<Item = Result<R::Input>> + Send + 'a,
    config: RunConfig,
) -> BatchAsCompleted<'a, R::Output> {
    let window = window(&config);
    let runs: BoxRuns<'a, R::Output> = Box::new(runs(step, Element::BATCH, inputs, config));
    BatchAsCompleted { window: Window::new(runs, window) }
}

type BoxRuns<'a, T> = Box<dyn Iterator<Item = Running<'a, T>> + Send + 'a>;

/// The results of a batch as they come, good or bad, each with its index: see
/// [`RunnableExt::batch_as_completed`](crate::RunnableExt::batch_as_completed).
#[must_use = "a stream does nothing until it is polled"]
pub struct BatchAsCompleted<'a, T> {
    window: Window<BoxRuns<'a, T>>,
}

impl<T: Send> BatchAsCompleted<'_, T> {
    /// The next result and the index of its element; `None` when all are there. The same as `StreamExt::next`, without
    /// that trait.
    #[expect(clippy::should_implement_trait, reason = "it is the `next` of `StreamExt`")]
    pub fn next(&mut self) -> impl Future<Output = Option<(usize, Result<T>)>> + Send + Unpin {
        std::future::poll_fn(|cx| self.window.poll_next(cx))
    }
}

impl<T> Unpin for BatchAsCompleted<'_, T> {}

impl<T> Stream for BatchAsCompleted<'_, T> {
    type Item = (usize, Result<T>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.window.poll_next(cx)
    }
}

impl<T> fmt::Debug for BatchAsCompleted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchAsCompleted")
    }
}

/// Results in input order, each as soon as it and all before it are there. Ends with the first failure in time.
pub(crate) fn in_order<'a, R: Runnable>(
    step: &'a R,
    what: &'static str,
    inputs: impl Iterator<Item = Result<R::Input>> + Send + 'a,
    config: &RunConfig,
    window: usize,
) -> InOrder<'a, R::Output> {
    let runs: BoxRuns<'a, R::Output> = Box::new(runs(step, what, inputs, config.clone()));
    InOrder { state: State::Running(Window::new(runs, window)), next: 0, early: BTreeMap::new() }
}

pub(crate) struct InOrder<'a, T> {
    state: State<'a, T>,
    next: usize,
    /// Done, but not their turn yet.
    early: BTreeMap<usize, T>,
}

enum State<'a, T> {
    Running(Window<BoxRuns<'a, T>>),
    Failing(BoxFuture<'a, Error>),
    Done,
}

impl<T> Unpin for InOrder<'_, T> {}

impl<T: Send + 'static> Stream for InOrder<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(output) = this.early.remove(&this.next) {
                this.next += 1;
                return Poll::Ready(Some(Ok(output)));
            }
            let window = match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Failing(gone) => {
                    return gone.as_mut().poll(cx).map(|error| {
                        this.state = State::Done;
                        Some(Err(error))
                    });
                }
                State::Running(window) => window,
            };
            match window.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => this.state = State::Done,
                Poll::Ready(Some((index, Ok(output)))) => {
                    this.early.insert(index, output);
                }
                Poll::Ready(Some((index, Err(error)))) => {
                    let failures = window.failures_now((index, error), cx);
                    this.early.clear();
                    let running = std::mem::replace(&mut this.state, State::Done);
                    this.state = State::Failing(Box::pin(async move {
                        drop_and_wait(running).await;
                        join::first_of(failures)
                    }));
                }
            }
        }
    }
}
