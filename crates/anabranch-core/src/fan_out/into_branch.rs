//! [`IntoBranch`]: what a branch of a [`RunnableParallel`](crate::RunnableParallel) may be.

use serde::Serialize;
use serde_json::Value;

use crate::fan_out::to_json::{Serialized, ToJson};
use crate::step::runnable::Runnable;
use crate::steps::into_runnable::IntoRunnable;
use crate::steps::passthrough::{RunnablePassthrough, passthrough};

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
    fn into_branch(self) -> impl Runnable<Input = I, Output = Value> + 'static;
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
    fn into_branch(self) -> impl Runnable<Input = I, Output = Value> + 'static {
        Serialized(self.into_runnable())
    }
}

#[diagnostic::do_not_recommend]
impl<I: PassesThrough> IntoBranch<I, IsPassthrough> for RunnablePassthrough {
    fn into_branch(self) -> impl Runnable<Input = I, Output = Value> + 'static {
        Serialized(passthrough::<I>())
    }
}

/// Types, other than JSON itself, that [`RunnablePassthrough`] hands on as a branch of a parallel that takes them.
#[doc(hidden)]
pub trait PassesThrough: ToJson + Clone {}

impl PassesThrough for String {}
impl PassesThrough for bool {}
impl PassesThrough for i32 {}
impl PassesThrough for i64 {}
impl PassesThrough for u32 {}
impl PassesThrough for u64 {}
impl PassesThrough for usize {}
impl PassesThrough for f32 {}
impl PassesThrough for f64 {}
impl<T: Serialize + Clone + Send + 'static> PassesThrough for Vec<T> {}
