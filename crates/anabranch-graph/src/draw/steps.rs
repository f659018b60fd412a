//! The chain inside of a node, from what its steps say of themselves.

use anabranch_core::describe::{Composed, Description, Kind};

use super::picture::{Arrow, At, Form, Layout, Painter, Part, Picture};
use crate::shape::{EdgeKind, Shape};

/// What a node, or a step with a name of its own, is made of.
#[derive(Default)]
pub(super) struct Content {
    /// The kinds of steps that are around it: retry, timeout.
    pub(super) wrappers: Vec<&'static str>,
    pub(super) is_graph: bool,
    /// What is drawn of it.
    pub(super) inside: Option<Picture>,
}

impl Painter<'_> {
    /// `shape` is its shape, where it is a graph that is a node.
    pub(super) fn content(&self, step: &Description, shape: Option<&Shape>, at: At<'_>, depth: usize) -> Content {
        let (wrappers, core) = unwrapped(step);
        let is_graph = matches!(core.composed, Composed::Graph { .. });
        // A function says nothing of itself, unless it was given a name.
        let is_open = depth > 0 && !(core.children.is_empty() && core.name == Kind::LAMBDA.as_str());
        let inside = is_open.then(|| {
            if is_graph {
                self.graph(core, shape, at, depth - 1)
            } else if core.is_transparent() && is_sequence(core) {
                self.steps(core.children.iter(), Layout::Chain, at, depth - 1)
            } else {
                self.steps([core], Layout::Chain, at, depth - 1)
            }
        });
        Content { wrappers, is_graph, inside }
    }

    fn steps<'d>(
        &self,
        steps: impl IntoIterator<Item = &'d Description>,
        layout: Layout,
        at: At<'_>,
        depth: usize,
    ) -> Picture {
        let steps = steps.into_iter().enumerate();
        let parts: Vec<_> =
            steps.map(|(place, step)| self.step(step, format!("{}n{place}", at.prefix), depth)).collect();
        let arrow = |to| Arrow { from: to - 1, to, kind: EdgeKind::Plain, taken: None };
        let arrows = if layout == Layout::Chain { (1..parts.len()).map(arrow).collect() } else { Vec::new() };
        Picture { layout, parts, arrows }
    }

    fn step(&self, step: &Description, id: String, depth: usize) -> Part {
        let (mut notes, core) = unwrapped(step);
        // Nothing that happens in a chain is in the report.
        let prefix = format!("{id}_");
        let at = At { prefix: &prefix, path: None };
        let name = if core.is_transparent() { core.kind.as_str() } else { core.name.as_str() }.to_owned();
        let is_graph = matches!(core.composed, Composed::Graph { .. });
        let inside = if is_around(core) {
            // A branch under its key, a step with a name of its own.
            let content = core.children.front().map(|inner| self.content(inner, None, at, depth)).unwrap_or_default();
            notes.extend((!matches!(core.kind, Kind::BRANCH | Kind::SEQUENCE)).then_some(core.kind.as_str()));
            notes.extend(content.wrappers);
            content.inside
        } else if depth == 0 || core.children.is_empty() {
            None
        } else if is_graph {
            Some(self.graph(core, None, at, depth - 1))
        } else {
            let layout = if is_sequence(core) { Layout::Chain } else { Layout::Beside };
            Some(self.steps(core.children.iter(), layout, at, depth - 1))
        };
        let form = if is_graph { Form::Graph } else { Form::Step };
        Part { id, name, form, notes, mark: None, inside }
    }
}

/// Without the steps around it that have no name of their own, and the kinds of those, outermost first.
fn unwrapped(step: &Description) -> (Vec<&'static str>, &Description) {
    let (mut wrappers, mut step) = (Vec::new(), step);
    while let (true, true, Some(inner)) = (step.is_transparent(), step.children.len() == 1, step.children.front()) {
        if !matches!(step.kind, Kind::BRANCH | Kind::SEQUENCE) {
            wrappers.push(step.kind.as_str());
        }
        step = inner;
    }
    (wrappers, step)
}

/// Whether it is one step and a name.
fn is_around(step: &Description) -> bool {
    is_sequence(step) && step.children.len() == 1
}

fn is_sequence(step: &Description) -> bool {
    step.composed == Composed::InSequence && !step.children.is_empty()
}
