//! What can go wrong in a run besides its nodes: reached in an error by `downcast_ref`.

use std::fmt;

use anabranch_core::__private::listed;
use anabranch_core::{Error, ErrorKind};

/// A route chose what it may not: in an error, by `downcast_ref`.
///
/// ```
/// use std::sync::Arc;
///
/// use anabranch_core::RunnableExt;
/// use anabranch_graph::{BadChoice, END, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Essay {
///     next: String,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Essay>::new()
///     .node("write", async |_: Arc<Essay>| Ok(Essay::next("revise")))
///     .edge(START, "write")
///     .route("write", |state| state.next.clone(), ["write", END])
///     .compile()?;
/// let error = graph.invoke(Essay::default()).await.err().expect("there is no such target");
/// assert_eq!(error.downcast_ref::<BadChoice>().expect("of the route").chosen, ["revise"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadChoice {
    /// The path of the node whose route it is, or `START`.
    pub node: String,
    /// What it chose. It may come from the state, and so from a model: only short names are shown.
    pub chosen: Vec<String>,
    /// What it may choose, in declared order.
    pub targets: Vec<String>,
}

impl BadChoice {
    pub(crate) fn error(node: &str, chosen: Vec<String>, targets: Vec<String>) -> Error {
        let this = Self { node: node.to_string(), chosen, targets };
        Error::new(ErrorKind::Other, this.to_string()).with_source(this)
    }
}

impl fmt::Display for BadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, chosen, targets } = self;
        let targets = listed(targets);
        match &chosen[..] {
            [] => {
                write!(f, "the route of `{node}` chose nothing; it has to give exactly one of its targets, {targets}")
            }
            one @ [_] => {
                let one = listed(one);
                write!(
                    f,
                    "the route of `{node}` chose {one}, which is none of its targets, {targets}: choose one of them, or \
                     declare it there"
                )
            }
            all => write!(
                f,
                "the route of `{node}` chose {}: `route` takes one of its targets, and `route_many` any; declared are \
                 {targets}",
                listed(all)
            ),
        }
    }
}

impl fmt::Debug for BadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BadChoice");
        shown.field("node", &self.node).field("chosen", &listed(&self.chosen)).field("targets", &self.targets).finish()
    }
}

impl std::error::Error for BadChoice {}

/// All edges into END are decided and none was taken: in an error, by `downcast_ref`.
///
/// ```
/// use std::sync::Arc;
///
/// use anabranch_core::RunnableExt;
/// use anabranch_graph::{END, EndNotReached, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Essay {
///     aspects: Vec<String>,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Essay>::new()
///     .node("legal", async |_: Arc<Essay>| Ok(()))
///     .route_many(START, |state| state.aspects.clone(), ["legal"])
///     .edge("legal", END)
///     .compile()?;
/// let error = graph.invoke(Essay::default()).await.err().expect("nothing was chosen");
/// assert_eq!(error.downcast_ref::<EndNotReached>().expect("where it stopped").stopped, ["START"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndNotReached {
    /// Where the ways stopped, in declared order: a node whose route chose nothing, which failed and was allowed to, or
    /// which wanted all of the edges into it and had some; or `START`.
    pub stopped: Vec<String>,
}

impl EndNotReached {
    pub(crate) fn error(stopped: Vec<String>) -> Error {
        let this = Self { stopped };
        Error::new(ErrorKind::Other, this.to_string()).with_source(this)
    }
}

impl fmt::Display for EndNotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stopped = Shown(&self.stopped);
        write!(
            f,
            "no edge into END was taken: the ways stopped at {stopped}, by a route that chose nothing or a failure"
        )
    }
}

impl std::error::Error for EndNotReached {}

/// Names in a list that stays short.
struct Shown<'a>(&'a [String]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 8;
        for (place, name) in self.0.iter().take(MOST).enumerate() {
            write!(f, "{}`{name}`", if place == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(MOST) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// A graph that asks somebody was invoked, streamed, or put where it cannot ask (in a chain, under a retry): in an error,
/// by `downcast_ref`. Nothing ran. [`start`](crate::CompiledGraph::start) such a graph, and
/// [`answer`](crate::Questions::answer) its questions.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_graph::{END, NeedsAnswers, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Essay {
///     approved: bool,
/// }
///
/// # #[tokio::main]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Essay>::new()
///     .ask("approve", |_| "Shall this go out?", Essay::approved)
///     .edge(START, "approve")
///     .edge("approve", END)
///     .compile()?;
/// let error = graph.invoke(Essay::default()).await.err().expect("nobody is there to answer");
/// assert_eq!(error.downcast_ref::<NeedsAnswers>().expect("a kind of its own").node.as_deref(), Some("approve"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeedsAnswers {
    /// The first node that asks; in a graph inside, behind the names of the nodes around it and a `/`.
    pub node: Option<String>,
}

impl NeedsAnswers {
    pub(crate) fn error(node: &str) -> Error {
        Self { node: Some(node.to_string()) }.into_error()
    }

    /// Something asks that was not seen to when the graph was built.
    pub(crate) fn unknown() -> Error {
        Self { node: None }.into_error()
    }

    fn into_error(self) -> Error {
        Error::new(ErrorKind::Unsupported, self.to_string()).with_source(self)
    }
}

impl fmt::Display for NeedsAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = "the graph asks somebody";
        let instead = "`start` it and `answer` its questions, instead of invoking it; inside of another graph it may ask where \
                       it is all there is to a node's `step`, not in a chain or under a retry";
        match &self.node {
            Some(node) => write!(f, "{what}, by its node `{node}`: {instead}"),
            None => write!(f, "{what}: {instead}"),
        }
    }
}

impl std::error::Error for NeedsAnswers {}

/// More activations than a run may have: in an error, by `downcast_ref`. See
/// [`step_limit`](crate::StateGraph::step_limit).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepLimit {
    /// How many there may be.
    pub limit: usize,
    /// The activation that was one too many.
    pub node: String,
    /// The header of the innermost loop around it.
    pub header: Option<String>,
}

impl StepLimit {
    pub(crate) fn error(limit: usize, node: &str, header: Option<&str>) -> Error {
        let this = Self { limit, node: node.to_string(), header: header.map(str::to_string) };
        Error::new(ErrorKind::Other, this.to_string()).with_source(this)
    }
}

impl fmt::Display for StepLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, node, header } = self;
        write!(f, "more than {limit} steps: `{node}` would be one too many")?;
        match header {
            Some(header) => write!(f, "; the loop of `{header}` does not end, or `step_limit` is too low"),
            None => f.write_str("; raise `step_limit`"),
        }
    }
}

impl std::error::Error for StepLimit {}
