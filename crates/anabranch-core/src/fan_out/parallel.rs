//! [`RunnableParallel`]: several steps on one input, all at once.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::description::{Checked, Composed, Description, Gives, Kind, Label, duplicate};
use crate::error::Result;
use crate::fan_out::into_branch::IntoBranch;
use crate::fan_out::join;
use crate::fan_out::known::Together;
use crate::fan_out::parallel_stream::ParallelStream;
use crate::fan_out::spare;
use crate::fan_out::to_json::ToJson;
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;
use crate::stream::late::LateLaw;
use crate::stream::merge::{KeyLaws, Merge};

pub(crate) use self::branch::{Branch, BranchRuns, BranchStream, branch_name};

mod branch;

/// Several branches on one input, all at once; an object with their outputs, in declaration order.
///
/// Made by [`parallel!`](crate::parallel), or branch by branch:
///
/// ```
/// use anabranch_core::{RunnableExt, RunnableParallel, lambda};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let mut panel = RunnableParallel::new();
/// for times in 1..=3_usize {
///     panel = panel.branch(format!("x{times}"), lambda(move |text: String| async move { Ok(text.repeat(times)) }));
/// }
/// assert_eq!(panel.invoke("ab").await?, json!({"x1": "ab", "x2": "abab", "x3": "ababab"}));
/// # Ok(()) }
/// ```
///
/// - The branches run at once on the caller's task; [`.spawned()`](crate::RunnableExt::spawned) moves one that keeps a processor
///   busy to a task of its own.
/// - It takes what its branches take; the input is cloned once per branch less one.
/// - The first failure in time stops the other branches and is the error. It names its branch, and failures of the
///   same moment are [related](crate::Error::related) to it.
/// - Streaming, every chunk is an object with one key, in the order the branches make them, and a streamed input is
///   handed on to branches that can take it piece by piece.
#[doc(alias = "RunnableMap")]
pub struct RunnableParallel<I = Value> {
    /// In declaration order.
    branches: Arc<Vec<Branch<I>>>,
    /// The same, where the compiler knows all of them.
    together: Option<Arc<dyn Together<I>>>,
    /// An object with the keys of the branches: cloned for each result, which is quicker than making it anew.
    object: Arc<Map<String, Value>>,
    /// The key of two branches, which is found when the second is added and told when it is to run.
    twice: Option<Arc<str>>,
    max_concurrency: Option<usize>,
    checked: Checked,
}

impl<I: Clone + Send + 'static> RunnableParallel<I> {
    /// No branches yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            branches: Arc::default(),
            together: None,
            object: Arc::default(),
            twice: None,
            max_concurrency: None,
            checked: Checked::not_yet(),
        }
    }

    /// Adds a branch: a runnable or an async closure whose output can be turned into JSON.
    ///
    /// A key that is there already makes the whole parallel fail before any branch runs
    /// ([`ErrorKind::InvalidChain`](crate::ErrorKind::InvalidChain)); [`try_branch`](Self::try_branch) says so at once, and `parallel!` at compile
    /// time.
    #[must_use]
    pub fn branch<B, Marker>(mut self, key: impl Into<String>, step: B) -> Self
    where
        B: IntoBranch<I, Marker>,
    {
        self.add(key.into(), BoxRunnable::new(step.into_branch()));
        self
    }

    pub(crate) fn add(&mut self, key: String, step: BoxRunnable<I, Value>) {
        let branch = Branch { name: branch_name(&key), key, step };
        self.checked = Checked::not_yet();
        self.together = None;
        if self.object.contains_key(&branch.key) {
            self.twice = Some(branch.key.into());
            return;
        }
        // What is shared is shared only with clones made before this call, which keep theirs.
        Arc::make_mut(&mut self.object).insert(branch.key.clone(), Value::Null);
        Arc::make_mut(&mut self.branches).push(branch);
    }

    pub(crate) fn together(mut self, together: Arc<dyn Together<I>>) -> Self {
        self.together = Some(together);
        self
    }

    /// Adds a branch, unless its key is there already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](crate::ErrorKind::InvalidChain) if it is.
    pub fn try_branch<B, Marker>(self, key: impl Into<String>, step: B) -> Result<Self>
    where
        B: IntoBranch<I, Marker>,
    {
        let key = key.into();
        if self.object.contains_key(&key) {
            return Err(duplicate(&key));
        }
        Ok(self.branch(key, step))
    }

    /// At most this many branches at once in this parallel. Zero counts as one.
    #[must_use]
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        self.max_concurrency = Some(limit.max(1));
        self
    }

    /// The keys of the branches, in declaration order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.branches.iter().map(|branch| branch.key.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.branches.len()
    }

    #[cfg(test)]
    pub(crate) fn is_known(&self) -> bool {
        self.together.is_some()
    }

    pub(crate) fn limit(&self, config: &RunConfig) -> usize {
        let own = self.max_concurrency.unwrap_or(usize::MAX);
        config.concurrency_limit().map_or(own, |run| run.min(own))
    }

    /// The streams of the branches, each with its share of the input and a cell for the law of its chunks.
    pub(crate) fn branch_streams<'a>(
        &'a self,
        input: Chunks<'a, I>,
        config: &'a RunConfig,
    ) -> (Vec<BranchStream<'a>>, Arc<KeyLaws>) {
        let inputs = input.tee(self.branches.len());
        let branches = self.branches.iter().zip(inputs).map(|(branch, input)| {
            let law = LateLaw::new();
            BranchStream { key: &branch.key, chunks: stream(config, branch, input), law: Some(law) }
        });
        let branches: Vec<_> = branches.collect();
        let laws = branches.iter().filter_map(|branch| Some((branch.key.to_string(), branch.law.clone()?)));
        let laws = KeyLaws::new(laws.collect());
        (branches, laws)
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// What can be known before a branch runs: two branches of one key cannot both be in the result, and no branch
    /// begins where another cannot work.
    pub(crate) fn check_once(&self, config: &RunConfig) -> Result<()> {
        self.checked.once(|| self.describe())?;
        watch::warn(config, self.checked.warnings());
        Ok(())
    }
}

impl<I: Clone + Send + 'static> Runnable for RunnableParallel<I> {
    type Input = I;
    type Output = Value;

    async fn call(&self, input: I, config: &RunConfig) -> Result<Value> {
        self.check_once(config)?;
        let mut object = spare::like(&self.object);
        if let Some(together) = self.together.as_ref().filter(|_| self.limit(config) >= self.len() && !config.watches())
        {
            return together.run(&self.branches, input, object, config).await;
        }
        let running = BranchRuns::new(self, input, config);
        let outputs = join::all(running, self.limit(config)).await?;
        for (place, output) in object.values_mut().zip(outputs) {
            *place = output;
        }
        Ok(Value::Object(object))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, Value> {
        if let Err(error) = self.check_once(config) {
            return Chunks::failed(error);
        }
        if self.branches.is_empty() {
            // Nobody else would read the input, and what fails in it would be lost.
            return Chunks::from_future(async move { self.call(input.collect().await?, config).await });
        }
        let (branches, laws) = self.branch_streams(input, config);
        let keyed = ParallelStream::new(branches, self.limit(config), |index: usize, value| {
            let mut object = Map::with_capacity(1);
            object.insert(self.branches[index].key.clone(), value);
            Value::Object(object)
        });
        Chunks::new(keyed, Merge::keys(laws))
    }

    /// The branches are named; the parallel itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let keys = self.keys().map(str::to_string).collect();
        let branches = self.branches.iter().map(Runnable::describe);
        // So that the check of a chain finds it, wherever the parallel stands.
        let twice = self.twice.iter().map(|key| Description::new(Kind::BRANCH, &**key));
        Description::new(Kind::PARALLEL, "parallel")
            .gives(Gives::Keys { keys, optional: Vec::new() })
            .with_children(Composed::AllOf, branches.chain(twice))
            .keyed()
            .with_checked(&self.checked)
    }
}

impl<I: Clone + Send + 'static> Default for RunnableParallel<I> {
    fn default() -> Self {
        Self::new()
    }
}

/// Branches of one type, each with its key: `pairs.collect::<RunnableParallel>()`.
///
/// ```
/// use anabranch_core::{RunnableExt, RunnableParallel, lambda};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let panel: RunnableParallel = ["legal", "technical"]
///     .map(|view| (view, lambda(move |text: Value| async move { Ok(format!("{view} view of {text}")) })))
///     .into_iter()
///     .collect();
/// assert_eq!(panel.invoke(1).await?, json!({"legal": "legal view of 1", "technical": "technical view of 1"}));
/// # Ok(()) }
/// ```
impl<I, K, R> FromIterator<(K, R)> for RunnableParallel<I>
where
    I: Clone + Send + 'static,
    K: Into<String>,
    R: Runnable<Input = I, Output: ToJson> + 'static,
{
    fn from_iter<P: IntoIterator<Item = (K, R)>>(pairs: P) -> Self {
        pairs.into_iter().fold(Self::new(), |parallel, (key, step)| parallel.branch(key, step))
    }
}

impl<I> Clone for RunnableParallel<I> {
    fn clone(&self) -> Self {
        Self {
            branches: self.branches.clone(),
            together: self.together.clone(),
            object: self.object.clone(),
            twice: self.twice.clone(),
            max_concurrency: self.max_concurrency,
            checked: self.checked.clone(),
        }
    }
}

impl<I> fmt::Debug for RunnableParallel<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.branches.iter().map(|branch| &branch.key).collect();
        f.debug_struct("RunnableParallel").field("branches", &keys).finish_non_exhaustive()
    }
}

pipe_operator!(impl<I> for RunnableParallel<I> where I: Clone + Send + 'static);

/// Several branches on one input, all at once, as a value: [`RunnableParallel`] with literal keys.
///
/// A key that stands twice does not compile.
///
/// ```
/// use anabranch_core::{RunnableExt, RunnablePassthrough, lambda, parallel};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let map = parallel! {
///     "shout": lambda(async |text: Value| Ok(text.as_str().unwrap_or_default().to_uppercase())),
///     "topic": RunnablePassthrough,
/// };
/// assert_eq!(map.invoke("rivers").await?, json!({"shout": "RIVERS", "topic": "rivers"}));
/// # Ok(()) }
/// ```
///
/// ```compile_fail
/// # use anabranch_core::{RunnablePassthrough, parallel};
/// let map = parallel! { "a": RunnablePassthrough, "a": RunnablePassthrough }; // the key "a" stands twice
/// ```
#[macro_export]
macro_rules! parallel {
    // Where every branch hands the input on, none of them says what the input is: it is JSON.
    ($($key:literal : RunnablePassthrough),* $(,)?) => {{
        const _: () = $crate::__private::assert_no_key_twice(&[$($key),*]);
        // In this place the type stands for itself with its default, JSON.
        <$crate::RunnableParallel>::new()$(.branch($key, $crate::RunnablePassthrough))*
    }};
    // So many stand in one box when they run. Each more makes types deeper, and the compiler gives up at some depth.
    ($k1:literal : $s1:expr $(, $k2:literal : $s2:expr $(, $k3:literal : $s3:expr $(, $k4:literal : $s4:expr
        $(, $k5:literal : $s5:expr $(, $k6:literal : $s6:expr $(, $k7:literal : $s7:expr $(, $k8:literal : $s8:expr
    )?)?)?)?)?)?)? $(,)?) => {{
        const _: () = $crate::__private::assert_no_key_twice(
            &[$k1 $(, $k2 $(, $k3 $(, $k4 $(, $k5 $(, $k6 $(, $k7 $(, $k8)?)?)?)?)?)?)?],
        );
        use $crate::__private::AllKnown as _;
        $crate::__private::KnownBranches::new().branch($k1, $s1)$(.branch($k2, $s2)$(.branch($k3, $s3)
            $(.branch($k4, $s4)$(.branch($k5, $s5)$(.branch($k6, $s6)$(.branch($k7, $s7)$(.branch($k8, $s8)
        )?)?)?)?)?)?)?.parallel()
    }};
    ($($key:literal : $step:expr),* $(,)?) => {{
        const _: () = $crate::__private::assert_no_key_twice(&[$($key),*]);
        $crate::RunnableParallel::new()$(.branch($key, $step))*
    }};
    ($($joined:ident)::+ { $($field:ident : $step:expr),+ $(,)? }) => {{
        let input = ::core::marker::PhantomData;
        $crate::__private::typed_parallel(
            ($($crate::__private::keyed(input, ::core::stringify!($field), $step),)+),
            |($($field,)+)| $($joined)::+ { $($field),+ },
        )
    }};
}

/// The compile-time check of `parallel!`, whose failure the compiler shows at the macro and not in here.
#[doc(hidden)]
#[track_caller]
pub const fn assert_no_key_twice(keys: &[&str]) {
    let mut i = 0;
    while i < keys.len() {
        let mut j = 0;
        while j < i {
            assert!(!same(keys[i].as_bytes(), keys[j].as_bytes()), "a key of this `parallel!` stands twice");
            j += 1;
        }
        i += 1;
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
