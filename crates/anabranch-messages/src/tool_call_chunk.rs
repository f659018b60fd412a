//! [`ToolCallChunk`]: a piece of a tool call in a stream.

use std::fmt;

use serde_json::Value;

use crate::chars;
use crate::extras::{Extras, by_provider};
use crate::part::ContentPart;
use crate::tool_call::{End, ToolCall, text_of};

/// A piece of a tool call, as it comes in a stream. Everything in it may be missing.
///
/// ```
/// use anabranch_messages::{AiMessage, ToolCallChunk};
///
/// let mut message = AiMessage::default();
/// message.append(ToolCallChunk::new().with_index(0).with_id("call_1").with_name("weather"));
/// message.append(ToolCallChunk::new().with_index(0).with_arguments(r#"{"city": "#));
/// message.append(ToolCallChunk::new().with_index(0).with_arguments(r#""Bremen"}"#));
/// assert_eq!(message.tool_calls()[0].arguments()?["city"], "Bremen");
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ToolCallChunk {
    /// Which call of the message it belongs to.
    pub index: Option<u64>,
    /// The id of the call; blank counts as missing.
    pub id: Option<String>,
    /// The name of the tool; blank counts as missing.
    pub name: Option<String>,
    /// The next piece of the arguments' text, or an object that is all of them.
    pub arguments: Value,
    /// What the provider wants back with the call unchanged.
    pub signature: Option<String>,
    /// Whether the tool takes free text, of which `arguments` is the next piece.
    pub free_form: bool,
    /// Whether the provider runs the tool by itself.
    pub from_server: bool,
    /// The id under which the provider keeps the call itself, where that is another one.
    pub item_id: Option<String>,
    extras: Extras,
}

impl ToolCallChunk {
    /// An empty piece.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which call of the message it belongs to.
    #[must_use]
    pub fn with_index(mut self, index: impl Into<Option<u64>>) -> Self {
        self.index = index.into();
        self
    }

    /// Sets the id of the call.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the name of the tool.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the next piece of the arguments' text, or an object that is all of them.
    #[must_use]
    pub fn with_arguments(mut self, arguments: impl Into<Value>) -> Self {
        self.arguments = arguments.into();
        self
    }

    /// Says that the tool takes free text, of which the arguments are the next piece.
    #[must_use]
    pub fn with_free_form(mut self) -> Self {
        self.free_form = true;
        self
    }

    /// Says that the provider runs the tool by itself.
    #[must_use]
    pub fn with_from_server(mut self) -> Self {
        self.from_server = true;
        self
    }

    /// Sets the id under which the provider keeps the call itself, where that is another one.
    #[must_use]
    pub fn with_item_id(mut self, id: impl Into<String>) -> Self {
        self.item_id = Some(id.into());
        self
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// Sets what the provider wants back with the call unchanged.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.signature = Some(signature.into());
        self
    }
}

/// A call, or one that the provider runs.
impl From<ToolCallChunk> for ContentPart {
    fn from(mut chunk: ToolCallChunk) -> Self {
        let (arguments, as_object) = text_of(chunk.arguments);
        if chunk.signature.is_some() || chunk.item_id.is_some() {
            let extra = chunk.extras.get_mut();
            (extra.signature, extra.item_id) = (chunk.signature, chunk.item_id);
        }
        let call = ToolCall {
            id: chunk.id.unwrap_or_default(),
            name: chunk.name.unwrap_or_default(),
            arguments,
            as_object,
            streamed: Some(chunk.index),
            end: End::Open,
            free_form: chunk.free_form,
            extras: chunk.extras,
        };
        if chunk.from_server { Self::ServerToolCall(call) } else { Self::ToolCall(call) }
    }
}

by_provider!(ToolCallChunk);

impl fmt::Debug for ToolCallChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = match &self.arguments {
            Value::Null => "none".to_string(),
            Value::String(text) => format!("{:?}", chars(text)),
            _ => "whole".to_string(),
        };
        f.debug_struct("ToolCallChunk")
            .field("index", &self.index)
            .field("name", &self.name)
            .field("arguments", &format_args!("{arguments}"))
            .finish_non_exhaustive()
    }
}
