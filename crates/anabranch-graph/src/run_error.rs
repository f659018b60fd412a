//! What can go wrong in a run besides its nodes: reached in an error by `downcast_ref`.

use std::fmt;

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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadChoice {
    /// The path of the node whose route it is, or `START`.
    pub node: String,
    /// What it chose.
    pub chosen: Vec<String>,
}

impl BadChoice {
    pub(crate) fn error(node: &str, chosen: &[String]) -> Error {
        let this = Self { node: node.to_string(), chosen: chosen.to_vec() };
        Error::new(ErrorKind::Other, this.to_string()).with_source(this)
    }
}

impl fmt::Display for BadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, chosen } = self;
        match &chosen[..] {
            [] => write!(f, "the route of `{node}` chose nothing; it has to give exactly one of its targets"),
            [one] => write!(f, "the route of `{node}` chose `{one}`, which is none of its targets: declare it there"),
            all => write!(
                f,
                "the route of `{node}` chose {} targets: `route_many` may, or one is none of its targets",
                all.len()
            ),
        }
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
/// assert!(error.downcast_ref::<EndNotReached>().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndNotReached {}

impl EndNotReached {
    pub(crate) fn error() -> Error {
        Error::new(ErrorKind::Other, Self {}.to_string()).with_source(Self {})
    }
}

impl fmt::Display for EndNotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no edge into END was taken: each of the ways stopped at a route that chose nothing, or at a failure",
        )
    }
}

impl std::error::Error for EndNotReached {}

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
