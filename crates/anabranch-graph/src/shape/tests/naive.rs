//! Sections 1 to 3 of the semantics as they are written, without regard for time.

use std::collections::{BTreeMap, BTreeSet};

use super::super::plan::{self as planned, Arrival, Child, Plan, View};
use super::super::{NodeOption, Shape};

/// Nodes by number, START and END behind them.
pub(super) struct Naive {
    count: usize,
    pub(super) edges: Vec<(usize, usize)>,
}

/// `None`: the top level; else the header of a loop.
type Region = Option<usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Node(usize),
    /// By header.
    Loop(usize),
    End,
}

impl Naive {
    pub(super) fn new(shape: &Shape) -> Self {
        let count = shape.nodes.len();
        let number = |name: &String| match name.as_str() {
            "START" => count,
            "END" => count + 1,
            name => shape.nodes.iter().position(|node| node.name == name).unwrap(),
        };
        let mut edges: Vec<_> = shape.edges.iter().map(|edge| (number(&edge.from), number(&edge.to))).collect();
        for option in &shape.options {
            if let NodeOption::Fallback(from, to) = option {
                edges.push((number(from), number(to)));
            }
        }
        Self { count, edges }
    }

    /// What can be come to without passing `but`.
    fn reach(&self, from: usize, but: Option<usize>, turned: bool) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if Some(at) != but && seen.insert(at) {
                let next = self.edges.iter().map(|&(from, to)| if turned { (to, from) } else { (from, to) });
                open.extend(next.filter(|&(from, _)| from == at).map(|(_, to)| to));
            }
        }
        seen
    }

    pub(super) fn all_get_to_end(&self) -> bool {
        let ends = self.reach(self.count + 1, None, true);
        (0..self.count).all(|node| ends.contains(&node))
    }

    fn dominates(&self, over: usize, node: usize) -> bool {
        !self.reach(self.count, Some(over), false).contains(&node)
    }

    fn is_back(&self, edge: (usize, usize)) -> bool {
        self.dominates(edge.1, edge.0)
    }

    /// Whether the forward edges form a cycle.
    pub(super) fn has_two_entries(&self) -> bool {
        let forward = self.edges.iter().copied().filter(|&edge| !self.is_back(edge)).collect();
        let forward = Self { count: self.count, edges: forward };
        forward.edges.iter().any(|&(from, to)| forward.reach(to, None, false).contains(&from))
    }

    /// By header, its nodes.
    fn loops(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut loops: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for &(from, header) in self.edges.iter().filter(|&&edge| self.is_back(edge)) {
            let this = loops.entry(header).or_default();
            this.insert(header);
            this.extend(self.reach(from, Some(header), true));
        }
        loops
    }
}

/// From the outside in.
fn around(loops: &BTreeMap<usize, BTreeSet<usize>>, node: usize) -> Vec<Region> {
    let mut around: Vec<usize> = loops.keys().copied().filter(|header| loops[header].contains(&node)).collect();
    around.sort_by_key(|header| std::cmp::Reverse(loops[header].len()));
    [None].into_iter().chain(around.into_iter().map(Some)).collect()
}

/// What the engine has folded when it has made a view.
fn unfold(region: &planned::Region, view: &View) -> Vec<usize> {
    let mut seen = Vec::new();
    if let Some(after) = view.after {
        seen = unfold(region, &region.children[after].view);
        seen.push(after);
    }
    seen.extend(&view.between);
    seen
}

/// Each field by itself: the nodes in the order in which it is written.
fn written<T: Copy>(seen: &[T], writes: impl Fn(T) -> BTreeSet<usize>) -> BTreeMap<usize, Vec<T>> {
    let mut written: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for &one in seen {
        writes(one).into_iter().for_each(|field| written.entry(field).or_default().push(one));
    }
    written
}

/// Holds a plan against the definition.
pub(super) fn compare(shape: &Shape, plan: &Plan) {
    let graph = Naive::new(shape);
    let loops = graph.loops();
    let around = |node: usize| around(&loops, node);
    // Which region of the plan is which.
    let header = |region: usize| match (region, plan.regions[region].children[0].kind) {
        (0, _) => None,
        (_, Child::Node(header)) => Some(header),
        (_, other) => panic!("a loop that begins with {other:?}"),
    };
    let part = |child: Child| match child {
        Child::Node(node) => Part::Node(node),
        Child::Loop(inner) => Part::Loop(header(inner).unwrap()),
        Child::End => Part::End,
    };
    assert_eq!(plan.regions.len(), loops.len() + 1, "{shape:?}");
    // The child of a region in which a node is.
    let child = |region: Region, node: usize| {
        let around = around(node);
        let at = around.iter().position(|&one| one == region)?;
        Some(match around.get(at + 1) {
            Some(inner) => Part::Loop(inner.unwrap()),
            None if node == graph.count + 1 => Part::End,
            None => Part::Node(node),
        })
    };
    for (number, planned) in plan.regions.iter().enumerate() {
        let region = header(number);
        let mut parts: BTreeSet<Part> =
            (0..graph.count).chain([graph.count + 1]).filter_map(|node| child(region, node)).collect();
        let inside: Vec<(usize, Part, Part)> = (graph.edges.iter().enumerate())
            .filter(|&(_, &(from, to))| !(graph.is_back((from, to)) && region == Some(to)))
            .filter_map(|(edge, &(from, to))| Some((edge, child(region, from)?, child(region, to)?)))
            .filter(|&(_, from, to)| from != to)
            .collect();
        // The order of places, taken one by one.
        let declared = |part: &Part| match *part {
            Part::Node(node) | Part::Loop(node) => node,
            Part::End => usize::MAX,
        };
        let all = parts.clone();
        let mut order: Vec<Part> = Vec::new();
        while !parts.is_empty() {
            let is_ready = |part: &&Part| {
                inside.iter().all(|(_, from, to)| to != *part || order.contains(from) || !all.contains(from))
            };
            let next = *parts.iter().filter(is_ready).min_by_key(|part| declared(part)).unwrap();
            parts.remove(&next);
            order.push(next);
        }
        let places: Vec<Part> = planned.children.iter().map(|child| part(child.kind)).collect();
        assert_eq!(places, order, "{shape:?}");
        // What each sees.
        let ancestors = |of: Part| {
            let mut seen = BTreeSet::new();
            let mut open = vec![of];
            while let Some(at) = open.pop() {
                for &(_, from, _) in inside.iter().filter(|&&(_, from, to)| to == at && all.contains(&from)) {
                    if seen.insert(from) {
                        open.push(from);
                    }
                }
            }
            order.iter().copied().filter(|part| seen.contains(part)).collect::<Vec<_>>()
        };
        let writes = |part: Part| -> BTreeSet<usize> {
            let nodes = match part {
                Part::Node(node) => BTreeSet::from([node]),
                Part::Loop(header) => loops[&header].clone(),
                Part::End => BTreeSet::new(),
            };
            nodes.iter().flat_map(|&node| &shape.nodes[node].writes).map(|write| write.field).collect()
        };
        // Each once, and of those that write the same field in their order.
        let sees = |view: &View, wanted: Vec<Part>, who: &str| {
            let mut seen: Vec<Part> = unfold(planned, view).into_iter().map(|child| order[child]).collect();
            assert_eq!(written(&seen, writes), written(&wanted, writes), "{who} of {shape:?}");
            seen.sort_by_key(|part| order.iter().position(|one| one == part));
            assert_eq!(seen, wanted, "{who} of {shape:?}");
        };
        for (place, planned_child) in planned.children.iter().enumerate() {
            sees(&planned_child.view, ancestors(order[place]), &format!("{:?}", order[place]));
            let into = inside.iter().filter(|&&(_, _, to)| to == order[place]).count();
            assert_eq!(planned_child.incoming, into, "{:?} of {shape:?}", order[place]);
        }
        if region.is_some() {
            sees(&planned.end, order.clone(), "the end");
        }
        let views = || planned.children.iter().map(|child| &child.view).chain(region.map(|_| &planned.end));
        for (place, child) in planned.children.iter().enumerate() {
            assert_eq!(child.heirs, views().filter(|view| view.after == Some(place)).count(), "{shape:?}");
            assert_eq!(child.is_folded, views().any(|view| view.between.contains(&place)), "{shape:?}");
        }
        // Edges.
        let backs = graph.edges.iter().filter(|&&edge| graph.is_back(edge) && region == Some(edge.1)).count();
        assert_eq!(planned.back_edges, backs, "{shape:?}");
        let leaves = |&(from, to): &(usize, usize)| {
            region.is_some_and(|header| loops[&header].contains(&from) && !loops[&header].contains(&to))
        };
        let out: Vec<usize> = (0..graph.edges.len()).filter(|&edge| leaves(&graph.edges[edge])).collect();
        assert_eq!(planned.ways_out, out, "{shape:?}");
    }
    for (edge, planned) in plan.edges.iter().enumerate() {
        let (from, to) = graph.edges[edge];
        let mut left: Vec<Region> = around(from);
        left.retain(|header| header.is_some_and(|header| !loops[&header].contains(&to)));
        left.reverse();
        assert_eq!(planned.leaves.iter().map(|&region| header(region)).collect::<Vec<_>>(), left, "{shape:?}");
        match planned.arrives {
            Arrival::Header { region } => {
                assert!(graph.is_back((from, to)) && header(region) == Some(to), "{shape:?}");
            }
            Arrival::Child { region, child: place } => {
                let arrives = child(header(region), to);
                assert_eq!(Some(part(plan.regions[region].children[place].kind)), arrives, "{shape:?}");
                assert_ne!(child(header(region), from), arrives, "{shape:?}");
            }
        }
    }
}
