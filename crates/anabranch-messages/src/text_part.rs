//! [`TextPart`]: text, and what a provider says of it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::chars;
use crate::citation::Citation;
use crate::extras::{Extras, by_provider, cacheable};

/// Text, and what a provider says of it or is told with it.
///
/// ```
/// use anabranch_messages::{ContentPart, TextPart, UserMessage};
/// use serde_json::json;
///
/// let question = UserMessage::new([
///     ContentPart::from(TextPart::new("A long document").with_cache_control(json!({"type": "ephemeral"}))),
///     ContentPart::text("What does it say?"),
/// ]);
/// assert_eq!(question.text(), "A long documentWhat does it say?");
/// ```
///
/// Pieces of a stream that are nothing but text are one text. Text of which more is said is a part of its own, unless
/// it has an id: pieces with the same id, one behind the other, are one part. So text that is cited stays apart from
/// the text beside it.
///
/// ```
/// use anabranch_messages::{AiMessage, Citation, ContentPart, TextPart};
///
/// let piece = |text: &str| TextPart::new(text).with_id("1");
/// let mut answer = AiMessage::new("Here: ");
/// answer.append(AiMessage::new([piece("the Weser ").into()]));
/// answer.append(AiMessage::new([piece("is long").with_citation(Citation::new().with_title("Rivers")).into()]));
/// answer.append(".");
/// assert_eq!(answer.content().parts().len(), 3);
/// assert_eq!(answer.text(), "Here: the Weser is long.");
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct TextPart {
    text: String,
    #[serde(flatten)]
    extras: Extras,
}

impl TextPart {
    /// Text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), extras: Extras::default() }
    }

    pub(crate) fn with_extras(text: String, extras: Extras) -> Self {
        Self { text, extras }
    }

    /// Sets another text and keeps what is said of it. So the next piece of a part is made, which shares the id of this
    /// one and does not copy it.
    ///
    /// ```
    /// use anabranch_messages::{AiMessage, ContentPart, TextPart};
    ///
    /// let part = TextPart::default().with_id("1");
    /// let mut answer = AiMessage::default();
    /// for text in ["ana", "branch"] {
    ///     answer.append(AiMessage::new(ContentPart::from(part.clone().with_text(text))));
    /// }
    /// assert_eq!(answer.content().parts(), [TextPart::new("anabranch").with_id("1").into()]);
    /// ```
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Says which part of the answer it is, or a piece of, in the provider's words.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.extras.get_mut().id = Some(id.into());
        self
    }

    /// Adds a source the text rests on.
    #[must_use]
    pub fn with_citation(mut self, citation: Citation) -> Self {
        self.extras.get_mut().citations.push(citation);
        self
    }

    /// Adds something else the provider notes of the text, as it came.
    #[must_use]
    pub fn with_annotation(mut self, annotation: impl Into<Value>) -> Self {
        self.extras.get_mut().annotations.push(annotation.into());
        self
    }

    /// Adds what the provider wants back with the text unchanged.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.extras.get_mut().signature = Some(signature.into());
        self
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, moved out.
    #[inline]
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// Which part of the answer it is.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.extras.id()
    }

    /// The sources the text rests on.
    #[must_use]
    pub fn citations(&self) -> &[Citation] {
        self.extras.get().map_or(&[], |extra| &extra.citations)
    }

    /// What else the provider notes of the text.
    #[must_use]
    pub fn annotations(&self) -> &[Value] {
        self.extras.get().map_or(&[], |extra| &extra.annotations)
    }

    /// What the provider wants back with the text unchanged.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.extras.signature()
    }

    /// Whether it is nothing but text.
    #[inline]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.extras.is_empty()
    }

    pub(crate) fn push_str(&mut self, more: &str) {
        self.text.push_str(more);
    }

    /// Appends the next piece, or gives it back where it is another part.
    #[inline]
    pub(crate) fn append(&mut self, next: Self) -> Option<Self> {
        if !self.goes_on_with(&next) {
            return Some(next);
        }
        // A text may be as large as answers may be.
        match self.text.is_empty() {
            true => self.text = next.text,
            false => self.text.push_str(&next.text),
        }
        self.extras.append(next.extras);
        None
    }

    /// Appends the next piece where it is text and the id of this part, and nothing else; false where it was not
    /// appended.
    pub(crate) fn append_ref(&mut self, next: &Self) -> bool {
        let is_text = self.goes_on_with(next) && next.extras.is_no_more_than_id();
        if is_text {
            self.text.push_str(&next.text);
        }
        is_text
    }

    fn goes_on_with(&self, next: &Self) -> bool {
        match (self.extras.get(), next.extras.get()) {
            (None, None) => true,
            (Some(this), Some(next)) => this.id.is_some() && this.id == next.id,
            _ => false,
        }
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }
}

by_provider!(TextPart);
cacheable!(TextPart);

impl fmt::Debug for TextPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", chars(&self.text))
    }
}

impl From<String> for TextPart {
    #[inline]
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for TextPart {
    #[inline]
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
