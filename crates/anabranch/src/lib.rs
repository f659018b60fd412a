// Where the README's links lead in this documentation; the first definition of a link counts.
#![doc = "[models]: mod@crate::guide::models"]
#![doc = "[failures]: mod@crate::guide::failures"]
#![doc = "[guide]: mod@crate::guide"]
#![doc = "[asyncio-lcel]: mod@crate::guide::asyncio_lcel"]
#![doc = "[performance]: https://github.com/anabranch/anabranch/blob/main/docs/performance.md"]
#![doc = "[architecture]: https://github.com/anabranch/anabranch/blob/main/docs/architecture.md"]
#![doc = "[decisions]: https://github.com/anabranch/anabranch/blob/main/docs/decisions/README.md"]
#![doc = "[contributing]: https://github.com/anabranch/anabranch/blob/main/CONTRIBUTING.md"]
#![doc = "[changelog]: https://github.com/anabranch/anabranch/blob/main/CHANGELOG.md"]
#![doc = "[mit]: https://github.com/anabranch/anabranch/blob/main/LICENSE-MIT"]
#![doc = "[apache]: https://github.com/anabranch/anabranch/blob/main/LICENSE-APACHE"]
#![doc = ""]
#![doc = include_str!("../README.md")]

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

/// What a program that composes chains uses all the time: `use anabranch::prelude::*;`.
pub mod prelude {
    pub use anabranch_core::{
        BoxRunnable, Chunks, CircuitBreaker, Error, ErrorKind, Hedge, Merge, Observer, Outcome, RateLimiter, Retry,
        RetryBudget, RunConfig, Runnable, RunnableBranch, RunnableParallel, RunnablePassthrough, RunnableRouter,
        StepEvent, TokenBucket, blocking, dynamic, first_success, generator, lambda, lambda_with, parallel,
        passthrough, pipe_operator, quorum, race,
    };
    pub use anabranch_messages::{
        AiMessage, ContentPart, FinishReason, Message, Messages, Role, SystemMessage, ToolCall, ToolMessage, Usage,
        UserMessage,
    };
    #[cfg(feature = "openai")]
    pub use anabranch_models::OpenAi;
    pub use anabranch_models::{ChatBackend, ChatModel, ScriptedModel};
    pub use anabranch_parsers::{JsonOutputParser, StrOutputParser};
    pub use anabranch_prompts::{ChatPromptTemplate, MessageTemplate, MessagesPlaceholder};
}
