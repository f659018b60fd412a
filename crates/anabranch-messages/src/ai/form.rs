//! How an answer stands in JSON and in `Debug`, and what becomes one.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::AiMessage;
use crate::chars;
use crate::content::Content;
use crate::finish_reason::FinishReason;
use crate::one_role::AssistantRole;
use crate::tool_call_chunk::ToolCallChunk;
use crate::usage::Usage;

impl fmt::Debug for AiMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AiMessage");
        match &self.content {
            Content::Text(text) => shown.field("text", &chars(text)),
            Content::Parts(parts) => shown.field("parts", parts),
        };
        let rest = self.rest();
        if !rest.calls.as_slice().is_empty() {
            shown.field("tool_calls", &rest.calls.as_slice().len());
        }
        if let Some(reason) = &rest.finish_reason {
            shown.field("finish_reason", &reason.kind());
        }
        shown.finish_non_exhaustive()
    }
}

impl Serialize for AiMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rest = self.rest();
        let mut fields = serializer.serialize_struct("AiMessage", 8)?;
        fields.serialize_field("role", &AssistantRole::default())?;
        fields.serialize_field("content", &self.content)?;
        macro_rules! unless {
            ($missing:ident: $($field:ident)*) => {$(
                if rest.$field.$missing() {
                    fields.skip_field(stringify!($field))?;
                } else {
                    fields.serialize_field(stringify!($field), &rest.$field)?;
                }
            )*};
        }
        match rest.calls.as_slice() {
            [] => fields.skip_field("tool_calls")?,
            calls => fields.serialize_field("tool_calls", calls)?,
        }
        unless!(is_none: finish_reason usage model id);
        unless!(is_empty: metadata);
        fields.end()
    }
}

impl From<String> for AiMessage {
    #[inline]
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for AiMessage {
    #[inline]
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Content> for AiMessage {
    #[inline]
    fn from(content: Content) -> Self {
        Self::new(content)
    }
}

impl From<ToolCallChunk> for AiMessage {
    #[inline]
    fn from(piece: ToolCallChunk) -> Self {
        Self::default().with_tool_call_chunk(piece)
    }
}

impl From<Usage> for AiMessage {
    #[inline]
    fn from(usage: Usage) -> Self {
        Self::default().with_usage(usage)
    }
}

impl From<FinishReason> for AiMessage {
    #[inline]
    fn from(reason: FinishReason) -> Self {
        Self::default().with_finish_reason(reason)
    }
}
