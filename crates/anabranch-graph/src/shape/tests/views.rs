//! Random graphs: the plan is that of the definition, and what is refused is refused rightly.

use proptest::prelude::*;

use super::super::plan::Plan;
use super::naive::{self, Naive};
use super::{Draft, row};
use crate::BuildErrorKind;

/// Nodes that are declared in any order, one before each, and edges between any two of them. All edges are those of
/// routes that take any number, so that every loop can end.
pub(super) fn graphs(nodes: usize, edges: usize) -> impl Strategy<Value = Draft> {
    let all = (1..=nodes).prop_flat_map(move |count| {
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        // The one before each: not always the nearest.
        let before = prop::collection::vec(any::<prop::sample::Index>(), count);
        (order, before, prop::collection::vec((0..count, 0..=count), 0..edges))
    });
    all.prop_map(|(order, before, more)| {
        let count = order.len();
        let name = |place: usize| order.get(place).map_or("END".to_owned(), |node| format!("n{node}"));
        let names: Vec<String> = (0..count).map(|node| format!("n{node}")).collect();
        let mut draft = Draft::of(&names.join(" "));
        let mut targets = vec![Vec::new(); count];
        let mut starts = vec![name(0)];
        for (place, before) in before.iter().enumerate().skip(1) {
            match before.index(place + 1).checked_sub(1) {
                Some(before) => targets[before].push(name(place)),
                None => starts.push(name(place)),
            }
        }
        for (from, to) in more {
            if !targets[from].contains(&name(to)) {
                targets[from].push(name(to));
            }
        }
        for (place, mut targets) in targets.into_iter().enumerate() {
            // Forward or to END, so that no way stops.
            if place + 1 == count || targets.is_empty() {
                targets.push("END".to_owned());
                targets.sort_unstable();
                targets.dedup();
            }
            draft = draft.any_of(&name(place), &targets.join(" "));
        }
        draft.any_of("START", &starts.join(" "))
    })
}

fn plan_of(draft: &Draft) -> Option<Plan> {
    let graph = Naive::new(&draft.0);
    match draft.0.check() {
        Ok(plan) => {
            assert!(!graph.has_two_entries(), "{draft:?}");
            Some(plan)
        }
        Err(errors) => {
            let is_two_entries = |error: &crate::BuildError| error.kind() == BuildErrorKind::LoopWithTwoEntries;
            // The nodes at the end of a way back may not get to END.
            let is_dead = |error: &crate::BuildError| error.kind() == BuildErrorKind::LoopWithoutWayOut;
            assert!(errors.iter().all(|error| is_two_entries(error) || is_dead(error)), "{errors}");
            assert!(!errors.iter().any(is_two_entries) || graph.has_two_entries(), "{errors} {draft:?}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn plans_are_those_of_the_definition(draft in graphs(9, 12)) {
        if let Some(plan) = plan_of(&draft) {
            naive::compare(&draft.0, &plan);
        }
    }

    /// Few more edges than nodes: mostly graphs that can be built, with loops in loops.
    #[test]
    fn plans_of_thin_graphs_are_those_of_the_definition(draft in graphs(14, 6)) {
        if let Some(plan) = plan_of(&draft) {
            naive::compare(&draft.0, &plan);
        }
    }
}

/// Without recursion, and in linear time and memory.
#[test]
fn ten_thousand_nodes_in_a_row() {
    let plan = row(10_000).writes(&(0..10_000).map(|node| format!("n{node} ")).collect::<String>(), 0, false);
    let plan = plan.0.check().unwrap();
    assert_eq!(plan.regions[0].children.len(), 10_001);
    assert!(plan.regions[0].children.iter().all(|child| child.view.between.is_empty() && !child.is_folded));
}

#[test]
fn loops_in_loops_five_hundred_deep() {
    let mut draft = row(500);
    for node in (0..500).rev() {
        draft.0.edges.retain(|edge| edge.from != format!("n{node}"));
        let next = if node == 499 { "END".to_owned() } else { format!("n{}", node + 1) };
        draft = draft.one_of(&format!("n{node}"), &next);
    }
    draft.0.edges.retain(|edge| edge.to != "END");
    draft.0.routes.retain(|route| route.from != "n499");
    let all: Vec<String> = (0..500).map(|node| format!("n{node}")).collect();
    let plan = draft.one_of("n499", &format!("END {}", all.join(" "))).0.check().unwrap();
    assert_eq!(plan.regions.len(), 501);
    assert_eq!(plan.edges.iter().map(|edge| edge.leaves.len()).max(), Some(500));
}
