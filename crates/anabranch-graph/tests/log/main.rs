//! What is in the log of a run is not done again, wherever the log ends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[cfg(feature = "sqlite")]
mod damage;
mod forks;
mod garbled;
mod graphs;
mod hangs;
mod identity;
#[cfg(all(feature = "sqlite", unix))]
mod killed;
mod prefixes;
#[cfg(feature = "sqlite")]
mod sqlite;
mod threads;
