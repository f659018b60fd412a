//! [`FinishReason`]: why a model stopped.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why a model stopped: the meaning all providers share, and the word the provider used.
///
/// ```
/// use anabranch_messages::{FinishKind, FinishReason};
///
/// let reason = FinishReason::new(FinishKind::Length, "max_tokens");
/// assert_eq!(reason, FinishKind::Length);
/// assert_eq!(reason.raw(), Some("max_tokens"));
/// assert_eq!(format!("{reason:?}"), r#"Length("max_tokens")"#);
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct FinishReason {
    kind: FinishKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

/// What a [`FinishReason`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishKind {
    /// The answer is complete, or a stop sequence was met.
    Stop,
    /// The limit of tokens that was asked for cut the answer off.
    Length,
    /// The model's context window was full, which cut the answer off: no higher limit helps.
    ContextWindow,
    /// The model wants tools to be called. (Many providers say `Stop` then, too: look at the calls.)
    ToolCalls,
    /// A filter of the provider's held the answer back, or broke it off.
    ContentFilter,
    /// The model refused to answer, or to go on.
    Refusal,
    /// The provider paused a long turn: send back what came, and the model goes on.
    Pause,
    /// The model tried to call a tool and wrote no call that can be read, or one of a tool it was not given.
    MalformedToolCall,
    /// Something failed at the provider; what came may be half an answer.
    Error,
    /// Anything else; the provider's word is in [`FinishReason::raw`].
    Other,
}

impl FinishReason {
    /// A reason with the provider's word for it.
    pub fn new(kind: FinishKind, raw: impl Into<String>) -> Self {
        Self { kind, raw: Some(raw.into()) }
    }

    /// The answer is complete.
    #[must_use]
    pub fn stop() -> Self {
        FinishKind::Stop.into()
    }

    /// The limit of tokens cut the answer off.
    #[must_use]
    pub fn length() -> Self {
        FinishKind::Length.into()
    }

    /// The model wants tools to be called.
    #[must_use]
    pub fn tool_calls() -> Self {
        FinishKind::ToolCalls.into()
    }

    /// What it means.
    #[must_use]
    pub fn kind(&self) -> FinishKind {
        self.kind
    }

    /// The provider's word for it.
    #[must_use]
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// Whether the answer ended before it was complete: at a limit of tokens, by a filter, by a refusal, by a pause, or
    /// because something failed.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        !matches!(self.kind, FinishKind::Stop | FinishKind::ToolCalls | FinishKind::Other)
    }

    /// What a provider's word means, whichever provider it is. One that is not known is [`FinishKind::Other`].
    ///
    /// ```
    /// use anabranch_messages::{FinishKind, FinishReason};
    ///
    /// assert_eq!(FinishReason::from_word("end_turn"), FinishKind::Stop);
    /// assert_eq!(FinishReason::from_word("end_turn").raw(), Some("end_turn"));
    /// ```
    #[must_use]
    pub fn from_word(word: impl Into<String>) -> Self {
        let word = word.into();
        let kind = match word.to_ascii_lowercase().replace('-', "_").as_str() {
            "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "completed" => FinishKind::Stop,
            "length" | "max_tokens" | "max_output_tokens" => FinishKind::Length,
            "model_length" | "model_context_window_exceeded" | "context_length_exceeded" => FinishKind::ContextWindow,
            "tool_calls" | "tool_call" | "tool_use" | "function_call" => FinishKind::ToolCalls,
            "content_filter"
            | "content_filtered"
            | "guardrail_intervened"
            | "safety"
            | "prohibited_content"
            | "blocklist"
            | "denylist"
            | "blocked"
            | "language"
            | "spii"
            | "recitation"
            | "image_safety"
            | "image_prohibited_content"
            | "image_recitation"
            | "error_toxic" => FinishKind::ContentFilter,
            "refusal" => FinishKind::Refusal,
            "pause_turn" => FinishKind::Pause,
            "malformed_function_call" | "malformed_tool_use" | "unexpected_tool_call" | "too_many_tool_calls" => {
                FinishKind::MalformedToolCall
            }
            "error"
            | "failed"
            | "cancelled"
            | "abort"
            | "aborted"
            | "incomplete"
            | "malformed_model_output"
            | "insufficient_system_resource" => FinishKind::Error,
            _ => FinishKind::Other,
        };
        Self::new(kind, word)
    }
}

impl FinishKind {
    /// The kind of this name. One that a later version wrote is [`FinishKind::Other`].
    pub(crate) fn named(name: &str) -> Self {
        use FinishKind::*;
        let known = [Stop, Length, ContextWindow, ToolCalls, ContentFilter, Refusal, Pause, MalformedToolCall, Error];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Other)
    }

    /// The kind as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContextWindow => "context_window",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Pause => "pause",
            Self::MalformedToolCall => "malformed_tool_call",
            Self::Error => "error",
            Self::Other => "other",
        }
    }
}

impl Serialize for FinishKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl From<FinishKind> for FinishReason {
    fn from(kind: FinishKind) -> Self {
        Self { kind, raw: None }
    }
}

impl PartialEq<FinishKind> for FinishReason {
    fn eq(&self, kind: &FinishKind) -> bool {
        self.kind == *kind
    }
}

impl fmt::Debug for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.raw {
            None => write!(f, "{:?}", self.kind),
            Some(raw) => write!(f, "{:?}({raw:?})", self.kind),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw.as_deref().unwrap_or(self.kind.as_str()))
    }
}
