//! [`SystemMessage`]: the instructions of the program.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::chars;
use crate::content::Content;
use crate::extras::{Extras, by_provider};
use crate::one_role::SystemRole;

/// The instructions of the program, which the model follows above all.
///
/// ```
/// use anabranch_messages::SystemMessage;
///
/// let message = SystemMessage::new("Answer in one word.");
/// assert_eq!(serde_json::to_string(&message)?, r#"{"role":"system","content":"Answer in one word."}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct SystemMessage {
    role: SystemRole,
    content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(flatten)]
    extras: Extras,
}

impl SystemMessage {
    /// A message of text or parts.
    #[inline]
    pub fn new(content: impl Into<Content>) -> Self {
        Self { role: SystemRole::default(), content: content.into(), name: None, extras: Extras::default() }
    }

    /// Says which of several speakers it is, for providers that tell them apart.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Keeps one thing that came with it and is no part of what is said: another library's id of it, for instance.
    #[must_use]
    pub fn with_metadata_entry(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras.get_mut().metadata.insert(key.into(), value.into());
        self
    }

    pub(crate) fn from_parts(content: Content, name: Option<String>, extras: Extras) -> Self {
        Self { role: SystemRole::default(), content, name, extras }
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// What it says.
    #[inline]
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What it says, moved out.
    #[must_use]
    pub fn into_content(self) -> Content {
        self.content
    }

    /// The text of it.
    #[inline]
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        self.content.text()
    }

    /// Which of several speakers it is.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What came with it besides.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        self.extras.metadata()
    }
}

by_provider!(SystemMessage);

impl fmt::Debug for SystemMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SystemMessage");
        match &self.content {
            Content::Text(text) => shown.field("text", &chars(text)),
            Content::Parts(parts) => shown.field("parts", parts),
        };
        shown.finish_non_exhaustive()
    }
}
