//! [`Citation`]: what a statement of an answer rests on.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::extras::{Extras, by_provider};

/// A source of an answer: where it is, and which words of the answer rest on it.
///
/// It stands in a [`TextPart`](crate::TextPart) where the provider cites part by part, and as a
/// [part of its own](crate::ContentPart::Citation) where the provider says what the whole answer rests on (grounding,
/// search results).
///
/// ```
/// use anabranch_messages::{AiMessage, Citation, ContentPart, TextPart};
///
/// let cited = TextPart::new("The Weser ends in the North Sea.")
///     .with_citation(Citation::new().with_url("https://example.org/weser").with_title("Weser").with_range(4..9));
/// let answer = AiMessage::new([ContentPart::from(cited)]);
/// let citation = answer.citations().next().unwrap();
/// assert_eq!(&answer.text()[citation.range().unwrap()], "Weser");
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[doc(alias = "source")]
#[doc(alias = "annotation")]
#[doc(alias = "grounding")]
pub struct Citation {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cited_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
    #[serde(flatten)]
    extras: Extras,
}

impl Citation {
    /// A source of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where the source is.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Says what the source is called: the title of a page, the name of a file.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds the words of the source.
    #[must_use]
    pub fn with_cited_text(mut self, text: impl Into<String>) -> Self {
        self.cited_text = Some(text.into());
        self
    }

    /// Says which words of the answer rest on it: bytes of the text of its part, or, in a part of its own, of
    /// [`AiMessage::text`](crate::AiMessage::text). Adapters count in bytes, whatever their provider counts in.
    #[must_use]
    pub fn with_range(mut self, range: Range<usize>) -> Self {
        (self.start, self.end) = (Some(range.start), Some(range.end));
        self
    }

    /// Adds the provider's name for the source, such as the id of a file.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.extras.get_mut().id = Some(id.into());
        self
    }

    /// Where the source is.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// What the source is called.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The words of the source.
    #[must_use]
    pub fn cited_text(&self) -> Option<&str> {
        self.cited_text.as_deref()
    }

    /// Which words of the answer rest on it, in bytes. A provider may be wrong about it: `text.get(range)` does not
    /// panic.
    #[must_use]
    pub fn range(&self) -> Option<Range<usize>> {
        Some(self.start?..self.end?)
    }

    /// The provider's name for the source.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.extras.id()
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }
}

by_provider!(Citation);

impl fmt::Debug for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Citation").field("range", &self.range()).finish_non_exhaustive()
    }
}
