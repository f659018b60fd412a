//! How an answer stands in JSON and in `Debug`, and what becomes one.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::AiMessage;
use crate::chars;
use crate::content::Content;
use crate::finish_reason::FinishReason;
use crate::one_role::AssistantRole;
use crate::part::ContentPart;
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
        if let Some(reason) = &rest.finish_reason {
            shown.field("finish_reason", &reason.kind());
        }
        shown.finish_non_exhaustive()
    }
}

impl Serialize for AiMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rest = self.rest();
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("role", &AssistantRole::default())?;
        fields.serialize_entry("content", &self.content)?;
        macro_rules! unless {
            ($missing:ident: $($field:ident)*) => {$(
                if !rest.$field.$missing() {
                    fields.serialize_entry(stringify!($field), &rest.$field)?;
                }
            )*};
        }
        unless!(is_none: finish_reason usage model id);
        unless!(is_empty: metadata);
        if let Some(extra) = rest.extras.get() {
            extra.write_providers(&mut fields)?;
        }
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

/// One part, or a piece of one.
impl From<ContentPart> for AiMessage {
    #[inline]
    fn from(part: ContentPart) -> Self {
        Self::new(part)
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
