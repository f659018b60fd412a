//! [`Plan`]: the shape of a graph that passed its checks, as the engine reads it. Indices everywhere.

/// What the engine reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// The top level is the first.
    pub(crate) regions: Vec<Region>,
    /// By node: where it is.
    pub(crate) nodes: Vec<NodePlan>,
    /// What leaves START.
    pub(crate) entries: Vec<usize>,
    pub(crate) edges: Vec<EdgePlan>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodePlan {
    /// The innermost region it is directly in.
    pub(crate) region: usize,
    /// Its place among the children of the region.
    pub(crate) child: usize,
    /// The edges that leave it, in declared order, the one for a failure among them.
    pub(crate) out: Vec<usize>,
    pub(crate) optional: bool,
    pub(crate) has_fallback: bool,
    pub(crate) join_all: bool,
    pub(crate) settled: bool,
}

impl NodePlan {
    /// Whether its failure does not stop the run.
    pub(crate) fn is_quiet(&self) -> bool {
        self.optional || self.has_fallback
    }
}

/// The top level, or the body of a loop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Region {
    /// The region around a loop, and which of its children the loop is.
    pub(crate) parent: Option<(usize, usize)>,
    /// Its children in the order of their places. In a loop the header is the first. END is the last child of the top
    /// level.
    pub(crate) children: Vec<ChildPlan>,
    /// How each of the children is seen by one that stands behind all: the end of an iteration, or of the run.
    /// (At the top level this is the view of the child END, and not used.)
    pub(crate) end: View,
    /// How many back edges lead to the header of this loop. None at the top level.
    pub(crate) back_edges: usize,
    /// The edges that lead out of this loop, however far, in declared order.
    pub(crate) ways_out: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChildPlan {
    pub(crate) kind: Child,
    /// How many forward edges of the region end here (ways out of loops inside the region among them, START's edges
    /// at the top level too). None for the header of a loop.
    pub(crate) incoming: usize,
    pub(crate) view: View,
    /// How many of the other children, and of the region's end, begin their view with the state after this one.
    pub(crate) heirs: usize,
    /// Whether some view folds this child's updates one by one (it is in some `between`).
    pub(crate) is_folded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    Node(usize),
    /// A region.
    Loop(usize),
    End,
}

/// What a child sees: the state after one of its ancestors in the region (`None`: the state with which the region
/// began), and on it the updates of these children, in the order of their places: its other ancestors, as far as that
/// one did not see them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct View {
    pub(crate) after: Option<usize>,
    pub(crate) between: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EdgePlan {
    /// `None` is START.
    pub(crate) from: Option<usize>,
    /// `None` is END.
    pub(crate) to: Option<usize>,
    pub(crate) kind: super::EdgeKind,
    /// From the region of its source outwards: the loops it leaves, innermost first. Empty if it leaves none.
    pub(crate) leaves: Vec<usize>,
    /// Where it is decided when it has left those.
    pub(crate) arrives: Arrival,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// At a child of a region.
    Child { region: usize, child: usize },
    /// At the header of this loop, whose next iteration it starts.
    Header { region: usize },
}
