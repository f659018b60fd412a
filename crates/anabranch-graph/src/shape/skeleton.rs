//! [`Skeleton`]: what the checks work on. Nodes and edges by number, without what earlier checks refused.

use super::{EdgeKind, NodeKind, Shape};
use crate::build_error::{BuildError, BuildErrorKind};

/// What is left of a shape. Nodes keep their places in [`Shape::nodes`]; behind them stand START and END.
#[derive(Debug)]
pub(super) struct Skeleton<'a> {
    pub(super) shape: &'a Shape,
    /// By node: whether it is left.
    pub(super) alive: Vec<bool>,
    /// In declared order, those of fallbacks behind the others.
    pub(super) links: Vec<Link>,
    /// By node.
    pub(super) marks: Vec<Marks>,
}

/// An edge by the numbers of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: EdgeKind,
}

/// The options of a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    pub(super) optional: bool,
    pub(super) has_fallback: bool,
    pub(super) join_all: bool,
    pub(super) settled: bool,
}

impl Marks {
    /// Whether its failure does not stop the run.
    pub(super) fn is_quiet(self) -> bool {
        self.optional || self.has_fallback
    }
}

/// By node, START and END: the numbers of the edges that leave it and that lead to it, in declared order.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) out: Vec<Vec<usize>>,
    pub(super) into: Vec<Vec<usize>>,
}

impl Skeleton<'_> {
    pub(super) fn start(&self) -> usize {
        self.alive.len()
    }

    pub(super) fn end(&self) -> usize {
        self.alive.len() + 1
    }

    /// Nodes, START and END.
    pub(super) fn count(&self) -> usize {
        self.alive.len() + 2
    }

    pub(super) fn is_node(&self, number: usize) -> bool {
        number < self.alive.len()
    }

    /// The nodes that are left, in declared order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.alive.len()).filter(|&node| self.alive[node])
    }

    pub(super) fn name(&self, number: usize) -> &str {
        self.shape
            .nodes
            .get(number)
            .map_or_else(|| if number == self.start() { crate::START } else { crate::END }, |node| node.name.as_str())
    }

    /// As a text shows it: in quotes if it is a node.
    pub(super) fn shown(&self, number: usize) -> String {
        if self.is_node(number) { format!("{:?}", self.name(number)) } else { self.name(number).to_owned() }
    }

    pub(super) fn kind(&self, node: usize) -> &NodeKind {
        &self.shape.nodes[node].kind
    }

    /// An error that names these, which are in declared order.
    pub(super) fn error(&self, kind: BuildErrorKind, nodes: &[usize], text: String) -> BuildError {
        BuildError::new(kind, nodes.iter().map(|&node| self.name(node)), text)
    }

    pub(super) fn ways(&self) -> Ways {
        let mut ways = Ways { out: vec![Vec::new(); self.count()], into: vec![Vec::new(); self.count()] };
        for (number, link) in self.links.iter().enumerate() {
            ways.out[link.from].push(number);
            ways.into[link.to].push(number);
        }
        ways
    }

    /// Drops the nodes that are not wanted, and their edges.
    pub(super) fn keep(&mut self, wanted: &[bool]) {
        for (alive, &wanted) in self.alive.iter_mut().zip(wanted) {
            *alive &= wanted;
        }
        let alive = &self.alive;
        let is_left = |number: usize| alive.get(number).is_none_or(|&alive| alive);
        self.links.retain(|link| is_left(link.from) && is_left(link.to));
    }
}

/// Names as a sentence lists them: `"a", "b" and "c"`.
pub(super) fn list(shown: &[String]) -> String {
    match shown {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}
