//! [`Loops`]: the loops of a graph and how they are nested.

use super::dominators::Dominators;
use super::skeleton::{Skeleton, Ways, list};
use super::strong::strong_components;
use crate::build_error::{BuildError, BuildErrorKind};

/// The loops of a graph, outer ones before inner ones.
#[derive(Debug)]
pub(super) struct Loops {
    pub(super) all: Vec<Loop>,
    /// By node, START and END: the innermost loop it is in.
    pub(super) of: Vec<Option<usize>>,
    /// By edge: whether it leads back to a node that every way to its source passes.
    pub(super) is_back: Vec<bool>,
    /// By node: the loop of which it is the header.
    pub(super) headed: Vec<Option<usize>>,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub(super) header: usize,
    pub(super) parent: Option<usize>,
}

/// Whether each edge is a back edge.
pub(super) fn back_edges(skeleton: &Skeleton<'_>, dominators: &Dominators) -> Vec<bool> {
    skeleton.links.iter().map(|link| dominators.dominates(link.to, link.from)).collect()
}

/// Cycles that no node of theirs dominates.
pub(super) fn two_entries(
    skeleton: &Skeleton<'_>,
    ways: &Ways,
    is_back: &[bool],
    errors: &mut Vec<BuildError>,
) -> bool {
    let mut next = vec![Vec::new(); skeleton.count()];
    for (link, _) in skeleton.links.iter().zip(is_back).filter(|&(_, &is_back)| !is_back) {
        next[link.from].push(link.to);
    }
    let mut sets: Vec<Vec<usize>> = strong_components(&next).into_iter().filter(|set| set.len() > 1).collect();
    sets.sort_unstable();
    for set in &sets {
        let is_outside = |&link: &usize| set.binary_search(&skeleton.links[link].from).is_err();
        let entries: Vec<usize> = set.iter().copied().filter(|&node| ways.into[node].iter().any(is_outside)).collect();
        let all: Vec<String> = set.iter().map(|&node| skeleton.shown(node)).collect();
        let shown: Vec<String> = entries.iter().map(|&node| skeleton.shown(node)).collect();
        errors.push(skeleton.error(
            BuildErrorKind::LoopWithTwoEntries,
            &entries,
            format!(
                "the loop of {} can be entered at {}: choose one of them as its header and lead the nodes before the \
                 loop to the header alone",
                list(&all),
                list(&shown)
            ),
        ));
    }
    !sets.is_empty()
}

impl Loops {
    /// Of a graph all of whose cycles go through a back edge.
    pub(super) fn new(skeleton: &Skeleton<'_>, ways: &Ways, dominators: &Dominators, is_back: Vec<bool>) -> Self {
        let is_header = |&&node: &&usize| ways.into[node].iter().any(|&link| is_back[link]);
        let headers: Vec<usize> = dominators.order.iter().filter(is_header).copied().collect();
        let mut all: Vec<Loop> = headers.iter().map(|&header| Loop { header, parent: None }).collect();
        let mut of = vec![None; skeleton.count()];
        // By loop: one around it, in the end the outermost that is known.
        let mut around: Vec<usize> = (0..all.len()).collect();
        // What dominates comes first in the order, so from behind inner loops come first.
        for (number, &header) in headers.iter().enumerate().rev() {
            of[header] = Some(number);
            let backs = ways.into[header].iter().filter(|&&link| is_back[link]);
            let mut open: Vec<usize> = backs.map(|&link| skeleton.links[link].from).collect();
            while let Some(node) = open.pop() {
                let door = match of[node] {
                    None => {
                        of[node] = Some(number);
                        node
                    }
                    Some(inner) => {
                        let outermost = outermost(&mut around, inner);
                        if outermost == number {
                            continue;
                        }
                        around[outermost] = number;
                        all[outermost].parent = Some(number);
                        headers[outermost]
                    }
                };
                // Back edges come from where one has been.
                open.extend(
                    ways.into[door].iter().filter(|&&link| !is_back[link]).map(|&link| skeleton.links[link].from),
                );
            }
        }
        let mut headed = vec![None; skeleton.count()];
        for (number, &header) in headers.iter().enumerate() {
            headed[header] = Some(number);
        }
        Self { all, of, is_back, headed }
    }

    /// The loops around a node, the innermost first.
    pub(super) fn around(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.of[node], |&number| self.all[number].parent)
    }

    /// By loop: the nodes in it, those of inner loops among them, in declared order.
    pub(super) fn nodes(&self) -> Vec<Vec<usize>> {
        let mut nodes = vec![Vec::new(); self.all.len()];
        for node in 0..self.of.len() {
            self.around(node).for_each(|number| nodes[number].push(node));
        }
        nodes
    }
}

fn outermost(around: &mut [usize], mut number: usize) -> usize {
    while around[number] != number {
        around[number] = around[around[number]];
        number = around[number];
    }
    number
}
