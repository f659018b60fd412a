//! Random graphs: the plan is that of the definition, and what is refused is refused rightly.

use proptest::prelude::*;

use super::super::FieldWrite;
use super::super::plan::Plan;
use super::naive::{self, Naive};
use super::{Draft, EdgeKind, row};
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

/// Each node writes some of three fields with a reducer: of those that write the same one the order counts.
fn writing(nodes: usize, edges: usize) -> impl Strategy<Value = Draft> {
    (graphs(nodes, edges), prop::collection::vec(0..8_u8, nodes)).prop_map(|(mut draft, fields)| {
        let reduced = draft.0.fields.pop().unwrap();
        draft.0.fields = vec![reduced; 3];
        for (node, fields) in draft.0.nodes.iter_mut().zip(fields) {
            let some = (0..3).filter(|field| fields >> field & 1 == 1);
            node.writes = some.map(|field| FieldWrite { field, overwrite: false }).collect();
        }
        draft
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
    fn plans_are_those_of_the_definition(draft in writing(9, 12)) {
        if let Some(plan) = plan_of(&draft) {
            naive::compare(&draft.0, &plan);
        }
    }

    /// Few more edges than nodes: mostly graphs that can be built, with loops in loops.
    #[test]
    fn plans_of_thin_graphs_are_those_of_the_definition(draft in writing(14, 6)) {
        if let Some(plan) = plan_of(&draft) {
            naive::compare(&draft.0, &plan);
        }
    }
}

/// All of them write the same field, which has a reducer: what comes on top of the state after another node is no more
/// than the edges.
#[test]
fn joins_cost_their_edges() {
    let node = |layer: usize, of: usize| format!("n{layer}.{of}");
    // Layers of this many nodes, each of them behind these of the layer before.
    let layers = |count: usize, wide: usize, before: &dyn Fn(usize) -> Vec<usize>| {
        let names: Vec<String> = (0..count).flat_map(|layer| (0..wide).map(move |of| node(layer, of))).collect();
        let mut draft = Draft::of(&names.join(" ")).writes(&names.join(" "), 1, false);
        for of in 0..wide {
            draft.edge("START", &node(0, of), EdgeKind::Plain);
            draft.edge(&node(count - 1, of), "END", EdgeKind::Plain);
            for layer in 1..count {
                before(of)
                    .iter()
                    .for_each(|from| draft.edge(&node(layer - 1, *from), &node(layer, of), EdgeKind::Plain));
            }
        }
        let (edges, plan) = (draft.0.edges.len(), draft.0.check().unwrap());
        let on_top: usize = plan.regions[0].children.iter().map(|child| child.view.between.len()).sum();
        assert!(on_top <= edges, "{on_top} for {edges} edges");
    };
    layers(2_000, 1, &|_| vec![0]);
    // A ladder whose rungs lead both ways.
    layers(1_000, 2, &|_| vec![0, 1]);
    layers(100, 10, &|_| (0..10).collect());
    layers(2, 1_000, &|of| vec![of]);
}

/// A ladder whose rungs lead from one rail to the other, declared rung by rung or rail by rail. Then the one rail comes
/// first in the order, but nothing that it writes is written by the other.
#[test]
fn a_ladder_costs_its_edges() {
    let count = 1_000;
    let rail = |name: &str| (0..count).map(|at| format!("{name}{at} ")).collect::<String>();
    let rungs = (0..count).map(|at| format!("a{at} b{at} ")).collect::<String>();
    let by_rails = Draft::of(&(rail("a") + &rail("b"))).writes(&rail("a"), 0, false).writes(&rail("b"), 1, false);
    for mut draft in [Draft::of(&rungs).writes(&rungs, 1, false), by_rails] {
        for at in 1..count {
            draft = draft.edges(&format!("a{0}>a{at} b{0}>b{at} a{at}>b{at}", at - 1));
        }
        let draft = draft.edges(&format!("START>a0 START>b0 a{0}>END b{0}>END", count - 1));
        let plan = draft.0.check().unwrap();
        let on_top: usize = plan.regions[0].children.iter().map(|child| child.view.between.len()).sum();
        assert!(on_top <= draft.0.edges.len(), "{on_top}");
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
