//! [`OtherPart`]: what a provider said that has no kind here.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::extras::{Extras, by_provider};

/// What a provider said that has no kind here, kept as it came, so that it can go back unchanged.
///
/// ```
/// use anabranch_messages::OtherPart;
/// use serde_json::json;
///
/// let serde_json::Value::Object(item) = json!({"type": "computer_call", "id": "cu_1"}) else { unreachable!() };
/// let part = OtherPart::new(item).with_provider("openai");
/// assert_eq!(part.kind(), Some("computer_call"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct OtherPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    value: Map<String, Value>,
    #[serde(flatten)]
    extras: Extras,
}

impl OtherPart {
    /// What came.
    #[must_use]
    pub fn new(value: Map<String, Value>) -> Self {
        Self { provider: None, value, extras: Extras::default() }
    }

    /// Says whose it is: no other provider is sent it.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// What the provider calls it: its `type`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.value.get("type")?.as_str()
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// What came.
    #[must_use]
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }
}

by_provider!(OtherPart);

impl fmt::Debug for OtherPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherPart").field("provider", &self.provider).finish_non_exhaustive()
    }
}
