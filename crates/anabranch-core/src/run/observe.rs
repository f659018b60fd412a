//! [`Observer`]: watching a run step by step.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::attempt::Attempt;
use crate::error::Error;
use crate::run::config::RunConfig;
use crate::run::label::label_from_outside;
use crate::runnable::Runnable;

/// Watches a run: attach one with [`RunConfig::observer`].
///
/// Every step that has a name reports: [`started`](Self::started), then any number of [`chunk`](Self::chunk)s where it
/// streams, then exactly one of [`finished`](Self::finished), [`failed`](Self::failed) and
/// [`cancelled`](Self::cancelled). Without an observer none of this is computed.
///
/// The methods are called on the task that runs the step, so they should be quick: count, or send to a channel.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use anabranch_core::{Observer, RunConfig, Runnable, StepEvent, lambda};
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

    /// A step failed.
    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        let _ = (step, error);
    }

    /// A step was dropped before its end: its run was dropped, or another branch failed first.
    fn cancelled(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// An attempt at a step failed and will be [retried](crate::Runnable::with_retry) after
    /// [`attempt.wait()`](Attempt::wait).
    fn retrying(&self, step: &StepEvent<'_>, attempt: &Attempt, error: &Error) {
        let _ = (step, attempt, error);
    }

    /// A step failed and the next [alternative](crate::Runnable::with_fallback), counted from one, takes its place.
    fn fell_back(&self, step: &StepEvent<'_>, alternative: usize, error: &Error) {
        let _ = (step, alternative, error);
    }

    /// A step was so slow that a second attempt was [started beside it](crate::Runnable::hedged).
    fn hedged(&self, step: &StepEvent<'_>) {
        let _ = step;
    }

    /// A step had to wait for a limit.
    fn waited(&self, step: &StepEvent<'_>, waited: &Waited) {
        let _ = (step, waited);
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
    /// The run's [concurrency budget](RunConfig::max_concurrency).
    Concurrency,
    /// A [rate limiter](crate::Runnable::with_rate_limiter).
    RateLimiter,
}

/// A step of a run, as an [`Observer`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct StepEvent<'a> {
    config: &'a RunConfig,
    path: &'a StepPath,
    kind: &'static str,
    started: Instant,
}

impl<'a> StepEvent<'a> {
    /// Where the step is in the run.
    #[must_use]
    pub fn path(&self) -> &'a StepPath {
        self.path
    }

    /// The step's kind, for instance `"chat_model"`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// A number no other execution of a step has in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.path.id
    }

    /// The [`id`](Self::id) of the step around it.
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        self.path.parent.as_ref().map(|parent| parent.id)
    }

    /// When the step began.
    #[must_use]
    pub fn started_at(&self) -> Instant {
        self.started
    }

    /// How long ago that was: at the end of the step, how long it took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
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

/// Where a step is in a run. `Display` is the path as it stands in errors: `parallel "summary" > ChatModel x`.
#[derive(Debug)]
pub struct StepPath {
    parent: Option<Arc<StepPath>>,
    name: String,
    id: u64,
}

impl StepPath {
    pub(crate) fn new(parent: Option<Arc<StepPath>>, name: String) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Self { parent, name, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }
    }

    /// The names, outermost first.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = self.parent.as_ref().map_or_else(Vec::new, |parent| parent.names());
        names.push(&self.name);
        names
    }

    /// The name of the step itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            write!(f, "{parent} > ")?;
        }
        f.write_str(&self.name)
    }
}

/// Tells the observers something about `step`, which does not run (any more, or yet). `config` is that of its caller.
#[cold]
pub(crate) fn tell<R: Runnable>(
    config: &RunConfig,
    step: &R,
    started: Option<Instant>,
    event: impl Fn(&dyn Observer, &StepEvent<'_>),
) {
    if config.observers().is_empty() {
        return;
    }
    let started = started.unwrap_or_else(Instant::now);
    let label = label_from_outside(step);
    tell_as(&config.at(label.name.into_owned()), label.kind, started, event);
}

/// Tells the observers something about the step that `config` was handed to.
pub(crate) fn tell_here(config: &RunConfig, started: Instant, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
    if config.path().is_some() {
        return tell_as(config, "step", started, event);
    }
    tell_as(&config.at("step".into()), "step", started, event);
}

fn tell_as(config: &RunConfig, kind: &'static str, started: Instant, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
    if let Some(path) = config.path() {
        let step = StepEvent { config, path, kind, started };
        for observer in config.observers() {
            event(&**observer, &step);
        }
    }
}

/// Tells the observers how one step goes; says `cancelled` if it is dropped before the end.
pub(crate) struct Watch {
    /// The configuration of the step itself: its path is the step's.
    config: RunConfig,
    kind: &'static str,
    started: Instant,
    ended: bool,
}

impl Watch {
    pub(crate) fn start(config: RunConfig, kind: &'static str) -> Self {
        let watch = Self { config, kind, started: Instant::now(), ended: false };
        watch.tell(|observer, step| observer.started(step));
        watch
    }

    pub(crate) fn chunk(&self) {
        self.tell(|observer, step| observer.chunk(step));
    }

    pub(crate) fn finished(&mut self) {
        self.ended = true;
        self.tell(|observer, step| observer.finished(step));
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        // An error that came in with the input did not happen here: this step never got to run.
        if !error.is_passing() {
            self.ended = true;
            self.tell(|observer, step| observer.failed(step, error));
        }
    }

    fn tell(&self, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
        tell_as(&self.config, self.kind, self.started, event);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(|observer, step| observer.cancelled(step));
        }
    }
}
