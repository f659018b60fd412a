//! [`IntoRunnable`]: what `.pipe(…)` and `.branch(…)` take.

use std::future::Future;

use crate::error::Result;
use crate::step::runnable::Runnable;
use crate::steps::lambda::Lambda;

/// Whatever can stand as a step: runnables, and async closures of one argument.
///
/// The type parameter only tells the two apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a runnable nor an async function of one argument that returns `anabranch::Result`",
    label = "expected a runnable, or a closure such as `async |text: String| Ok(text.len())`",
    note = "a function or closure is `async`, names the type of its one argument, and returns `Ok(...)` or an `anabranch::Error`",
    note = "what it holds on to while it waits is `Send`, and what it captures is `Send` and `Sync`: no `Rc`, and no guard \
            of a lock",
    note = "one that uses something from around it is `move |text: String| async move {{ ... }}`, which owns it, and not \
            `async move |text: String| ...`, which lends it; or `lambda_with_state(it, async |it, text: String| ...)`",
    note = "one that takes the run's configuration as its second argument is `lambda_with(it)`"
)]
pub trait IntoRunnable<Marker> {
    /// The runnable it becomes.
    type Runnable: Runnable;

    /// Makes it a runnable.
    fn into_runnable(self) -> Self::Runnable;
}

/// Marks what is a runnable already.
#[derive(Debug)]
pub struct IsRunnable;

/// Marks a closure that takes a `T`.
#[derive(Debug)]
pub struct IsClosure<T>(std::marker::PhantomData<T>);

#[diagnostic::do_not_recommend]
impl<R: Runnable> IntoRunnable<IsRunnable> for R {
    type Runnable = R;

    fn into_runnable(self) -> R {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<F, I, O, Fut> IntoRunnable<IsClosure<I>> for F
where
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O>> + Send,
    I: Send + 'static,
    O: Send + 'static,
{
    type Runnable = Lambda<F, I>;

    fn into_runnable(self) -> Lambda<F, I> {
        Lambda::new(self)
    }
}
