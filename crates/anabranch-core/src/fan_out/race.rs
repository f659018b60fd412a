//! [`first_success`] and [`race`]: several ways to the same answer, at once.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;

use crate::boxed::BoxRunnable;
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::join::{Window, first_of};
use crate::panics::{CatchChunks, caught};
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::{Composed, Description, Gives};
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::steps::spawned::drop_and_wait;
use crate::stream::chunks::Chunks;
use crate::stream::tee::repeat;

/// Runs all alternatives at once; the first that succeeds gives the answer, the others are cancelled. If all fail,
/// the error is the first failure in declaration order, the others [related](Error::related) to it.
///
/// Streaming, the first to give a chunk wins.
///
/// ```
/// use anabranch_core::{Error, Runnable, first_success, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<usize>>().await);
/// let fails = lambda(async |_: String| Err(Error::other("no luck")));
/// let works = lambda(async |text: String| Ok(text.len()));
///
/// let answer = first_success([hangs.boxed(), fails.boxed(), works.boxed()]);
/// assert_eq!(answer.invoke("four").await?, 4);
/// # Ok(()) }
/// ```
#[doc(alias = "any")]
pub fn first_success<I, O>(alternatives: impl IntoIterator<Item = BoxRunnable<I, O>>) -> Race<I, O> {
    Race { alternatives: alternatives.into_iter().collect(), failures_lose: true }
}

/// Runs all alternatives at once; the first that is done, well or badly, decides, and the others are cancelled.
///
/// ```
/// use anabranch_core::{Runnable, lambda, race};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<usize>>().await);
/// let works = lambda(async |text: String| Ok(text.len()));
/// assert_eq!(race([hangs.boxed(), works.boxed()]).invoke("four").await?, 4);
/// # Ok(()) }
/// ```
pub fn race<I, O>(alternatives: impl IntoIterator<Item = BoxRunnable<I, O>>) -> Race<I, O> {
    Race { alternatives: alternatives.into_iter().collect(), failures_lose: false }
}

/// See [`first_success`] and [`race`].
pub struct Race<I, O> {
    alternatives: Arc<[BoxRunnable<I, O>]>,
    /// Whether a failure waits for the others.
    failures_lose: bool,
}

impl<I: Clone + Send + 'static, O: Send + 'static> Race<I, O> {
    /// The first that decides, of futures that may fail.
    async fn decide<T: Send>(&self, running: Vec<BoxFuture<'_, Result<T>>>) -> Result<T> {
        if running.is_empty() {
            return Err(Error::new(ErrorKind::InvalidChain, "a race needs at least one alternative"));
        }
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
struct Alternative<'a, I, O> {
    step: &'a BoxRunnable<I, O>,
    index: usize,
}

impl<I: Send + 'static, O: Send + 'static> Runnable for Alternative<'_, I, O> {
    type Input = I;
    type Output = O;

    async fn invoke_with(&self, input: I, config: &RunConfig) -> Result<O> {
        caught(config.run(self.step, input)).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new("branch", format!("alternative {}", self.index)))
    }
}

impl<I: Clone + Send + 'static, O: Send + 'static> Runnable for Race<I, O> {
    type Input = I;
    type Output = O;

    async fn invoke_with(&self, input: I, config: &RunConfig) -> Result<O> {
        let inputs = repeat(input, self.alternatives.len());
        let mut running: Vec<BoxFuture<'_, Result<O>>> = Vec::new();
        for (index, (step, input)) in self.alternatives.iter().zip(inputs).enumerate() {
            running.push(Box::pin(async move { config.run(&Alternative { step, index }, input).await }));
        }
        self.decide(running).await
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        Chunks::deferred(async move {
            let inputs = repeat(input.collect().await?, self.alternatives.len());
            let mut running: Vec<BoxFuture<'a, Result<Chunks<'a, O>>>> = Vec::new();
            for (index, (step, input)) in self.alternatives.iter().zip(inputs).enumerate() {
                running.push(Box::pin(async move {
                    let chunks = config.stream(step, Chunks::once(input));
                    let merge = chunks.merge().clone();
                    // Nothing at all is an answer, too: the law of the chunks says which.
                    let begun = Chunks::new(CatchChunks(chunks), merge).begun().await;
                    begun.map_err(|error| error.at(format!("alternative {index}")))
                }));
            }
            self.decide(running).await
        })
    }

    /// The alternatives are named; the race itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let kind = if self.failures_lose { "first_success" } else { "race" };
        let alternatives = self.alternatives.iter().map(Runnable::describe);
        Description::new(kind, kind).gives(Gives::Children).with_children(Composed::OneOf, alternatives)
    }
}

impl<I, O> Clone for Race<I, O> {
    fn clone(&self) -> Self {
        Self { alternatives: self.alternatives.clone(), failures_lose: self.failures_lose }
    }
}

impl<I, O> fmt::Debug for Race<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").field("alternatives", &self.alternatives.len()).finish_non_exhaustive()
    }
}

pipe_operator!(impl<I, O> for Race<I, O> where I: Clone + Send + 'static, O: Send + 'static);
