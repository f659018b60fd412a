//! [`RunConfig`]: what holds for a whole run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::description::Label;
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::charge::Charge;
use crate::resilience::rate_limiter::{Cost, RateLimiter};
use crate::run::limit::{self, Concurrency, Limit, Permit};
use crate::run::observer::{Observer, Waited, WaitedOn};
use crate::run::progress::Progress;
use crate::run::step_path::StepPath;
use crate::run::watch;

/// How many runnables may be chosen at run time inside each other, unless [`RunConfig::max_depth`] says otherwise.
pub(crate) const DEFAULT_MAX_DEPTH: usize = 25;

/// What holds for a whole run: its name, tags and metadata, how long it may take, how much of it may go on at once, who
/// watches it.
///
/// It is passed explicitly, to the `_with` form of every method, and inherited by everything below. An empty one
/// costs nothing. It is a plain value: a change makes another one. What clones share is the concurrency limit, so that
/// several runs can be limited together; a time-out counts anew from the start of each run.
///
/// ```
/// use std::time::Duration;
/// use anabranch_core::{RunConfig, RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let double = lambda(async |n: i64| Ok(n * 2));
/// let config = RunConfig::new().name("nightly").max_concurrency(10).timeout(Duration::from_secs(60));
///
/// assert_eq!(double.batch_with([1, 2, 3], &config).await?, [2, 4, 6]);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct RunConfig {
    shared: Option<Arc<Shared>>,
    /// The step that runs. Beside the rest, as is all that changes from step to step, so that the rest need not be
    /// copied.
    path: Option<Arc<StepPath>>,
    /// A time-out around the present step: whoever set it keeps to it, so the steps below need no timer for it.
    limit: Option<Instant>,
    /// How many runnables were chosen at run time inside each other.
    depth: usize,
    /// Somebody wants to know whether there is progress, though the run is read as a whole.
    progress: Option<Progress>,
    /// A rate limiter stands around the present step.
    charge: Option<Charge>,
}

/// Cheap to clone, since each run that is watched has one of its own: what the steps of a run count on should not be
/// counted on by another thread's run.
#[derive(Clone, Default)]
struct Shared {
    about: Arc<About>,
    /// Counted from the start of the run, which makes a deadline of it.
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// In the one order in which all take them.
    limits: Vec<Limit>,
    max_depth: Option<usize>,
}

/// What a run is called, and who watches it.
#[derive(Clone, Default)]
struct About {
    name: Option<String>,
    tags: Vec<String>,
    metadata: Map<String, Value>,
    observers: Vec<Arc<dyn Observer>>,
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

static EMPTY: RunConfig = RunConfig::new();

impl RunConfig {
    /// An empty configuration.
    #[must_use]
    pub const fn new() -> Self {
        Self { shared: None, path: None, limit: None, depth: 0, progress: None, charge: None }
    }

    /// The empty configuration, for as long as it is needed.
    #[must_use]
    pub fn empty() -> &'static Self {
        &EMPTY
    }

    fn with(mut self, set: impl FnOnce(&mut Shared)) -> Self {
        set(Arc::make_mut(self.shared.get_or_insert_default()));
        self
    }

    fn about(self, set: impl FnOnce(&mut About)) -> Self {
        self.with(|shared| set(Arc::make_mut(&mut shared.about)))
    }

    /// Names the run, for observers.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.about(|about| about.name = Some(name.into()))
    }

    /// Adds a tag, for observers. Tags keep their order; a tag that is there already is not added again.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        self.about(|about| {
            if !about.tags.contains(&tag) {
                about.tags.push(tag);
            }
        })
    }

    /// Adds a piece of metadata, for observers. The same key again replaces the value.
    #[must_use]
    pub fn metadata_entry(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.about(|about| {
            about.metadata.insert(key.into(), value.into());
        })
    }

    /// The run must be over at this moment; whatever step runs then fails with
    /// [`ErrorKind::DeadlineExceeded`]. An earlier deadline that is set already stays.
    #[must_use]
    pub fn deadline_at(self, deadline: Instant) -> Self {
        self.with(|shared| shared.deadline = Some(shared.deadline.map_or(deadline, |earlier| earlier.min(deadline))))
    }

    /// The run must be over this long after it has begun. It counts anew for each run: a configuration that is kept,
    /// or that a chain [brings along](crate::RunnableExt::with_config), can be used again and again. A batch is one run.
    /// A shorter time-out that is set already stays.
    #[must_use]
    pub fn timeout(self, duration: Duration) -> Self {
        self.with(|shared| shared.timeout = Some(shared.timeout.map_or(duration, |shorter| shorter.min(duration))))
    }

    /// At most this many limited calls at once over the whole run, however its fan-outs nest: calls of models and tools,
    /// [`blocking`](crate::blocking()) functions, lambdas that [ask for it](crate::combinators::Lambda::limited). Zero
    /// counts as one.
    ///
    /// Each takes a [permit](Self::permit) for as long as it goes on, in the order they came. A stream has its permit
    /// while it is read. While the step behind it works on a chunk and does not read on, the stream rests: its permit is
    /// lent to the calls of those who read from it, and it goes on once it has a permit again. If these wait for another
    /// limit, one that a part of the chain [brings along](crate::RunnableExt::with_config), the permit goes back until
    /// the stream is read on. So no chain waits for itself.
    ///
    /// A fan-out or batch also starts no more than this many branches or elements at once, so that a batch of 100,000
    /// does not hold 100,000 half-done chains.
    #[must_use]
    pub fn max_concurrency(self, limit: usize) -> Self {
        self.with(|shared| shared.limits = vec![Limit::new(limit.max(1))])
    }

    /// Adds an observer.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        self.about(|about| about.observers.push(observer))
    }

    /// How many runnables may be chosen at run time inside each other ([`dynamic`](crate::dynamic())): 25 unless set.
    #[must_use]
    pub fn max_depth(self, limit: usize) -> Self {
        self.with(|shared| shared.max_depth = Some(limit))
    }

    /// The name of the run.
    #[must_use]
    pub fn run_name(&self) -> Option<&str> {
        self.shared.as_deref()?.about.name.as_deref()
    }

    /// The tags of the run.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        self.shared.as_deref().map_or(&[], |shared| &shared.about.tags)
    }

    /// The metadata of the run.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.shared.as_deref().map(|shared| &shared.about.metadata)
    }

    /// When the step must be over: the run's deadline, or that of a
    /// [time-out](crate::RunnableExt::with_timeout) around the step if it comes earlier. `None` before the run has begun
    /// where it has only a [`timeout`](Self::timeout).
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.run_deadline(), self.limit)
    }

    /// The deadline of the run itself.
    pub(crate) fn run_deadline(&self) -> Option<Instant> {
        self.shared.as_deref()?.deadline
    }

    /// The same configuration for a run that begins now, if that makes a difference.
    pub(crate) fn started(&self) -> Option<Self> {
        let shared = self.shared.as_deref()?;
        let begins = self.path.is_none() && !shared.about.observers.is_empty();
        if shared.timeout.is_none() && !begins {
            return None;
        }
        // Too far away to be said is no deadline.
        let deadline = shared.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let deadline = earlier(shared.deadline, deadline);
        let shared = Arc::new(Shared {
            about: shared.about.clone(),
            timeout: None,
            deadline,
            limits: shared.limits.clone(),
            max_depth: shared.max_depth,
        });
        Some(Self {
            shared: Some(shared),
            path: self.path.clone(),
            limit: self.limit,
            depth: self.depth,
            progress: self.progress.clone(),
            charge: self.charge.clone(),
        })
    }

    pub(crate) fn has_timeout(&self) -> bool {
        self.shared.as_deref().is_some_and(|shared| shared.timeout.is_some())
    }

    /// The configuration of a step that whoever calls this stops at `limit`.
    pub(crate) fn within(&self, limit: Instant) -> Self {
        Self { limit: earlier(self.limit, Some(limit)), ..self.clone() }
    }

    /// The configuration of a step that is read as a whole by somebody who wants to see progress.
    pub(crate) fn showing(&self, progress: Progress) -> Self {
        Self { progress: Some(progress), ..self.clone() }
    }

    /// The configuration of a step for which a rate limiter took something.
    pub(crate) fn charged(&self, limiter: Arc<dyn RateLimiter>, cost: Cost) -> Self {
        Self { charge: Some(Charge::new(limiter, cost, self.charge.clone())), ..self.clone() }
    }

    pub(crate) fn charge(&self) -> Option<&Charge> {
        self.charge.as_ref()
    }

    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// How long the step still has, if it has a [deadline](Self::deadline): zero when it has passed.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The run's limit on calls at once, if there is one: the smallest of those in force.
    #[must_use]
    pub fn concurrency_limit(&self) -> Option<usize> {
        self.limits().iter().map(Limit::size).min()
    }

    pub(crate) fn limits(&self) -> &[Limit] {
        self.shared.as_deref().map_or(&[], |shared| &shared.limits)
    }

    /// Waits for a permit of the run's [concurrency limit](Self::max_concurrency), which is given back when it is
    /// dropped. For the call of a model or a tool; never hold one while waiting for another step or a back-off. A call
    /// that gives a stream hands it to [`Permit::hold`]. Without a limit it is free.
    ///
    /// Observers hear how long it [waited](Observer::waited), if it had to.
    pub async fn permit(&self) -> Permit {
        let limits = self.limits();
        if limits.is_empty() {
            return Permit::free();
        }
        if self.observers().is_empty() {
            return limit::acquire(limits).await.0;
        }
        let ahead = limits.iter().map(|limit| limit.snapshot().waiting).sum();
        let began = Instant::now();
        let (permit, had_to_wait) = limit::acquire(limits).await;
        if had_to_wait {
            let waited = Waited { on: WaitedOn::Concurrency, time: began.elapsed(), ahead };
            watch::tell(self, |observer, step| observer.waited(step, &waited));
        }
        permit
    }

    /// Work that has a [permit](Self::permit) while it goes on.
    pub(crate) async fn limited<F: Future>(&self, work: impl FnOnce() -> F) -> F::Output {
        if let Some(_permit) = limit::Borrowed::take(self.limits()) {
            return work().await;
        }
        let permit = self.permit().await;
        permit.during(work()).await
    }

    /// Whether an observer [wants](Observer::wants_tokens) to hear of tokens. Without observers it is free to ask.
    #[inline]
    #[must_use]
    pub fn wants_tokens(&self) -> bool {
        self.is_observed() && watch::wants_tokens(self)
    }

    /// Tells the observers that [want](Observer::wants_tokens) it of a piece of text that the step made to which this
    /// configuration was handed. Models do it; a step of yours may, to show what it is at. Empty text is not told.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use anabranch_core::{Observer, RunConfig, RunnableExt, StepEvent, lambda_with};
    ///
    /// #[derive(Default)]
    /// struct Shown(Mutex<String>);
    ///
    /// impl Observer for Shown {
    ///     fn wants_tokens(&self) -> bool {
    ///         true
    ///     }
    ///
    ///     fn token(&self, _: &StepEvent<'_>, text: &str) {
    ///         self.0.lock().unwrap().push_str(text);
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let count = lambda_with(|pages: u32, config: RunConfig| async move {
    ///     for page in 1..=pages {
    ///         config.token(&format!("page {page} "));
    ///     }
    ///     Ok(pages)
    /// });
    /// let shown = Arc::new(Shown::default());
    /// count.invoke_with(2_u32, &RunConfig::new().observer(shown.clone())).await?;
    /// assert_eq!(*shown.0.lock().unwrap(), "page 1 page 2 ");
    /// # Ok(()) }
    /// ```
    pub fn token(&self, text: &str) {
        if self.is_observed() {
            watch::token(self, text);
        }
    }

    /// How the run's concurrency limit stands: of several in force, the smallest. `None` if there is none.
    ///
    /// ```
    /// use anabranch_core::RunConfig;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let config = RunConfig::new().max_concurrency(2);
    /// let permit = config.permit().await;
    /// let now = config.concurrency().unwrap();
    /// assert_eq!((now.limit, now.in_use, now.waiting), (2, 1, 0));
    /// # drop(permit);
    /// # }
    /// ```
    #[must_use]
    pub fn concurrency(&self) -> Option<Concurrency> {
        self.limits().iter().min_by_key(|limit| limit.size()).map(Limit::snapshot)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_none()
            && self.limit.is_none()
            && self.progress.is_none()
            && self.charge.is_none()
            && self.depth == 0
    }

    /// The configuration of a step that begins now inside the present one.
    pub(crate) fn at(&self, label: Label<'_>) -> Self {
        Self {
            shared: self.shared.clone(),
            path: Some(Arc::new(StepPath::new(self.path.clone(), label))),
            limit: self.limit,
            depth: self.depth,
            progress: self.progress.clone(),
            charge: self.charge.clone(),
        }
    }

    /// The configuration of a runnable that was chosen at run time.
    pub(crate) fn deeper(&self) -> Result<Self> {
        let limit = self.shared.as_deref().and_then(|shared| shared.max_depth).unwrap_or(DEFAULT_MAX_DEPTH);
        if self.depth >= limit {
            return Err(Error::new(
                ErrorKind::InvalidChain,
                format!(
                    "{limit} runnables chosen inside each other: the chain calls itself without end, or set `RunConfig::max_depth` higher"
                ),
            ));
        }
        Ok(Self { depth: self.depth + 1, ..self.clone() })
    }

    /// `bound`, which a step brings along, under `self`, the configuration of the call. What is bound begins now.
    pub(crate) fn merged_with(&self, bound: &Self) -> Self {
        let started = bound.started();
        let bound = started.as_ref().unwrap_or(bound);
        let limit = earlier(self.limit, bound.limit);
        let shared = match (&self.shared, &bound.shared) {
            (Some(call), Some(bound)) => Some(Arc::new(call.merged_with(bound))),
            (call, bound) => call.clone().or_else(|| bound.clone()),
        };
        Self { shared, limit, ..self.clone() }
    }

    pub(crate) fn path(&self) -> Option<&StepPath> {
        self.path.as_deref()
    }

    /// Where the step is to which this configuration was handed. `None` where no observer watches, and outside of every
    /// step that has a name.
    #[must_use]
    pub fn step_path(&self) -> Option<&StepPath> {
        self.path()
    }

    pub(crate) fn observers(&self) -> &[Arc<dyn Observer>] {
        self.shared.as_deref().map_or(&[], |shared| &shared.about.observers)
    }

    pub(crate) fn is_observed(&self) -> bool {
        !self.observers().is_empty()
    }

    /// Whether there is more to a step than calling it.
    #[inline]
    pub(crate) fn watches(&self) -> bool {
        self.progress.is_some()
            || self.shared.as_deref().is_some_and(|shared| {
                shared.deadline.is_some() || shared.timeout.is_some() || !shared.about.observers.is_empty()
            })
    }
}

impl Shared {
    fn merged_with(&self, bound: &Self) -> Self {
        Self {
            about: Arc::new(self.about.merged_with(&bound.about)),
            timeout: None,
            deadline: earlier(self.deadline, bound.deadline),
            // All of them hold, each once.
            limits: limit::merge(&bound.limits, &self.limits),
            max_depth: self.max_depth.or(bound.max_depth),
        }
    }
}

impl About {
    fn merged_with(&self, bound: &Self) -> Self {
        let more_tags = self.tags.iter().filter(|tag| !bound.tags.contains(tag));
        // An observer that both name is one observer.
        let more_observers = bound.observers.iter().filter(|it| !self.observers.iter().any(|one| Arc::ptr_eq(one, it)));
        let mut metadata = bound.metadata.clone();
        metadata.extend(self.metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
        Self {
            name: self.name.as_ref().or(bound.name.as_ref()).cloned(),
            tags: bound.tags.iter().chain(more_tags).cloned().collect(),
            metadata,
            observers: self.observers.iter().chain(more_observers).cloned().collect(),
        }
    }
}

impl fmt::Debug for RunConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunConfig")
            .field("name", &self.run_name())
            .field("tags", &self.tags())
            .field("timeout", &self.shared.as_deref().and_then(|shared| shared.timeout))
            .field("deadline", &self.deadline())
            .field("max_concurrency", &self.concurrency_limit())
            .field("observers", &self.observers().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
