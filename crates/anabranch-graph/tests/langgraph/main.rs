//! How LangGraph behaves, case by case, and how we do: `docs/langgraph-cases.md` has the table.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod deadline;
mod extra;
mod extra_limits;
mod extra_questions;
mod failure;
mod questions;
mod resume;
mod retry;
mod watch;
