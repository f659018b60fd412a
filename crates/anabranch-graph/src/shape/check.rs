//! All checks of a graph, each on what the ones before left. What passes them is a [`Plan`].

use super::dominators::Dominators;
use super::loops::{self, Loops};
use super::names::Names;
use super::plan::Plan;
use super::{Shape, conflicts, depth, edges, endless, options, places, reach};
use crate::build_error::BuildErrors;

impl Shape {
    /// What the engine reads, or everything that is wrong, causes only. Graphs in nodes passed their own checks.
    pub(crate) fn check(&self) -> Result<Plan, BuildErrors> {
        let mut errors = Vec::new();
        let names = Names::check(self, &mut errors);
        depth::check(self, &mut errors);
        let mut skeleton = edges::check(self, &names, &mut errors);
        if skeleton.links.iter().any(|link| link.from == skeleton.start()) {
            reach::check(&mut skeleton, &names.refused, &mut errors);
        } else {
            // Then nothing can be come to, and that is no news.
            skeleton.links.clear();
        }
        if skeleton.links.is_empty() {
            // Nothing is left.
            return BuildErrors::of(errors).map(|()| Plan::default());
        }
        let ways = skeleton.ways();
        let dominators = Dominators::new(&skeleton, &ways);
        let is_back = loops::back_edges(&skeleton, &dominators);
        if loops::two_entries(&skeleton, &ways, &is_back, &mut errors) {
            // Without headers there are no regions.
            return BuildErrors::of(errors).map(|()| Plan::default());
        }
        let loops = Loops::new(&skeleton, &ways, &dominators, is_back);
        endless::check(&skeleton, &ways, &loops, &dominators.order, &mut errors);
        let plan = places::plan(&skeleton, &ways, &loops);
        conflicts::check(&skeleton, &plan, &mut errors);
        options::optional(&skeleton, &dominators, &mut errors);
        BuildErrors::of(errors).map(|()| plan)
    }
}
