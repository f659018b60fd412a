//! Edges, routes and options: do they lead from somewhere to somewhere, and once?

use std::collections::{HashMap, HashSet};

use super::names::{self, Names};
use super::skeleton::{Link, Marks, Skeleton};
use super::{EdgeKind, NamedWrite, NodeKind, NodeOption, Shape};
use crate::build_error::{BuildError, BuildErrorKind};

/// Names become numbers. What leads nowhere is left out.
pub(super) fn check<'a>(shape: &'a Shape, names: &Names<'a>, errors: &mut Vec<BuildError>) -> Skeleton<'a> {
    let count = shape.nodes.len();
    let skeleton =
        Skeleton { shape, alive: names.alive.clone(), links: Vec::new(), marks: vec![Marks::default(); count] };
    let mut edges =
        Edges { names, skeleton, errors, unknown: HashSet::new(), between: HashSet::new(), fallbacks: HashMap::new() };
    for edge in &shape.edges {
        edges.add(&edge.from, &edge.to, edge.kind);
    }
    edges.routes();
    for option in &shape.options {
        edges.option(option);
    }
    for write in &shape.unknown_writes {
        edges.write(write);
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

/// For how many unknown names those that were meant are looked for.
const HINTS: usize = 100;

struct Edges<'a, 'b> {
    names: &'b Names<'a>,
    skeleton: Skeleton<'a>,
    errors: &'b mut Vec<BuildError>,
    /// Names that were named as nobody's.
    unknown: HashSet<&'a str>,
    between: HashSet<(usize, usize)>,
    /// By node: the name of its first fallback.
    fallbacks: HashMap<usize, &'a str>,
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
        self.say(self.skeleton.error(kind_of_error, &nodes, text));
    }

    /// A third edge says nothing new.
    fn say(&mut self, error: BuildError) {
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
            // Looking for what was meant costs as much as there are names.
            let is_meant = self.unknown.len() <= HINTS;
            self.errors.push(self.names.unknown(name, &place(), is_meant));
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
        match option {
            NodeOption::Fallback(name, to) if name != to || node.is_none() => self.add(name, to, EdgeKind::Fail),
            _ => {}
        }
        let Some(number) = node else { return };
        let Some(marks) = self.skeleton.marks.get_mut(number) else {
            // START and END cannot fail, and END waits for all as it is. That an edge leaves END is named already.
            if matches!(option, NodeOption::Fallback(..)) && number == self.skeleton.end() {
                return;
            }
            return self.no_node(name, word);
        };
        match option {
            NodeOption::Optional(_) => marks.optional = true,
            NodeOption::Fallback(_, to) => {
                marks.has_fallback = true;
                self.fallback(number, to);
            }
            NodeOption::JoinAll(_) => marks.join_all = true,
            NodeOption::Settled(_) => {
                marks.settled = true;
                self.settled(number);
            }
        }
    }

    fn fallback(&mut self, node: usize, to: &'a str) {
        let shown = self.skeleton.shown(node);
        let is_second = *self.fallbacks.entry(node).or_insert(to) != to;
        if to == self.skeleton.name(node) {
            let text = format!(
                "{shown} is its own fallback and would run again as often as it fails: retry its step, or name another \
                 node"
            );
            self.say(self.skeleton.error(BuildErrorKind::FallbackToItself, &[node], text));
        }
        if is_second {
            let text = format!(
                "{shown} has more than one fallback: keep one of them, and give that one a fallback where it may fail, too"
            );
            self.say(self.skeleton.error(BuildErrorKind::DuplicateFallback, &[node], text));
        }
        if *self.skeleton.kind(node) == NodeKind::Ask {
            let text = format!(
                "{shown} is a question and has no use for a fallback, since it waits for its answer and cannot fail: \
                 take the fallback away, or lead to {to:?} by a route that looks at the answer"
            );
            self.say(self.skeleton.error(BuildErrorKind::FallbackOfAsk, &[node], text));
        }
    }

    fn settled(&mut self, node: usize) {
        if !self.skeleton.kind(node).is_map() {
            let shown = self.skeleton.shown(node);
            let text = format!(
                "{shown} is no map, and `settled` is about the items of one: take it away, or make {shown} `optional` if \
                 it may fail"
            );
            self.say(self.skeleton.error(BuildErrorKind::SettledNoMap, &[node], text));
        }
    }

    /// START or END, where a node is wanted.
    fn no_node(&mut self, name: &'a str, word: &str) {
        if self.unknown.insert(name) {
            self.errors.push(BuildError::new(
                BuildErrorKind::UnknownNode,
                [name],
                format!("`{word}` names {name}, which is no node: name the node that is meant"),
            ));
        }
    }

    /// What a node was to write, where the node or the field is none.
    fn write(&mut self, write: &'a NamedWrite) {
        let NamedWrite { node, field, overwrite } = write;
        let word = if *overwrite { "overwrites" } else { "writes" };
        let number = self.known(node, || format!("`{word}` names"));
        if number.is_some_and(|number| !self.skeleton.is_node(number)) {
            self.no_node(node, word);
        }
        let fields = &self.skeleton.shape.fields;
        if fields.iter().any(|known| known.name == *field) {
            return;
        }
        let hint = names::meant(field, fields.iter().enumerate().map(|(place, field)| (&*field.name, place)));
        let text = format!(
            "no field is named {field:?}, but `{word}` of {node:?} names it{hint}: correct the name, or declare the field"
        );
        self.say(BuildError::new(BuildErrorKind::UnknownField, [node], text).with_field(field));
    }
}
