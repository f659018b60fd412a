//! Loops that cannot end: each iteration of them starts the next one, whatever is chosen and whatever fails.

use super::EdgeKind;
use super::loops::Loops;
use super::skeleton::{Skeleton, Ways, list};
use crate::build_error::{BuildError, BuildErrorKind};

/// Names the innermost ones. `order` has the nodes with what leads to them before them.
pub(super) fn check(
    skeleton: &Skeleton<'_>,
    ways: &Ways,
    loops: &Loops,
    order: &[usize],
    errors: &mut Vec<BuildError>,
) {
    let mut place = vec![0; skeleton.count()];
    for (at, &node) in order.iter().enumerate() {
        place[node] = at;
    }
    let nodes = loops.nodes();
    let mut is_refused = vec![false; loops.all.len()];
    let mut found = Vec::new();
    let mut iteration = Iteration::new(skeleton, ways, loops);
    for (number, this) in loops.all.iter().enumerate().rev() {
        if !is_refused[number] {
            let mut order = nodes[number].clone();
            order.sort_unstable_by_key(|&node| place[node]);
            if !iteration.can_be_the_last(this.header, &order) {
                is_refused[number] = true;
                found.push(number);
            }
        }
        if let (true, Some(parent)) = (is_refused[number], this.parent) {
            is_refused[parent] = true;
        }
    }
    found.sort_unstable_by_key(|&number| loops.all[number].header);
    for number in found {
        let shown: Vec<String> = nodes[number].iter().map(|&node| skeleton.shown(node)).collect();
        let header = skeleton.shown(loops.all[number].header);
        errors.push(skeleton.error(
            BuildErrorKind::LoopWithoutWayOut,
            &nodes[number],
            format!(
                "the loop of {} can never end, since an edge back to {header} is always taken: make it the target of a \
                 route that can choose a way out, too",
                list(&shown)
            ),
        ));
    }
}

/// An iteration of a loop, as far as the loops in it come to an end.
struct Iteration<'a> {
    skeleton: &'a Skeleton<'a>,
    ways: &'a Ways,
    is_back: &'a [bool],
    /// By node: in the loop that is looked at; runs in each iteration; need not lead to the next one.
    is_inside: Vec<bool>,
    must_run: Vec<bool>,
    is_safe: Vec<bool>,
}

impl<'a> Iteration<'a> {
    fn new(skeleton: &'a Skeleton<'a>, ways: &'a Ways, loops: &'a Loops) -> Self {
        let no = || vec![false; skeleton.count()];
        Self { skeleton, ways, is_back: &loops.is_back, is_inside: no(), must_run: no(), is_safe: no() }
    }

    /// `order` has the nodes of the loop with what leads to them before them.
    fn can_be_the_last(&mut self, header: usize, order: &[usize]) -> bool {
        for &node in order {
            (self.is_inside[node], self.must_run[node], self.is_safe[node]) = (true, node == header, false);
        }
        for &node in order.iter().filter(|&&node| node != header) {
            let must = |link| self.must_be_taken(link);
            let is_all = self.skeleton.marks[node].join_all;
            self.must_run[node] = if is_all { self.before(node).all(must) } else { self.before(node).any(must) };
        }
        for &node in order.iter().rev() {
            self.is_safe[node] = self.is_safe_node(node, header);
        }
        order.iter().for_each(|&node| self.is_inside[node] = false);
        self.is_safe[header]
    }

    /// The forward edges to a node.
    fn before(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.ways.into[node].iter().copied().filter(|&link| !self.is_back[link])
    }

    fn must_be_taken(&self, link: usize) -> bool {
        let link = self.skeleton.links[link];
        link.kind == EdgeKind::Plain && self.must_run[link.from] && !self.skeleton.marks[link.from].is_quiet()
    }

    fn is_safe_edge(&self, link: usize) -> bool {
        let to = self.skeleton.links[link].to;
        !self.is_inside[to] || (!self.is_back[link] && self.is_safe[to])
    }

    fn is_safe_node(&self, node: usize, header: usize) -> bool {
        let of_kind = |kind| {
            let out = self.ways.out[node].iter().copied();
            out.filter(move |&link| self.skeleton.links[link].kind == kind)
        };
        let marks = self.skeleton.marks[node];
        let mut choices = of_kind(EdgeKind::Single).peekable();
        let mut falls = of_kind(EdgeKind::Fail).peekable();
        let can_run_on = of_kind(EdgeKind::Plain).all(|link| self.is_safe_edge(link))
            && (choices.peek().is_none() || choices.any(|link| self.is_safe_edge(link)));
        let can_fail = falls.peek().is_some() && falls.all(|link| self.is_safe_edge(link));
        let can_be_passed_over = marks.join_all
            && node != header
            && self.before(node).nth(1).is_some()
            && !self.before(node).all(|link| self.must_be_taken(link));
        can_run_on || can_fail || (marks.optional && !marks.has_fallback) || can_be_passed_over
    }
}
