//! [`Content`]: what a message says.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::assembly::add_next;
use crate::chars;
use crate::part::ContentPart;

/// What a message says: text, or a list of parts. In JSON a string or an array.
///
/// ```
/// use anabranch_messages::{Content, ContentPart};
///
/// let plain = Content::from("Hello");
/// let parts = Content::from([ContentPart::text("Hel"), ContentPart::text("lo")]);
/// assert_eq!(plain.text(), parts.text());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// Text.
    Text(String),
    /// Parts, in order.
    Parts(Vec<ContentPart>),
}

impl Content {
    /// The text of all text parts, joined. No copy where there is only one.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Parts(parts) => joined(parts.iter().filter_map(|part| match part {
                ContentPart::Text(text) => Some(text.text()),
                _ => None,
            })),
        }
    }

    /// [`text`](Self::text), moved out.
    #[inline]
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(mut parts) => {
                let mut whole = String::new();
                // They are taken where they stand: to move a part costs more than to read it.
                for part in &mut parts {
                    match part {
                        ContentPart::Text(text) if whole.is_empty() => whole = std::mem::take(text).into_text(),
                        ContentPart::Text(text) => whole.push_str(text.text()),
                        _ => {}
                    }
                }
                whole
            }
        }
    }

    /// The text of all thoughts, joined; empty where there is none.
    #[must_use]
    pub fn reasoning(&self) -> Cow<'_, str> {
        joined(self.parts().iter().filter_map(|part| match part {
            ContentPart::Reasoning(thought) => Some(thought.text()),
            _ => None,
        }))
    }

    /// The words of a refusal, joined; empty where there is none.
    #[must_use]
    pub fn refusal(&self) -> Cow<'_, str> {
        joined(self.parts().iter().filter_map(|part| match part {
            ContentPart::Refusal(text) => Some(text.text()),
            _ => None,
        }))
    }

    /// The parts; none where the content is plain text.
    #[must_use]
    pub fn parts(&self) -> &[ContentPart] {
        match self {
            Self::Text(_) => &[],
            Self::Parts(parts) => parts,
        }
    }

    /// The parts; plain text becomes one.
    #[must_use]
    pub fn into_parts(self) -> Vec<ContentPart> {
        match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![ContentPart::text(text)],
            Self::Parts(parts) => parts,
        }
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }

    /// Adds a part at the end.
    #[inline]
    pub fn push(&mut self, part: impl Into<ContentPart>) {
        self.make_parts().push(part.into());
    }

    /// Adds what comes next in a stream: text to the text before it, a thought to the thought before it. (Pieces of
    /// calls that are not next to each other find their call in [`AiMessage::append`](crate::AiMessage::append).)
    pub fn append(&mut self, next: Self) {
        match (&mut *self, next) {
            (Self::Text(text), Self::Text(more)) if text.is_empty() => *text = more,
            (Self::Text(text), Self::Text(more)) => text.push_str(&more),
            (_, Self::Text(more)) if more.is_empty() => {}
            (Self::Text(text), next @ Self::Parts(_)) if text.is_empty() => *self = next,
            (_, Self::Text(text)) => add_next(self.make_parts(), ContentPart::text(text)),
            (_, Self::Parts(next)) => {
                let parts = self.make_parts();
                next.into_iter().for_each(|next| add_next(parts, next));
            }
        }
    }

    /// Adds what comes next where that is text, or one part, that goes on with the last one and says no more than its
    /// text; false where it was not added.
    pub(crate) fn append_ref(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Text(text), Self::Text(more)) => text.push_str(more),
            (Self::Parts(parts), Self::Text(more)) => match parts.last_mut() {
                Some(ContentPart::Text(last)) if last.is_plain() => last.push_str(more),
                _ => return false,
            },
            (Self::Parts(parts), Self::Parts(next)) => match (parts.last_mut(), next.as_slice()) {
                (Some(last), [next]) => return last.append_ref(next),
                _ => return false,
            },
            (Self::Text(_), Self::Parts(_)) => return false,
        }
        true
    }

    pub(crate) fn make_parts(&mut self) -> &mut Vec<ContentPart> {
        if let Self::Text(text) = self {
            *self = Self::Parts(Self::Text(std::mem::take(text)).into_parts());
        }
        match self {
            Self::Parts(parts) => parts,
            Self::Text(_) => unreachable!("it was made parts above"),
        }
    }
}

fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let mut whole = Cow::Borrowed(texts.next().unwrap_or_default());
    texts.filter(|text| !text.is_empty()).for_each(|text| whole += text);
    whole
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({:?})", chars(text)),
            Self::Parts(parts) => f.debug_list().entries(parts).finish(),
        }
    }
}

impl From<String> for Content {
    #[inline]
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    #[inline]
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<&String> for Content {
    #[inline]
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Cow<'_, str>> for Content {
    #[inline]
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<ContentPart> for Content {
    #[inline]
    fn from(part: ContentPart) -> Self {
        Self::Parts(vec![part])
    }
}

impl From<Vec<ContentPart>> for Content {
    #[inline]
    fn from(parts: Vec<ContentPart>) -> Self {
        Self::Parts(parts)
    }
}

impl<const N: usize> From<[ContentPart; N]> for Content {
    #[inline]
    fn from(parts: [ContentPart; N]) -> Self {
        Self::Parts(parts.into())
    }
}
