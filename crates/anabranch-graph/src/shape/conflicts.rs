//! Conflicts: nodes that can run at the same time and write the same field, so that chance would decide which counts.

use super::bits::Bits;
use super::options;
use super::pairs::Pairs;
use super::plan::{Arrival, Child, Plan, Region};
use super::skeleton::Skeleton;
use crate::build_error::{BuildError, BuildErrorKind};

/// Names conflicts, and nodes that wait for edges that exclude one another: both ask which edges go together.
pub(super) fn check(skeleton: &Skeleton<'_>, plan: &Plan, errors: &mut Vec<BuildError>) {
    let writes = writes(skeleton);
    let mut ancestors = Ancestors::new(plan);
    let mut wanted = vec![false; plan.regions.len()];
    let mut fields = Vec::new();
    for (field, writers) in writes.iter().enumerate() {
        let has_reducer = skeleton.shape.fields.get(field).is_some_and(|field| field.reducer.is_some());
        if has_reducer && !writers.iter().any(|writer| writer.overwrites) {
            continue;
        }
        let mut by_region = vec![Vec::new(); plan.regions.len()];
        for &writer in writers {
            place(plan, writer, &mut by_region);
        }
        for (region, mut by_child) in by_region.into_iter().enumerate() {
            by_child.sort_by_key(|&(child, _)| child);
            if by_child.first().map(first) != by_child.last().map(first) {
                let suspects = ancestors.unordered(region, &by_child);
                wanted[region] |= !suspects.is_empty();
                fields.push(Suspects { field, has_reducer, region, by_child, pairs: suspects });
            }
        }
    }
    let joins = options::joins(skeleton, plan);
    joins.iter().for_each(|join| wanted[join.region] = true);
    let pairs = Pairs::new(plan, wanted);
    let mut found: Vec<Found> = fields.iter().flat_map(|suspects| suspects.found(plan, &pairs)).collect();
    found.extend(maps(skeleton, &writes));
    found.sort_unstable_by_key(|found| (found.one.node, found.other.node, found.field));
    errors.extend(found.iter().map(|found| found.error(skeleton, plan)));
    options::join_all(skeleton, plan, &joins, &pairs, errors);
}

/// A node that writes a field.
#[derive(Debug, Clone, Copy)]
struct Writer {
    node: usize,
    overwrites: bool,
}

/// By field.
fn writes(skeleton: &Skeleton<'_>) -> Vec<Vec<Writer>> {
    let mut writes: Vec<Vec<Writer>> = vec![Vec::new(); skeleton.shape.fields.len()];
    for node in skeleton.nodes() {
        for write in &skeleton.shape.nodes[node].writes {
            // There is no such field: nobody else writes it.
            let Some(writers) = writes.get_mut(write.field) else { continue };
            match writers.last_mut().filter(|writer| writer.node == node) {
                Some(writer) => writer.overwrites |= write.overwrite,
                None => writers.push(Writer { node, overwrites: write.overwrite }),
            }
        }
    }
    writes
}

/// Enters a writer as one of its child in its own region and in all regions around that.
fn place(plan: &Plan, writer: Writer, by_region: &mut [Vec<(usize, Writer)>]) {
    let node = &plan.nodes[writer.node];
    let mut at = Some((node.region, node.child));
    while let Some((region, child)) = at {
        by_region[region].push((child, writer));
        at = plan.regions[region].parent;
    }
}

fn first(of: &(usize, Writer)) -> usize {
    of.0
}

/// By region, as far as asked for: the ancestors of each child.
struct Ancestors<'a> {
    plan: &'a Plan,
    known: Vec<Option<Vec<Bits>>>,
}

impl<'a> Ancestors<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, known: vec![None; plan.regions.len()] }
    }

    /// Each child that has writers, with those of lower places that have writers and are no ancestors of it.
    fn unordered(&mut self, region: usize, by_child: &[(usize, Writer)]) -> Vec<(usize, Bits)> {
        let this = &self.plan.regions[region];
        let ancestors = self.known[region].get_or_insert_with(|| ancestors(this));
        let mut below = Bits::new(this.children.len());
        let mut unordered = Vec::new();
        for of_child in by_child.chunk_by(|one, other| one.0 == other.0) {
            let child = of_child[0].0;
            let mut others = below.clone();
            others.remove(&ancestors[child]);
            if !others.is_empty() {
                unordered.push((child, others));
            }
            below.insert(child);
        }
        unordered
    }
}

/// What a child sees is the state after one, which saw all the ancestors of that one, and what comes on top.
fn ancestors(region: &Region) -> Vec<Bits> {
    let mut all: Vec<Bits> = Vec::with_capacity(region.children.len());
    for child in &region.children {
        let mut ancestors = Bits::new(region.children.len());
        if let Some(after) = child.view.after {
            ancestors.add(&all[after]);
            ancestors.insert(after);
        }
        child.view.between.iter().for_each(|&one| ancestors.insert(one));
        all.push(ancestors);
    }
    all
}

/// About how many conflicts over a field are named: of thousands of nodes that write it there are millions, and they would
/// fill the memory before anybody reads one.
const MOST: usize = 1_000;

/// Children of a region that write a field and are not ordered.
struct Suspects {
    field: usize,
    has_reducer: bool,
    region: usize,
    /// In the order of places.
    by_child: Vec<(usize, Writer)>,
    pairs: Vec<(usize, Bits)>,
}

impl Suspects {
    fn found(&self, plan: &Plan, pairs: &Pairs) -> Vec<Found> {
        if self.pairs.is_empty() {
            return Vec::new();
        }
        let mut into = vec![Vec::new(); plan.regions[self.region].children.len()];
        for (number, edge) in plan.edges.iter().enumerate() {
            match edge.arrives {
                Arrival::Child { region, child } if region == self.region => into[child].push(number),
                _ => {}
            }
        }
        let mut found = Vec::new();
        for (child, others) in &self.pairs {
            for other in others.iter() {
                if found.len() >= MOST {
                    return found;
                }
                let ones = self.writers(*child).flat_map(|one| self.writers(other).map(move |other| (one, other)));
                let mut clashes =
                    ones.filter(|(one, other)| !self.has_reducer || one.overwrites || other.overwrites).peekable();
                let both = |&one: &usize| into[other].iter().any(|&other| pairs.both(self.region, one, other));
                if clashes.peek().is_some() && into[*child].iter().any(both) {
                    found.extend(clashes.map(|(one, other)| {
                        let (one, other) = if one.node < other.node { (one, other) } else { (other, one) };
                        Found { one, other, field: self.field, has_reducer: self.has_reducer, region: self.region }
                    }));
                }
            }
        }
        found
    }

    fn writers(&self, child: usize) -> impl Iterator<Item = Writer> + Clone + '_ {
        let from = self.by_child.partition_point(|&(other, _)| other < child);
        self.by_child[from..].iter().take_while(move |&&(other, _)| other == child).map(|&(_, writer)| writer)
    }
}

/// Maps whose items write the same field.
fn maps(skeleton: &Skeleton<'_>, writes: &[Vec<Writer>]) -> Vec<Found> {
    let mut found = Vec::new();
    for (field, writers) in writes.iter().enumerate() {
        let has_reducer = skeleton.shape.fields[field].reducer.is_some();
        for &one in writers.iter().filter(|writer| skeleton.kind(writer.node).is_map()) {
            if !has_reducer || one.overwrites {
                found.push(Found { one, other: one, field, has_reducer, region: 0 });
            }
        }
    }
    found
}

/// A conflict.
struct Found {
    one: Writer,
    other: Writer,
    field: usize,
    has_reducer: bool,
    /// The innermost that holds both.
    region: usize,
}

impl Found {
    fn error(&self, skeleton: &Skeleton<'_>, plan: &Plan) -> BuildError {
        let field = &*skeleton.shape.fields[self.field].name;
        let (one, other) = (skeleton.shown(self.one.node), skeleton.shown(self.other.node));
        let (nodes, text) = if self.one.node == self.other.node {
            let nodes = vec![self.one.node];
            let text = if self.has_reducer {
                format!(
                    "the items of {one} run at the same time, and each overwrites the field {field:?}: write it \
                     without `overwrite`, which the reducer of the field adds up, or overwrite it in a node after {one}"
                )
            } else {
                format!(
                    "the items of {one} run at the same time, and each writes the field {field:?}, which has no \
                     reducer: give the field a reducer, or write it in a node after {one}"
                )
            };
            (nodes, text)
        } else {
            let nodes = vec![self.one.node, self.other.node];
            let edge = self.edge(skeleton, plan);
            let text = if self.has_reducer {
                let what = match (self.one.overwrites, self.other.overwrites) {
                    (true, true) => format!("and both overwrite the field {field:?}"),
                    (true, false) => format!("both write the field {field:?}, and {one} overwrites it"),
                    (false, _) => format!("both write the field {field:?}, and {other} overwrites it"),
                };
                format!(
                    "{one} and {other} can run at the same time, {what}: write it without `overwrite`, which the \
                     reducer of the field adds up, or add {edge}"
                )
            } else {
                format!(
                    "{one} and {other} can run at the same time, and both write the field {field:?}, which has no \
                     reducer: give the field a reducer, or add {edge}"
                )
            };
            (nodes, text)
        };
        skeleton.error(BuildErrorKind::Conflict, &nodes, text).with_field(field)
    }

    /// The edge that would order the two. A loop is entered at its header.
    fn edge(&self, skeleton: &Skeleton<'_>, plan: &Plan) -> String {
        let (from, to) = (skeleton.shown(self.one.node), skeleton.shown(self.other.node));
        let node = &plan.nodes[self.other.node];
        let mut inside = None;
        let mut at = (node.region, node.child);
        while at.0 != self.region {
            inside = Some(at.0);
            let Some(parent) = plan.regions[at.0].parent else { break };
            at = parent;
        }
        let header = inside.and_then(|region| match plan.regions[region].children.first()?.kind {
            Child::Node(header) if header != self.other.node => Some(skeleton.shown(header)),
            _ => None,
        });
        match header {
            Some(header) => format!("an edge from {from} to {header}, the header of the loop that {to} is in"),
            None => format!("an edge from {from} to {to}"),
        }
    }
}
