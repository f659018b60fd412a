//! Tests of the shape.

mod cases;
mod fingerprints;
mod naive;
mod outcomes;
mod pairs;
mod texts;
mod views;

use super::{EdgeKind, EdgeShape, Field, FieldWrite, NodeKind, NodeOption, NodeShape, RouteShape, Shape};

/// A shape in the making. Edges are words like `a>b`.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft(pub(super) Shape);

impl Draft {
    /// Two fields, `x` without a reducer and `log` with one, and these nodes.
    pub(super) fn of(nodes: &str) -> Self {
        let field = |name: &'static str, reducer: Option<&'static str>| Field {
            name: name.into(),
            reducer: reducer.map(Into::into),
        };
        let mut draft = Self::default();
        draft.0.fields = vec![field("x", None), field("log", Some("append"))];
        nodes.split_whitespace().fold(draft, |draft, name| draft.node(name, NodeKind::Plain))
    }

    pub(super) fn node(mut self, name: &str, kind: NodeKind) -> Self {
        self.0.nodes.push(NodeShape { name: name.to_owned(), kind, writes: Vec::new() });
        self
    }

    pub(super) fn edges(mut self, edges: &str) -> Self {
        for edge in edges.split_whitespace() {
            let (from, to) = edge.split_once('>').unwrap();
            self.edge(from, to, EdgeKind::Plain);
        }
        self
    }

    pub(super) fn edge(&mut self, from: &str, to: &str, kind: EdgeKind) {
        self.0.edges.push(EdgeShape { from: from.to_owned(), to: to.to_owned(), kind });
    }

    pub(super) fn one_of(self, from: &str, targets: &str) -> Self {
        self.route(from, targets, false)
    }

    pub(super) fn any_of(self, from: &str, targets: &str) -> Self {
        self.route(from, targets, true)
    }

    fn route(mut self, from: &str, targets: &str, multi: bool) -> Self {
        let targets: Vec<String> = targets.split_whitespace().map(str::to_owned).collect();
        let kind = if multi { EdgeKind::Multi } else { EdgeKind::Single };
        targets.iter().for_each(|target| self.edge(from, target, kind));
        self.0.routes.push(RouteShape { from: from.to_owned(), multi, targets });
        self
    }

    pub(super) fn option(mut self, option: NodeOption) -> Self {
        self.0.options.push(option);
        self
    }

    pub(super) fn optional(self, name: &str) -> Self {
        self.option(NodeOption::Optional(name.to_owned()))
    }

    pub(super) fn join_all(self, name: &str) -> Self {
        self.option(NodeOption::JoinAll(name.to_owned()))
    }

    pub(super) fn fallback(self, name: &str, to: &str) -> Self {
        self.option(NodeOption::Fallback(name.to_owned(), to.to_owned()))
    }

    /// Each of these nodes may write a field.
    pub(super) fn writes(mut self, nodes: &str, field: usize, overwrite: bool) -> Self {
        for name in nodes.split_whitespace() {
            let node = self.0.nodes.iter_mut().find(|node| node.name == name).unwrap();
            node.writes.push(FieldWrite { field, overwrite });
        }
        self
    }

    /// Kind, nodes and field of each error, as one word.
    pub(super) fn errors(&self) -> Vec<String> {
        let Err(errors) = self.0.check() else { return Vec::new() };
        let word = |error: &crate::BuildError| {
            let field = error.field().map(|field| format!("/{field}")).unwrap_or_default();
            format!("{}({}){field}", error.kind(), error.nodes().join(","))
        };
        errors.iter().map(word).collect()
    }

    pub(super) fn text(&self) -> String {
        self.0.check().unwrap_err().to_string()
    }
}

/// `count` nodes `n0`, `n1`, ... one after the other.
pub(super) fn row(count: usize) -> Draft {
    let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    let mut draft = Draft::of(&names.join(" "));
    draft.edge("START", "n0", EdgeKind::Plain);
    for pair in names.windows(2) {
        draft.edge(&pair[0], &pair[1], EdgeKind::Plain);
    }
    draft.edge(&names[count - 1], "END", EdgeKind::Plain);
    draft
}
