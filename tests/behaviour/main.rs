//! One suite over every runnable of the project: whatever is a step keeps the same laws.
//!
//! - Law 6: a stream, collected or added up chunk by chunk, is what `invoke` gives, failures included.
//! - Law 2: a stream that is dropped, at any chunk, leaves nothing at work, and so does a call.
//! - A batch gives what each element gives alone.
//! - It says what it is, and passes its own check.
//! - No rendering of it, or of its errors, shows a prompt, an answer or a value.

#![allow(clippy::unwrap_used, clippy::panic)]

mod chains;
mod core_steps;
mod fan_outs;
mod laws;
mod policies;
mod world;

/// A row of the table: a name, how it streams, the runnable, its input, and how to show its output if it is not JSON.
macro_rules! case {
    ($name:literal, $streams:ident, $make:expr, $input:expr) => {
        case!($name, $streams, $make, $input, crate::laws::json)
    };
    ($name:literal, $streams:ident, $make:expr, $input:expr, $show:expr) => {
        crate::laws::Case {
            name: $name,
            make: $make,
            input: $input,
            streams: crate::laws::Streams::$streams,
            show: $show,
        }
        .keeps_the_laws()
        .await
    };
}
pub(crate) use case;
