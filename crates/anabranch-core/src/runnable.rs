//! [`Runnable`]: the one trait.

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt;

use crate::accepts::Accepts;
use crate::assign::RunnableAssign;
use crate::batch::{self, BatchAsCompleted};
use crate::boxed::BoxRunnable;
use crate::caught::Caught;
use crate::check;
use crate::chunks::Chunks;
use crate::config::RunConfig;
use crate::coroutine::coroutine;
use crate::describe::Description;
use crate::each::RunnableEach;
use crate::error::{Error, ErrorKind, Result};
use crate::into_runnable::IntoRunnable;
use crate::label::Label;
use crate::merge::Merge;
use crate::named::Named;
use crate::parallel::RunnableParallel;
use crate::pick::{Keys, RunnablePick};
use crate::sequence::RunnableSequence;
use crate::spawned::Spawned;
use crate::with_config::WithConfig;

/// `async fn(Input) -> Result<Output>`, that can also stream.
///
/// Prompts, models, parsers, tools and whole chains are runnables; what joins them (`|`, `parallel!`, `.assign(…)`)
/// gives a runnable again. Whatever is written once as a chain can be
///
/// - [invoked](Self::invoke): one input, one output;
/// - [streamed](Self::stream): the output in pieces, as it is made;
/// - [batched](Self::batch): many inputs, results in order, a limit on how many at once;
/// - [checked](Self::check) before the first paid call.
///
/// # Writing one
///
/// Most steps are a function: see [`lambda`](crate::lambda()), [`generator`](crate::generator()) and
/// [`blocking`](crate::blocking()). A type of your own needs the two types and one method; the macro
/// [`pipe_operator!`](crate::pipe_operator) lets it stand at the left of a `|`.
///
/// ```
/// use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};
///
/// struct Shout;
///
/// impl Runnable for Shout {
///     type Input = String;
///     type Output = String;
///
///     async fn invoke_with(&self, text: String, _config: &RunConfig) -> Result<String> {
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
/// The default [`transform_with`](Self::transform_with) collects the input, invokes, and gives one chunk. That is
/// right for a step that needs the whole, and it stops the stream for one that does not. `Shout` above can work on
/// pieces, so it should say so:
///
/// ```
/// # use anabranch_core::{Result, RunConfig, Runnable};
/// # struct Shout;
/// # impl Runnable for Shout {
/// #     type Input = String;
/// #     type Output = String;
/// #     async fn invoke_with(&self, text: String, _config: &RunConfig) -> Result<String> {
/// #         Ok(text.to_uppercase())
/// #     }
/// fn transform_with<'a>(&'a self, input: Chunks<'a, String>, _: &'a RunConfig) -> Chunks<'a, String> {
///     input.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append())
/// }
/// # }
/// # use anabranch_core::{Chunks, Merge};
/// ```
///
/// The law every runnable keeps: a stream collected is what `invoke` gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a runnable",
    label = "expected a runnable (a prompt, model, parser, chain, ...), found `{Self}`",
    note = "a closure becomes one with `lambda(...)`, or goes into `.pipe(...)` as it is"
)]
pub trait Runnable: Send + Sync {
    /// What the step takes.
    type Input: Send + 'static;
    /// What the step gives.
    type Output: Send + 'static;

    /// Runs the step once. The one required method.
    ///
    /// Call the steps you are made of through [`RunConfig::run`], so that errors and observers know their names.
    ///
    /// # Errors
    /// Whatever the step fails with; see [`ErrorKind`].
    fn invoke_with(&self, input: Self::Input, config: &RunConfig) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Input in chunks, output in chunks. Default: collect the input, invoke, give one chunk.
    fn transform_with<'a>(&'a self, input: Chunks<'a, Self::Input>, config: &'a RunConfig) -> Chunks<'a, Self::Output> {
        match input.into_ready() {
            Ok(Ok(input)) => Chunks::from_future(self.invoke_with(input, config)),
            Ok(Err(error)) => Chunks::failed(error),
            Err(input) => Chunks::from_future(async move { self.invoke_with(input.collect().await?, config).await }),
        }
    }

    /// What the step is called in error paths and events. `None` for what is no step of its own but names its parts,
    /// such as a sequence. Default: the name of the type.
    fn label(&self) -> Option<Label<'_>> {
        Some(Label::of_type::<Self>("step"))
    }

    /// What is known about the step before it runs: its name and kind, the keys it needs and gives, its children.
    fn describe(&self) -> Description {
        let label = self.label().unwrap_or_else(|| Label::of_type::<Self>("step"));
        Description::new(label.kind, label.name)
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Running

    /// Runs the step once.
    ///
    /// # Errors
    /// The error of the step that failed, with the path to it.
    fn invoke(&self, input: impl Into<Self::Input>) -> impl Future<Output = Result<Self::Output>> + Send
    where
        Self: Sized,
    {
        RunConfig::empty().run(self, input.into())
    }

    /// Runs the step and gives its output in chunks as they are made. Nothing runs until the stream is polled;
    /// dropping it stops everything behind it.
    ///
    /// ```
    /// use anabranch_core::{Chunks, Merge, Runnable, generator};
    /// use futures::TryStreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let letters = generator(|words: Chunks<'_, String>| words.map_chunks(|word| Ok(word + "!"), Merge::append()));
    /// let mut stream = letters.stream("hey");
    /// assert_eq!(stream.try_next().await?.as_deref(), Some("hey!"));
    /// # Ok(()) }
    /// ```
    fn stream(&self, input: impl Into<Self::Input>) -> Chunks<'_, Self::Output>
    where
        Self: Sized,
    {
        self.stream_with(input, RunConfig::empty())
    }

    /// [`stream`](Self::stream) with a configuration.
    fn stream_with<'a>(&'a self, input: impl Into<Self::Input>, config: &'a RunConfig) -> Chunks<'a, Self::Output>
    where
        Self: Sized,
    {
        config.stream(self, Chunks::once(input.into()))
    }

    /// A stream that owns its chain, for web handlers and tasks that outlive the scope they start in. From an
    /// [`Arc`]; [`BoxRunnable::stream_owned`] does the same for a boxed one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use anabranch_core::{Chunks, RunConfig, Runnable, lambda};
    ///
    /// fn handler() -> Chunks<'static, String> {
    ///     let chain = Arc::new(lambda(async |name: String| Ok(format!("Hello, {name}"))));
    ///     chain.stream_owned("you", RunConfig::new())
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// assert_eq!(handler().collect().await?, "Hello, you");
    /// # Ok(()) }
    /// ```
    fn stream_owned(self: Arc<Self>, input: impl Into<Self::Input>, config: RunConfig) -> Chunks<'static, Self::Output>
    where
        Self: Sized + 'static,
    {
        let input = input.into();
        let law = Arc::new(std::sync::OnceLock::<Merge<Self::Output>>::new());
        let known = law.clone();
        let chunks = coroutine(|mut yielder| async move {
            let mut chunks = self.stream_with(input, &config);
            let _ = law.set(chunks.merge().clone());
            while let Some(chunk) = chunks.next().await {
                yielder.give(chunk).await;
            }
        });
        Chunks::new(chunks, Merge::late(move || known.get().cloned()))
    }

    /// Runs the step over a stream of input.
    fn transform<'a>(&'a self, input: Chunks<'a, Self::Input>) -> Chunks<'a, Self::Output>
    where
        Self: Sized,
    {
        RunConfig::empty().stream(self, input)
    }

    /// [`invoke`](Self::invoke) for programs without a runtime: starts one on this thread for the call.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] inside an async runtime, where blocking would stop other tasks: use
    /// `invoke(…).await` there.
    fn invoke_blocking(&self, input: impl Into<Self::Input>) -> Result<Self::Output>
    where
        Self: Sized,
    {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "`invoke_blocking` was called inside an async runtime, where it would block other tasks: \
                 use `.invoke(...).await`",
            ));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.invoke(input))
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Running many

    /// Runs the step over many inputs. Each goes through the whole chain on its own, with no barrier between steps;
    /// the results come in input order. The first failure stops the rest and is the error.
    ///
    /// Inputs are taken one by one as places become free: without a limit in the configuration at most
    /// [`DEFAULT_BATCH_WINDOW`](crate::DEFAULT_BATCH_WINDOW) elements are under way at once.
    ///
    /// ```
    /// use anabranch_core::{Runnable, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let double = lambda(async |n: i64| Ok(n * 2));
    /// assert_eq!(double.batch([1, 2, 3]).await?, [2, 4, 6]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The error of the element that failed first, its index in the path: `batch 3 > …`.
    fn batch<I>(&self, inputs: I) -> impl Future<Output = Result<Vec<Self::Output>>> + Send
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input>, IntoIter: Send>,
    {
        self.batch_with(inputs, RunConfig::empty())
    }

    /// [`batch`](Self::batch) with a configuration.
    ///
    /// # Errors
    /// As for [`batch`](Self::batch).
    fn batch_with<I>(&self, inputs: I, config: &RunConfig) -> impl Future<Output = Result<Vec<Self::Output>>> + Send
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input>, IntoIter: Send>,
    {
        batch::all(self, inputs.into_iter().map(Into::into), config)
    }

    /// Runs the step over many inputs and gives every outcome, good or bad, in input order.
    fn batch_settled<I>(&self, inputs: I) -> impl Future<Output = Vec<Result<Self::Output>>> + Send
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input>, IntoIter: Send>,
    {
        self.batch_settled_with(inputs, RunConfig::empty())
    }

    /// [`batch_settled`](Self::batch_settled) with a configuration.
    fn batch_settled_with<I>(
        &self,
        inputs: I,
        config: &RunConfig,
    ) -> impl Future<Output = Vec<Result<Self::Output>>> + Send
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input>, IntoIter: Send>,
    {
        batch::settled(self, inputs.into_iter().map(Into::into), config)
    }

    /// Runs the step over many inputs and gives the results as they come, each with its index. A failed element is an
    /// error in the stream; the others go on for as long as the stream is polled, and stop when it is dropped.
    fn batch_as_completed<'a, I>(&'a self, inputs: I) -> BatchAsCompleted<'a, Self::Output>
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input> + 'a, IntoIter: Send + 'a>,
    {
        self.batch_as_completed_with(inputs, RunConfig::empty())
    }

    /// [`batch_as_completed`](Self::batch_as_completed) with a configuration.
    fn batch_as_completed_with<'a, I>(&'a self, inputs: I, config: &'a RunConfig) -> BatchAsCompleted<'a, Self::Output>
    where
        Self: Sized,
        I: IntoIterator<Item: Into<Self::Input> + 'a, IntoIter: Send + 'a>,
    {
        batch::as_completed(self, inputs.into_iter().map(Into::into), config)
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Before running

    /// Checks the chain without running it: finds a prompt variable or picked key that no earlier step provides,
    /// where that can be known. The first run of a sequence does the same by itself.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`], with the keys there are and the one that was probably meant.
    fn check(&self) -> Result<()>
    where
        Self: Sized,
    {
        check::check(&self.describe())
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Composing

    /// `self | next`, for everything: runnables, closures and async closures.
    ///
    /// ```
    /// use anabranch_core::{Runnable, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let words = lambda(async |text: String| Ok(text.split(' ').count()));
    /// let chain = words.pipe(async |n: usize| Ok(format!("{n} words")));
    /// assert_eq!(chain.invoke("one two").await?, "2 words");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "then")]
    fn pipe<Next, Marker>(self, next: Next) -> RunnableSequence<Self, Next::Runnable>
    where
        Self: Sized,
        Next: IntoRunnable<Marker>,
        <Next::Runnable as Runnable>::Input: Accepts<Self::Output>,
    {
        RunnableSequence::new(self, next.into_runnable())
    }

    /// The output object with more keys, each computed from it by a branch of `branches`, all at once. A computed key
    /// replaces one of the same name.
    ///
    /// When it streams, the chunks of the output come first, then those of the computed keys, whose branches run from
    /// the start.
    ///
    /// ```
    /// use anabranch_core::{Runnable, RunnablePassthrough, lambda, parallel};
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let chain = RunnablePassthrough.assign(parallel! {
    ///     "length": lambda(async |input: Value| Ok(input["text"].as_str().unwrap_or("").len())),
    /// });
    /// assert_eq!(chain.invoke(json!({"text": "four"})).await?, json!({"text": "four", "length": 4}));
    /// # Ok(()) }
    /// ```
    fn assign(self, branches: RunnableParallel<serde_json::Value>) -> RunnableSequence<Self, RunnableAssign>
    where
        Self: Sized,
        serde_json::Value: Accepts<Self::Output>,
    {
        RunnableSequence::new(self, RunnableAssign::new(branches))
    }

    /// One key of the output object (`.pick("summary")` gives its value), or an object of several
    /// (`.pick(["summary", "title"])`).
    ///
    /// ```
    /// use anabranch_core::{Runnable, RunnablePassthrough};
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let input = json!({"a": 1, "b": 2, "c": 3});
    /// assert_eq!(RunnablePassthrough.pick("b").invoke(input.clone()).await?, json!(2));
    /// assert_eq!(RunnablePassthrough.pick(["c", "a"]).invoke(input).await?, json!({"c": 3, "a": 1}));
    /// # Ok(()) }
    /// ```
    fn pick(self, keys: impl Into<Keys>) -> RunnableSequence<Self, RunnablePick>
    where
        Self: Sized,
        serde_json::Value: Accepts<Self::Output>,
    {
        RunnableSequence::new(self, RunnablePick::new(keys))
    }

    /// The same step over a list: list in, list out, in order, all elements at once up to the run's limit.
    ///
    /// ```
    /// use anabranch_core::{Runnable, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let lengths = lambda(async |word: String| Ok(word.len())).each();
    /// assert_eq!(lengths.invoke(vec!["a".to_string(), "bb".to_string()]).await?, [1, 2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "map")]
    fn each(self) -> RunnableEach<Self>
    where
        Self: Sized,
    {
        RunnableEach::new(self)
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Wrapping

    /// What became of the step, as a value: it never fails, it gives a `Result`. For tuples and lists whose parts may
    /// fail one by one.
    ///
    /// ```
    /// use anabranch_core::{Error, Runnable, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let parse = lambda(async |text: String| text.parse::<i64>().map_err(Error::other));
    /// let all = parse.outcome().each();
    /// let outcomes = all.invoke(vec!["1".to_string(), "x".to_string()]).await?;
    /// assert!(outcomes[0].is_ok() && outcomes[1].is_err());
    /// # Ok(()) }
    /// ```
    fn outcome(self) -> Caught<Self>
    where
        Self: Sized,
    {
        Caught::new(self)
    }

    /// Names the step, or the whole chain, in error paths and events.
    ///
    /// ```
    /// use anabranch_core::{Error, Runnable, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let fails = lambda(async |_: String| Err::<String, _>(Error::other("no luck"))).with_name("lookup");
    /// assert_eq!(fails.invoke("x").await.unwrap_err().to_string(), "lookup: error: no luck");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "run_name")]
    fn with_name(self, name: impl Into<String>) -> Named<Self>
    where
        Self: Sized,
    {
        Named::new(self, name)
    }

    /// Brings a configuration along: merged with the one of each call. The earlier deadline and both concurrency
    /// budgets hold, tags and metadata are united, the call's name and metadata win.
    fn with_config(self, config: RunConfig) -> WithConfig<Self>
    where
        Self: Sized,
    {
        WithConfig::new(self, config)
    }

    /// Moves the step to a task of its own, so that branches that keep a processor busy use all cores. The task is
    /// owned: it is aborted when the call or stream is dropped, and a panic in it becomes an error.
    ///
    /// Needs a multi-threaded tokio runtime to be of use.
    fn spawned(self) -> Spawned<Self>
    where
        Self: Sized + 'static,
    {
        Spawned::new(self)
    }

    /// Erases the type: for fields, lists of chains, and functions that return one of several.
    fn boxed(self) -> BoxRunnable<Self::Input, Self::Output>
    where
        Self: Sized + 'static,
    {
        BoxRunnable::new(self)
    }
}
