#![doc = include_str!("../../../README.md")]

pub use anabranch_core::*;

#[cfg(any(doc, doctest))]
pub mod guide;

/// Messages, content, tool calls and usage: see the crate `anabranch-messages`.
pub mod messages {
    pub use anabranch_messages::*;
}

/// Chat models and their backends: see the crate `anabranch-models`.
pub mod models {
    pub use anabranch_models::*;
}

/// Output parsers: see the crate `anabranch-parsers`.
pub mod parsers {
    pub use anabranch_parsers::*;
}

/// Prompt templates: see the crate `anabranch-prompts`.
pub mod prompts {
    pub use anabranch_prompts::*;
}

/// Everything a program that composes chains needs: `use anabranch::prelude::*;`.
pub mod prelude {
    pub use anabranch_core::*;
    pub use anabranch_messages::*;
    pub use anabranch_parsers::*;
    pub use anabranch_prompts::*;
}
