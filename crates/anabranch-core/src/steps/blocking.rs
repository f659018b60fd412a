//! [`blocking`]: a step from a synchronous function.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::description::{Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::work::task::Task;

/// A step from a synchronous function, run on a thread of its own: for processor-bound work and for calls that block.
///
/// ```
/// use anabranch_core::{RunnableExt, blocking};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let words = blocking(|text: String| Ok(text.split_whitespace().count()));
/// assert_eq!(words.invoke("count these four words").await?, 4);
/// # Ok(()) }
/// ```
///
/// It takes a permit of the run's concurrency limit. A panic in the function is an error. When the call is dropped, a
/// function that has not begun never does; one that runs cannot be interrupted and its result is thrown away.
pub fn blocking<F, I, O>(function: F) -> Blocking<F, I>
where
    F: Fn(I) -> Result<O> + Send + Sync + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    Blocking { function: Arc::new(function), input: PhantomData }
}

/// See [`blocking`].
pub struct Blocking<F, I> {
    function: Arc<F>,
    input: PhantomData<fn(I)>,
}

impl<F, I, O> Runnable for Blocking<F, I>
where
    F: Fn(I) -> Result<O> + Send + Sync + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        let permit = config.permit().await.keep();
        let function = self.function.clone();
        // The thread holds the permit: it is taken for as long as the work goes on, even if nobody waits for it.
        Task::spawn_blocking(move || {
            let _permit = permit;
            function(input)
        })?
        .await?
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BLOCKING, "blocking"))
    }
}

impl<F, I> Clone for Blocking<F, I> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), input: PhantomData }
    }
}

impl<F, I> fmt::Debug for Blocking<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}

pipe_operator!(impl<F, I, O> for Blocking<F, I> where
    F: Fn(I) -> Result<O> + Send + Sync + 'static,
    I: Send + 'static,
    O: Send + 'static);
