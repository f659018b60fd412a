//! [`Error`]: one type for the whole workspace.
//!
//! | file | what is in it |
//! |---|---|
//! | `kind.rs` | [`ErrorKind`], and what to do about each kind |
//! | `attempt.rs` | [`Attempt`]: one try at a step that failed |
//! | `error.rs` | [`Error`]: what it knows, and how it is built and asked |
//! | `convert.rs` | what becomes an [`Error`], and how an [`Error`] becomes an [`Attempt`] |
//! | `from_anyhow.rs` | the same for `anyhow::Error` |
//! | `render.rs` | one line (`Display`) and a report (`Debug`) |
//!
//! Each file uses those above it only.

mod attempt;
mod convert;
#[expect(clippy::module_inception, reason = "the file is named like the thing in it")]
mod error;
#[cfg(feature = "anyhow")]
mod from_anyhow;
mod kind;
mod render;
mod reported;
#[cfg(test)]
mod tests;

pub use attempt::Attempt;
pub(crate) use attempt::Attempts;
pub use error::{Error, Result};
pub use kind::ErrorKind;
