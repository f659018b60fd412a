//! [`FinishReason`]: why a model stopped.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishReason {
    kind: FinishKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

/// What a [`FinishReason`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishKind {
    /// The answer is complete, or a stop sequence was met.
    Stop,
    /// The limit of tokens cut the answer off.
    Length,
    /// The model wants tools to be called. (Many providers say `Stop` then, too: look at the calls.)
    ToolCalls,
    /// A filter held the answer back, or the model refused.
    ContentFilter,
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

    /// Whether the answer ended before it was complete.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        matches!(self.kind, FinishKind::Length | FinishKind::Error)
    }
}

impl FinishKind {
    /// The kind as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
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

/// A kind that a later version wrote is read as [`FinishKind::Other`].
impl<'de> Deserialize<'de> for FinishKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = [Self::Stop, Self::Length, Self::ToolCalls, Self::ContentFilter, Self::Error];
        Ok(known.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Self::Other))
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
