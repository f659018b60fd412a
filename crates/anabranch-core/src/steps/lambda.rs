//! [`lambda`]: a step from an async function.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::description::{Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::steps::into_runnable::{IntoRunnable, IsClosure};

/// A step from an async function of one argument.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let shout = lambda(async |text: String| Ok(text.to_uppercase()));
/// assert_eq!(shout.invoke("quiet").await?, "QUIET");
/// # Ok(()) }
/// ```
///
/// `?` works on the errors of the standard library and of `serde_json`, and on boxed errors.
///
/// A function that uses something from around it, a client or a pool, is [`lambda_with_state`].
///
/// It waits for the whole of its input; a function that works on pieces is a [`generator`](crate::generator()). It
/// takes no permit of the run's concurrency limit unless asked to with [`limited`](Lambda::limited).
#[doc(alias = "RunnableLambda")]
pub fn lambda<F, I>(function: F) -> Lambda<F, I>
where
    F: IntoRunnable<IsClosure<I>, Runnable = Lambda<F, I>>,
{
    function.into_runnable()
}

/// See [`lambda`].
pub struct Lambda<F, I> {
    function: F,
    limited: bool,
    input: PhantomData<fn(I)>,
}

impl<F, I> Lambda<F, I> {
    pub(super) const fn new(function: F) -> Self {
        Self { function, limited: false, input: PhantomData }
    }

    /// Limits the calls: each waits for a permit of the run's concurrency limit ([`RunConfig::max_concurrency`]) and
    /// holds it until it is done. For functions that call a server or do heavy work; not for functions that wait for
    /// other steps.
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

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        if self.limited {
            return config.limited(|| (self.function)(input)).await;
        }
        (self.function)(input).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::LAMBDA, "lambda"))
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

/// A step from an async function that uses something from around it: a client, a pool, a set of prompts. Each call gets
/// the state in an [`Arc`].
///
/// ```
/// use anabranch_core::{RunnableExt, lambda_with_state};
///
/// struct Greeter { greeting: String }
///
/// impl Greeter {
///     async fn greet(&self, name: &str) -> String { format!("{}, {name}", self.greeting) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let greeter = Greeter { greeting: "Hello".to_string() };
/// let greet = lambda_with_state(greeter, async |greeter, name: String| Ok(greeter.greet(&name).await));
/// assert_eq!(greet.invoke("you").await?, "Hello, you");
/// # Ok(()) }
/// ```
///
/// (An async closure that borrows what it has captured cannot be a step: the compiler cannot see that its futures may
/// go to another thread.)
pub fn lambda_with_state<S, F, I, O, Fut>(state: S, function: F) -> Lambda<impl Fn(I) -> Fut + Send + Sync + Clone, I>
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, I) -> Fut + Send + Sync + Clone,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    let state = Arc::new(state);
    lambda(move |input| function(state.clone(), input))
}
