//! [`lambda`]: a step from an async function.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use crate::error::Result;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::label::Label;
use crate::runnable::Runnable;

/// A step from an async function of one argument.
///
/// ```
/// use anabranch_core::{Runnable, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let shout = lambda(async |text: String| Ok(text.to_uppercase()));
/// assert_eq!(shout.invoke("quiet").await?, "QUIET");
/// # Ok(()) }
/// ```
///
/// A closure that uses something from around it hands each call its own copy:
///
/// ```
/// use std::sync::Arc;
/// use anabranch_core::{Runnable, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let greeting: Arc<str> = "Hello".into();
/// let greet = lambda(move |name: String| {
///     let greeting = greeting.clone();
///     async move { Ok(format!("{greeting}, {name}")) }
/// });
/// assert_eq!(greet.invoke("you").await?, "Hello, you");
/// # Ok(()) }
/// ```
///
/// It waits for the whole of its input; a function that works on pieces is a [`generator`](crate::generator()). It
/// takes no place in the run's concurrency budget unless asked to with [`limited`](Lambda::limited).
#[doc(alias = "RunnableLambda")]
pub fn lambda<F, I, O, Fut>(function: F) -> Lambda<F, I>
where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    Lambda { function, limited: false, input: PhantomData }
}

/// See [`lambda`].
pub struct Lambda<F, I> {
    function: F,
    limited: bool,
    input: PhantomData<fn(I)>,
}

impl<F, I> Lambda<F, I> {
    /// Counts each call as leaf work: it waits for a place in the run's concurrency budget
    /// ([`RunConfig::max_concurrency`]) and holds it until it is done. For functions that call a server or do heavy
    /// work; not for functions that wait for other steps.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.limited = true;
        self
    }
}

impl<F, I, O, Fut> Runnable for Lambda<F, I>
where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn invoke_with(&self, input: I, config: &RunConfig) -> Result<O> {
        if config.at_root() {
            return config.report(self, input).await;
        }
        if self.limited {
            let _place = config.permit().await;
            return (self.function)(input).await;
        }
        (self.function)(input).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new("lambda", "lambda"))
    }
}

impl<F: Clone, I> Clone for Lambda<F, I> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), limited: self.limited, input: PhantomData }
    }
}

impl<F, I> fmt::Debug for Lambda<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lambda")
    }
}

pipe_operator!(impl<F, I, O, Fut> for Lambda<F, I> where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static);

/// A step from an async function that also takes the run's configuration: for functions that run other steps, which
/// then share the run's deadline, budget and observers.
///
/// ```
/// use anabranch_core::{RunConfig, Runnable, lambda, lambda_with};
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

    async fn invoke_with(&self, input: I, config: &RunConfig) -> Result<O> {
        if config.at_root() {
            return config.report(self, input).await;
        }
        (self.function)(input, config.clone()).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new("lambda", "lambda"))
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
