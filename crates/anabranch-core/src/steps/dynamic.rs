//! [`dynamic`]: a step that chooses the next chain at run time.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::description::{Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream_of;
use crate::stream::chunks::Chunks;

/// A step that looks at its input and returns the chain to run on it.
///
/// The chain it returns may choose another in turn; [`RunConfig::max_depth`] (25 unless set) ends what calls itself
/// without end.
///
/// ```
/// use anabranch_core::{BoxRunnable, RunnableExt, dynamic, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let brief = lambda(async |text: String| Ok(format!("brief: {text}"))).boxed();
/// let thorough = lambda(async |text: String| Ok(format!("thorough: {text}"))).boxed();
///
/// let answer = dynamic(move |question: String| {
///     let chain = if question.len() < 20 { brief.clone() } else { thorough.clone() };
///     async move { Ok(chain) }
/// });
/// assert_eq!(answer.invoke("Why?").await?, "brief: Why?");
/// # Ok(()) }
/// ```
pub fn dynamic<F, I, O, Fut>(choose: F) -> RunnableDynamic<F, I, O>
where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<BoxRunnable<I, O>>> + Send,
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    RunnableDynamic { choose, types: PhantomData }
}

/// See [`dynamic`].
pub struct RunnableDynamic<F, I, O> {
    choose: F,
    types: PhantomData<fn(I) -> O>,
}

impl<F, I, O, Fut> Runnable for RunnableDynamic<F, I, O>
where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<BoxRunnable<I, O>>> + Send,
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        let config = config.deeper()?;
        let chain = (self.choose)(input.clone()).await?;
        run(&config, &chain, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let config = config.deeper()?;
            let chain = (self.choose)(input.clone()).await?;
            Ok(stream_of(config, Arc::new(chain), Chunks::once(input)))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::DYNAMIC, "dynamic"))
    }
}

impl<F: Clone, I, O> Clone for RunnableDynamic<F, I, O> {
    fn clone(&self) -> Self {
        Self { choose: self.choose.clone(), types: PhantomData }
    }
}

impl<F, I, O> fmt::Debug for RunnableDynamic<F, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunnableDynamic")
    }
}

pipe_operator!(impl<F, I, O, Fut> for RunnableDynamic<F, I, O> where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<BoxRunnable<I, O>>> + Send,
    I: Clone + Send + 'static,
    O: Send + 'static);
