//! The cases of LangGraph's own tests, each by its id: `docs/langgraph-cases.md` has them in a table.
#![allow(clippy::unwrap_used, clippy::panic)]

mod channels;
mod common;
mod deadline;
mod extra;
mod extra_limits;
mod extra_questions;
mod failure;
mod fan_out;
mod questions;
mod resume;
mod retrieval;
mod retry;
mod routing;
mod table;
mod watch;
