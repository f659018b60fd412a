//! [`Came`]: the blocks of an answer, as far as a message has no place for them.

use serde_json::{Map, Value, json};

use crate::reader;

/// A block that came, as far as a message has no place for it.
pub(super) enum Came {
    Text {
        bytes: usize,
        citations: Vec<String>,
    },
    Thinking,
    RedactedThinking,
    Call {
        /// What it began with, where nothing was added: some servers send all of it at once.
        input: Option<String>,
    },
    /// A tool of the provider's, its result, and whatever else there will be.
    Other {
        raw: String,
        input: String,
    },
}

impl Came {
    /// Whether it holds what has no place in a message.
    pub(super) fn has_no_place(&self) -> bool {
        match self {
            Self::Text { citations, .. } => !citations.is_empty(),
            Self::Other { .. } => true,
            _ => false,
        }
    }

    /// What is in the message already is only named.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Text { bytes, citations } if citations.is_empty() => json!({"type": "text", "bytes": bytes}),
            Self::Text { bytes, citations } => {
                let citations: Vec<Value> = citations.iter().filter_map(|one| reader::value(one)).collect();
                json!({"type": "text", "bytes": bytes, "citations": citations})
            }
            Self::Thinking => json!({"type": "thinking"}),
            Self::RedactedThinking => json!({"type": "redacted_thinking"}),
            Self::Call { .. } => json!({"type": "tool_use"}),
            Self::Other { raw, input } => {
                let mut block: Map<String, Value> = reader::value(&raw)?;
                if !input.is_empty() {
                    // What breaks off is kept as the text it is.
                    block.insert("input".into(), reader::value(&input).unwrap_or_else(|| input.into()));
                }
                block.into()
            }
        })
    }
}
