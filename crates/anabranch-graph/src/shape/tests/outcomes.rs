//! Random graphs with loops, held against every way in which they can run: which nodes run together, which loops end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::dominators::Dominators;
use super::super::loops::{self, Loops};
use super::super::names::Names;
use super::super::plan::{Arrival, Child, Plan};
use super::super::{EdgeKind, Shape, edges, places};
use super::naive::Naive;
use super::views::graphs;
use super::{Draft, NodeOption};

/// Which edges were taken, and which nodes have run: what one iteration of a region, or a whole loop, can come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Outcome {
    taken: u64,
    ran: u64,
}

/// Also of a graph that the later checks refuse. `None` if a loop has two ways in.
fn plan_of(shape: &Shape) -> Option<Plan> {
    let mut errors = Vec::new();
    let names = Names::check(shape, &mut errors);
    let skeleton = edges::check(shape, &names, &mut errors);
    let ways = skeleton.ways();
    let dominators = Dominators::new(&skeleton, &ways);
    let is_back = loops::back_edges(&skeleton, &dominators);
    let is_refused = loops::two_entries(&skeleton, &ways, &is_back, &mut errors);
    (!is_refused).then(|| places::plan(&skeleton, &ways, &Loops::new(&skeleton, &ways, &dominators, is_back)))
}

struct Runs<'a> {
    plan: &'a Plan,
    /// By region: what an iteration can come to, and the whole loop.
    iterations: Vec<BTreeSet<Outcome>>,
    wholes: Vec<BTreeSet<Outcome>>,
}

impl<'a> Runs<'a> {
    fn new(plan: &'a Plan) -> Self {
        let no = || vec![BTreeSet::new(); plan.regions.len()];
        let mut runs = Self { plan, iterations: no(), wholes: no() };
        for region in (0..plan.regions.len()).rev() {
            let starts = if region == 0 { runs.choices(&plan.entries, false) } else { vec![0] };
            let mut found = BTreeSet::new();
            for taken in starts {
                runs.children(region, 0, Outcome { taken, ran: 0 }, &mut found);
            }
            runs.iterations[region] = found;
            runs.wholes[region] = runs.whole(region);
        }
        runs
    }

    /// Which of the edges of a node can be taken.
    fn choices(&self, out: &[usize], is_optional: bool) -> Vec<u64> {
        let of = |kind| out.iter().copied().filter(move |&edge| self.plan.edges[edge].kind == kind);
        let all = |edges: &mut dyn Iterator<Item = usize>| edges.fold(0, |taken, edge| taken | 1_u64 << edge);
        let plain = all(&mut of(EdgeKind::Plain));
        let mut choices: Vec<u64> = of(EdgeKind::Single).map(|edge| plain | 1 << edge).collect();
        if choices.is_empty() {
            choices.push(plain);
        }
        for edge in of(EdgeKind::Multi) {
            let with: Vec<u64> = choices.iter().map(|taken| taken | 1 << edge).collect();
            choices.extend(with);
        }
        let fail = all(&mut of(EdgeKind::Fail));
        if fail != 0 || is_optional {
            choices.push(fail);
        }
        choices
    }

    fn children(&self, region: usize, child: usize, so_far: Outcome, found: &mut BTreeSet<Outcome>) {
        let Some(this) = self.plan.regions[region].children.get(child) else {
            found.insert(so_far);
            return;
        };
        let arrives = |edge: usize| self.plan.edges[edge].arrives == Arrival::Child { region, child };
        let is_header = region > 0 && child == 0;
        let runs = is_header || (0..self.plan.edges.len()).any(|edge| so_far.taken >> edge & 1 == 1 && arrives(edge));
        let with = |with: Outcome| Outcome { taken: so_far.taken | with.taken, ran: so_far.ran | with.ran };
        let ways: Vec<Outcome> = match this.kind {
            Child::Node(node) if runs => {
                let plan = &self.plan.nodes[node];
                let choices = self.choices(&plan.out, plan.optional).into_iter();
                choices.map(|taken| with(Outcome { taken, ran: 1 << node })).collect()
            }
            Child::Loop(inner) if runs => self.wholes[inner].iter().map(|&whole| with(whole)).collect(),
            _ => vec![so_far],
        };
        ways.into_iter().for_each(|so_far| self.children(region, child + 1, so_far, found));
    }

    fn backs(&self, region: usize) -> u64 {
        let is_back = |edge: &usize| self.plan.edges[*edge].arrives == Arrival::Header { region };
        (0..self.plan.edges.len()).filter(is_back).fold(0, |backs, edge| backs | 1 << edge)
    }

    /// Iterations that go on, any number and in any order, and one that does not.
    fn whole(&self, region: usize) -> BTreeSet<Outcome> {
        let backs = self.backs(region);
        let out = self.plan.regions[region].ways_out.iter().fold(0, |out, edge| out | 1_u64 << edge);
        let iterations = self.iterations[region].iter();
        let ends: Vec<bool> = iterations.clone().map(|one| one.taken & backs == 0).collect();
        let iterations: Vec<Outcome> = iterations.map(|one| Outcome { taken: one.taken & out, ran: one.ran }).collect();
        let both = |one: Outcome, other: &Outcome| Outcome { taken: one.taken | other.taken, ran: one.ran | other.ran };
        let (mut going, mut open) = (BTreeSet::new(), vec![Outcome::default()]);
        while let Some(one) = open.pop() {
            if going.insert(one) {
                let on = iterations.iter().zip(&ends).filter(|&(_, ends)| !ends);
                open.extend(on.map(|(other, _)| both(one, other)));
            }
        }
        let last = || iterations.iter().zip(&ends).filter(|&(_, ends)| *ends);
        going.iter().flat_map(|&one| last().map(move |(other, _)| both(one, other))).collect()
    }

    /// Those no iteration of which can be the last, but not those around one of these.
    fn endless(&self) -> BTreeSet<String> {
        let mut around = vec![false; self.plan.regions.len()];
        let mut found = BTreeSet::new();
        for region in (1..self.plan.regions.len()).rev() {
            if self.wholes[region].is_empty() {
                if !around[region] {
                    let is_inside = |node: &usize| self.chain(*node).iter().any(|&(one, _)| one == region);
                    let nodes: Vec<String> =
                        (0..self.plan.nodes.len()).filter(is_inside).map(|node| format!("n{node}")).collect();
                    found.insert(format!("LoopWithoutWayOut({})", nodes.join(",")));
                }
                around[self.plan.regions[region].parent.unwrap().0] = true;
            }
        }
        found
    }

    /// The regions a node is in, and the child of each.
    fn chain(&self, node: usize) -> Vec<(usize, usize)> {
        let node = &self.plan.nodes[node];
        std::iter::successors(Some((node.region, node.child)), |&(region, _)| self.plan.regions[region].parent)
            .collect()
    }

    fn conflicts(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for one in 0..self.plan.nodes.len() {
            for other in one + 1..self.plan.nodes.len() {
                let (ones, others) = (self.chain(one), self.chain(other));
                let (x, y) = (ones.iter()).find_map(|x| others.iter().find(|y| x.0 == y.0).map(|y| (*x, *y))).unwrap();
                let ran = |outcome: &Outcome| outcome.ran >> one & outcome.ran >> other & 1 == 1;
                let is_ordered = x == y || self.leads(x.0, x.1, y.1) || self.leads(x.0, y.1, x.1);
                if !is_ordered && self.iterations[x.0].iter().any(ran) {
                    found.insert(format!("Conflict(n{one},n{other})/x"));
                }
            }
        }
        found
    }

    fn leads(&self, region: usize, from: usize, to: usize) -> bool {
        from == to
            || (0..self.plan.edges.len()).any(|edge| match self.plan.edges[edge].arrives {
                Arrival::Child { region: arrives, child } => {
                    arrives == region
                        && self.plan.source(edge, region) == Some(from)
                        && child <= to
                        && self.leads(region, child, to)
                }
                Arrival::Header { .. } => false,
            })
    }
}

/// Of those that are declared, some take one, some all; some nodes may fail.
fn kinds() -> impl Strategy<Value = Draft> {
    let kinds = prop::collection::vec(0..4_u8, 7);
    (graphs(7, 5), kinds, prop::option::of(0..7_usize), prop::option::of((0..7_usize, 0..7_usize))).prop_map(
        |(mut draft, kinds, optional, fallback)| {
            let count = draft.0.nodes.len();
            let kind = |from: &str| match from.strip_prefix('n').map(|node| kinds[node.parse::<usize>().unwrap()]) {
                Some(0) => EdgeKind::Plain,
                Some(1 | 2) => EdgeKind::Single,
                _ => EdgeKind::Multi,
            };
            draft.0.edges.iter_mut().for_each(|edge| edge.kind = kind(&edge.from));
            draft.0.routes.retain(|route| kind(&route.from) != EdgeKind::Plain);
            if let Some(node) = optional.filter(|&node| node < count) {
                draft = draft.optional(&format!("n{node}"));
            }
            if let Some((node, to)) = fallback.filter(|&(node, to)| node != to && node < count && to < count) {
                let (from, to) = (format!("n{node}"), format!("n{to}"));
                if !draft.0.edges.iter().any(|edge| edge.from == from && edge.to == to) {
                    draft.0.options.push(NodeOption::Fallback(from, to));
                }
            }
            draft
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn conflicts_and_endless_loops_are_those_of_all_outcomes(draft in kinds()) {
        let Some(plan) = plan_of(&draft.0) else { return Err(TestCaseError::reject("two ways in")) };
        let names: Vec<String> = draft.0.nodes.iter().map(|node| node.name.clone()).collect();
        let found = draft.clone().writes(&names.join(" "), 0, false).errors();
        // Else nodes are left out.
        prop_assume!(Naive::new(&draft.0).all_get_to_end());
        let of = |word: &str| found.iter().filter(|error| error.starts_with(word)).cloned().collect::<BTreeSet<_>>();
        let runs = Runs::new(&plan);
        prop_assert_eq!(of("LoopWithoutWayOut"), runs.endless());
        if runs.endless().is_empty() {
            prop_assert_eq!(of("Conflict"), runs.conflicts());
        }
    }
}
