//! [`RunnablePassthrough`]: gives what it takes.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use crate::description::{Description, Gives, Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// Gives what it takes: the branch that hands the input on, or the start of an
/// [`.assign(…)`](crate::RunnableExt::assign). It streams.
///
/// It takes JSON, and as a branch whatever the other branches take; [`passthrough`] is the same for any type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunnablePassthrough;

impl Runnable for RunnablePassthrough {
    type Input = Value;
    type Output = Value;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<Value> {
        Ok(input)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Value>, _: &'a RunConfig) -> Chunks<'a, Value> {
        input
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::PASSTHROUGH, "RunnablePassthrough"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::PASSTHROUGH, "RunnablePassthrough").gives(Gives::Input)
    }
}

pipe_operator!(impl for RunnablePassthrough);

/// [`RunnablePassthrough`] for values of any type.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda, passthrough};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let with_length = (passthrough::<String>(), lambda(async |text: String| Ok(text.len())));
/// assert_eq!(with_length.invoke("four").await?, ("four".to_string(), 4));
/// # Ok(()) }
/// ```
#[must_use]
pub fn passthrough<T: Send + 'static>() -> Passthrough<T> {
    Passthrough { value: PhantomData }
}

/// See [`passthrough`].
pub struct Passthrough<T> {
    value: PhantomData<fn(T) -> T>,
}

impl<T: Send + 'static> Runnable for Passthrough<T> {
    type Input = T;
    type Output = T;

    async fn call(&self, input: T, _: &RunConfig) -> Result<T> {
        Ok(input)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, T>, _: &'a RunConfig) -> Chunks<'a, T> {
        input
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::PASSTHROUGH, "passthrough"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::PASSTHROUGH, "passthrough").gives(Gives::Input)
    }
}

impl<T> Clone for Passthrough<T> {
    fn clone(&self) -> Self {
        Self { value: PhantomData }
    }
}

impl<T> fmt::Debug for Passthrough<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passthrough")
    }
}

pipe_operator!(impl<T> for Passthrough<T> where T: Send + 'static);
