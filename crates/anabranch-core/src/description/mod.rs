//! What is known of a step before it runs, and the check of a whole chain that reads it.
//!
//! | file | holds |
//! |---|---|
//! | `kind` | [`Kind`]: what kind of step it is |
//! | `label` | [`Label`]: what a step is called |
//! | `description` | [`Description`]: what it needs and gives, and what it is made of |
//! | `check` | [`check()`]: whether a chain can work |
//! | `shape` | what is known of a value on its way through a chain |
//! | `checked` | [`Checked`]: a check that is made once, by whoever comes first |
//! | `warning` | [`Warning`]: what may go wrong, and need not |
//! | `hint` | how names stand in messages, and which one was meant |

mod check;
mod checked;
mod kind;
mod label;
mod shape;
mod warning;

#[expect(clippy::module_inception, reason = "one concept, one file, named like the thing in it")]
mod description;
mod hint;

#[cfg(test)]
mod tests;

pub(crate) use check::{check, duplicate};
pub(crate) use checked::Checked;
pub use description::{Composed, Description, Edge, Facts, Gives, Needs};
pub use hint::{closest, did_you_mean, listed, listed_or};
pub use kind::Kind;
pub use label::Label;
pub use warning::Warning;
