//! [`Shape`]: what a graph consists of, as plain data. Checks, pictures, the fingerprint and the engine's [`Plan`] come
//! of it; it knows neither states nor steps.

mod bits;
mod check;
mod conflicts;
mod depth;
mod dominators;
mod edges;
mod endless;
mod fingerprint;
mod loops;
mod names;
mod options;
mod pairs;
mod places;
pub(crate) mod plan;
mod reach;
mod skeleton;
mod strong;
#[cfg(test)]
mod tests;
mod views;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a graph consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// The fields of the state, in declared order.
    pub(crate) fields: Vec<Field>,
    /// In declared order. Names may be doubled here: that is what the checks find.
    pub(crate) nodes: Vec<NodeShape>,
    /// In declared order, by names: plain edges, and the targets of routes. The edges of fallbacks are added by
    /// the checks.
    pub(crate) edges: Vec<EdgeShape>,
    /// In declared order: each route once, so that one without targets, and a second one of a node, are seen.
    pub(crate) routes: Vec<RouteShape>,
    /// Names given to `.optional(..)`, `.fallback(..)`, `.join_all(..)`, `.settled(..)`, which may be nobody's.
    pub(crate) options: Vec<NodeOption>,
    /// What nodes were to write by `.writes(..)` and `.overwrites(..)` where there is no such node or no such field.
    #[serde(skip)]
    pub(crate) unknown_writes: Vec<NamedWrite>,
}

/// A field of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: Cow<'static, str>,
    /// How several writes add up, if they do: `append`, `add`, ...; the path of a function. Without one the last write
    /// counts.
    pub reducer: Option<Cow<'static, str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeShape {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    /// Which fields it may write.
    pub(crate) writes: Vec<FieldWrite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeKind {
    Plain,
    Map,
    Ask,
    /// A compiled graph as the step of the node.
    Graph(Box<Shape>),
    /// A compiled graph as the step of each item.
    MapOfGraph(Box<Shape>),
}

impl NodeKind {
    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Map | Self::MapOfGraph(_))
    }
}

/// That a node may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldWrite {
    /// The place of the field.
    pub(crate) field: usize,
    pub(crate) overwrite: bool,
}

/// That a node may write a field, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedWrite {
    pub(crate) node: String,
    pub(crate) field: String,
    pub(crate) overwrite: bool,
}

/// An edge by the names of its ends: [`START`](crate::START), [`END`](crate::END), or a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct EdgeShape {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: EdgeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EdgeKind {
    Plain,
    /// A target of a route that takes one.
    Single,
    /// A target of a route that takes any number.
    Multi,
    /// Taken exactly if the node failed.
    Fail,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RouteShape {
    pub(crate) from: String,
    pub(crate) multi: bool,
    /// In declared order; each is an edge in [`Shape::edges`], too.
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeOption {
    Optional(String),
    Fallback(String, String),
    JoinAll(String),
    Settled(String),
}

impl Shape {
    /// Enters what nodes may write. What no node or no field is named like is kept for the checks.
    pub(crate) fn enter_writes(&mut self, writes: Vec<NamedWrite>) {
        // Of nodes of one name the first counts.
        let nodes = self.nodes.iter().enumerate().rev();
        let nodes: HashMap<_, _> = nodes.map(|(place, node)| (node.name.clone(), place)).collect();
        for write in writes {
            let field = self.fields.iter().position(|field| *field.name == write.field);
            match (field, nodes.get(&write.node)) {
                (Some(field), Some(&node)) => {
                    self.nodes[node].writes.push(FieldWrite { field, overwrite: write.overwrite });
                }
                _ => self.unknown_writes.push(write),
            }
        }
    }

    /// The first node that asks somebody, in a graph inside of it too: the names of those around it, and its own.
    pub(crate) fn asks(&self) -> Option<String> {
        self.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Ask => Some(node.name.clone()),
            NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner) => Some(format!("{}/{}", node.name, inner.asks()?)),
            NodeKind::Plain | NodeKind::Map => None,
        })
    }
}
