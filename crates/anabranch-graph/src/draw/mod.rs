//! Pictures of a graph.

mod dot;
mod mermaid;
mod text;

pub(crate) use dot::dot;
pub(crate) use mermaid::mermaid;
pub(crate) use text::text;
