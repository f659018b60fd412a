//! [`ServerToolResult`]: what a tool gave that the provider ran.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::extras::{Extras, by_provider, cacheable};

/// What a tool gave that the provider ran by itself: pages that were found, what a program printed.
///
/// ```
/// use anabranch_messages::ServerToolResult;
/// use serde_json::json;
///
/// let found = ServerToolResult::new("srvtoolu_1", json!([{"title": "Weser", "url": "https://example.org"}]));
/// assert_eq!(found.tool_call_id(), "srvtoolu_1");
/// assert!(!found.is_error());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ServerToolResult {
    tool_call_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    output: Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(flatten)]
    extras: Extras,
}

impl ServerToolResult {
    /// The result of the call with this id, as the provider gave it.
    pub fn new(tool_call_id: impl Into<String>, output: impl Into<Value>) -> Self {
        Self {
            tool_call_id: tool_call_id.into(),
            name: None,
            output: output.into(),
            is_error: false,
            extras: Extras::default(),
        }
    }

    /// Says of which tool it is, or of which kind, in the provider's words.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says that the tool failed, and the output tells how.
    #[must_use]
    pub fn with_error(mut self) -> Self {
        self.is_error = true;
        self
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// The call it answers.
    #[must_use]
    pub fn tool_call_id(&self) -> &str {
        &self.tool_call_id
    }

    /// Of which tool it is, or of which kind.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the tool gave.
    #[must_use]
    pub fn output(&self) -> &Value {
        &self.output
    }

    /// Whether the tool failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}

by_provider!(ServerToolResult);
cacheable!(ServerToolResult);

impl fmt::Debug for ServerToolResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerToolResult").field("is_error", &self.is_error).finish_non_exhaustive()
    }
}
