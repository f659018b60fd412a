//! [`ContentPart`]: one piece of a message's content.

use std::fmt;

use serde::Serialize;

use crate::chars;
use crate::media::Media;
use crate::other_part::OtherPart;
use crate::reasoning::Reasoning;
use crate::server_tool_result::ServerToolResult;
use crate::tool_call::ToolCall;

/// One piece of a message's content.
///
/// ```
/// use anabranch_messages::{ContentPart, Media, UserMessage};
///
/// let question = UserMessage::new([
///     ContentPart::text("What is on this picture?"),
///     ContentPart::Image(Media::url("https://example.org/river.jpg")),
/// ]);
/// assert_eq!(question.text(), "What is on this picture?");
/// ```
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image(Media),
    /// A sound.
    Audio(Media),
    /// A film.
    Video(Media),
    /// A document of any kind.
    File(Media),
    /// What the model thought before it answered. It is no part of [`Content::text`](crate::Content::text).
    Reasoning(Reasoning),
    /// The words in which the model refused to answer. They are no part of [`Content::text`](crate::Content::text).
    Refusal {
        /// The words.
        text: String,
    },
    /// A call of a tool that the provider runs by itself. It is none of
    /// [`AiMessage::tool_calls`](crate::AiMessage::tool_calls), which are for the program to run.
    ServerToolCall(ToolCall),
    /// What such a tool gave.
    ServerToolResult(ServerToolResult),
    /// What a provider said that has no kind here.
    Other(OtherPart),
}

impl ContentPart {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A refusal.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self::Refusal { text: text.into() }
    }

    /// Appends the next piece of the same kind, or gives it back.
    pub(crate) fn append(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text { text }, Self::Text { text: more })
            | (Self::Refusal { text }, Self::Refusal { text: more }) => {
                text.push_str(&more);
                None
            }
            (Self::Reasoning(thought), Self::Reasoning(more)) => thought.append(more).map(Self::Reasoning),
            (_, next) => Some(next),
        }
    }
}

impl fmt::Debug for ContentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text } => write!(f, "Text({:?})", chars(text)),
            Self::Refusal { text } => write!(f, "Refusal({:?})", chars(text)),
            Self::Image(media) => f.debug_tuple("Image").field(media).finish(),
            Self::Audio(media) => f.debug_tuple("Audio").field(media).finish(),
            Self::Video(media) => f.debug_tuple("Video").field(media).finish(),
            Self::File(media) => f.debug_tuple("File").field(media).finish(),
            Self::Reasoning(thought) => fmt::Debug::fmt(thought, f),
            Self::ServerToolCall(call) => f.debug_tuple("ServerToolCall").field(call).finish(),
            Self::ServerToolResult(result) => fmt::Debug::fmt(result, f),
            Self::Other(part) => fmt::Debug::fmt(part, f),
        }
    }
}

impl From<String> for ContentPart {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for ContentPart {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<Reasoning> for ContentPart {
    fn from(thought: Reasoning) -> Self {
        Self::Reasoning(thought)
    }
}
