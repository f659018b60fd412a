//! [`step`]: what is read of a state, what runs, what is written.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use anabranch_core::combinators::IntoRunnable;
use anabranch_core::describe::{Description, Label};
use anabranch_core::{Accepts, Error, ErrorKind, Result, RunConfig, Runnable, pipe_operator};
use futures_util::future::BoxFuture;

use crate::graph::{AnyGraph, CompiledGraph};
use crate::run::{Inside, Path};
use crate::shape::Shape;

/// A node around a chain or another graph: `read` makes its input of the state (or of an item of a
/// [`map`](crate::StateGraph::map)), `runnable` runs, `write` makes an update of what it gives.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda};
/// use anabranch_graph::{END, START, State, StateGraph, step};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Analysis {
///     document: String,
///     words: usize,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anabranch_core::Result<()> {
/// // A chain that knows nothing of the state.
/// let count = lambda(async |text: String| Ok(text.split(' ').map(String::from).collect::<Vec<_>>()))
///     | lambda(async |words: Vec<String>| Ok(words.len()));
///
/// let graph = StateGraph::<Analysis>::new()
///     .node("count", step(|state: &Analysis| state.document.clone(), count, Analysis::words))
///     .edge(START, "count")
///     .edge("count", END)
///     .compile()?;
/// let done = graph.invoke(Analysis { document: "A tidal power plant".into(), ..Default::default() }).await?;
/// assert_eq!(done.words, 4);
/// # Ok(())
/// # }
/// ```
pub fn step<I, X, R, M, U>(
    read: impl Fn(&I) -> X + Send + Sync + 'static,
    runnable: R,
    write: impl Fn(<R::Runnable as Runnable>::Output) -> U + Send + Sync + 'static,
) -> Step<I, U>
where
    I: Send + Sync + 'static,
    X: 'static,
    R: IntoRunnable<M>,
    R::Runnable: 'static,
    <R::Runnable as Runnable>::Input: Takes<X>,
    U: Send + 'static,
{
    let runnable = runnable.into_runnable();
    let graph = (&runnable as &dyn Any).downcast_ref::<CompiledGraph<<R::Runnable as Runnable>::Input>>();
    let graph = graph.map(|graph| graph.inner.clone());
    Step { inner: Arc::new(Joint { read, runnable, write, graph, types: PhantomData }) }
}

/// That a step takes what a node hands to it: everything that [`Accepts`] it.
#[diagnostic::on_unimplemented(
    message = "a step that takes `{Self}` cannot be given `{Given}`",
    label = "it is given `{Given}`, and it takes `{Self}`",
    note = "a node is given the state as `Arc<...>`: `async |state: Arc<...>| ...`; the step of a `map` an item of its list",
    note = "what takes something else, as a chain, a model or a graph, stands in `step(|state: &...| state.text.clone(), \
            chain, write)`, whose first closure makes what it is given"
)]
pub trait Takes<Given>: Accepts<Given> {}

#[diagnostic::do_not_recommend]
impl<T: Accepts<Given>, Given> Takes<Given> for T {}

/// See [`step`].
pub struct Step<I, U> {
    pub(crate) inner: Arc<dyn AnyStep<I, U>>,
}

/// A step with its types forgotten, but for its ends.
pub(crate) trait AnyStep<I, U>: Send + Sync {
    fn call<'a>(&'a self, input: &'a I, config: &'a RunConfig) -> BoxFuture<'a, Result<U>>;
    fn describe(&self) -> Description;
    /// Where it is a graph: its run as a part of the one around it.
    fn nested(self: Arc<Self>, input: &I, inside: &Inside, path: &Path) -> Option<BoxFuture<'static, Result<U>>>;
    /// Where it is a graph: its shape.
    fn shape(&self) -> Option<&Shape>;
}

struct Joint<F, R: Runnable, W, T> {
    read: F,
    runnable: R,
    write: W,
    /// The runnable, where it is a graph.
    graph: Option<Arc<dyn AnyGraph<R::Input>>>,
    types: PhantomData<fn() -> T>,
}

impl<I, X, R, U, F, W> AnyStep<I, U> for Joint<F, R, W, (X, U)>
where
    I: Send + Sync + 'static,
    R: Runnable + 'static,
    R::Input: Accepts<X>,
    F: Fn(&I) -> X + Send + Sync + 'static,
    W: Fn(R::Output) -> U + Send + Sync + 'static,
    U: Send + 'static,
    X: 'static,
{
    fn call<'a>(&'a self, input: &'a I, config: &'a RunConfig) -> BoxFuture<'a, Result<U>> {
        let input = R::Input::accept((self.read)(input));
        Box::pin(async move { config.run(&self.runnable, input).await.map(&self.write) })
    }

    fn describe(&self) -> Description {
        self.runnable.describe()
    }

    fn nested(self: Arc<Self>, input: &I, inside: &Inside, path: &Path) -> Option<BoxFuture<'static, Result<U>>> {
        let graph = self.graph.clone()?;
        let initial = R::Input::accept((self.read)(input));
        let running = graph.run_nested(initial, inside.clone(), path.clone());
        Some(Box::pin(async move {
            let state: Box<dyn Any + Send> = Box::new(running.await?);
            // A graph gives what it takes.
            match state.downcast::<R::Output>() {
                Ok(state) => Ok((self.write)(*state)),
                Err(_) => Err(Error::new(ErrorKind::Other, "a graph gave no state")),
            }
        }))
    }

    fn shape(&self) -> Option<&Shape> {
        self.graph.as_ref().map(|graph| graph.shape())
    }
}

impl<I: Send + Sync + 'static, U: Send + 'static> Runnable for Step<I, U> {
    type Input = Arc<I>;
    type Output = U;

    async fn call(&self, input: Arc<I>, config: &RunConfig) -> Result<U> {
        self.inner.call(&input, config).await
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.inner.describe()
    }
}

impl<I, U> Clone for Step<I, U> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<I, U> fmt::Debug for Step<I, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}

pipe_operator!(impl<I, U> for Step<I, U> where I: Send + Sync + 'static, U: Send + 'static);
