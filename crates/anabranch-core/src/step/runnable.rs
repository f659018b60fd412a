//! [`Runnable`]: what a step is.

use std::future::Future;

use crate::description::{Description, Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::stream::chunks::Chunks;

/// `async fn(Input) -> Result<Output>`, that can also stream: what a step is.
///
/// Prompts, models, parsers, tools and whole chains are runnables; what joins them (`|`, `parallel!`, `.assign(…)`)
/// gives a runnable again. This trait is what one *implements*; what one does with a step — invoke it, stream it, batch
/// it, wrap it — is in [`RunnableExt`](crate::RunnableExt), which every runnable has.
///
/// # Writing one
///
/// Most steps are a function: see [`lambda`](crate::lambda()), [`generator`](crate::generator()) and
/// [`blocking`](crate::blocking()). A type of your own needs the two types and one method; the macro
/// [`pipe_operator!`](crate::pipe_operator) lets it stand at the left of a `|`.
///
/// ```
/// use anabranch_core::{Result, RunConfig, Runnable, RunnableExt, pipe_operator};
///
/// struct Shout;
///
/// impl Runnable for Shout {
///     type Input = String;
///     type Output = String;
///
///     async fn call(&self, text: String, _config: &RunConfig) -> Result<String> {
///         Ok(text.to_uppercase())
///     }
/// }
///
/// pipe_operator!(impl for Shout);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let chain = Shout | Shout;
/// assert_eq!(chain.invoke("quiet").await?, "QUIET");
/// # Ok(()) }
/// ```
///
/// # The trap: a step that waits for all of its input
///
/// The default [`call_stream`](Self::call_stream) collects the input, calls, and gives one chunk. That is right for a
/// step that needs the whole, and it stops the stream for one that does not. `Shout` above can work on pieces, so it
/// should say so:
///
/// ```
/// # use anabranch_core::{Result, RunConfig, Runnable};
/// # struct Shout;
/// # impl Runnable for Shout {
/// #     type Input = String;
/// #     type Output = String;
/// #     async fn call(&self, text: String, _config: &RunConfig) -> Result<String> {
/// #         Ok(text.to_uppercase())
/// #     }
/// fn call_stream<'a>(&'a self, input: Chunks<'a, String>, _: &'a RunConfig) -> Chunks<'a, String> {
///     input.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append())
/// }
/// # }
/// # use anabranch_core::{Chunks, Merge};
/// ```
///
/// The law every runnable keeps: its chunks add up to what `call` gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a runnable",
    label = "expected a runnable (a prompt, model, parser, chain, ...), found `{Self}`",
    note = "a closure or an async function becomes one with `lambda(...)`, or goes into `.pipe(...)` as it is; a \
            `StateGraph` becomes one with `.compile()?`"
)]
pub trait Runnable: Send + Sync {
    /// What the step takes.
    type Input: Send + 'static;
    /// What the step gives.
    type Output: Send + 'static;

    /// The work itself, and the one required method: one input, one output. Whoever runs the step
    /// ([`RunnableExt::invoke`](crate::RunnableExt::invoke), or another step with [`RunConfig::run`]) names it in
    /// errors, tells the observers and keeps the time; nothing of that is done here.
    ///
    /// Run the steps you are made of with [`RunConfig::run`]. What calls a model or a tool takes a
    /// [permit](RunConfig::permit).
    ///
    /// # Errors
    /// Whatever the step fails with; see [`ErrorKind`](crate::ErrorKind).
    fn call<'a>(
        &'a self,
        input: Self::Input,
        config: &'a RunConfig,
    ) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Input in chunks, output in chunks. Default: collect the input, call, give one chunk. Called when the stream is
    /// first read; run the steps you are made of with [`RunConfig::stream`].
    fn call_stream<'a>(&'a self, input: Chunks<'a, Self::Input>, config: &'a RunConfig) -> Chunks<'a, Self::Output> {
        Chunks::from_future(async move { self.call(input.collect().await?, config).await })
    }

    /// What the step is called in error paths and events. `None` for what is no step of its own but names its parts,
    /// such as a sequence. Default: the name of the type.
    fn label(&self) -> Option<Label<'_>> {
        Some(Label::of_type::<Self>(Kind::STEP))
    }

    /// What is known about the step before it runs: its name and kind, the keys it needs and gives, its children.
    fn describe(&self) -> Description {
        let label = self.label().unwrap_or_else(|| Label::of_type::<Self>(Kind::STEP));
        Description::new(label.kind, label.name)
    }
}
