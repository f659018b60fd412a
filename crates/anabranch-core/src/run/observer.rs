//! [`Observer`]: watching a run step by step.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::description::{Kind, Warning};
use crate::error::{Attempt, Error};
use crate::run::config::RunConfig;
use crate::run::step_path::StepPath;

/// Watches a run: attach one with [`RunConfig::observer`].
///
/// Every step that has a name reports: [`started`](Self::started), then any number of [`chunk`](Self::chunk)s where it
/// streams, then exactly one of [`finished`](Self::finished), [`failed`](Self::failed) and
/// [`cancelled`](Self::cancelled). A step that is tried again, or beside which another is tried, reports every attempt.
/// Without an observer none of this is computed.
///
/// The methods are called on the task that runs the step, so they should be quick: count, or send to a channel. A panic
/// in one does not touch the run.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use anabranch_core::{Observer, RunConfig, RunnableExt, StepEvent, lambda};
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Observer for Log {
///     fn finished(&self, step: &StepEvent<'_>) {
///         self.0.lock().unwrap().push(step.path().to_string());
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let log = Arc::new(Log::default());
/// let chain = lambda(async |n: i64| Ok(n + 1)).with_name("plus one")
///     | lambda(async |n: i64| Ok(n * 2)).with_name("double");
///
/// chain.invoke_with(1, &RunConfig::new().observer(log.clone())).await?;
/// assert_eq!(*log.0.lock().unwrap(), ["plus one", "double"]);
/// # Ok(()) }
/// ```
pub trait Observer: Send + Sync {
    /// A step begins.
    fn started(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// A streaming step gave a chunk.
    fn chunk(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// A step gave its result, or its last chunk.
    fn finished(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// A step failed; a time-out that stops steps is a failure of those steps, too.
    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        let _ = (step, error);
    }

    /// A step was dropped before its end: its run was dropped, or another branch failed first.
    fn cancelled(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// Something about the chain was found before it runs that need not make it fail.
    fn warned(&self, warning: &Warning) {
        let _ = warning;
    }

    /// An attempt at a step failed and will be [retried](crate::RunnableExt::with_retry) after
    /// [`attempt.wait()`](Attempt::wait).
    fn retrying(&self, step: &StepEvent<'_>, attempt: &Attempt, error: &Error) {
        let _ = (step, attempt, error);
    }

    /// This step failed and the next [alternative](crate::RunnableExt::with_fallback), counted from one, takes its place.
    fn fell_back(&self, step: &StepEvent<'_>, alternative: usize, error: &Error) {
        let _ = (step, alternative, error);
    }

    /// This attempt at a step is so slow that a second one is [started beside it](crate::RunnableExt::hedged).
    fn hedged(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// A step had to wait for a limit.
    fn waited(&self, step: &StepEvent<'_>, waited: &Waited) {
        let _ = (step, waited);
    }

    /// Whether it wants to hear of [`token`](Self::token)s: `false` unless it says otherwise. A model whose answer is
    /// wanted as a whole is then asked for a stream all the same, so that there are tokens to tell of.
    fn wants_tokens(&self) -> bool {
        false
    }

    /// A step made a piece of text, whoever reads it and however: a model tells of its answer as it comes, also where
    /// the chain is invoked; a step of yours by [`RunConfig::token`]. Only observers that
    /// [want](Self::wants_tokens) them hear of tokens.
    ///
    /// What a step's execution told, in order, has the same [`StepEvent::id`]: another attempt has another, as have
    /// branches side by side. If the execution fails, what it told does not count.
    fn token(&self, step: &StepEvent<'_>, text: &str) {
        let _ = (step, text);
    }
}

/// How long a step had to wait for a limit before it could begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waited {
    /// Which limit it was.
    pub on: WaitedOn,
    /// How long it waited.
    pub time: Duration,
    /// How many stood in front of it when it came.
    pub ahead: usize,
}

/// Which limit a step had to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitedOn {
    /// The run's [concurrency limit](RunConfig::max_concurrency).
    Concurrency,
    /// A [rate limiter](crate::RunnableExt::with_rate_limiter).
    RateLimiter,
}

/// A step of a run, as an [`Observer`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct StepEvent<'a> {
    config: &'a RunConfig,
    path: &'a StepPath,
}

impl<'a> StepEvent<'a> {
    pub(crate) fn new(config: &'a RunConfig, path: &'a StepPath) -> Self {
        Self { config, path }
    }

    /// Where the step is in the run.
    #[must_use]
    pub fn path(&self) -> &'a StepPath {
        self.path
    }

    /// The step's kind, for instance `chat_model`.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.path.kind()
    }

    /// A number no other execution of a step has in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.path.id()
    }

    /// The [`id`](Self::id) of the step around it.
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        self.path.parent_id()
    }

    /// When the step began.
    #[must_use]
    pub fn started_at(&self) -> Instant {
        self.path.started()
    }

    /// How long ago that was: at the end of the step, how long it took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.path.started().elapsed()
    }

    /// The name of the run, if it has one.
    #[must_use]
    pub fn run_name(&self) -> Option<&'a str> {
        self.config.run_name()
    }

    /// The tags of the run.
    #[must_use]
    pub fn tags(&self) -> &'a [String] {
        self.config.tags()
    }

    /// The metadata of the run.
    #[must_use]
    pub fn metadata(&self) -> Option<&'a Map<String, Value>> {
        self.config.metadata()
    }
}
