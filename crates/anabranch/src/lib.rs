#![doc = include_str!("../../../README.md")]

pub use anabranch_core::*;

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
