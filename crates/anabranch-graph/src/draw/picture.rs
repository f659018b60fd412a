//! [`Picture`]: what is drawn, whatever the language.

use std::collections::{BTreeSet, HashMap};

use anabranch_core::describe::{Composed, Description, Edge};

use super::describe::{self, ASK, MAP};
use super::name;
use crate::report::{Mark, Reports};
use crate::shape::{EdgeKind, NodeKind, NodeOption, Shape};
use crate::{END, START};

/// What is drawn: one level of it.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) layout: Layout,
    /// At least one.
    pub(super) parts: Vec<Part>,
    pub(super) arrows: Vec<Arrow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nodes between START and END.
    Graph,
    /// One step after the other.
    Chain,
    /// Side by side, or one of them.
    Beside,
}

#[derive(Debug)]
pub(super) struct Part {
    /// A word that no other part has.
    pub(super) id: String,
    /// Anything.
    pub(super) name: String,
    pub(super) form: Form,
    /// What there is to know of it: words of the program's own, and kinds of steps.
    pub(super) notes: Vec<&'static str>,
    /// What a run did there.
    pub(super) mark: Option<(Mark, String)>,
    pub(super) inside: Option<Picture>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Start,
    End,
    Step,
    Map,
    Ask,
    Graph,
}

/// By the places of its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: EdgeKind,
    /// Whether a run took it, where a report says so.
    pub(super) taken: Option<bool>,
}

impl Picture {
    /// The ids of the ends of an arrow. What leads from an open part to itself leads from its end to its beginning: the
    /// languages know no other way.
    pub(super) fn ends(&self, arrow: &Arrow) -> (&str, &str) {
        let (from, to) = (&self.parts[arrow.from], &self.parts[arrow.to]);
        if self.is_inner_loop(arrow) { (from.last(), to.first()) } else { (&from.id, &to.id) }
    }

    /// Whether an arrow leads from an open part to itself.
    pub(super) fn is_inner_loop(&self, arrow: &Arrow) -> bool {
        arrow.from == arrow.to && self.parts[arrow.from].inside.is_some()
    }

    /// All parts, each before what is inside of it.
    pub(super) fn all(&self) -> Vec<&Part> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.push(part);
            all.extend(part.inside.iter().flat_map(Picture::all));
        }
        all
    }
}

impl Part {
    /// The id of the innermost first part.
    pub(super) fn first(&self) -> &str {
        self.inside.as_ref().and_then(|inside| inside.parts.first()).map_or(&self.id, Part::first)
    }

    /// The id of the innermost last part.
    pub(super) fn last(&self) -> &str {
        self.inside.as_ref().and_then(|inside| inside.parts.last()).map_or(&self.id, Part::last)
    }

    /// The lines of its label: the name, the notes, what a run did.
    pub(super) fn lines(&self) -> Vec<String> {
        let notes = (!self.notes.is_empty()).then(|| self.notes.join(", "));
        let mark = self.mark.as_ref().map(|(_, text)| text.clone());
        std::iter::once(name::shown(&self.name)).chain(notes).chain(mark).collect()
    }

    fn end(form: Form, prefix: &str) -> Self {
        let (id, name) = if form == Form::Start { ("start", START) } else { ("stop", END) };
        let (id, name) = (format!("{prefix}{id}"), name.to_owned());
        Self { id, name, form, notes: Vec::new(), mark: None, inside: None }
    }
}

/// Where a graph is: before the ids of its parts, and before the paths of its nodes, where the report has some.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) prefix: &'a str,
    pub(super) path: Option<&'a str>,
}

/// Makes pictures.
pub(super) struct Painter<'a> {
    pub(super) reports: Option<&'a Reports>,
}

impl Painter<'_> {
    pub(super) fn whole(&self, description: &Description, shape: &Shape, depth: usize) -> Picture {
        self.graph(description, Some(shape), At { prefix: "", path: Some("") }, depth)
    }

    /// A graph. Its shape is known where it is a node, or the whole.
    pub(super) fn graph(&self, graph: &Description, shape: Option<&Shape>, at: At<'_>, depth: usize) -> Picture {
        let mut parts = vec![Part::end(Form::Start, at.prefix)];
        let options = shape.map(options).unwrap_or_default();
        for (place, node) in graph.children.iter().enumerate() {
            let kind = shape.and_then(|shape| shape.nodes.get(place)).map(|node| &node.kind);
            let inner = match kind {
                Some(NodeKind::Graph(inner) | NodeKind::MapOfGraph(inner)) => Some(&**inner),
                _ => None,
            };
            let id = format!("{}n{place}", at.prefix);
            let path = at.path.map(|path| format!("{path}{}", node.name));
            let below = path.as_ref().filter(|_| inner.is_some()).map(|path| format!("{path}/"));
            let prefix = format!("{id}_");
            let inside_at = At { prefix: &prefix, path: below.as_deref() };
            let content = node.children.front().map(|step| self.content(step, inner, inside_at, depth));
            let content = content.unwrap_or_default();
            let (form, word) = match node.kind {
                MAP => (Form::Map, Some("map")),
                ASK => (Form::Ask, Some("ask")),
                _ if content.is_graph => (Form::Graph, Some("graph")),
                _ => (Form::Step, None),
            };
            let options = options.get(&*node.name).into_iter().flatten().copied();
            let notes = word.into_iter().chain(options).chain(content.wrappers).collect();
            let mark = self.reports.zip(path).map(|(reports, path)| Mark::of(reports.node(&path)));
            parts.push(Part { id, name: node.name.clone(), form, notes, mark, inside: content.inside });
        }
        parts.push(Part::end(Form::End, at.prefix));
        let mut arrows = arrows(graph, shape, parts.len() - 1);
        if let (Some(reports), Some(path)) = (self.reports, at.path) {
            for arrow in &mut arrows {
                let from = format!("{path}{}", parts[arrow.from].name);
                arrow.taken = Some(reports.is_taken(&from, &parts[arrow.to].name, arrow.kind));
            }
        }
        Picture { layout: Layout::Graph, parts, arrows }
    }
}

fn arrows(graph: &Description, shape: Option<&Shape>, end: usize) -> Vec<Arrow> {
    let Composed::Graph { edges } = &graph.composed else { return Vec::new() };
    // The shape says more of an edge. It has the same.
    let mut kinds = shape.map(|shape| describe::arrows(shape).map(|(.., kind)| kind)).into_iter().flatten();
    let arrow = |edge: &Edge| {
        let guess = if edge.is_certain { EdgeKind::Plain } else { EdgeKind::Single };
        let kind = kinds.next().unwrap_or(guess);
        Arrow { from: edge.from.map_or(0, |from| from + 1), to: edge.to.map_or(end, |to| to + 1), kind, taken: None }
    };
    edges.iter().map(arrow).collect()
}

/// By node: the words of its options that stand at no edge.
fn options(shape: &Shape) -> HashMap<&str, BTreeSet<&'static str>> {
    let mut options = HashMap::<_, BTreeSet<_>>::new();
    for option in &shape.options {
        let (node, word) = match option {
            NodeOption::Optional(node) => (node, "optional"),
            NodeOption::JoinAll(node) => (node, "join_all"),
            NodeOption::Settled(node) => (node, "settled"),
            NodeOption::Fallback(..) => continue,
        };
        options.entry(node.as_str()).or_default().insert(word);
    }
    options
}
