//! Views: of what a child's state is made.

use super::dominators::meet;
use super::plan::{Region, View};

/// `before`: by child, the sources of the edges to it; `None` is what the region begins with. Sources have lower
/// places.
///
/// What a child sees begins with the state after its immediate dominator in the region. Its ancestors that are neither
/// that one nor an ancestor of that one are reached from it alone, so they have later places than all it has seen:
/// their updates come on top.
pub(super) fn fill(region: &mut Region, before: &[Vec<Option<usize>>]) {
    let count = region.children.len();
    let mut is_last = vec![true; count];
    before.iter().flatten().flatten().for_each(|&child| is_last[child] = false);
    let last: Vec<Option<usize>> = (0..count).filter(|&child| is_last[child]).map(Some).collect();
    let is_loop = region.parent.is_some();
    // The place above, from 1 on; 0 is what the region begins with.
    let mut above = vec![0; count + 1];
    let mut walk = Walk { before, seen: vec![usize::MAX; count], open: Vec::new() };
    // At the top level END is the last child, and nothing stands behind it.
    for child in 0..count + usize::from(is_loop) {
        let sources = before.get(child).unwrap_or(&last);
        let places = sources.iter().map(|source| source.map_or(0, |source| source + 1));
        let after = places.reduce(|one, other| meet(&above, one, other)).unwrap_or_default();
        let view = View { after: after.checked_sub(1), between: walk.between(child, sources, after.checked_sub(1)) };
        if let Some(after) = view.after {
            region.children[after].heirs += 1;
        }
        for &one in &view.between {
            region.children[one].is_folded = true;
        }
        match region.children.get_mut(child) {
            Some(child_plan) => {
                child_plan.view = view;
                above[child + 1] = after;
            }
            None => region.end = view,
        }
    }
    if let (false, Some(end)) = (is_loop, region.children.last()) {
        region.end = end.view.clone();
    }
}

/// From a child back to its dominator.
struct Walk<'a> {
    before: &'a [Vec<Option<usize>>],
    /// By child: the last walk that came to it.
    seen: Vec<usize>,
    open: Vec<usize>,
}

impl Walk<'_> {
    fn between(&mut self, child: usize, sources: &[Option<usize>], after: Option<usize>) -> Vec<usize> {
        let mut between = Vec::new();
        self.visit(child, sources, after);
        while let Some(at) = self.open.pop() {
            between.push(at);
            let before = self.before;
            self.visit(child, &before[at], after);
        }
        between.sort_unstable();
        between
    }

    fn visit(&mut self, child: usize, sources: &[Option<usize>], after: Option<usize>) {
        for source in sources.iter().flatten().copied().filter(|&source| Some(source) != after) {
            if self.seen[source] != child {
                self.seen[source] = child;
                self.open.push(source);
            }
        }
    }
}
