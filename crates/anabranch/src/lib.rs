// Where the README's links lead in this documentation; the first definition of a link counts.
#![doc = include_str!("pictures.md")]
#![doc = "[models]: mod@crate::guide::models"]
#![doc = "[failures]: mod@crate::guide::failures"]
#![doc = "[guide]: mod@crate::guide"]
#![doc = "[asyncio-lcel]: mod@crate::guide::asyncio_lcel"]
#![doc = "[state-graphs]: mod@crate::guide::state_graphs"]
#![doc = "[from-langgraph]: mod@crate::guide::from_langgraph"]
#![doc = "[graph-recipes]: mod@crate::guide::graph_recipes"]
#![doc = "[adding-a-provider]: mod@crate::guide::adding_a_provider"]
#![doc = "[providers]: mod@crate::guide#in-the-repository"]
#![doc = "[performance]: mod@crate::guide#in-the-repository"]
#![doc = "[features]: mod@crate::guide#in-the-repository"]
#![doc = "[comparison]: mod@crate::guide#in-the-repository"]
#![doc = "[faults]: mod@crate::guide#in-the-repository"]
#![doc = "[architecture]: mod@crate::guide#in-the-repository"]
#![doc = "[decisions]: mod@crate::guide#in-the-repository"]
#![doc = "[contributing]: mod@crate::guide#in-the-repository"]
#![doc = "[changelog]: mod@crate::guide#in-the-repository"]
#![doc = "[mit]: mod@crate::guide#in-the-repository"]
#![doc = "[apache]: mod@crate::guide#in-the-repository"]
#![doc = ""]
#![doc = include_str!("../README.md")]

pub use anabranch_core::*;

#[cfg(any(doc, doctest))]
pub mod guide;

// The page of a provider, whose programs are tested.
#[cfg(all(doctest, feature = "anthropic"))]
#[doc = include_str!("../docs/providers/anthropic.md")]
mod page_of_anthropic {}

/// State graphs: fan-out and fan-in as a graph with typed, deterministic state.
///
/// The guide has three chapters about them: [State graphs](crate::guide::state_graphs), part by part;
/// [Graphs at work](crate::guide::graph_recipes), whole programs; and
/// [Coming from LangGraph](crate::guide::from_langgraph).
#[cfg(feature = "graph")]
pub mod graph {
    // No `pub use anabranch_graph as graph`: the compiler would say `anabranch::anabranch_graph::Update` then.
    #[doc(inline)]
    pub use anabranch_graph::*;
}

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
///
/// Every name in it says that it is about chains or about models. Names that a program has anyway, its own or another
/// crate's, are one level up, so that nothing hides them and no second `::*` clashes with them: [`anabranch::Error`],
/// [`anabranch::Result`], [`anabranch::ErrorKind`], `messages::Role`, `messages::Usage`. So is what only the author of a
/// step, an observer or a backend needs: [`anabranch::Merge`], [`anabranch::Observer`], `models::ChatBackend`.
///
/// [`anabranch::Error`]: crate::Error
/// [`anabranch::ErrorKind`]: crate::ErrorKind
/// [`anabranch::Merge`]: crate::Merge
/// [`anabranch::Observer`]: crate::Observer
/// [`anabranch::Result`]: crate::Result
pub mod prelude {
    pub use anabranch_core::{
        BoxRunnable, Chunks, CircuitBreaker, Hedge, Retry, RetryBudget, RunConfig, Runnable, RunnableBranch,
        RunnableExt, RunnableParallel, RunnablePassthrough, RunnableRouter, TokenBucket, blocking, dynamic,
        first_success, from_json, generator, lambda, lambda_with, lambda_with_state, parallel, passthrough,
        pipe_operator, quorum, race,
    };
    pub use anabranch_messages::{
        AiMessage, ContentPart, FinishReason, Message, Messages, SystemMessage, ToolCall, ToolMessage, UserMessage,
    };
    #[cfg(feature = "anthropic")]
    pub use anabranch_models::Anthropic;
    #[cfg(feature = "gemini")]
    pub use anabranch_models::Gemini;
    #[cfg(feature = "ollama")]
    pub use anabranch_models::Ollama;
    #[cfg(feature = "openai")]
    pub use anabranch_models::OpenAi;
    pub use anabranch_models::{ChatModel, EmbeddingModel, ScriptedModel};
    pub use anabranch_parsers::{
        BooleanOutputParser, EnumOutputParser, JsonOutputParser, ListOutputParser, OutputParser, StrOutputParser,
        ToolCallsParser,
    };
    pub use anabranch_prompts::{
        ChatPromptTemplate, MessageTemplate, MessagesPlaceholder, PromptTemplate, prompt, text_prompt,
    };
}
