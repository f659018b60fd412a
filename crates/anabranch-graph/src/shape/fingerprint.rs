//! What of a shape a log depends on: a number for it, and what differs between two.

use std::collections::HashSet;
use std::hash::Hash;

use super::skeleton::list;
use super::{EdgeKind, EdgeShape, Field, NodeKind, NodeOption, NodeShape, RouteShape, Shape};

/// How many changes a sentence names.
const NAMED: usize = 5;

impl Shape {
    /// The same for shapes that run alike: nodes in their order, kinds, edges, routes, options, fields and reducers, those
    /// of graphs in nodes too. Stable from one version and machine to another.
    ///
    /// FNV-1a with 64 bits, in hexadecimal digits, of the shape's JSON. Two shapes that differ have the same number by
    /// chance in one of 2⁶⁴ cases; [`difference`](Self::difference) is exact.
    pub(crate) fn fingerprint(&self) -> String {
        let text = serde_json::to_string(&self.ordered()).unwrap_or_default();
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// What changed from this shape to another, as the part of a sentence. `None` if a log of one fits the other.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let changes = self.changes(other);
        let rest = changes.len().saturating_sub(NAMED);
        let mut named: Vec<String> = changes.into_iter().take(NAMED).collect();
        if rest > 0 {
            named.push(format!("{rest} more {}", if rest == 1 { "change" } else { "changes" }));
        }
        (!named.is_empty()).then(|| list(&named))
    }

    /// Without what does not matter to a log: the order of edges, routes and options, and which fields nodes may write.
    fn ordered(&self) -> Self {
        let mut shape = self.clone();
        shape.edges.sort_unstable();
        shape.routes.iter_mut().for_each(|route| route.targets.sort_unstable());
        shape.routes.sort_unstable();
        shape.options.sort_unstable();
        shape.options.dedup();
        for node in &mut shape.nodes {
            node.writes.clear();
            if let NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) = &mut node.kind {
                **inner = inner.ordered();
            }
        }
        shape
    }

    fn changes(&self, other: &Self) -> Vec<String> {
        let (one, other) = (self.ordered(), other.ordered());
        let mut changes = Vec::new();
        in_order(&mut changes, "field", &one.fields, &other.fields, |field| &*field.name, fields);
        in_order(&mut changes, "node", &one.nodes, &other.nodes, |node| node.name.as_str(), nodes);
        as_set(&mut changes, &one.edges, &other.edges, edge);
        as_set(&mut changes, &one.routes, &other.routes, route);
        as_set(&mut changes, &one.options, &other.options, option);
        changes
    }
}

/// What is gone, what is new, what is another, and whether the rest stands in another order.
fn in_order<'a, T>(
    changes: &mut Vec<String>,
    what: &str,
    one: &'a [T],
    other: &'a [T],
    name: impl Fn(&'a T) -> &'a str,
    compare: impl Fn(&mut Vec<String>, &T, &T),
) {
    let names = |of: &'a [T]| of.iter().map(&name).collect::<Vec<_>>();
    let (ones, others) = (names(one), names(other));
    let (one_set, other_set): (HashSet<_>, HashSet<_>) = (ones.iter().collect(), others.iter().collect());
    changes.extend(
        ones.iter().filter(|name| !other_set.contains(name)).map(|name| format!("the {what} {name:?} is gone")),
    );
    changes
        .extend(others.iter().filter(|name| !one_set.contains(name)).map(|name| format!("the {what} {name:?} is new")));
    let both = |of: &'a [T], others: &HashSet<&&str>| {
        of.iter().filter(|item| others.contains(&name(item))).collect::<Vec<_>>()
    };
    let (kept, now) = (both(one, &other_set), both(other, &one_set));
    if kept.iter().map(|item| name(item)).eq(now.iter().map(|item| name(item))) {
        kept.iter().zip(&now).for_each(|(one, other)| compare(changes, one, other));
    } else {
        changes.push(format!("the {what}s are declared in another order"));
    }
}

fn as_set<T: Eq + Hash>(changes: &mut Vec<String>, one: &[T], other: &[T], shown: impl Fn(&T) -> String) {
    let (one_set, other_set): (HashSet<_>, HashSet<_>) = (one.iter().collect(), other.iter().collect());
    changes.extend(one.iter().filter(|item| !other_set.contains(item)).map(|item| format!("{} is gone", shown(item))));
    changes.extend(other.iter().filter(|item| !one_set.contains(item)).map(|item| format!("{} is new", shown(item))));
}

fn fields(changes: &mut Vec<String>, one: &Field, other: &Field) {
    if one.reducer != other.reducer {
        let shown = |field: &Field| field.reducer.as_ref().map_or("none".to_owned(), |reducer| format!("`{reducer}`"));
        changes.push(format!("the reducer of the field {:?} was {} and is {}", one.name, shown(one), shown(other)));
    }
}

fn nodes(changes: &mut Vec<String>, one: &NodeShape, other: &NodeShape) {
    let name = &one.name;
    match (&one.kind, &other.kind) {
        (NodeKind::Graph(one), NodeKind::Graph(other)) | (NodeKind::MapOfGraph(one), NodeKind::MapOfGraph(other)) => {
            changes.extend(one.changes(other).into_iter().map(|change| format!("in the graph of {name:?} {change}")));
        }
        (one, other) if one == other => {}
        (one, other) => changes.push(format!("{name:?} was {} and is {}", kind(one), kind(other))),
    }
}

fn kind(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Plain => "a plain node",
        NodeKind::Map => "a map",
        NodeKind::Ask => "a question",
        NodeKind::Graph(_) => "a graph",
        NodeKind::MapOfGraph(_) => "a map with a graph",
    }
}

fn edge(edge: &EdgeShape) -> String {
    let kind = match edge.kind {
        EdgeKind::Plain => "the edge",
        EdgeKind::Single => "the target of a route (that takes one)",
        EdgeKind::Multi => "the target of a route (that takes any number)",
        EdgeKind::Fail => "the edge of a fallback",
    };
    format!("{kind} from {:?} to {:?}", edge.from, edge.to)
}

fn route(route: &RouteShape) -> String {
    let targets: Vec<String> = route.targets.iter().map(|target| format!("{target:?}")).collect();
    let kind = if route.multi { "the route to any of" } else { "the route to one of" };
    format!("{kind} {} from {:?}", list(&targets), route.from)
}

fn option(option: &NodeOption) -> String {
    match option {
        NodeOption::Optional(name) => format!("`optional` of {name:?}"),
        NodeOption::Fallback(name, to) => format!("the fallback of {name:?} to {to:?}"),
        NodeOption::JoinAll(name) => format!("`join_all` of {name:?}"),
        NodeOption::Settled(name) => format!("`settled` of {name:?}"),
    }
}
