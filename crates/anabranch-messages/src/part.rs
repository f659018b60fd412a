//! [`ContentPart`]: one piece of a message's content.

use std::fmt;

use serde::Serialize;

use crate::chars;
use crate::citation::Citation;
use crate::media::Media;
use crate::other_part::OtherPart;
use crate::reasoning::Reasoning;
use crate::server_tool_result::ServerToolResult;
use crate::text_part::TextPart;
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
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentPart {
    /// Text.
    Text(TextPart),
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
    Refusal(TextPart),
    /// What the answer rests on, where the provider says it beside the text: a page that was found, the source of some
    /// words of the whole text.
    Citation(Citation),
    /// A call of a tool that the model asks for. The program runs it; [`AiMessage::tool_calls`] are all of them.
    ///
    /// [`AiMessage::tool_calls`]: crate::AiMessage::tool_calls
    ToolCall(ToolCall),
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
        Self::Text(TextPart::new(text))
    }

    /// A refusal.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self::Refusal(TextPart::new(text))
    }

    /// The call it is, whoever runs it.
    pub(crate) fn call(&self) -> Option<&ToolCall> {
        match self {
            Self::ToolCall(call) | Self::ServerToolCall(call) => Some(call),
            _ => None,
        }
    }

    pub(crate) fn call_mut(&mut self) -> Option<&mut ToolCall> {
        match self {
            Self::ToolCall(call) | Self::ServerToolCall(call) => Some(call),
            _ => None,
        }
    }

    /// Appends the next piece of the same part, or gives it back. Pieces of calls are none of this.
    pub(crate) fn append(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text(text), Self::Text(more)) => text.append(more).map(Self::Text),
            (Self::Refusal(text), Self::Refusal(more)) => text.append(more).map(Self::Refusal),
            (Self::Reasoning(thought), Self::Reasoning(more)) => thought.append(more).map(Self::Reasoning),
            (Self::Audio(sound), Self::Audio(more)) => sound.append(more).map(Self::Audio),
            (_, next) => Some(next),
        }
    }

    /// Appends the next piece of the same text, refusal or thought, unless it says more than its text; false where it
    /// was not appended.
    pub(crate) fn append_ref(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Text(text), Self::Text(more)) | (Self::Refusal(text), Self::Refusal(more)) => text.append_ref(more),
            (Self::Reasoning(thought), Self::Reasoning(more)) => thought.append_ref(more),
            _ => false,
        }
    }
}

impl fmt::Debug for ContentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::Refusal(text) => write!(f, "Refusal({:?})", chars(text.text())),
            Self::Citation(citation) => fmt::Debug::fmt(citation, f),
            Self::ToolCall(call) => fmt::Debug::fmt(call, f),
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

macro_rules! from_its_type {
    ($($kind:ident: $type:ty),*) => {$(
        impl From<$type> for ContentPart {
            fn from(part: $type) -> Self {
                Self::$kind(part)
            }
        }
    )*};
}

from_its_type!(
    Text: TextPart,
    Reasoning: Reasoning,
    Citation: Citation,
    ToolCall: ToolCall,
    ServerToolResult: ServerToolResult,
    Other: OtherPart
);
