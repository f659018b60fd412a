//! Where it goes on: edges, and conditions that choose among them.

use std::collections::HashSet;

use anabranch_core::Error;

use crate::names::Names;
use crate::panics::caught;
use crate::run_error::BadChoice;
use crate::shape::{EdgeKind, EdgeShape, RouteShape};
use crate::state::State;
use crate::state_graph::StateGraph;

type Choose<S> = Box<dyn Fn(&S) -> Vec<String> + Send + Sync>;

/// A condition that chooses where it goes on, among what was declared.
pub(crate) struct Route<S> {
    pub(crate) multi: bool,
    pub(crate) targets: Vec<String>,
    choose: Choose<S>,
}

/// Why nothing was chosen.
pub(crate) enum NoChoice {
    /// What was said is no choice among these.
    Bad(Vec<String>, Vec<String>),
    Panicked(Error),
}

impl NoChoice {
    pub(crate) fn error(self, node: &str) -> Error {
        match self {
            Self::Bad(chosen, targets) => BadChoice::error(node, chosen, targets),
            Self::Panicked(error) => error.at(format!("route of \"{node}\"")),
        }
    }
}

impl<S: 'static> Route<S> {
    pub(crate) fn new<C: Names>(
        multi: bool,
        choose: impl Fn(&S) -> C + Send + Sync + 'static,
        targets: Vec<String>,
    ) -> Self {
        Self { multi, targets, choose: Box::new(move |state| choose(state).into_names()) }
    }

    /// What was chosen.
    pub(crate) fn choose(&self, state: &S) -> Result<Vec<String>, NoChoice> {
        self.check(caught(|| (self.choose)(state)).map_err(NoChoice::Panicked)?)
    }

    /// Whether it may be chosen.
    pub(crate) fn check(&self, chosen: Vec<String>) -> Result<Vec<String>, NoChoice> {
        let may_be = self.multi || chosen.len() == 1;
        if may_be && self.are_declared(&chosen) {
            return Ok(chosen);
        }
        Err(NoChoice::Bad(chosen, self.targets.clone()))
    }

    fn are_declared(&self, chosen: &[String]) -> bool {
        // A set is worth making where both are many.
        const FEW: usize = 8;
        if chosen.len() <= FEW {
            return chosen.iter().all(|one| self.targets.contains(one));
        }
        let targets: HashSet<&str> = self.targets.iter().map(String::as_str).collect();
        chosen.iter().all(|one| targets.contains(&**one))
    }
}

impl<S: State> StateGraph<S> {
    /// Edges from each of the first to each of the second. A node with several edges into it waits until all of them are
    /// decided, and runs if one was taken.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use anabranch_graph::{END, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Essay {}
    /// # let graph = StateGraph::<Essay>::new()
    /// #     .node("legal", async |_: Arc<Essay>| Ok(()))
    /// #     .node("financial", async |_: Arc<Essay>| Ok(()))
    /// #     .node("report", async |_: Arc<Essay>| Ok(()));
    /// let graph = graph
    ///     .edge(START, ["legal", "financial"])
    ///     .edge(["legal", "financial"], "report")
    ///     .edge("report", END)
    ///     .compile()?;
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    pub fn edge(mut self, from: impl Names, to: impl Names) -> Self {
        let to = to.into_names();
        for from in from.into_names() {
            for to in &to {
                self.shape.edges.push(EdgeShape { from: from.clone(), to: to.clone(), kind: EdgeKind::Plain });
            }
        }
        self
    }

    /// A condition that chooses where it goes on: one of the targets. It sees what the node saw, and the node's update.
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
    /// struct Essay {
    ///     rounds: u32,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .node("write", async |state: Arc<Essay>| Ok(Essay::rounds(state.rounds + 1)))
    ///     .edge(START, "write")
    ///     .route("write", |state| if state.rounds < 3 { "write" } else { END }, ["write", END])
    ///     .compile()?;
    /// assert_eq!(graph.invoke(Essay::default()).await?.rounds, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn route<C: Names>(
        self,
        from: impl Into<String>,
        choose: impl Fn(&S) -> C + Send + Sync + 'static,
        targets: impl Names,
    ) -> Self {
        self.add_route(from.into(), false, choose, targets.into_names())
    }

    /// A condition that chooses where it goes on: any number of the targets, also none. What is not chosen is passed over,
    /// and who waits for it goes on without.
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
    ///     aspects: Vec<String>,
    ///     #[reduce(append)]
    ///     notes: Vec<String>,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("legal", async |_: Arc<Analysis>| Ok(Analysis::notes(["sound"])))
    ///     .node("financial", async |_: Arc<Analysis>| Ok(Analysis::notes(["cheap"])))
    ///     .node("report", async |state: Arc<Analysis>| Ok(Analysis::notes([format!("{} in all", state.notes.len())])))
    ///     .route_many(START, |state| state.aspects.clone(), ["legal", "financial"])
    ///     .edge(["legal", "financial"], "report")
    ///     .edge("report", END)
    ///     .compile()?;
    /// let done = graph.invoke(Analysis { aspects: vec!["financial".into()], ..Default::default() }).await?;
    /// assert_eq!(done.notes, ["cheap", "1 in all"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn route_many<C: Names>(
        self,
        from: impl Into<String>,
        choose: impl Fn(&S) -> C + Send + Sync + 'static,
        targets: impl Names,
    ) -> Self {
        self.add_route(from.into(), true, choose, targets.into_names())
    }

    fn add_route<C: Names>(
        mut self,
        from: String,
        multi: bool,
        choose: impl Fn(&S) -> C + Send + Sync + 'static,
        targets: Vec<String>,
    ) -> Self {
        let kind = if multi { EdgeKind::Multi } else { EdgeKind::Single };
        for to in &targets {
            self.shape.edges.push(EdgeShape { from: from.clone(), to: to.clone(), kind });
        }
        self.shape.routes.push(RouteShape { from: from.clone(), multi, targets: targets.clone() });
        self.routes.push((from, Route::new(multi, choose, targets)));
        self
    }
}
