//! Chat models: [`ChatModel`], what users hold; [`ChatBackend`], what adapters implement; [`ScriptedModel`], which
//! needs neither key nor network; and the providers, each behind a feature of its own.
//!
//! Programs use this crate through the crate `anabranch`. Without a provider's feature there is no HTTP and no TLS in
//! the tree.
//!
//! | to | use |
//! |---|---|
//! | choose a model by name | [`ChatModel::new`]: `openai:gpt-4o-mini` |
//! | let the environment choose | [`ChatModel::from_env`] |
//! | have an example run without a key | [`ChatModel::from_env_or_offline`] |
//! | say where the server is and what the key is | `OpenAi`, `Anthropic`, `Gemini`, `Ollama` (features of the same names) |
//! | get a type of your own | `ChatModel::with_structured_output` (feature `schemars`, which every provider has) |
//! | turn texts into vectors | [`EmbeddingModel`] |
//! | test without a network | [`ScriptedModel`] |
//! | bring a provider of your own | [`ChatBackend`], [`ChatModel::from_backend`]; over HTTP `transport` and `reader` (feature `transport`) |

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod answer;
mod backend;
mod capabilities;
mod chat_model;
mod embedding_backend;
mod embedding_model;
mod late_stream;
mod options;
mod providers;
#[cfg(feature = "_http")]
#[cfg_attr(
    not(feature = "openai"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what is used of it is up to the providers that are compiled in"
    )
)]
pub mod reader;
#[cfg(feature = "schemars")]
mod schema;
mod scripted;
mod server_limits;
#[cfg(feature = "schemars")]
mod structured_output;
#[cfg(feature = "testing")]
pub mod testing;
mod tool;
#[cfg(feature = "_http")]
#[cfg_attr(
    not(feature = "openai"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what is used of it is up to the providers that are compiled in"
    )
)]
pub mod transport;

pub use answer::{ChatAnswer, Warning};
pub use backend::{ChatBackend, ChatCall, ChatRequest};
pub use capabilities::Capabilities;
pub use chat_model::{ChatModel, WithEnvelope};
pub use embedding_backend::{EmbeddingBackend, EmbeddingPurpose, EmbeddingRequest, Embeddings};
pub use embedding_model::{EmbedDocuments, EmbeddingModel};
pub use options::{ChatOptions, JsonSchema, ReasoningOptions, ResponseFormat};
#[cfg(feature = "anthropic")]
pub use providers::anthropic::{Anthropic, AnthropicDialect, AnthropicThinking};
#[cfg(feature = "gemini")]
pub use providers::gemini::Gemini;
#[cfg(feature = "ollama")]
pub use providers::ollama::Ollama;
#[cfg(feature = "openai")]
pub use providers::openai::{OpenAi, OpenAiDialect, ReasoningBack, ReasoningField};
pub use scripted::{Pieces, Reply, ScriptedModel};
#[cfg(feature = "schemars")]
pub use structured_output::{StructuredAnswer, StructuredOutput, StructuredOutputMethod, StructuredWithRaw};
pub use tool::{FunctionTool, Tool, ToolChoice};
#[cfg(feature = "_http")]
pub use transport::{Secret, Transport};
