//! [`IntoBranch`]: what a branch of a [`RunnableParallel`](crate::RunnableParallel) may be.

use serde_json::Value;

use crate::boxed::BoxRunnable;
use crate::fan_out::json::{Serialized, ToJson};
use crate::into_runnable::IntoRunnable;
use crate::runnable::Runnable;
use crate::steps::passthrough::{PassesThrough, RunnablePassthrough, passthrough};

/// Whatever can be a branch of a parallel that takes an `I`: runnables and async closures that take it and give
/// something that can be turned into JSON.
///
/// The second type parameter only tells the cases apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a branch of a parallel that takes `{I}`",
    label = "expected a runnable, or an async closure, that takes `{I}`",
    note = "all branches take the same input; to hand on an input of a type of your own, use `passthrough()`"
)]
pub trait IntoBranch<I, Marker> {
    /// The branch.
    fn into_branch(self) -> BoxRunnable<I, Value>;
}

/// Marks whatever [`IntoRunnable`] takes.
#[derive(Debug)]
pub struct IsStep<Marker>(std::marker::PhantomData<Marker>);

/// Marks [`RunnablePassthrough`] where the input is not JSON.
#[derive(Debug)]
pub struct IsPassthrough;

impl<I, B, Marker> IntoBranch<I, IsStep<Marker>> for B
where
    I: Send + 'static,
    B: IntoRunnable<Marker>,
    B::Runnable: Runnable<Input = I, Output: ToJson> + 'static,
{
    fn into_branch(self) -> BoxRunnable<I, Value> {
        BoxRunnable::new(Serialized(self.into_runnable()))
    }
}

#[diagnostic::do_not_recommend]
impl<I: PassesThrough> IntoBranch<I, IsPassthrough> for RunnablePassthrough {
    fn into_branch(self) -> BoxRunnable<I, Value> {
        BoxRunnable::new(Serialized(passthrough::<I>()))
    }
}
