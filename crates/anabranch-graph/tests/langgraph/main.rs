//! The cases of LangGraph's own tests, each by its id: `docs/langgraph-cases.md` has them in a table.
#![allow(clippy::unwrap_used, clippy::panic)]

mod channels;
mod common;
mod fan_out;
mod retrieval;
mod routing;
mod table;
