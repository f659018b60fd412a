//! Pictures of a graph.
//!
//! | file | holds |
//! |---|---|
//! | `describe` | what a graph says of itself, as a step |
//! | `picture` | what is drawn, whatever the language |
//! | `steps` | the chain inside of a node |
//! | `name` | how names are shown |
//! | `mermaid`, `dot`, `text` | the languages |

mod describe;
mod dot;
mod mermaid;
mod name;
mod picture;
mod steps;
mod text;

use anabranch_core::describe::Description;

pub(crate) use describe::{GRAPH, describe, node};
pub(crate) use name::bare_or_quoted;

use crate::report::{Reports, RunReport};
use crate::shape::Shape;
use picture::{Painter, Picture};

/// A picture of a graph before it is drawn: how much of it, and of which run. [`CompiledGraph::drawing`] gives it.
///
/// [`CompiledGraph::drawing`]: crate::CompiledGraph::drawing
#[must_use = "a drawing is made by `to_mermaid`, `to_dot` or `to_text`"]
#[derive(Debug, Clone)]
pub struct Drawing<'a> {
    shape: &'a Shape,
    description: Description,
    depth: usize,
    reports: Option<Reports>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(shape: &'a Shape, description: Description) -> Self {
        Self { shape, description, depth: 0, reports: None }
    }

    /// How many levels are opened: 0, unless set, draws the nodes alone. 1 opens the graphs and the chains that are
    /// nodes, 2 what is inside of those, and so on.
    pub fn depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    /// Marks what ran and for how long, what was passed over, what failed and with what, and what was not reached, by
    /// what is in the report now; but for the text, which edges were taken, too.
    pub fn report(mut self, report: &RunReport) -> Self {
        self.reports = Some(report.reports());
        self
    }

    /// For [Mermaid](https://mermaid.js.org/syntax/flowchart.html), which GitHub shows in a block ` ```mermaid `. It
    /// draws no more than 500 edges and 50,000 characters unless it is configured.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        mermaid::mermaid(&self.picture())
    }

    /// For [Graphviz](https://graphviz.org/doc/info/lang.html).
    #[must_use]
    pub fn to_dot(&self) -> String {
        dot::dot(&self.picture())
    }

    /// For a terminal: a node a line, with what follows it; what is inside of it is indented below.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::text(&self.picture())
    }

    fn picture(&self) -> Picture {
        Painter { reports: self.reports.as_ref() }.whole(&self.description, self.shape, self.depth)
    }
}
