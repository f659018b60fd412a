//! Reach: can every node be come to, and can END be come to from it? Only causes are named.

use super::skeleton::{Link, Skeleton, list};
use super::strong::strong_components;
use crate::build_error::{BuildError, BuildErrorKind};

/// Drops what cannot be come to, and what cannot get to END. Nodes whose name was refused are not named for less.
pub(super) fn check(skeleton: &mut Skeleton<'_>, refused: &[bool], errors: &mut Vec<BuildError>) {
    let reachable = reach(skeleton, skeleton.start(), |link| (link.from, link.to));
    for node in skeleton.nodes().filter(|&node| !reachable[node] && !refused[node]) {
        errors.push(skeleton.error(
            BuildErrorKind::Unreachable,
            &[node],
            format!("no way leads from START to {}: add an edge to it, or take the node away", skeleton.shown(node)),
        ));
    }
    skeleton.keep(&reachable);
    let ends = reach(skeleton, skeleton.end(), |link| (link.to, link.from));
    dead_ends(skeleton, &ends, errors);
    skeleton.keep(&ends);
}

/// What can be come to from one, along the edges as they are turned.
fn reach(skeleton: &Skeleton<'_>, from: usize, turned: impl Fn(&Link) -> (usize, usize)) -> Vec<bool> {
    let mut next = vec![Vec::new(); skeleton.count()];
    for link in &skeleton.links {
        let (from, to) = turned(link);
        next[from].push(to);
    }
    let mut seen = vec![false; skeleton.count()];
    seen[from] = true;
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for &to in &next[at] {
            if !std::mem::replace(&mut seen[to], true) {
                open.push(to);
            }
        }
    }
    seen
}

/// Of the nodes that cannot get to END, those where the ways stop.
fn dead_ends(skeleton: &Skeleton<'_>, ends: &[bool], errors: &mut Vec<BuildError>) {
    // What they lead to cannot get to END either, so this is closed.
    let mut next = vec![Vec::new(); skeleton.start()];
    for link in &skeleton.links {
        if skeleton.is_node(link.from) && !ends[link.from] {
            next[link.from].push(link.to);
        }
    }
    let mut causes: Vec<Vec<usize>> = strong_components(&next);
    causes.retain(|nodes| {
        nodes.iter().all(|&node| {
            skeleton.alive[node] && !ends[node] && next[node].iter().all(|to| nodes.binary_search(to).is_ok())
        })
    });
    causes.sort_unstable();
    for nodes in causes {
        let shown: Vec<String> = nodes.iter().map(|&node| skeleton.shown(node)).collect();
        errors.push(match shown.as_slice() {
            [node] if next[nodes[0]].is_empty() => skeleton.error(
                BuildErrorKind::NoWayToEnd,
                &nodes,
                format!("no edge leaves {node}: add one to the node that comes next, or to END"),
            ),
            _ => skeleton.error(
                BuildErrorKind::LoopWithoutWayOut,
                &nodes,
                format!("nothing leads out of the loop of {}: add an edge or a route that leaves it", list(&shown)),
            ),
        });
    }
}
