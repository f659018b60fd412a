//! [`race`]: several ways to the same answer, at once.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;

use crate::description::{Checked, Composed, Description, Gives, Kind, Label};
use crate::error::Result;
use crate::fan_out::join::{Window, first_of};
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;
use crate::work::panics::{Caught, CaughtStream};
use crate::work::task::drop_and_wait;

/// Runs all alternatives at once; the first that is done, well or badly, decides, and the others are cancelled.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda, race};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<usize>>().await);
/// let works = lambda(async |text: String| Ok(text.len()));
/// assert_eq!(race([hangs.boxed(), works.boxed()]).invoke("four").await?, 4);
/// # Ok(()) }
/// ```
pub fn race<I, O>(alternatives: impl IntoIterator<Item = BoxRunnable<I, O>>) -> Race<I, O> {
    Race::new(alternatives, false)
}

/// See [`first_success`](crate::first_success()) and [`race`].
pub struct Race<I, O> {
    alternatives: Arc<[Alternative<I, O>]>,
    /// Whether a failure waits for the others.
    failures_lose: bool,
    checked: Checked,
}

impl<I, O> Race<I, O> {
    pub(crate) fn new(alternatives: impl IntoIterator<Item = BoxRunnable<I, O>>, failures_lose: bool) -> Self {
        let alternatives = alternatives.into_iter().enumerate().map(|(index, step)| Alternative { step, index });
        Self { alternatives: alternatives.collect(), failures_lose, checked: Checked::not_yet() }
    }
}

impl<I: Clone + Send + 'static, O: Send + 'static> Race<I, O> {
    fn check_once(&self, config: &RunConfig) -> Result<()> {
        self.checked.once(|| self.describe())?;
        watch::warn(config, self.checked.warnings());
        Ok(())
    }

    /// The first that decides, of futures that may fail.
    async fn decide<T: Send>(&self, running: Vec<BoxFuture<'_, Result<T>>>) -> Result<T> {
        let limit = running.len();
        let mut window = Window::new(running.into_iter(), limit);
        let mut failures = Vec::new();
        let winner = std::future::poll_fn(|cx: &mut Context<'_>| {
            loop {
                match window.poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some((_, Ok(value)))) => return Poll::Ready(Some(value)),
                    Poll::Ready(Some((index, Err(error)))) if self.failures_lose => failures.push((index, error)),
                    Poll::Ready(Some((index, Err(error)))) => {
                        failures = window.failures_now((index, error), cx);
                        return Poll::Ready(None);
                    }
                }
            }
        })
        .await;
        drop_and_wait(window).await;
        winner.ok_or_else(|| first_of(failures))
    }
}

/// One alternative: its place is its name.
struct Alternative<I, O> {
    step: BoxRunnable<I, O>,
    index: usize,
}

impl<I: Send + 'static, O: Send + 'static> Runnable for Alternative<I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        Caught::starting(|| run(config, &self.step, input)).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        stream(config, &self.step, input).through(CaughtStream::new)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BRANCH, format!("alternative {}", self.index)))
    }

    fn describe(&self) -> Description {
        Description::around(Kind::BRANCH, self.step.describe())
    }
}

impl<I: Clone + Send + 'static, O: Send + 'static> Runnable for Race<I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        self.check_once(config)?;
        let inputs = std::iter::repeat_n(input, self.alternatives.len());
        let mut running: Vec<BoxFuture<'_, Result<O>>> = Vec::new();
        for (alternative, input) in self.alternatives.iter().zip(inputs) {
            running.push(Box::pin(async move { run(config, alternative, input).await }));
        }
        self.decide(running).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        Chunks::deferred(async move {
            self.check_once(config)?;
            let inputs = std::iter::repeat_n(input.collect().await?, self.alternatives.len());
            let mut running: Vec<BoxFuture<'a, Result<Chunks<'a, O>>>> = Vec::new();
            for (alternative, input) in self.alternatives.iter().zip(inputs) {
                // Nothing at all is an answer, too: the law of the chunks says which.
                running.push(Box::pin(stream(config, alternative, Chunks::once(input)).begun_lawfully()));
            }
            self.decide(running).await
        })
    }

    /// The alternatives are named; the race itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let kind = if self.failures_lose { Kind::FIRST_SUCCESS } else { Kind::RACE };
        let alternatives = self.alternatives.iter().map(|alternative| alternative.step.describe());
        Description::new(kind, kind.as_str())
            .gives(Gives::Children)
            .with_children(Composed::OneOf, alternatives)
            .with_checked(&self.checked)
    }
}

impl<I, O> Clone for Race<I, O> {
    fn clone(&self) -> Self {
        Self {
            alternatives: self.alternatives.clone(),
            failures_lose: self.failures_lose,
            checked: self.checked.clone(),
        }
    }
}

impl<I, O> fmt::Debug for Race<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").field("alternatives", &self.alternatives.len()).finish_non_exhaustive()
    }
}

pipe_operator!(impl<I, O> for Race<I, O> where I: Clone + Send + 'static, O: Send + 'static);
