//! What the interpreter finds out about a graph by walking it: loops, places, ancestors.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Edge, Interpreter};

impl Interpreter<'_> {
    /// Whether every way from START to `node` passes `by`.
    pub(super) fn dominates(&self, by: usize, node: usize) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![self.nodes.len()]);
        while let Some(one) = open.pop() {
            if one != by && seen.insert(one) {
                open.extend(self.edges.iter().filter(|edge| edge.from == one).map(|edge| edge.to));
            }
        }
        !seen.contains(&node)
    }

    pub(super) fn is_back(&self, edge: &Edge) -> bool {
        edge.from != self.nodes.len() && self.dominates(edge.to, edge.from)
    }

    pub(super) fn find_loops(&mut self) {
        let mut loops = BTreeMap::<usize, BTreeSet<usize>>::new();
        for edge in self.edges.iter().filter(|edge| self.is_back(edge)) {
            let body = loops.entry(edge.to).or_default();
            body.insert(edge.to);
            let mut open = vec![edge.from];
            while let Some(one) = open.pop() {
                if body.insert(one) {
                    open.extend(self.edges.iter().filter(|edge| edge.to == one).map(|edge| edge.from));
                }
            }
        }
        self.loops = loops;
    }

    /// The headers of the loops around a node, the outermost first.
    pub(super) fn around(&self, node: usize) -> Vec<usize> {
        let mut around: Vec<_> = self.loops.iter().filter(|(_, body)| body.contains(&node)).collect();
        around.sort_by_key(|(_, body)| std::cmp::Reverse(body.len()));
        around.into_iter().map(|(header, _)| *header).collect()
    }

    /// The child of a region that a node is, or is in. A loop is its header.
    pub(super) fn child(&self, region: Option<usize>, node: usize) -> Option<usize> {
        let around = self.around(node);
        let depth = match region {
            None => 0,
            Some(header) => around.iter().position(|one| *one == header)? + 1,
        };
        Some(around.get(depth).copied().unwrap_or(node))
    }

    /// The edges between the children of a region, with their numbers. Walked once: nothing changes.
    pub(super) fn forward(&self, region: Option<usize>) -> Rc<Vec<(usize, usize, usize)>> {
        let known = self.forward.borrow().get(&region).cloned();
        known.unwrap_or_else(|| {
            let walked = Rc::new(self.walk_forward(region));
            self.forward.borrow_mut().insert(region, walked.clone());
            walked
        })
    }

    fn walk_forward(&self, region: Option<usize>) -> Vec<(usize, usize, usize)> {
        let edges = self.edges.iter().enumerate().filter(|(_, edge)| Some(edge.to) != region);
        edges
            .filter_map(|(at, edge)| Some((at, self.child(region, edge.from)?, self.child(region, edge.to)?)))
            .filter(|(_, from, to)| from != to)
            .collect()
    }

    /// The children of a region by their places.
    pub(super) fn children(&self, region: Option<usize>) -> Rc<Vec<usize>> {
        let known = self.children.borrow().get(&region).cloned();
        known.unwrap_or_else(|| {
            let walked = Rc::new(self.walk_children(region));
            self.children.borrow_mut().insert(region, walked.clone());
            walked
        })
    }

    fn walk_children(&self, region: Option<usize>) -> Vec<usize> {
        let mut open: BTreeSet<_> = (0..self.nodes.len() + 2).filter_map(|node| self.child(region, node)).collect();
        open.remove(&self.nodes.len());
        let edges = self.forward(region);
        let mut placed = Vec::new();
        while !open.is_empty() {
            let is_ready = |child: &&usize| !edges.iter().any(|(_, from, to)| to == *child && open.contains(from));
            let next = *open.iter().find(is_ready).unwrap();
            open.remove(&next);
            placed.push(next);
        }
        placed
    }

    pub(super) fn ancestors(&self, region: Option<usize>, child: usize) -> BTreeSet<usize> {
        let edges = self.forward(region);
        let (mut seen, mut open) = (BTreeSet::new(), vec![child]);
        while let Some(one) = open.pop() {
            for (_, from, _) in edges.iter().filter(|(_, _, to)| *to == one) {
                if seen.insert(*from) {
                    open.push(*from);
                }
            }
        }
        seen
    }
}
