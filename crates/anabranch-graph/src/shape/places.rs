//! Places: which children each region has, in which order, and which edges lead between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::loops::Loops;
use super::plan::{Arrival, Child, ChildPlan, EdgePlan, NodePlan, Plan, Region, View};
use super::skeleton::{Skeleton, Ways};
use super::{NodeShape, views};

/// The plan of what is left of a graph.
pub(super) fn plan(skeleton: &Skeleton<'_>, ways: &Ways, loops: &Loops) -> Plan {
    let edges = (0..skeleton.links.len()).map(|link| edge(skeleton, loops, link)).collect();
    let mut plan = Plan {
        regions: vec![Region::default(); loops.all.len() + 1],
        nodes: nodes(skeleton, ways),
        entries: ways.out[skeleton.start()].clone(),
        edges,
    };
    let mut children = vec![Vec::new(); plan.regions.len()];
    for node in skeleton.nodes() {
        plan.nodes[node].region = region(loops.of[node]);
        children[region(loops.of[node])].push((node, Child::Node(node)));
    }
    for (number, this) in loops.all.iter().enumerate() {
        children[region(this.parent)].push((this.header, Child::Loop(number + 1)));
        plan.regions[number + 1].parent = Some((region(this.parent), 0));
    }
    children[0].push((skeleton.end(), Child::End));
    let mut inside = vec![Vec::new(); plan.regions.len()];
    for (number, edge) in plan.edges.iter().enumerate() {
        for &left in &edge.leaves {
            plan.regions[left].ways_out.push(number);
        }
        match edge.arrives {
            Arrival::Child { region, .. } => inside[region].push(number),
            Arrival::Header { region } => plan.regions[region].back_edges += 1,
        }
    }
    let fields = fields(skeleton, loops);
    // Outer regions come first, so that the place of a loop is known when what is in it is placed.
    for (region, mut children) in children.into_iter().enumerate() {
        children.sort_unstable_by_key(|&(declared, _)| declared);
        let children = children.into_iter().map(|(_, child)| child).collect();
        place(&mut plan, loops, &fields, region, children, &inside[region]);
    }
    plan
}

/// By node, and then by loop: the fields that it may write, a bit for each.
fn fields(skeleton: &Skeleton<'_>, loops: &Loops) -> (Vec<u128>, Vec<u128>) {
    // There are no more than 128; what is beyond them is taken for all.
    let bit = |field| u32::try_from(field).ok().and_then(|field| 1_u128.checked_shl(field)).unwrap_or(u128::MAX);
    let of = |node: &NodeShape| node.writes.iter().fold(0, |all, write| all | bit(write.field));
    let of_nodes: Vec<u128> = skeleton.shape.nodes.iter().map(of).collect();
    let mut of_loops = vec![0; loops.all.len()];
    for node in skeleton.nodes() {
        if let Some(inside) = loops.of[node] {
            of_loops[inside] |= of_nodes[node];
        }
    }
    for (number, this) in loops.all.iter().enumerate().rev() {
        if let Some(parent) = this.parent {
            of_loops[parent] |= of_loops[number];
        }
    }
    (of_nodes, of_loops)
}

/// The region of a loop. The top level is before them all.
fn region(number: Option<usize>) -> usize {
    number.map_or(0, |number| number + 1)
}

fn nodes(skeleton: &Skeleton<'_>, ways: &Ways) -> Vec<NodePlan> {
    let marks = skeleton.marks.iter().zip(&ways.out);
    let nodes = marks.map(|(marks, out)| NodePlan {
        region: 0,
        child: 0,
        out: out.clone(),
        optional: marks.optional,
        has_fallback: marks.has_fallback,
        join_all: marks.join_all,
        settled: marks.settled,
    });
    nodes.collect()
}

/// The child it arrives at is filled in when there are places.
fn edge(skeleton: &Skeleton<'_>, loops: &Loops, number: usize) -> EdgePlan {
    let link = skeleton.links[number];
    let node = |number| skeleton.is_node(number).then_some(number);
    // The loop in whose body, or before whose next iteration, it arrives. One comes into a loop by its header alone.
    let to = match loops.headed[link.to] {
        Some(headed) if !loops.is_back[number] => loops.all[headed].parent,
        _ => loops.of[link.to],
    };
    let leaves = loops.around(link.from).take_while(|&around| Some(around) != to).map(|around| around + 1).collect();
    let region = region(to);
    let arrives = if loops.is_back[number] { Arrival::Header { region } } else { Arrival::Child { region, child: 0 } };
    EdgePlan { from: node(link.from), to: node(link.to), kind: link.kind, leaves, arrives }
}

/// Places the children of a region, which are in declared order.
fn place(
    plan: &mut Plan,
    loops: &Loops,
    (of_nodes, of_loops): &(Vec<u128>, Vec<u128>),
    region: usize,
    children: Vec<Child>,
    inside: &[usize],
) {
    // First by declaration, then by place.
    for (number, &child) in children.iter().enumerate() {
        put(plan, region, number, child);
    }
    let end = children.len() - 1;
    let target = |plan: &Plan, edge: &EdgePlan| match edge.to {
        None => end,
        Some(node) if plan.nodes[node].region == region => plan.nodes[node].child,
        Some(node) => {
            loops.headed[node].and_then(|number| plan.regions[number + 1].parent).map_or(0, |(_, child)| child)
        }
    };
    let mut next = vec![Vec::new(); children.len()];
    let mut missing = vec![0_usize; children.len()];
    for &number in inside {
        let to = target(plan, &plan.edges[number]);
        if let Some(from) = plan.source(number, region) {
            next[from].push(to);
            missing[to] += 1;
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..children.len()).filter(|&child| missing[child] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(children.len());
    while let Some(Reverse(child)) = ready.pop() {
        order.push(child);
        for &to in &next[child] {
            missing[to] -= 1;
            if missing[to] == 0 {
                ready.push(Reverse(to));
            }
        }
    }
    let mut incoming = vec![0; children.len()];
    for &number in inside {
        incoming[target(plan, &plan.edges[number])] += 1;
    }
    let mut places = vec![0; children.len()];
    for (at, &child) in order.iter().enumerate() {
        places[child] = at;
    }
    let mut before = vec![Vec::new(); children.len()];
    for &number in inside {
        let child = places[target(plan, &plan.edges[number])];
        before[child].push(plan.source(number, region).map(|from| places[from]));
        plan.edges[number].arrives = Arrival::Child { region, child };
    }
    for (at, &child) in order.iter().enumerate() {
        put(plan, region, at, children[child]);
        plan.regions[region].children.push(ChildPlan {
            kind: children[child],
            incoming: incoming[child],
            view: View::default(),
            heirs: 0,
            is_folded: false,
        });
    }
    let fields = plan.regions[region].children.iter().map(|child| match child.kind {
        Child::Node(node) => of_nodes[node],
        Child::Loop(inner) => of_loops[inner - 1],
        Child::End => 0,
    });
    let fields: Vec<u128> = fields.collect();
    views::fill(&mut plan.regions[region], &before, &fields);
}

fn put(plan: &mut Plan, region: usize, place: usize, child: Child) {
    match child {
        Child::Node(node) => plan.nodes[node].child = place,
        Child::Loop(inner) => plan.regions[inner].parent = Some((region, place)),
        Child::End => {}
    }
}

impl Plan {
    /// Which child of a region, be it the source's own or one around that, an edge comes from. `None` is START.
    pub(super) fn source(&self, edge: usize, region: usize) -> Option<usize> {
        let edge = &self.edges[edge];
        let node = &self.nodes[edge.from?];
        if node.region == region {
            return Some(node.child);
        }
        // It is the last of the loops left on the way.
        let loops = edge.leaves.iter().filter_map(|&left| self.regions[left].parent);
        loops.into_iter().find(|&(around, _)| around == region).map(|(_, child)| child)
    }
}
