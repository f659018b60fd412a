//! [`lambda_with`]: a step from an async function that runs other steps.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use crate::description::{Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;

/// A step from an async function that also takes the run's configuration: for functions that run other steps, which
/// then share the run's deadline, limit and observers.
///
/// ```
/// use anabranch_core::{RunConfig, RunnableExt, lambda, lambda_with};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let twice = lambda_with(|n: i64, config: RunConfig| async move {
///     let double = lambda(async |n: i64| Ok(n * 2));
///     let once = config.run(&double, n).await?;
///     config.run(&double, once).await
/// });
/// assert_eq!(twice.invoke(3).await?, 12);
/// # Ok(()) }
/// ```
pub fn lambda_with<F, I, O, Fut>(function: F) -> LambdaWith<F, I>
where
    F: Fn(I, RunConfig) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    LambdaWith { function, input: PhantomData }
}

/// See [`lambda_with`].
pub struct LambdaWith<F, I> {
    function: F,
    input: PhantomData<fn(I)>,
}

impl<F, I, O, Fut> Runnable for LambdaWith<F, I>
where
    F: Fn(I, RunConfig) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        (self.function)(input, config.clone()).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::LAMBDA, "lambda"))
    }
}

impl<F: Clone, I> Clone for LambdaWith<F, I> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), input: PhantomData }
    }
}

impl<F, I> fmt::Debug for LambdaWith<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LambdaWith")
    }
}

pipe_operator!(impl<F, I, O, Fut> for LambdaWith<F, I> where
    F: Fn(I, RunConfig) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static);
