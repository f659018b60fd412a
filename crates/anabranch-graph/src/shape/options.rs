//! Options that cannot mean what they say.

use super::NodeKind;
use super::dominators::Dominators;
use super::pairs::Pairs;
use super::plan::{Arrival, Plan};
use super::skeleton::{Skeleton, list};
use crate::build_error::{BuildError, BuildErrorKind};

/// A node that waits for all of several edges.
#[derive(Debug)]
pub(super) struct Join {
    node: usize,
    /// Where they arrive.
    pub(super) region: usize,
    edges: Vec<usize>,
}

pub(super) fn joins(skeleton: &Skeleton<'_>, plan: &Plan) -> Vec<Join> {
    let mut joins = Vec::new();
    let mut edges = vec![Vec::new(); skeleton.count()];
    for (number, edge) in plan.edges.iter().enumerate() {
        match (edge.arrives, edge.to) {
            (Arrival::Child { region, .. }, Some(node)) if plan.nodes[node].join_all => {
                edges[node].push((region, number));
            }
            _ => {}
        }
    }
    for (node, edges) in edges.iter().enumerate() {
        // All edges into a node arrive in one region: its own or, into a header, the one around the loop.
        if let [(region, _), _, ..] = edges[..] {
            joins.push(Join { node, region, edges: edges.iter().map(|&(_, edge)| edge).collect() });
        }
    }
    joins
}

/// Names those whose edges exclude one another.
pub(super) fn join_all(
    skeleton: &Skeleton<'_>,
    plan: &Plan,
    joins: &[Join],
    pairs: &Pairs,
    errors: &mut Vec<BuildError>,
) {
    for join in joins {
        let excluded = join.edges.iter().enumerate().find_map(|(at, &one)| {
            let other = join.edges[at + 1..].iter().find(|&&other| !pairs.both(join.region, one, other))?;
            Some([one, *other])
        });
        if let Some(excluded) = excluded {
            let node = skeleton.shown(join.node);
            let from = |edge: usize| skeleton.shown(plan.edges[edge].from.unwrap_or(skeleton.start()));
            errors.push(skeleton.error(
                BuildErrorKind::JoinAllNeverRuns,
                &[join.node],
                format!(
                    "{node} never runs: with `join_all` it waits for all its edges, but those from {} can never both \
                     be taken: take `join_all` away, or lead one of them elsewhere",
                    list(&excluded.map(from))
                ),
            ));
        }
    }
}

/// Names optional nodes that cannot be done without.
pub(super) fn optional(skeleton: &Skeleton<'_>, dominators: &Dominators, errors: &mut Vec<BuildError>) {
    for node in skeleton.nodes().filter(|&node| skeleton.marks[node].optional) {
        let shown = skeleton.shown(node);
        if !skeleton.marks[node].has_fallback && dominators.dominates(node, skeleton.end()) {
            errors.push(skeleton.error(
                BuildErrorKind::OptionalOnOnlyWay,
                &[node],
                format!(
                    "{shown} is optional, but every way to END passes it, so nothing could go on without it: give it \
                     a fallback, or add a way around it"
                ),
            ));
        }
        if *skeleton.kind(node) == NodeKind::Ask {
            errors.push(skeleton.error(
                BuildErrorKind::OptionalAsk,
                &[node],
                format!(
                    "{shown} is a question and cannot be optional, since it waits for its answer: take `optional` \
                     away, or lead to it by a route that can choose another way"
                ),
            ));
        }
    }
}
