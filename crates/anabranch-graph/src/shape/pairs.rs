//! [`Pairs`]: which two edges of a region can both be taken.

use std::collections::HashMap;

use super::EdgeKind;
use super::bits::Bits;
use super::plan::{Arrival, Child, Plan};

/// Of the regions that were asked for.
#[derive(Debug)]
pub(super) struct Pairs(Vec<Option<Table>>);

/// The edges of a region: those that arrive at a child of it, those that lead out of it, and its back edges.
#[derive(Debug)]
struct Table {
    /// By edge of the graph.
    numbers: HashMap<usize, usize>,
    /// By edge of the region: the edges that can be taken when it is.
    rows: Vec<Bits>,
    /// Which lead back to the header.
    backs: Bits,
}

impl Pairs {
    pub(super) fn new(plan: &Plan, mut wanted: Vec<bool>) -> Self {
        // Ways out of a loop leave it as what goes on in it allows. Outer regions come first.
        for (region, this) in plan.regions.iter().enumerate() {
            if let Some((parent, _)) = this.parent {
                wanted[region] |= wanted[parent] && this.ways_out.len() > 1;
            }
        }
        let mut edges = vec![Vec::new(); plan.regions.len()];
        for (number, edge) in plan.edges.iter().enumerate() {
            let (Arrival::Child { region, .. } | Arrival::Header { region }) = edge.arrives;
            for &region in edge.leaves.iter().chain([&region]).filter(|&&region| wanted[region]) {
                edges[region].push(number);
            }
        }
        let mut pairs = Self(plan.regions.iter().map(|_| None).collect());
        for region in (0..plan.regions.len()).rev().filter(|&region| wanted[region]) {
            pairs.0[region] = Some(pairs.table(plan, region, &edges[region]));
        }
        pairs
    }

    /// Whether two edges of a region can both be taken: at the same time, or one after the other in it.
    pub(super) fn both(&self, region: usize, one: usize, other: usize) -> bool {
        self.0[region].as_ref().is_some_and(|table| table.both(one, other))
    }

    /// Two tokens start at the first child. The one on the child of the lower place moves, so when one has gone along
    /// an edge, the other has come to a child of no lower place than where that edge begins.
    fn table(&self, plan: &Plan, region: usize, edges: &[usize]) -> Table {
        // From START or a child, by place. START comes before all.
        let children = plan.regions[region].children.len();
        let (mut out, mut into) = (vec![Vec::new(); children + 1], vec![Vec::new(); children + 1]);
        let mut table = Table {
            numbers: edges.iter().enumerate().map(|(number, &edge)| (edge, number)).collect(),
            rows: vec![Bits::new(edges.len()); edges.len()],
            backs: Bits::new(edges.len()),
        };
        for (number, &edge) in edges.iter().enumerate() {
            out[plan.source(edge, region).map_or(0, |child| child + 1)].push(number);
            match plan.edges[edge].arrives {
                Arrival::Child { region: arrives, child } if arrives == region => into[child + 1].push(number),
                Arrival::Header { region: arrives } if arrives == region => table.backs.insert(number),
                _ => {}
            }
        }
        for (place, out) in out.iter().enumerate() {
            // What can be taken when a token comes here: so far only edges that begin earlier.
            let mut earlier = Bits::new(edges.len());
            into[place].iter().for_each(|&number| earlier.add(&table.rows[number]));
            let child = place.checked_sub(1).map(|child| plan.regions[region].children[child].kind);
            for &number in out {
                table.rows[number].add(&earlier);
                for &other in out {
                    if self.compatible(plan, child, edges[number], edges[other]) {
                        table.rows[number].insert(other);
                    }
                }
            }
            for number in earlier.iter() {
                out.iter().for_each(|&other| table.rows[number].insert(other));
            }
        }
        table
    }

    /// Whether two edges can both be taken when the child they leave has run.
    fn compatible(&self, plan: &Plan, child: Option<Child>, one: usize, other: usize) -> bool {
        if one == other {
            return true;
        }
        match child {
            Some(Child::Loop(inner)) => self.0[inner]
                .as_ref()
                .is_some_and(|table| table.both(one, other) || table.goes_on(one) || table.goes_on(other)),
            _ => match (plan.edges[one].kind, plan.edges[other].kind) {
                (EdgeKind::Single, EdgeKind::Single) => false,
                (one, other) => (one == EdgeKind::Fail) == (other == EdgeKind::Fail),
            },
        }
    }
}

impl Table {
    fn both(&self, one: usize, other: usize) -> bool {
        match (self.numbers.get(&one), self.numbers.get(&other)) {
            (Some(&one), Some(&other)) => self.rows[one].contains(other),
            _ => false,
        }
    }

    /// Whether an edge can be taken together with one back to the header, so that others may be taken later.
    fn goes_on(&self, edge: usize) -> bool {
        self.numbers.get(&edge).is_some_and(|&number| self.rows[number].meets(&self.backs))
    }
}
