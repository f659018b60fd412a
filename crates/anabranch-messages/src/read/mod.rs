//! Reading: JSON as this crate writes it, and as LangChain and the providers' own libraries do.
//!
//! One rule for all of it: what a field says is read, kept as metadata or as a provider's data, or an error that says what
//! was expected. Null is as good as missing, and so is what other libraries write where there is nothing to say (an
//! empty list of annotations). Errors name fields and kinds, never what stands in them.
//!
//! | file | what is in it |
//! |---|---|
//! | `exact.rs` | [`Exact`], JSON of which nothing is lost |
//! | `fields.rs` | [`Fields`], an object whose fields are taken one by one, and [`Unreadable`] |
//! | `message.rs` | who speaks, in which envelope, and what all messages have |
//! | `ai.rs` | what only the model's messages have |
//! | `part.rs` | content and its parts |
//! | `citation.rs` | what text rests on |
//! | `extras.rs` | what is said of a part besides what it says |
//! | `media.rs` | images, sounds and files |
//! | `reasoning.rs` | thoughts |
//! | `tool_call.rs` | calls of tools |
//! | `server_tool.rs` | calls of tools that the provider runs, and their results |
//! | `together.rs` | calls that stand in several places of a message |
//! | `usage.rs` | what it cost, and why the model stopped |

mod ai;
mod citation;
mod exact;
mod extras;
mod fields;
mod media;
mod message;
mod part;
mod reasoning;
mod server_tool;
mod together;
mod tool_call;
mod usage;

use exact::Exact;
use fields::Fields;
use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer};

use crate::ai::AiMessage;
use crate::citation::Citation;
use crate::content::Content;
use crate::finish_reason::{FinishKind, FinishReason};
use crate::media::Media;
use crate::message::Message;
use crate::messages::Messages;
use crate::other_part::OtherPart;
use crate::part::ContentPart;
use crate::reasoning::Reasoning;
use crate::role::Role;
use crate::server_tool_result::ServerToolResult;
use crate::system::SystemMessage;
use crate::text_part::TextPart;
use crate::tool::ToolMessage;
use crate::tool_call::ToolCall;
use crate::usage::Usage;
use crate::user::UserMessage;

macro_rules! read_by {
    ($($type:ty: $read:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(Exact.deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

read_by! {
    Role: message::role;
    Messages: message::messages;
    Message: message::message;
    SystemMessage: |value| message::opened(value, Role::System).and_then(message::system);
    UserMessage: |value| message::opened(value, Role::User).and_then(message::user);
    AiMessage: |value| message::opened(value, Role::Assistant).and_then(ai::ai);
    ToolMessage: |value| message::opened(value, Role::Tool).and_then(message::tool);
    Content: part::lone_content;
    ContentPart: part::lone_part;
    TextPart: |value| Fields::new("a text part", value).and_then(part::text);
    Citation: |value| Fields::new("a citation", value).and_then(citation::lone);
    Media: |value| Fields::new("an image, sound or file", value).and_then(media::own);
    Reasoning: |value| Fields::new("a thought", value).and_then(reasoning::lone);
    ServerToolResult: |value| Fields::new("the result of a tool", value).and_then(server_tool::lone_result);
    OtherPart: |value| Fields::new("a part of content", value).and_then(part::other);
    ToolCall: tool_call::tool_call;
    Usage: usage::usage;
    FinishReason: usage::finish_reason;
    FinishKind: usage::finish_kind;
}
