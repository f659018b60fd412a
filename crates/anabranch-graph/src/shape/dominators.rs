//! [`Dominators`]: which nodes every way from START to a node passes.

use super::skeleton::{Skeleton, Ways};

/// After Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm".
#[derive(Debug)]
pub(super) struct Dominators {
    /// What START reaches, before what it leads to, but for edges that go back.
    pub(super) order: Vec<usize>,
    /// By node: when the walk over the tree of dominators came to it and left it.
    span: Vec<(usize, usize)>,
}

impl Dominators {
    pub(super) fn new(skeleton: &Skeleton<'_>, ways: &Ways) -> Self {
        let order = order(skeleton, ways);
        let mut place = vec![usize::MAX; skeleton.count()];
        for (at, &node) in order.iter().enumerate() {
            place[node] = at;
        }
        // By place. A dominator has a lower place.
        let mut above = vec![usize::MAX; order.len()];
        above[0] = 0;
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for at in 1..order.len() {
                let before = ways.into[order[at]].iter().map(|&link| place[skeleton.links[link].from]);
                let known = before.filter(|&before| before != usize::MAX && above[before] != usize::MAX);
                let new = known.reduce(|one, other| meet(&above, one, other)).unwrap_or_default();
                has_changed |= std::mem::replace(&mut above[at], new) != new;
            }
        }
        Self { span: spans(&order, &above, skeleton.count()), order }
    }

    /// Whether every way from START to `node` passes `over`, which may be itself.
    pub(super) fn dominates(&self, over: usize, node: usize) -> bool {
        let (over, node) = (self.span[over], self.span[node]);
        over.0 <= node.0 && node.1 <= over.1
    }
}

/// The nearest that dominates both, by place.
pub(super) fn meet(above: &[usize], mut one: usize, mut other: usize) -> usize {
    while one != other {
        if one > other {
            one = above[one];
        } else {
            other = above[other];
        }
    }
    one
}

/// Reverse postorder.
fn order(skeleton: &Skeleton<'_>, ways: &Ways) -> Vec<usize> {
    let mut seen = vec![false; skeleton.count()];
    seen[skeleton.start()] = true;
    let mut way = vec![(skeleton.start(), 0)];
    let mut order = Vec::new();
    while let Some((at, edge)) = way.last_mut() {
        let step = ways.out[*at].get(*edge).map(|&link| skeleton.links[link].to);
        *edge += 1;
        match step {
            Some(to) if !seen[to] => {
                seen[to] = true;
                way.push((to, 0));
            }
            Some(_) => {}
            None => {
                order.push(*at);
                way.pop();
            }
        }
    }
    order.reverse();
    order
}

fn spans(order: &[usize], above: &[usize], count: usize) -> Vec<(usize, usize)> {
    let mut below = vec![Vec::new(); order.len()];
    for at in 1..order.len() {
        below[above[at]].push(at);
    }
    let mut span = vec![(usize::MAX, 0); count];
    let mut time = 0;
    let mut way = vec![(0, false)];
    while let Some((at, is_done)) = way.pop() {
        if is_done {
            span[order[at]].1 = time;
        } else {
            span[order[at]].0 = time;
            way.push((at, true));
            way.extend(below[at].iter().map(|&at| (at, false)));
        }
        time += 1;
    }
    span
}
