//! Messages of a conversation with a language model, as plain data.
//!
//! Programs use this crate through the crate `anabranch`. It knows no provider: each adapter turns its wire form into
//! these types and back.
//!
//! | what | type |
//! |---|---|
//! | a conversation, what a chat model takes | [`Messages`] |
//! | one message | [`Message`]: [`SystemMessage`], [`UserMessage`], [`AiMessage`], [`ToolMessage`] |
//! | what it says | [`Content`]: text, or [`ContentPart`]s in their order ([`TextPart`], [`Reasoning`], [`Media`]) |
//! | what a model wants called | [`ToolCall`], also a part, and [`ToolCallChunk`] for a piece of one |
//! | what an answer rests on | [`Citation`], of a text or of the whole |
//! | what the provider did by itself | [`ContentPart::ServerToolCall`], [`ServerToolResult`] |
//! | what has no kind here | [`OtherPart`], as it came |
//! | how a call ended | [`FinishReason`], [`Usage`] |
//!
//! Four things hold for all of them:
//!
//! - **A chunk is a value.** A streamed answer is a stream of [`AiMessage`]s that add up by
//!   [one law](AiMessage::merge): text is appended, pieces of tool calls find their call, and nothing that is not text
//!   is ever doubled.
//! - **JSON with stable names.** Everything can be written and read again. What a message *is* is said by its `role`
//!   and the `type` of its parts, and nowhere else: metadata or arguments that look like a message stay data.
//!   Messages as LangChain, OpenAI and Anthropic write them are read as well, without loss; what cannot be read is an
//!   error that says what was expected.
//! - **What only one provider knows has its place.** Every part and message has options for a provider
//!   (`with_provider_option`) and a provider's own data (`provider_data`), by the provider's name, which go to no other.
//! - **`Debug` tells lengths, not words.** What users and models say is in no log by accident.
//!
//! ```
//! use anabranch_messages::{AiMessage, Messages, Role};
//!
//! let mut conversation = Messages::from([(Role::System, "Be brief."), (Role::User, "Where do rivers end?")]);
//! conversation.push(AiMessage::new("In the sea."));
//!
//! let saved = serde_json::to_string(&conversation)?;
//! assert_eq!(serde_json::from_str::<Messages>(&saved)?, conversation);
//! # Ok::<(), serde_json::Error>(())
//! ```

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod ai;
mod assembly;
mod by_provider;
mod citation;
mod content;
mod extras;
mod finish_reason;
mod media;
mod message;
mod messages;
mod one_role;
mod other_part;
mod part;
mod passes_through;
mod read;
mod reasoning;
mod role;
mod server_tool_result;
mod system;
mod text_part;
mod tool;
mod tool_call;
mod tool_call_chunk;
mod tool_calls;
mod usage;
mod user;

pub use ai::AiMessage;
pub use citation::Citation;
pub use content::Content;
pub use finish_reason::{FinishKind, FinishReason};
pub use media::{Media, MediaSource};
pub use message::Message;
pub use messages::Messages;
pub use other_part::OtherPart;
pub use part::ContentPart;
pub use reasoning::Reasoning;
pub use role::Role;
pub use server_tool_result::ServerToolResult;
pub use system::SystemMessage;
pub use text_part::TextPart;
pub use tool::ToolMessage;
pub use tool_call::ToolCall;
pub use tool_call_chunk::ToolCallChunk;
pub use tool_calls::ToolCalls;
pub use usage::Usage;
pub use user::UserMessage;

/// A text as it stands in `Debug`: its length.
struct Chars(usize);

fn chars(text: &str) -> Chars {
    Chars(text.chars().count())
}

impl std::fmt::Debug for Chars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} chars", self.0)
    }
}
