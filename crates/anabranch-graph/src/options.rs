//! Options of nodes, and of the whole graph.

use crate::shape::NodeOption;
use crate::state::State;
use crate::state_graph::StateGraph;

impl<S: State> StateGraph<S> {
    /// The node's failure does not stop the run: nothing of it counts, and no edge out of it is taken. So there has to be
    /// another way to END.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use anabranch_core::{Error, ErrorKind};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Analysis {
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// # let down = async |_: Arc<Analysis>| Err::<(), _>(Error::new(ErrorKind::Server, "down"));
    /// # let note = |note: &'static str| move |_: Arc<Analysis>| async move { Ok::<_, Error>(Analysis::notes([note])) };
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("news", down)
    ///     .node("legal", note("sound"))
    ///     .node("report", note("done"))
    ///     .optional("news")
    ///     .edge(START, ["news", "legal"])
    ///     .edge(["news", "legal"], "report")
    ///     .edge("report", END)
    ///     .compile()?;
    /// assert_eq!(graph.invoke(Analysis::default()).await?.notes, ["sound", "done"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn optional(self, node: impl Into<String>) -> Self {
        self.option(NodeOption::Optional(node.into()))
    }

    /// Where the first fails, the second runs: an edge that is taken exactly then, and no other edge out of the first is.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use anabranch_core::{Error, ErrorKind};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Analysis {
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// # let down = async |_: Arc<Analysis>| Err::<(), _>(Error::new(ErrorKind::Server, "down"));
    /// # let note = |note: &'static str| move |_: Arc<Analysis>| async move { Ok::<_, Error>(Analysis::notes([note])) };
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("legal", down)
    ///     .node("manual", note("a lawyer looked at it"))
    ///     .fallback("legal", "manual")
    ///     .edge(START, "legal")
    ///     .edge(["legal", "manual"], END)
    ///     .compile()?;
    /// assert_eq!(graph.invoke(Analysis::default()).await?.notes, ["a lawyer looked at it"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fallback(self, node: impl Into<String>, instead: impl Into<String>) -> Self {
        self.option(NodeOption::Fallback(node.into(), instead.into()))
    }

    /// The node runs only if all edges into it are taken. Without this one is enough; it waits for all of them to be
    /// decided in any case.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use anabranch_core::{Error, ErrorKind};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Analysis {
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// # let down = async |_: Arc<Analysis>| Err::<(), _>(Error::new(ErrorKind::Server, "down"));
    /// # let note = |note: &'static str| move |_: Arc<Analysis>| async move { Ok::<_, Error>(Analysis::notes([note])) };
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("news", down)
    ///     .node("legal", note("sound"))
    ///     .node("both", note("sound, and in the news"))
    ///     .optional("news")
    ///     .join_all("both")
    ///     .edge(START, ["news", "legal"])
    ///     .edge(["news", "legal"], "both")
    ///     .edge(["legal", "both"], END)
    ///     .compile()?;
    /// assert_eq!(graph.invoke(Analysis::default()).await?.notes, ["sound"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_all(self, node: impl Into<String>) -> Self {
        self.option(NodeOption::JoinAll(node.into()))
    }

    /// Items of the list may fail, even all of them: the others count, and the node is done. Without this the first item
    /// that fails fails the node.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph};
    /// # use anabranch_core::{Error, ErrorKind};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Analysis {
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Analysis>::new()
    ///     .map("read", |_| ["a.txt", "b.txt"], async |file: &'static str| match file {
    ///         "a.txt" => Err(Error::new(ErrorKind::NotFound, "there is no a.txt")),
    ///         file => Ok(Analysis::notes([file])),
    ///     })
    ///     .settled("read")
    ///     .edge(START, "read")
    ///     .edge("read", END)
    ///     .compile()?;
    /// assert_eq!(graph.invoke(Analysis::default()).await?.notes, ["b.txt"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn settled(self, map: impl Into<String>) -> Self {
        self.option(NodeOption::Settled(map.into()))
    }

    fn option(mut self, option: NodeOption) -> Self {
        self.shape.options.push(option);
        self
    }

    /// How many activations a run may have, begun anew with each answer: 1,000 unless set. A list counts as one. It ends
    /// loops that would go on for ever with a [`StepLimit`](crate::StepLimit).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::RunnableExt;
    /// use anabranch_graph::{END, START, State, StateGraph, StepLimit};
    /// # use anabranch_core::{Error, ErrorKind};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// # #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// # struct Analysis {
    /// #     #[reduce(append)]
    /// #     notes: Vec<String>,
    /// # }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// # let note = |note: &'static str| move |_: Arc<Analysis>| async move { Ok::<_, Error>(Analysis::notes([note])) };
    /// let graph = StateGraph::<Analysis>::new()
    ///     .node("write", note("again"))
    ///     .edge(START, "write")
    ///     .route("write", |state| if state.notes.is_empty() { END } else { "write" }, ["write", END])
    ///     .step_limit(10)
    ///     .compile()?;
    /// let error = graph.invoke(Analysis::default()).await.err().expect("it has no end");
    /// let limit = error.downcast_ref::<StepLimit>().expect("and so it is ended");
    /// assert_eq!((limit.limit, limit.header.as_deref()), (10, Some("write")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn step_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
