//! [`RunnableExt`]: what one does with a step.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::description::{Warning, check};
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::assign::RunnableAssign;
use crate::fan_out::batch::{self, BatchAsCompleted};
use crate::fan_out::each::RunnableEach;
use crate::fan_out::parallel::RunnableParallel;
use crate::resilience::circuit_breaker::CircuitBreaker;
use crate::resilience::hedged::{Hedge, Hedged};
use crate::resilience::rate_limiter::RateLimiter;
use crate::resilience::with_circuit_breaker::WithCircuitBreaker;
use crate::resilience::with_fallback::WithFallbacks;
use crate::resilience::with_idle_timeout::WithIdleTimeout;
use crate::resilience::with_rate_limiter::WithRateLimiter;
use crate::resilience::with_retry::{Retry, WithRetry};
use crate::resilience::with_timeout::WithTimeout;
use crate::run::config::RunConfig;
use crate::run::flow::in_run;
use crate::step::boxed::BoxRunnable;
use crate::step::into_input::{IntoInput, chunks_of};
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::{opened, stream_of, stream_owned};
use crate::steps::into_runnable::IntoRunnable;
use crate::steps::named::Named;
use crate::steps::pick::{Keys, RunnablePick};
use crate::steps::result::RunnableResult;
use crate::steps::sequence::RunnableSequence;
use crate::steps::spawned::Spawned;
use crate::steps::with_config::WithConfig;
use crate::stream::accepts::Accepts;
use crate::stream::chunks::Chunks;

/// What one does with a step: invoke it, stream it, batch it, check it, and put it together with others. Every
/// [`Runnable`] has it.
///
/// Whatever is written once as a chain can be
///
/// - [invoked](Self::invoke): one input, one output;
/// - [streamed](Self::stream): the output in pieces, as it is made;
/// - [batched](Self::batch): many inputs, results in order, a limit on how many at once;
/// - [checked](Self::check) before the first paid call.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let chain = lambda(async |text: String| Ok(text.len())).pipe(async |n: usize| Ok(format!("{n} bytes")));
///
/// assert_eq!(chain.invoke("four").await?, "4 bytes");
/// assert_eq!(chain.batch(["a", "bb"]).await?, ["1 bytes", "2 bytes"]);
/// # Ok(()) }
/// ```
///
/// Every way in is a run: the name of the step, the run's deadline, its observers and its errors are the same from each
/// of them. Inputs are whatever [becomes](IntoInput) the input of the step.
pub trait RunnableExt: Runnable + Sized {
    // ---------------------------------------------------------------------------------------------------------------
    // Running

    /// Runs the step once.
    ///
    /// # Errors
    /// The error of the step that failed, with the path to it.
    fn invoke<I, Marker>(&self, input: I) -> impl Future<Output = Result<Self::Output>> + Send
    where
        I: IntoInput<Self::Input, Marker>,
    {
        let input = input.into_input();
        async move { in_run(run(RunConfig::empty(), self, input?)).await }
    }

    /// [`invoke`](Self::invoke) with a configuration.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{RunConfig, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let double = lambda(async |n: i64| Ok(n * 2));
    /// assert_eq!(double.invoke_with(2, &RunConfig::new().timeout(Duration::from_secs(9))).await?, 4);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`invoke`](Self::invoke), and [`ErrorKind::DeadlineExceeded`].
    fn invoke_with<I, Marker>(&self, input: I, config: &RunConfig) -> impl Future<Output = Result<Self::Output>> + Send
    where
        I: IntoInput<Self::Input, Marker>,
    {
        let input = input.into_input();
        async move { config.run(self, input?).await }
    }

    /// Runs the step and gives its output in chunks as they are made. Nothing runs until the stream is polled;
    /// dropping it stops everything behind it.
    ///
    /// ```
    /// use anabranch_core::{Chunks, Merge, RunnableExt, generator};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let shout = generator(|words: Chunks<'_, String>| words.map_chunks(|word| Ok(word + "!"), Merge::append()));
    /// let mut stream = shout.stream("hey");
    /// assert_eq!(stream.next().await.transpose()?.as_deref(), Some("hey!"));
    /// # Ok(()) }
    /// ```
    fn stream<I, Marker>(&self, input: I) -> Chunks<'_, Self::Output>
    where
        I: IntoInput<Self::Input, Marker>,
    {
        RunConfig::empty().stream(self, chunks_of(input))
    }

    /// [`stream`](Self::stream) with a configuration, of which the stream keeps a copy.
    fn stream_with<I, Marker>(&self, input: I, config: &RunConfig) -> Chunks<'_, Self::Output>
    where
        I: IntoInput<Self::Input, Marker>,
    {
        self.transform_with(chunks_of(input), config)
    }

    /// A stream that owns its chain, for web handlers and tasks that outlive the scope they start in. From an
    /// [`Arc`]; [`BoxRunnable::stream_owned`] does the same for a boxed one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use anabranch_core::{Chunks, RunConfig, RunnableExt, lambda};
    ///
    /// fn handler() -> Chunks<'static, String> {
    ///     let chain = Arc::new(lambda(async |name: String| Ok(format!("Hello, {name}"))));
    ///     chain.stream_owned("you", RunConfig::new())
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// assert_eq!(handler().collect().await?, "Hello, you");
    /// # Ok(()) }
    /// ```
    fn stream_owned<I, Marker>(self: Arc<Self>, input: I, config: RunConfig) -> Chunks<'static, Self::Output>
    where
        Self: 'static,
        I: IntoInput<Self::Input, Marker>,
    {
        opened(stream_of(started(&config), self, chunks_of(input)))
    }

    /// Runs the step over a stream of input.
    fn transform<'a>(&'a self, input: Chunks<'a, Self::Input>) -> Chunks<'a, Self::Output> {
        RunConfig::empty().stream(self, input)
    }

    /// [`transform`](Self::transform) with a configuration, of which the stream keeps a copy.
    fn transform_with<'a>(&'a self, input: Chunks<'a, Self::Input>, config: &RunConfig) -> Chunks<'a, Self::Output> {
        opened(stream_owned(started(config), self, input))
    }

    /// [`invoke`](Self::invoke) for programs without a runtime: starts one on this thread for the call.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] inside an async runtime, where blocking would stop other tasks: use
    /// `invoke(…).await` there.
    fn invoke_blocking<I, Marker>(&self, input: I) -> Result<Self::Output>
    where
        I: IntoInput<Self::Input, Marker>,
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
    /// Inputs are taken one by one as others are done: without a limit in the configuration at most
    /// [`DEFAULT_BATCH_WINDOW`](crate::DEFAULT_BATCH_WINDOW) elements are under way at once.
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let double = lambda(async |n: i64| Ok(n * 2));
    /// assert_eq!(double.batch([1, 2, 3]).await?, [2, 4, 6]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The error of the element that failed first, its index in the path: `batch 3 > …`.
    fn batch<B, Marker>(&self, inputs: B) -> impl Future<Output = Result<Vec<Self::Output>>> + Send
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker>, IntoIter: Send>,
    {
        self.batch_with(inputs, RunConfig::empty())
    }

    /// [`batch`](Self::batch) with a configuration. The batch is one run: its deadline is for all of it.
    ///
    /// # Errors
    /// As for [`batch`](Self::batch).
    fn batch_with<B, Marker>(
        &self,
        inputs: B,
        config: &RunConfig,
    ) -> impl Future<Output = Result<Vec<Self::Output>>> + Send
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker>, IntoIter: Send>,
    {
        let inputs = inputs.into_iter().map(IntoInput::into_input);
        async move { batch::all(self, inputs, started(config)).await }
    }

    /// Runs the step over many inputs and gives every outcome, good or bad, in input order.
    fn batch_settled<B, Marker>(&self, inputs: B) -> impl Future<Output = Vec<Result<Self::Output>>> + Send
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker>, IntoIter: Send>,
    {
        self.batch_settled_with(inputs, RunConfig::empty())
    }

    /// [`batch_settled`](Self::batch_settled) with a configuration.
    fn batch_settled_with<B, Marker>(
        &self,
        inputs: B,
        config: &RunConfig,
    ) -> impl Future<Output = Vec<Result<Self::Output>>> + Send
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker>, IntoIter: Send>,
    {
        let inputs = inputs.into_iter().map(IntoInput::into_input);
        async move { batch::settled(self, inputs, started(config)).await }
    }

    /// Runs the step over many inputs and gives the results as they come, good or bad, each with the index of its
    /// input. The run goes on for as long as the stream is polled, and stops when it is dropped.
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let parse = lambda(async |text: String| Ok(text.parse::<i64>()?));
    /// let mut arriving = parse.batch_as_completed(["1", "x"]);
    /// while let Some((index, result)) = arriving.next().await {
    ///     assert_eq!(result.is_ok(), index == 0);
    /// }
    /// # Ok(()) }
    /// ```
    fn batch_as_completed<'a, B, Marker>(&'a self, inputs: B) -> BatchAsCompleted<'a, Self::Output>
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker> + 'a, IntoIter: Send + 'a>,
        Marker: 'a,
    {
        self.batch_as_completed_with(inputs, RunConfig::empty())
    }

    /// [`batch_as_completed`](Self::batch_as_completed) with a configuration, of which the stream keeps a copy.
    fn batch_as_completed_with<'a, B, Marker>(
        &'a self,
        inputs: B,
        config: &RunConfig,
    ) -> BatchAsCompleted<'a, Self::Output>
    where
        B: IntoIterator<Item: IntoInput<Self::Input, Marker> + 'a, IntoIter: Send + 'a>,
        Marker: 'a,
    {
        batch::as_completed(self, inputs.into_iter().map(IntoInput::into_input), started(config))
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Before running

    /// Checks the chain without running it: finds a prompt variable or picked key that no earlier step provides, and
    /// fan-outs that ask for more than they have, where that can be known. The first run of a chain does the same by
    /// itself.
    ///
    /// A chain that can work is never refused. What is wrong in a part that need not run, or that may fail, is a
    /// [`Warning`]; observers of the first run [hear](crate::Observer::warned) it, too.
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, RunnablePassthrough, parallel};
    ///
    /// let map = parallel! { "topic": RunnablePassthrough };
    /// assert!(map.clone().pick("topic").check().unwrap().is_empty());
    /// assert!(map.pick("tpoic").check().unwrap_err().to_string().contains("did you mean `topic`"));
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`], with the keys there are and the one that was probably meant.
    fn check(&self) -> Result<Vec<Warning>> {
        check(&self.describe())
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Composing

    /// `self | next`, for everything: runnables, closures and async closures.
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let words = lambda(async |text: String| Ok(text.split(' ').count()));
    /// let chain = words.pipe(async |n: usize| Ok(format!("{n} words")));
    /// assert_eq!(chain.invoke("one two").await?, "2 words");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "then")]
    fn pipe<Next, Marker>(self, next: Next) -> RunnableSequence<(Self, Next::Runnable)>
    where
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
    /// use anabranch_core::{RunnableExt, RunnablePassthrough, lambda, parallel};
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let chain = RunnablePassthrough.assign(parallel! {
    ///     "length": lambda(async |input: Value| Ok(input["text"].as_str().unwrap_or("").len())),
    /// });
    /// assert_eq!(chain.invoke(json!({"text": "four"})).await?, json!({"text": "four", "length": 4}));
    /// # Ok(()) }
    /// ```
    fn assign(self, branches: RunnableParallel<serde_json::Value>) -> RunnableSequence<(Self, RunnableAssign)>
    where
        serde_json::Value: Accepts<Self::Output>,
    {
        RunnableSequence::new(self, RunnableAssign::new(branches))
    }

    /// One key of the output object (`.pick("summary")` gives its value), or an object of several
    /// (`.pick(["summary", "title"])`).
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, RunnablePassthrough};
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let input = json!({"a": 1, "b": 2, "c": 3});
    /// assert_eq!(RunnablePassthrough.pick("b").invoke(input.clone()).await?, json!(2));
    /// assert_eq!(RunnablePassthrough.pick(["c", "a"]).invoke(input).await?, json!({"c": 3, "a": 1}));
    /// # Ok(()) }
    /// ```
    fn pick(self, keys: impl Into<Keys>) -> RunnableSequence<(Self, RunnablePick)>
    where
        serde_json::Value: Accepts<Self::Output>,
    {
        RunnableSequence::new(self, RunnablePick::new(keys))
    }

    /// The same step over a list: list in, list out, in order, all elements at once up to the run's limit, or to one
    /// of its own: [`.each().max_concurrency(n)`](RunnableEach::max_concurrency).
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let lengths = lambda(async |word: String| Ok(word.len())).each();
    /// assert_eq!(lengths.invoke(vec!["a".to_string(), "bb".to_string()]).await?, [1, 2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "map")]
    fn each(self) -> RunnableEach<Self> {
        RunnableEach::new(self)
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Wrapping

    /// The `Result` of the step as its value: it never fails. For tuples and lists whose parts may fail one by one.
    ///
    /// ```
    /// use anabranch_core::{Error, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let parse = lambda(async |text: String| text.parse::<i64>().map_err(Error::other));
    /// let all = parse.result().each();
    /// let results = all.invoke(vec!["1".to_string(), "x".to_string()]).await?;
    /// assert!(results[0].is_ok() && results[1].is_err());
    /// # Ok(()) }
    /// ```
    fn result(self) -> RunnableResult<Self> {
        RunnableResult::new(self)
    }

    /// Names the step, or the whole chain, in error paths and events.
    ///
    /// ```
    /// use anabranch_core::{Error, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let fails = lambda(async |_: String| Err::<String, _>(Error::other("no luck"))).with_name("lookup");
    /// assert_eq!(fails.invoke("x").await.unwrap_err().to_string(), "lookup: error: no luck");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "run_name")]
    fn with_name(self, name: impl Into<String>) -> Named<Self> {
        Named::new(self, name)
    }

    /// Brings a configuration along: merged with the one of each call. The earlier deadline and both concurrency limits
    /// hold, tags and metadata are united, the call's name and metadata win. A time-out counts from the start of each
    /// call.
    fn with_config(self, config: RunConfig) -> WithConfig<Self> {
        WithConfig::new(self, config)
    }

    /// Moves the step to a task of its own, so that branches that keep a processor busy use all cores. The task is
    /// owned: it is aborted when the call or stream is dropped, and a panic in it becomes an error.
    ///
    /// Needs a multi-threaded tokio runtime to be of use.
    fn spawned(self) -> Spawned<Self>
    where
        Self: 'static,
    {
        Spawned::new(self)
    }

    /// Erases the type: for fields, lists of chains, and functions that return one of several.
    fn boxed(self) -> BoxRunnable<Self::Input, Self::Output>
    where
        Self: 'static,
    {
        BoxRunnable::new(self)
    }

    /// Stops the step when it is not done in time, with an error of kind [`Timeout`](ErrorKind::Timeout) that names it.
    ///
    /// It limits what stands before it: inside a retry each attempt, outside all of them with the waits between.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{ErrorKind, Retry, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<String>>().await);
    /// let careful = hangs
    ///     .with_timeout(Duration::from_secs(10)) // per attempt
    ///     .with_retry(Retry::attempts(5))
    ///     .with_timeout(Duration::from_secs(30)); // for the whole
    ///
    /// let error = careful.invoke("x").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Timeout);
    /// # }
    /// ```
    ///
    /// What is done too late is not done, even if it was never stopped. Streaming, the limit is for the whole stream,
    /// from the moment the input is complete to the last chunk, and the time its reader takes counts. The steps inside
    /// are told ([`RunConfig::deadline`]), so that no retry waits longer than it can matter. What is stopped is dropped:
    /// connections are closed, and a [spawned](Self::spawned) task is aborted.
    #[doc(alias = "wait_for")]
    fn with_timeout(self, limit: Duration) -> WithTimeout<Self> {
        WithTimeout::new(self, limit)
    }

    /// Stops the step when it falls silent: when no chunk comes for this long, before the first one or between two. The
    /// time the reader takes for a chunk does not count. The error is of kind [`Timeout`](ErrorKind::Timeout).
    ///
    /// Where the whole is wanted ([`invoke`](Self::invoke)), the steps inside that make chunks still do, to show whether
    /// there is progress. For a limit on the whole, use [`with_timeout`](Self::with_timeout); both together are common.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<String>>().await);
    /// let error = hangs.with_idle_timeout(Duration::from_secs(60)).invoke("x").await.unwrap_err();
    /// assert_eq!(error.to_string(), "lambda: timed out: no chunk came for 60s");
    /// # }
    /// ```
    fn with_idle_timeout(self, limit: Duration) -> WithIdleTimeout<Self> {
        WithIdleTimeout::new(self, limit)
    }

    /// Tries the step again when it fails with an error where that can help ([`Error::is_retryable`]).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use anabranch_core::{Error, ErrorKind, Retry, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anabranch_core::Result<()> {
    /// static CALLS: AtomicU32 = AtomicU32::new(0);
    /// let flaky = lambda(async |text: String| match CALLS.fetch_add(1, Ordering::Relaxed) {
    ///     0 | 1 => Err(Error::new(ErrorKind::Overloaded, "status 529")),
    ///     _ => Ok(text.len()),
    /// });
    /// assert_eq!(flaky.with_retry(Retry::attempts(3)).invoke("four").await?, 4);
    /// # Ok(()) }
    /// ```
    ///
    /// - Before each further attempt it waits: as long as the server asked for (up to a cap, above which it fails at
    ///   once), otherwise an exponential back-off with full jitter. It never waits longer than there is
    ///   [time](RunConfig::time_left). No permit of the run's concurrency limit is held meanwhile.
    /// - Retries are taken out of a [`RetryBudget`](crate::RetryBudget), shared by clones, so that a server that is
    ///   down is not stormed.
    /// - The error at the end is that of the last attempt; [`Error::attempts`] has them all.
    /// - In a batch each element is retried on its own.
    /// - A stream is retried until its first chunk is handed on; a failure after that is passed on. Read only as a whole
    ///   ([`Chunks::collect`]), it is retried like `invoke`. A streamed input is collected first, and an error in it is
    ///   no failure of the step.
    /// - Retries inside each other do not multiply: an error that one has given up on passes through those around it,
    ///   unless one is told otherwise ([`even_if_exhausted`](Retry::even_if_exhausted)).
    fn with_retry(self, retry: Retry) -> WithRetry<Self>
    where
        Self: Runnable<Input: Clone>,
    {
        WithRetry::new(self, retry)
    }

    /// Another step to take the place of this one when it fails; call it again for more alternatives.
    ///
    /// ```
    /// use anabranch_core::{Error, ErrorKind, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let down = lambda(async |_: String| Err::<String, _>(Error::new(ErrorKind::Server, "status 500")));
    /// let other = lambda(async |text: String| Ok(text.to_uppercase()));
    /// assert_eq!(down.with_fallback(other).invoke("quiet").await?, "QUIET");
    /// # Ok(()) }
    /// ```
    ///
    /// - The alternatives are tried in order, on every error but [`InvalidInput`](ErrorKind::InvalidInput) and
    ///   [`InvalidChain`](ErrorKind::InvalidChain), which they would fail with just the same;
    ///   [`fallback_if`](WithFallbacks::fallback_if) decides otherwise.
    /// - When all fail, the error is that of the last one tried. [`Error::attempts`] has all attempts, those of retries
    ///   inside included, and [`Error::related`] the errors of the alternatives before it.
    /// - A stream is switched until its first chunk is handed on; a failure after that is passed on. A stream that ends
    ///   without a chunk is a valid empty one. Read only as a whole, it falls back like `invoke`.
    /// - A streamed input is collected first, and an error in it is no failure of the step.
    fn with_fallback<F>(self, other: F) -> WithFallbacks<Self>
    where
        Self: Runnable<Input: Clone>,
        F: Runnable<Input = Self::Input, Output = Self::Output> + 'static,
    {
        WithFallbacks::new(self, vec![BoxRunnable::new(other)])
    }

    /// [`with_fallback`](Self::with_fallback) with a list.
    fn with_fallbacks<F>(self, others: F) -> WithFallbacks<Self>
    where
        Self: Runnable<Input: Clone>,
        F: IntoIterator<Item = BoxRunnable<Self::Input, Self::Output>>,
    {
        WithFallbacks::new(self, others.into_iter().collect())
    }

    /// Waits until the limiter admits the call: requests, and units such as tokens, per interval. The same limiter may
    /// stand before many steps.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{Cost, RunnableExt, TokenBucket, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anabranch_core::Result<()> {
    /// const MINUTE: Duration = Duration::from_secs(60);
    /// let limits = TokenBucket::new().requests(500, MINUTE).units(200_000, MINUTE);
    ///
    /// let summarise = lambda(async |text: String| Ok(text.len()));
    /// // About four bytes to a token.
    /// let summarise = summarise.with_rate_limiter(limits.clone()).cost(|text| Cost::units(text.len() as u64 / 4));
    /// assert_eq!(summarise.invoke("some text").await?, 9);
    /// # Ok(()) }
    /// ```
    ///
    /// - It waits before the step takes a permit of the run's concurrency limit.
    /// - A wait that would outlast the [time there is](RunConfig::time_left) fails at once, with an error of kind
    ///   [`RateLimited`](ErrorKind::RateLimited) that says so.
    /// - An error of that kind that says how long to wait, from the step itself, holds everybody back who shares the
    ///   limiter.
    /// - What a model's server says about its limits, and how many tokens a call used, reaches the limiter from chat models
    ///   inside, however deep: [`RunConfig::server_limits`], [`RunConfig::units_used`].
    /// - Observers hear how long each call [waited](crate::Observer::waited); [`RateLimiter::snapshot`] says how the
    ///   limiter stands.
    fn with_rate_limiter(self, limiter: impl RateLimiter + 'static) -> WithRateLimiter<Self> {
        WithRateLimiter::new(self, Arc::new(limiter))
    }

    /// Starts a second attempt when the first is slow: after a fixed time, or when it takes longer than most calls did
    /// ([`Hedge::percentile`]). The first success wins and the other attempt is dropped.
    ///
    /// Both attempts are paid for, so second attempts are taken out of a [`RetryBudget`](crate::RetryBudget) as retries
    /// are. Streaming, the race is for the first chunk. A failure before the time has come is passed on: a failure is
    /// the matter of [`with_retry`](Self::with_retry). When both fail, the error is that of the first attempt, and the
    /// other is [related](Error::related) to it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{Hedge, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let lookup = lambda(async |n: i64| Ok(n + 1));
    /// let hedged = lookup.clone().hedged(Duration::from_secs(2));
    /// assert_eq!(hedged.invoke(1).await?, 2);
    /// let hedged = lookup.hedged(Hedge::percentile(0.95));
    /// assert_eq!(hedged.invoke(1).await?, 2);
    /// # Ok(()) }
    /// ```
    fn hedged(self, after: impl Into<Hedge>) -> Hedged<Self>
    where
        Self: Runnable<Input: Clone>,
    {
        Hedged::new(self, after.into())
    }

    /// Leaves the step alone for a while after it failed several times in a row because its server is in trouble
    /// (`Overloaded`, `Server`, `Timeout`, `Connection`, `IncompleteStream`; never because of a bad request). Until then
    /// calls fail at once with [`CircuitOpen`](ErrorKind::CircuitOpen), which is not retried but falls back.
    ///
    /// ```
    /// use anabranch_core::{CircuitBreaker, CircuitState, Error, ErrorKind, RunnableExt, lambda};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let breaker = CircuitBreaker::new().failures(2);
    /// let down = lambda(async |_: String| Err::<usize, _>(Error::new(ErrorKind::Server, "status 500")));
    /// let other = lambda(async |text: String| Ok(text.len()));
    /// let chain = down.with_circuit_breaker(breaker.clone()).with_fallback(other);
    ///
    /// for _ in 0..3 {
    ///     assert_eq!(chain.invoke("four").await?, 4);
    /// }
    /// assert_eq!(breaker.state(), CircuitState::Open); // the third went to the other one at once
    /// # Ok(()) }
    /// ```
    ///
    /// A stream counts when it ends, well or with an error; one that its reader drops counts as neither. So does a call
    /// that a time-out outside stops: put [`with_timeout`](Self::with_timeout) inside.
    fn with_circuit_breaker(self, breaker: CircuitBreaker) -> WithCircuitBreaker<Self> {
        WithCircuitBreaker::new(self, breaker)
    }
}

impl<R: Runnable> RunnableExt for R {}

/// The configuration of a run that begins now.
fn started(config: &RunConfig) -> RunConfig {
    config.started().unwrap_or_else(|| config.clone())
}
