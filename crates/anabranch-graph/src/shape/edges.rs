//! Edges, routes and options: do they lead from somewhere to somewhere, and once?

use std::collections::HashSet;

use super::names::Names;
use super::skeleton::{Link, Marks, Skeleton};
use super::{EdgeKind, NodeOption, Shape};
use crate::build_error::{BuildError, BuildErrorKind};

/// Names become numbers. What leads nowhere is left out.
pub(super) fn check<'a>(shape: &'a Shape, names: &Names<'a>, errors: &mut Vec<BuildError>) -> Skeleton<'a> {
    let count = shape.nodes.len();
    let skeleton =
        Skeleton { shape, alive: names.alive.clone(), links: Vec::new(), marks: vec![Marks::default(); count] };
    let mut edges = Edges { names, skeleton, errors, unknown: HashSet::new(), between: HashSet::new() };
    for edge in &shape.edges {
        edges.add(&edge.from, &edge.to, edge.kind);
    }
    edges.routes();
    for option in &shape.options {
        edges.option(option);
    }
    let skeleton = edges.skeleton;
    if !skeleton.links.iter().any(|link| link.from == skeleton.start()) {
        errors.push(BuildError::new(
            BuildErrorKind::NoEntry,
            [""; 0],
            "no edge leaves START: add one to the node that runs first".to_owned(),
        ));
    }
    skeleton
}

struct Edges<'a, 'b> {
    names: &'b Names<'a>,
    skeleton: Skeleton<'a>,
    errors: &'b mut Vec<BuildError>,
    /// Names that were named as nobody's.
    unknown: HashSet<&'a str>,
    between: HashSet<(usize, usize)>,
}

impl<'a> Edges<'a, '_> {
    fn add(&mut self, from: &'a str, to: &'a str, kind: EdgeKind) {
        let what = match kind {
            EdgeKind::Plain => "an edge",
            EdgeKind::Single | EdgeKind::Multi => "a route",
            EdgeKind::Fail => "the fallback",
        };
        let source = self.known(from, || format!("{what} to {to:?} comes from"));
        let target = self.known(to, || format!("{what} of {from:?} leads to"));
        let (Some(source), Some(target)) = (source, target) else { return };
        let (start, end) = (self.skeleton.start(), self.skeleton.end());
        let nodes = self.nodes(source, target);
        let shown = |number| self.skeleton.shown(number);
        let (kind_of_error, text) = if source == end {
            (
                BuildErrorKind::EdgeFromEnd,
                format!("{what} leads from END to {}, but nothing runs after END: lead it from a node", shown(target)),
            )
        } else if target == start {
            (
                BuildErrorKind::EdgeToStart,
                format!(
                    "{what} of {} leads to START, which is no node: lead it to the first node of the loop",
                    shown(source)
                ),
            )
        } else if !self.between.insert((source, target)) {
            (
                BuildErrorKind::DuplicateEdge,
                format!(
                    "more than one edge leads from {} to {}: keep one of them (targets of a route and a fallback are \
                     edges, too)",
                    shown(source),
                    shown(target)
                ),
            )
        } else {
            return self.skeleton.links.push(Link { from: source, to: target, kind });
        };
        let error = BuildError::new(kind_of_error, nodes.iter().map(|&node| self.skeleton.name(node)), text);
        // A third edge says nothing new.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Those of two that are nodes, in declared order.
    fn nodes(&self, one: usize, other: usize) -> Vec<usize> {
        let mut nodes = vec![one.min(other), one.max(other)];
        nodes.dedup();
        nodes.retain(|&number| self.skeleton.is_node(number));
        nodes
    }

    fn known(&mut self, name: &'a str, place: impl FnOnce() -> String) -> Option<usize> {
        let number = self.names.number(name);
        if number.is_none() && self.unknown.insert(name) {
            self.errors.push(self.names.unknown(name, &place()));
        }
        number
    }

    fn routes(&mut self) {
        let shape = self.skeleton.shape;
        let (mut once, mut twice) = (HashSet::new(), HashSet::new());
        for route in &shape.routes {
            let Some(from) = self.known(&route.from, || "a route comes from".to_owned()) else { continue };
            let node = self.skeleton.is_node(from).then_some(from);
            let shown = self.skeleton.shown(from);
            let (kind, text) = if !once.insert(from) {
                if !twice.insert(from) {
                    continue;
                }
                (
                    BuildErrorKind::DuplicateRoute,
                    format!("{shown} has more than one route: make it one route with all the targets"),
                )
            } else if route.targets.is_empty() {
                (
                    BuildErrorKind::EmptyRoute,
                    format!("the route of {shown} has no targets: name every node that it may choose, or END"),
                )
            } else {
                continue;
            };
            self.errors.push(self.skeleton.error(kind, node.as_slice(), text));
        }
    }

    fn option(&mut self, option: &'a NodeOption) {
        let (name, word) = match option {
            NodeOption::Optional(name) => (name, "optional"),
            NodeOption::Fallback(name, _) => (name, "fallback"),
            NodeOption::JoinAll(name) => (name, "join_all"),
            NodeOption::Settled(name) => (name, "settled"),
        };
        let node = self.known(name, || format!("`{word}` names"));
        if let NodeOption::Fallback(name, to) = option {
            self.add(name, to, EdgeKind::Fail);
        }
        let Some(number) = node else { return };
        let Some(marks) = self.skeleton.marks.get_mut(number) else {
            // START and END cannot fail, and END waits for all as it is. That an edge leaves END is named already.
            if matches!(option, NodeOption::Fallback(..)) && number == self.skeleton.end() {
                return;
            }
            if self.unknown.insert(name) {
                self.errors.push(BuildError::new(
                    BuildErrorKind::UnknownNode,
                    [name],
                    format!("`{word}` names {name}, which is no node: name the node that is meant"),
                ));
            }
            return;
        };
        match option {
            NodeOption::Optional(_) => marks.optional = true,
            NodeOption::Fallback(..) => marks.has_fallback = true,
            NodeOption::JoinAll(_) => marks.join_all = true,
            NodeOption::Settled(_) => marks.settled = true,
        }
    }
}
