//! Views: of what a child's state is made.

use std::collections::BinaryHeap;

use super::dominators::meet;
use super::plan::{Region, View};

/// `before`: by child, the sources of the edges to it; `None` is what the region begins with. Sources have lower
/// places. `fields`: by child, the fields that it may write, a bit for each.
///
/// What a child sees begins with the state after one of its ancestors, which saw the ancestors of that one. The updates
/// of its other ancestors come on top. That is right where of two that write the same field the one of the lower place
/// came first. It always is for the immediate dominator in the region: the ancestors that are neither that one nor an
/// ancestor of that one are reached from it alone, so they have later places than all it has seen. It mostly is for one
/// of the nodes before the child, too, and then next to nothing comes on top: the many joins of a ladder, or of layer
/// upon layer, cost no more than their edges.
pub(super) fn fill(region: &mut Region, before: &[Vec<Option<usize>>], fields: &[u128]) {
    let count = region.children.len();
    let mut is_last = vec![true; count];
    before.iter().flatten().flatten().for_each(|&child| is_last[child] = false);
    let last: Vec<Option<usize>> = (0..count).filter(|&child| is_last[child]).map(Some).collect();
    let is_loop = region.parent.is_some();
    // The place above, from 1 on; 0 is what the region begins with.
    let mut above = vec![0; count + 1];
    let mut walk = Walk::new(before, fields);
    // At the top level END is the last child, and nothing stands behind it.
    for child in 0..count + usize::from(is_loop) {
        let sources = before.get(child).unwrap_or(&last);
        let places = sources.iter().map(|source| source.map_or(0, |source| source + 1));
        let dominator = places.reduce(|one, other| meet(&above, one, other)).unwrap_or_default();
        let view = walk.view(sources, dominator.checked_sub(1));
        if let Some(after) = view.after {
            region.children[after].heirs += 1;
        }
        for &one in &view.between {
            region.children[one].is_folded = true;
        }
        match region.children.get_mut(child) {
            Some(child_plan) => {
                child_plan.view = view;
                above[child + 1] = dominator;
            }
            None => region.end = view,
        }
    }
    if let (false, Some(end)) = (is_loop, region.children.last()) {
        region.end = end.view.clone();
    }
}

/// From a child back, by descending places, until all that is left is in the state with which the view begins.
struct Walk<'a> {
    before: &'a [Vec<Option<usize>>],
    fields: &'a [u128],
    /// The number of this walk.
    number: usize,
    /// By child: the last walk that came to it, and the last in which it was in that state.
    seen: Vec<usize>,
    inside: Vec<usize>,
    open: BinaryHeap<usize>,
    /// How many of the open ones are not known to be inside.
    outside: usize,
}

impl<'a> Walk<'a> {
    fn new(before: &'a [Vec<Option<usize>>], fields: &'a [u128]) -> Self {
        let never = || vec![0; before.len()];
        Self { before, fields, number: 0, seen: never(), inside: never(), open: BinaryHeap::new(), outside: 0 }
    }

    fn view(&mut self, sources: &[Option<usize>], dominator: Option<usize>) -> View {
        let known = || sources.iter().flatten().copied();
        let (Some(first), Some(last)) = (known().min(), known().max()) else { return View::default() };
        let view = |after, between| View { after: Some(after), between };
        let one = self.between(sources, Some(first)).map(|between| view(first, between));
        // Where more than the other sources comes on top, the last of them may do better.
        let other = match &one {
            Some(one) if one.between.len() < known().count() => None,
            _ => self.between(sources, Some(last)).map(|between| view(last, between)),
        };
        let best = [one, other].into_iter().flatten().min_by_key(|view| view.between.len());
        best.unwrap_or_else(|| View { after: dominator, between: self.between(sources, dominator).unwrap_or_default() })
    }

    /// What comes on top of the state after this one, if that is right.
    fn between(&mut self, sources: &[Option<usize>], after: Option<usize>) -> Option<Vec<usize>> {
        self.number += 1;
        self.open.clear();
        self.outside = 0;
        for source in sources.iter().flatten().copied() {
            self.visit(source, Some(source) == after);
        }
        let (mut between, mut written) = (Vec::new(), 0);
        while self.outside > 0 {
            let at = self.open.pop()?;
            let is_inside = self.inside[at] == self.number;
            if is_inside {
                written |= self.fields[at];
            } else if written & self.fields[at] == 0 {
                self.outside -= 1;
                between.push(at);
            } else {
                return None;
            }
            let before = self.before;
            for source in before[at].iter().flatten().copied() {
                self.visit(source, is_inside || Some(source) == after);
            }
        }
        between.reverse();
        Some(between)
    }

    fn visit(&mut self, child: usize, is_inside: bool) {
        let (is_new, was_inside) = (self.seen[child] != self.number, self.inside[child] == self.number);
        self.seen[child] = self.number;
        if is_inside {
            self.inside[child] = self.number;
        }
        match (is_new, is_inside) {
            (true, _) => {
                self.open.push(child);
                self.outside += usize::from(!is_inside);
            }
            (false, true) if !was_inside => self.outside -= 1,
            _ => {}
        }
    }
}
