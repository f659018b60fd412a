//! [`generator`]: a step from a function over chunks.

use std::fmt;
use std::marker::PhantomData;

use crate::description::{Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// A step from a function that takes chunks and gives chunks: the way to keep a stream streaming through code of
/// your own.
///
/// ```
/// use anabranch_core::{Chunks, Merge, RunnableExt, generator};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let shout = generator(|text: Chunks<'_, String>| text.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append()));
/// assert_eq!(shout.invoke("quiet").await?, "QUIET");
/// # Ok(()) }
/// ```
///
/// With any stream combinator, or a stream of your own, say how the chunks add up:
///
/// ```
/// use anabranch_core::{Chunks, Merge, RunnableExt, generator};
/// use futures::{StreamExt, TryStreamExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let words = generator(|text: Chunks<'_, String>| {
///     let words = text.map_ok(|piece| piece.split(' ').map(str::to_string).collect::<Vec<_>>());
///     Chunks::new(words, Merge::extend())
/// });
/// assert_eq!(words.invoke("one two").await?, ["one", "two"]);
/// # Ok(()) }
/// ```
#[doc(alias = "RunnableGenerator")]
pub fn generator<F, I, O>(function: F) -> Generator<F, I, O>
where
    F: for<'a> Fn(Chunks<'a, I>) -> Chunks<'a, O> + Send + Sync,
    I: Send + 'static,
    O: Send + 'static,
{
    Generator { function, types: PhantomData }
}

/// See [`generator`].
pub struct Generator<F, I, O> {
    function: F,
    types: PhantomData<fn(I) -> O>,
}

impl<F, I, O> Runnable for Generator<F, I, O>
where
    F: for<'a> Fn(Chunks<'a, I>) -> Chunks<'a, O> + Send + Sync,
    I: Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, _: &RunConfig) -> Result<O> {
        (self.function)(Chunks::once(input)).collect().await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, _: &'a RunConfig) -> Chunks<'a, O> {
        (self.function)(input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::GENERATOR, "generator"))
    }
}

impl<F: Clone, I, O> Clone for Generator<F, I, O> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), types: PhantomData }
    }
}

impl<F, I, O> fmt::Debug for Generator<F, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator")
    }
}

pipe_operator!(impl<F, I, O> for Generator<F, I, O> where
    F: for<'a> Fn(Chunks<'a, I>) -> Chunks<'a, O> + Send + Sync,
    I: Send + 'static,
    O: Send + 'static);
