//! [`RunConfig`]: what holds for a whole run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::run::budget::{Budget, Concurrency, Permit};
use crate::run::label::Labelled;
use crate::run::observe::{self, Observer, StepPath, Waited, WaitedOn};
use crate::run::reported::{self, Reported};
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// How many runnables may be chosen at run time inside each other, unless [`RunConfig::max_depth`] says otherwise.
pub(crate) const DEFAULT_MAX_DEPTH: usize = 25;

/// What holds for a whole run: its name, tags and metadata, its deadline, its concurrency budget, who watches it.
///
/// It is passed explicitly, to the `_with` form of every method, and inherited by everything below. An empty one
/// costs nothing; clones share the budget.
///
/// ```
/// use std::time::Duration;
/// use anabranch_core::{RunConfig, Runnable, lambda};
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
    /// A time-out around the present step: whoever set it keeps to it, so the steps below need no timer for it. Beside
    /// the rest, so that a time-out need not allocate.
    limit: Option<Instant>,
}

#[derive(Clone, Default)]
struct Shared {
    name: Option<String>,
    tags: Vec<String>,
    metadata: Map<String, Value>,
    deadline: Option<Instant>,
    /// Innermost first: a permit is one of each, always taken in this order.
    budgets: Vec<Budget>,
    observers: Vec<Arc<dyn Observer>>,
    path: Option<Arc<StepPath>>,
    depth: usize,
    max_depth: Option<usize>,
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
        Self { shared: None, limit: None }
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

    /// Names the run, for observers.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(|shared| shared.name = Some(name.into()))
    }

    /// Adds a tag, for observers. Tags keep their order; a tag that is there already is not added again.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        self.with(|shared| {
            if !shared.tags.contains(&tag) {
                shared.tags.push(tag);
            }
        })
    }

    /// Adds a piece of metadata, for observers. The same key again replaces the value.
    #[must_use]
    pub fn metadata_entry(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|shared| {
            shared.metadata.insert(key.into(), value.into());
        })
    }

    /// The run must be over at this moment; whatever step runs then fails with
    /// [`ErrorKind::DeadlineExceeded`]. An earlier deadline that is set already stays.
    #[must_use]
    pub fn deadline_at(self, deadline: Instant) -> Self {
        self.with(|shared| shared.deadline = Some(shared.deadline.map_or(deadline, |earlier| earlier.min(deadline))))
    }

    /// [`deadline_at`](Self::deadline_at), counted from now.
    #[must_use]
    pub fn timeout(self, duration: Duration) -> Self {
        match Instant::now().checked_add(duration) {
            Some(deadline) => self.deadline_at(deadline),
            // Too far away to be said is no deadline.
            None => self,
        }
    }

    /// At most this many pieces of leaf work (model and tool calls, lambdas that ask for it) at once over the whole
    /// run, however its fan-outs nest. Zero counts as one.
    ///
    /// Leaf work waits for its turn in the order it came. A fan-out or batch also starts no more than this many
    /// branches or elements at once, so that a batch of 100,000 does not hold 100,000 half-done chains.
    #[must_use]
    pub fn max_concurrency(self, limit: usize) -> Self {
        self.with(|shared| shared.budgets = vec![Budget::new(limit.max(1))])
    }

    /// Adds an observer.
    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        self.with(|shared| shared.observers.push(observer))
    }

    /// How many runnables may be chosen at run time inside each other ([`dynamic`](crate::dynamic())): 25 unless set.
    #[must_use]
    pub fn max_depth(self, limit: usize) -> Self {
        self.with(|shared| shared.max_depth = Some(limit))
    }

    /// The name of the run.
    #[must_use]
    pub fn run_name(&self) -> Option<&str> {
        self.shared.as_deref()?.name.as_deref()
    }

    /// The tags of the run.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        self.shared.as_deref().map_or(&[], |shared| &shared.tags)
    }

    /// The metadata of the run.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.shared.as_deref().map(|shared| &shared.metadata)
    }

    /// When the step must be over: the run's deadline, or that of a [time-out](Runnable::with_timeout) around the step
    /// if it comes earlier.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.run_deadline(), self.limit)
    }

    /// The deadline of the run itself.
    pub(crate) fn run_deadline(&self) -> Option<Instant> {
        self.shared.as_deref()?.deadline
    }

    /// The configuration of a step that whoever calls this stops at `limit`.
    pub(crate) fn within(&self, limit: Instant) -> Self {
        Self { shared: self.shared.clone(), limit: earlier(self.limit, Some(limit)) }
    }

    /// How long the step still has, if it has a [deadline](Self::deadline): zero when it has passed.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The run's limit on leaf work at once, if there is one: the smallest of those in force.
    #[must_use]
    pub fn concurrency_limit(&self) -> Option<usize> {
        self.shared.as_deref()?.budgets.iter().map(Budget::limit).min()
    }

    /// Waits for a place in the run's concurrency budget and holds it until the permit is dropped. For leaf work
    /// only: never hold it while waiting for another step or a back-off. Without a budget it is free.
    ///
    /// Observers hear how long it [waited](Observer::waited), if it had to.
    pub async fn permit(&self) -> Permit {
        let Some(shared) = self.shared.as_deref().filter(|shared| !shared.budgets.is_empty()) else {
            return Permit::free();
        };
        if shared.observers.is_empty() {
            return Permit::acquire(&shared.budgets).await;
        }
        let ahead = shared.budgets.iter().map(|budget| budget.snapshot().waiting).sum();
        let began = Instant::now();
        let permit = Permit::acquire(&shared.budgets).await;
        let waited = Waited { on: WaitedOn::Concurrency, time: began.elapsed(), ahead };
        if !waited.time.is_zero() {
            observe::tell_here(self, began, |observer, step| observer.waited(step, &waited));
        }
        permit
    }

    /// How the run's concurrency budget stands: of several in force, the one with the smallest limit. `None` if there
    /// is none.
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
        self.shared.as_deref()?.budgets.iter().min_by_key(|budget| budget.limit()).map(Budget::snapshot)
    }

    /// Runs a step inside another one: names it in errors, tells the observers, keeps to the deadline. This is how a
    /// combinator of your own calls the steps it is made of.
    pub async fn run<R: Runnable>(&self, step: &R, input: R::Input) -> Result<R::Output> {
        let done = if self.watches() { self.report(step, input).await } else { step.invoke_with(input, self).await };
        done.map_err(|error| step.name_error(error))
    }

    /// [`run`](Self::run) for streams.
    pub fn stream<'a, R: Runnable>(&'a self, step: &'a R, input: Chunks<'a, R::Input>) -> Chunks<'a, R::Output> {
        let chunks = if self.watches() { self.report_stream(step, input) } else { step.transform_with(input, self) };
        chunks.that_add_up().labelled(step)
    }

    /// Whether nobody has reported the step this configuration was handed to, though somebody wants to know: a step
    /// with a name that was called directly then calls [`report`](Self::report) on itself.
    #[must_use]
    pub fn at_root(&self) -> bool {
        self.watches() && self.path().is_none()
    }

    /// Runs a step under the eyes of the observers and the deadline, without naming it in errors.
    pub fn report<'a, R: Runnable>(&'a self, step: &'a R, input: R::Input) -> BoxFuture<'a, Result<R::Output>> {
        let Some(label) = step.label() else { return Box::pin(step.invoke_with(input, self)) };
        let config = self.at(label.name.into_owned());
        Box::pin(reported::invoke(step, input, config, label.kind))
    }

    /// [`report`](Self::report) for streams.
    pub fn report_stream<'a, R: Runnable>(&'a self, step: &'a R, input: Chunks<'a, R::Input>) -> Chunks<'a, R::Output> {
        let Some(label) = step.label() else { return step.transform_with(input, self) };
        let config = self.at(label.name.into_owned());
        Reported::chunks(step, input, config, Some(label.kind))
    }

    /// [`stream`](Self::stream) under this configuration instead of one that lives as long as the stream.
    pub(crate) fn stream_owned<'a, R: Runnable>(
        self,
        step: &'a R,
        input: Chunks<'a, R::Input>,
    ) -> Chunks<'a, R::Output> {
        Reported::chunks(step, input, self, None)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_none() && self.limit.is_none()
    }

    /// The configuration of a step with this name inside the present one.
    pub(crate) fn at(&self, name: String) -> Self {
        let path = Arc::new(StepPath::new(self.shared.as_deref().and_then(|shared| shared.path.clone()), name));
        self.clone().with(|shared| shared.path = Some(path))
    }

    /// The configuration of a runnable that was chosen at run time.
    pub(crate) fn deeper(&self) -> Result<Self> {
        let (depth, limit) = self
            .shared
            .as_deref()
            .map_or((0, DEFAULT_MAX_DEPTH), |shared| (shared.depth, shared.max_depth.unwrap_or(DEFAULT_MAX_DEPTH)));
        if depth >= limit {
            return Err(Error::new(
                ErrorKind::InvalidChain,
                format!(
                    "{limit} runnables chosen inside each other: the chain calls itself without end, or set `RunConfig::max_depth` higher"
                ),
            ));
        }
        Ok(self.clone().with(|shared| shared.depth = depth + 1))
    }

    /// `bound`, which a step brings along, under `self`, the configuration of the call.
    pub(crate) fn merged_with(&self, bound: &Self) -> Self {
        let limit = earlier(self.limit, bound.limit);
        let (Some(call), Some(bound)) = (self.shared.as_deref(), bound.shared.as_deref()) else {
            return Self { shared: self.shared.clone().or_else(|| bound.shared.clone()), limit };
        };
        let more_tags = call.tags.iter().filter(|tag| !bound.tags.contains(tag));
        let mut metadata = bound.metadata.clone();
        metadata.extend(call.metadata.iter().map(|(key, value)| (key.clone(), value.clone())));
        let merged = Shared {
            name: call.name.as_ref().or(bound.name.as_ref()).cloned(),
            tags: bound.tags.iter().chain(more_tags).cloned().collect(),
            metadata,
            deadline: earlier(call.deadline, bound.deadline),
            // Both hold. The inner budget is taken first everywhere, so that two budgets cannot wait for each other.
            budgets: bound.budgets.iter().chain(&call.budgets).cloned().collect(),
            observers: call.observers.iter().chain(&bound.observers).cloned().collect(),
            path: call.path.clone(),
            depth: call.depth,
            max_depth: call.max_depth.or(bound.max_depth),
        };
        Self { shared: Some(Arc::new(merged)), limit }
    }

    pub(crate) fn path(&self) -> Option<&StepPath> {
        self.shared.as_deref()?.path.as_deref()
    }

    pub(crate) fn observers(&self) -> &[Arc<dyn Observer>] {
        self.shared.as_deref().map_or(&[], |shared| &shared.observers)
    }

    pub(crate) fn watches(&self) -> bool {
        self.shared.as_deref().is_some_and(|shared| shared.deadline.is_some() || !shared.observers.is_empty())
    }
}

impl fmt::Debug for RunConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunConfig")
            .field("name", &self.run_name())
            .field("tags", &self.tags())
            .field("deadline", &self.deadline())
            .field("max_concurrency", &self.concurrency_limit())
            .field("observers", &self.observers().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_deadline_and_both_budgets_hold() {
        let now = Instant::now();
        let call = RunConfig::new().deadline_at(now + Duration::from_secs(5)).max_concurrency(4).tag("call").tag("x");
        let bound = RunConfig::new().deadline_at(now + Duration::from_secs(1)).max_concurrency(9).tag("bound").tag("x");
        let merged = call.merged_with(&bound);
        assert_eq!(merged.deadline(), Some(now + Duration::from_secs(1)));
        assert_eq!(merged.concurrency_limit(), Some(4));
        assert_eq!(merged.tags(), ["bound", "x", "call"]);
    }

    #[test]
    fn a_time_out_allocates_nothing_and_survives_what_a_step_brings_along() {
        let limit = Instant::now() + Duration::from_secs(1);
        let inner = RunConfig::new().within(limit);
        assert!(inner.shared.is_none() && !inner.is_empty() && !inner.watches());
        let brought = RunConfig::new().name("bound").timeout(Duration::from_secs(60));
        for config in [
            inner.merged_with(&brought),
            inner.merged_with(&RunConfig::new()),
            inner.within(limit + Duration::from_secs(9)),
        ] {
            assert_eq!(config.deadline(), Some(limit));
        }
    }
}
