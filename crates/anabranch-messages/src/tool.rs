//! [`ToolMessage`]: what a tool gave.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::chars;
use crate::content::Content;
use crate::extras::{Extras, by_provider, cacheable};
use crate::one_role::ToolRole;
use crate::tool_call::ToolCall;

/// What a tool gave, for the model that called it.
///
/// ```
/// use anabranch_messages::{ToolCall, ToolMessage};
/// use serde_json::json;
///
/// let call = ToolCall::new("call_1", "weather", json!({"city": "Bremen"}));
/// let result = ToolMessage::answer(&call, "Rain, 9 degrees");
/// assert_eq!(result.tool_call_id(), "call_1");
/// assert!(!result.is_error());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ToolMessage {
    role: ToolRole,
    tool_call_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    content: Content,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(flatten)]
    extras: Extras,
}

impl ToolMessage {
    /// The result of the call with this id.
    pub fn new(tool_call_id: impl Into<String>, content: impl Into<Content>) -> Self {
        Self {
            role: ToolRole::default(),
            tool_call_id: tool_call_id.into(),
            name: None,
            content: content.into(),
            is_error: false,
            extras: Extras::default(),
        }
    }

    /// The result of a call, with the name of the tool, which some providers want to see again.
    pub fn answer(call: &ToolCall, content: impl Into<Content>) -> Self {
        Self::new(call.id(), content).with_name(call.name())
    }

    /// Sets the name of the tool.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says that the tool failed, and the content tells how.
    #[must_use]
    pub fn with_error(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// Keeps what came with it and is not for the model: what another library calls an artifact, for instance.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map<String, Value>) -> Self {
        if !metadata.is_empty() || !self.extras.is_empty() {
            self.extras.get_mut().metadata = metadata;
        }
        self
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    pub(crate) fn with_extras(mut self, extras: Extras) -> Self {
        self.extras = extras;
        self
    }

    /// The call it answers.
    #[must_use]
    pub fn tool_call_id(&self) -> &str {
        &self.tool_call_id
    }

    /// The name of the tool.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the tool failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// What came with it and is not for the model.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        self.extras.metadata()
    }

    /// What it gave.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What it gave, moved out.
    #[must_use]
    pub fn into_content(self) -> Content {
        self.content
    }

    /// The text of it.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }
}

by_provider!(ToolMessage);
cacheable!(ToolMessage);

impl fmt::Debug for ToolMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ToolMessage");
        match &self.content {
            Content::Text(text) => shown.field("text", &chars(text)),
            Content::Parts(parts) => shown.field("parts", parts),
        };
        shown.field("is_error", &self.is_error).finish_non_exhaustive()
    }
}
