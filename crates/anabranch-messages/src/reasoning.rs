//! [`Reasoning`]: what a model thought before it answered.

use std::fmt;

use serde::Serialize;

use crate::chars;
use crate::extras::{Extras, by_provider};

/// What a model thought before it answered, and what the provider wants back with it unchanged.
///
/// ```
/// use anabranch_messages::Reasoning;
///
/// let thought = Reasoning::new("Two rivers meet here.").with_signature("c2ln");
/// assert_eq!(thought.text(), "Two rivers meet here.");
/// assert_eq!(format!("{thought:?}"), "Reasoning { text: 21 chars, sealed: true }");
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reasoning {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<String>,
    #[serde(flatten)]
    extras: Extras,
}

impl Reasoning {
    /// A thought, or a piece of one.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A thought the provider shows in encrypted form only.
    pub fn encrypted_only(data: impl Into<String>) -> Self {
        Self::default().with_encrypted(data)
    }

    pub(crate) fn from_parts(text: String, encrypted: Option<String>, extras: Extras) -> Self {
        Self { text, encrypted, extras }
    }

    /// Adds the provider's signature. It seals the thought: what comes after it in a stream is another one.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.extras.get_mut().signature = Some(signature.into());
        self
    }

    /// Adds the encrypted form. It seals the thought as a signature does.
    #[must_use]
    pub fn with_encrypted(mut self, data: impl Into<String>) -> Self {
        self.encrypted = Some(data.into());
        self
    }

    /// Adds the provider's name for it.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.extras.get_mut().id = Some(id.into());
        self
    }

    /// The text; empty where it is not shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature that goes back with the text.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.extras.signature()
    }

    /// The encrypted form that goes back in place of the text.
    #[must_use]
    pub fn encrypted(&self) -> Option<&str> {
        self.encrypted.as_deref()
    }

    /// The provider's name for it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.extras.id()
    }

    fn is_sealed(&self) -> bool {
        self.signature().is_some() || self.encrypted.is_some()
    }

    /// Appends the next piece, or gives it back where it begins another thought.
    pub(crate) fn append(&mut self, next: Self) -> Option<Self> {
        if !self.goes_on_with(&next) {
            return Some(next);
        }
        self.text.push_str(&next.text);
        self.encrypted = next.encrypted;
        self.extras.append(next.extras);
        None
    }

    /// Appends the next piece where it is nothing but text; false where it was not appended.
    pub(crate) fn append_ref(&mut self, next: &Self) -> bool {
        let is_text = next.encrypted.is_none() && next.extras.is_empty() && self.goes_on_with(next);
        if is_text {
            self.text.push_str(&next.text);
        }
        is_text
    }

    fn goes_on_with(&self, next: &Self) -> bool {
        !self.is_sealed() && (next.id().is_none() || next.id() == self.id())
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }
}

by_provider!(Reasoning);

impl fmt::Debug for Reasoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reasoning").field("text", &chars(&self.text)).field("sealed", &self.is_sealed()).finish()
    }
}
