//! [`StateGraph`]: nodes and edges, before they are checked.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use anabranch_core::combinators::IntoRunnable;
use anabranch_core::{Accepts, Result, Runnable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::START;
use crate::dynamic::DynamicFields;
use crate::graph::{CompiledGraph, Inner, Node};
use crate::route::Route;
use crate::shape::{Field, NamedWrite, NodeKind, NodeShape, Shape};
use crate::state::State;
use crate::step::Takes;
use crate::update::{Update, WriteSet};
use crate::work::{OfList, OfQuestion, OfRunnable, Work};

/// How many activations a run may have unless set.
const STEP_LIMIT: usize = 1000;

/// A graph of steps over a state that is theirs: nodes, edges, conditions, lists, loops, questions.
///
/// It reads as it runs: a node starts as soon as what it waits for is decided, sees what its ancestors left and nothing
/// else, and gives an update. [`compile`](Self::compile) checks all of it.
///
/// ```
/// use std::sync::Arc;
///
/// use anabranch_core::RunnableExt;
/// use anabranch_graph::{END, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Analysis {
///     document: String,
///     legal: String,
///     financial: String,
///     report: String,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Analysis>::new()
///     .node("legal", async |state: Arc<Analysis>| Ok(Analysis::legal(format!("{} binds", state.document))))
///     .node("financial", async |state: Arc<Analysis>| Ok(Analysis::financial(format!("{} pays", state.document))))
///     .node("report", async |state: Arc<Analysis>| {
///         Ok(Analysis::report(format!("{} and {}.", state.legal, state.financial)))
///     })
///     .edge(START, ["legal", "financial"])
///     .edge(["legal", "financial"], "report")
///     .edge("report", END)
///     .compile()?;
/// let done = graph.invoke(Analysis { document: "It".into(), ..Default::default() }).await?;
/// assert_eq!(done.report, "It binds and It pays.");
/// # Ok(())
/// # }
/// ```
#[must_use = "a graph is made by `compile`"]
pub struct StateGraph<S: State> {
    pub(crate) shape: Shape,
    works: Vec<Work<S>>,
    pub(crate) routes: Vec<(String, Route<S>)>,
    pub(crate) limit: usize,
    declared: Arc<DynamicFields>,
    /// What nodes may write, where it is declared by value.
    pub(crate) writes: Vec<NamedWrite>,
}

impl<S: State> fmt::Debug for StateGraph<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.shape.nodes.iter().map(|node| &node.name);
        f.debug_struct("StateGraph").field("nodes", &names.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl<S: State> Default for StateGraph<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: State> StateGraph<S> {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::over(S::fields(), DynamicFields::default())
    }

    pub(crate) fn over(fields: Vec<Field>, declared: DynamicFields) -> Self {
        Self {
            shape: Shape { fields, ..Shape::default() },
            works: Vec::new(),
            routes: Vec::new(),
            limit: STEP_LIMIT,
            declared: Arc::new(declared),
            writes: Vec::new(),
        }
    }

    /// A node: a step from an `Arc` of the state to an update. A closure will do, a chain in [`step`](crate::step), or
    /// any runnable.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Analysis {
    ///     document: String,
    ///     legal: String,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("legal", async |state: Arc<Analysis>| Ok(Analysis::legal(format!("{} is sound", state.document))))
    ///     .edge(START, "legal")
    ///     .edge("legal", END)
    ///     .compile()?;
    /// let done = graph.invoke(Analysis { document: "The lease".into(), ..Default::default() }).await?;
    /// assert_eq!(done.legal, "The lease is sound");
    /// # Ok(())
    /// # }
    /// ```
    pub fn node<M, R>(self, name: impl Into<String>, step: R) -> Self
    where
        R: IntoRunnable<M>,
        R::Runnable: 'static,
        <R::Runnable as Runnable>::Input: Takes<Arc<S>>,
        <R::Runnable as Runnable>::Output: Update<S>,
    {
        let writes = <<R::Runnable as Runnable>::Output as Update<S>>::WRITES;
        self.node_writing(name, step, writes)
    }

    fn node_writing<M, R>(self, name: impl Into<String>, step: R, writes: WriteSet) -> Self
    where
        R: IntoRunnable<M>,
        R::Runnable: 'static,
        <R::Runnable as Runnable>::Input: Accepts<Arc<S>>,
        <R::Runnable as Runnable>::Output: Update<S>,
    {
        let work = OfRunnable::<_, (Arc<S>, S)>::new(step.into_runnable(), self.declared.clone());
        let work: Arc<dyn crate::work::StepWork<Arc<S>, S>> = Arc::new(work);
        let kind = work.shape().map_or(NodeKind::Plain, |shape| NodeKind::Graph(Box::new(shape.clone())));
        self.add(name.into(), kind, writes, Work::Step(work))
    }

    /// A node for each element of a list, side by side. What they give comes in the order of the list, whoever was
    /// first.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     topics: Vec<String>,
    ///     #[reduce(append)]
    ///     paragraphs: Vec<String>,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .map(
    ///         "write",
    ///         |state| state.topics.clone(),
    ///         async |topic: String| Ok(Essay::paragraphs([format!("About {topic}.")])),
    ///     )
    ///     .edge(START, "write")
    ///     .edge("write", END)
    ///     .compile()?;
    /// let topics = ["ebb", "flood"].map(String::from).to_vec();
    /// let done = graph.invoke(Essay { topics, ..Default::default() }).await?;
    /// assert_eq!(done.paragraphs, ["About ebb.", "About flood."]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<M, R, L, T>(
        self,
        name: impl Into<String>,
        list: impl Fn(&S) -> L + Send + Sync + 'static,
        step: R,
    ) -> Self
    where
        L: IntoIterator<Item = T> + 'static,
        R: IntoRunnable<M>,
        R::Runnable: 'static,
        <R::Runnable as Runnable>::Input: Takes<T>,
        <R::Runnable as Runnable>::Output: Update<S>,
        T: Send + Sync + 'static,
    {
        let writes = <<R::Runnable as Runnable>::Output as Update<S>>::WRITES;
        let work = OfList::new(list, step.into_runnable(), self.declared.clone());
        let work: Arc<dyn crate::work::MapWork<S>> = Arc::new(work);
        let kind = work.shape().map_or(NodeKind::Map, |shape| NodeKind::MapOfGraph(Box::new(shape.clone())));
        self.add(name.into(), kind, writes, Work::Map(work))
    }

    /// A question to somebody. The run pauses when nothing else can go on, and what `write` makes of the answer is the
    /// update. Nothing before it is run again.
    ///
    /// ```
    /// use anabranch_graph::{END, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    ///     approved: bool,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .ask("approve", |state| format!("Shall this go out? {}", state.draft), Essay::approved)
    ///     .edge(START, "approve")
    ///     .edge("approve", END)
    ///     .compile()?;
    ///
    /// let Progress::Asks(questions) = graph.start(Essay { draft: "…".into(), ..Default::default() }).await? else {
    ///     panic!("it asks")
    /// };
    /// assert_eq!(questions[0].text(), Some("Shall this go out? …"));
    /// let Progress::Done(state) = questions.answer("approve", true).await? else { panic!("it is done") };
    /// assert!(state.approved);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The type of the answer is what `write` takes. A field of text, or a list with `append`, takes more than one type:
    /// say which, by `Essay::draft::<String>` or in a closure, `|title: String| Essay::draft(format!("# {title}"))`.
    ///
    /// ```
    /// # use anabranch_graph::{END, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Essay {
    /// #     draft: String,
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// StateGraph::<Essay>::new()
    ///     .ask("draft", |_| "What shall it say?", Essay::draft::<String>)
    ///     .ask("notes", |_| "What else?", Essay::notes::<Vec<String>>)
    /// #   .edge(START, "draft").edge("draft", "notes").edge("notes", END).compile().unwrap();
    /// ```
    pub fn ask<P, A, U>(
        self,
        name: impl Into<String>,
        question: impl Fn(&S) -> P + Send + Sync + 'static,
        write: impl Fn(A) -> U + Send + Sync + 'static,
    ) -> Self
    where
        P: Serialize + 'static,
        A: DeserializeOwned + 'static,
        U: Update<S>,
    {
        self.ask_with(name, question, move |_: &S, answer| write(answer))
    }

    /// [`ask`](Self::ask) where what the answer comes to depends on what the node sees, too.
    ///
    /// ```
    /// use anabranch_graph::{END, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     titles: Vec<String>,
    ///     title: String,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .ask_with(
    ///         "choose",
    ///         |state| state.titles.clone(),
    ///         |state, place: usize| state.titles.get(place).map(Essay::title),
    ///     )
    ///     .edge(START, "choose")
    ///     .edge("choose", END)
    ///     .compile()?;
    /// let titles = ["Ebb", "Flood"].map(String::from).to_vec();
    /// let Progress::Asks(questions) = graph.start(Essay { titles, ..Default::default() }).await? else {
    ///     panic!("it asks")
    /// };
    /// let Progress::Done(state) = questions.answer("choose", 1).await? else { panic!("it is done") };
    /// assert_eq!(state.title, "Flood");
    /// # Ok(())
    /// # }
    /// ```
    pub fn ask_with<P, A, U>(
        self,
        name: impl Into<String>,
        question: impl Fn(&S) -> P + Send + Sync + 'static,
        write: impl Fn(&S, A) -> U + Send + Sync + 'static,
    ) -> Self
    where
        P: Serialize + 'static,
        A: DeserializeOwned + 'static,
        U: Update<S>,
    {
        let declared = self.declared.clone();
        let work = OfQuestion { question, write, declared, types: PhantomData::<fn() -> (P, A)> };
        self.add(name.into(), NodeKind::Ask, U::WRITES, Work::Ask(Arc::new(work)))
    }

    fn add(mut self, name: String, kind: NodeKind, writes: WriteSet, work: Work<S>) -> Self {
        self.shape.nodes.push(NodeShape { name, kind, writes: writes.to_vec() });
        self.works.push(work);
        self
    }

    /// Checks the graph.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_graph::{BuildErrorKind, BuildErrors, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    /// }
    ///
    /// let error = StateGraph::<Essay>::new()
    ///     .node("write", async |_: Arc<Essay>| Ok(Essay::draft("…")))
    ///     .edge(START, ["write", "reed"])
    ///     .compile()
    ///     .unwrap_err();
    /// let errors = error.downcast_ref::<BuildErrors>().expect("what is wrong");
    /// let kinds: Vec<_> = errors.iter().map(|error| error.kind()).collect();
    /// assert_eq!(kinds, [BuildErrorKind::UnknownNode, BuildErrorKind::NoWayToEnd]);
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](anabranch_core::ErrorKind::Configuration) with all that is wrong with it, in a
    /// [`BuildErrors`](crate::BuildErrors) (by `downcast_ref`).
    pub fn compile(self) -> Result<CompiledGraph<S>> {
        let Self { mut shape, works, routes, limit, declared, writes } = self;
        shape.enter_writes(writes);
        let plan = shape.check()?;
        let mut routes: HashMap<String, Route<S>> = routes.into_iter().collect();
        let start_route = routes.remove(START);
        let nodes = shape.nodes.iter().zip(works);
        let nodes = nodes.map(|(node, work)| Node {
            name: node.name.clone(),
            work,
            route: routes.remove(&node.name),
            allowed: node.writes.iter().map(|write| (write.field, write.overwrite)).collect(),
        });
        let nodes = nodes.collect();
        Ok(CompiledGraph::new(Inner { shape, plan, nodes, start_route, limit, declared }))
    }
}
