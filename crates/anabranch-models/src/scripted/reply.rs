//! [`Reply`]: one reply of a script, and in which pieces it is streamed.

use std::time::Duration;

use anabranch_core::Error;
use anabranch_messages::{AiMessage, ContentPart, FinishReason};

/// One reply of a [`ScriptedModel`](crate::ScriptedModel): a message, a failure, or a message that breaks off.
///
/// Text and messages become replies by themselves:
///
/// ```
/// use anabranch_core::{Error, ErrorKind};
/// use anabranch_messages::{AiMessage, ToolCall};
/// use anabranch_models::{Reply, ScriptedModel};
/// use serde_json::json;
///
/// let overloaded = || Error::new(ErrorKind::Overloaded, "too busy");
/// let script = ScriptedModel::new()
///     .reply("Hello.")
///     .reply(AiMessage::default().with_tool_call(ToolCall::new("1", "weather", json!({"city": "Bremen"}))))
///     .reply(Reply::error(overloaded()))
///     .reply(Reply::from("Once upon a time there was a river.").breaking_after(3, overloaded()))
///     .reply(Reply::from("At last.").after_failures(2, overloaded()));
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    message: AiMessage,
    /// How many pieces come before the error.
    breaking_after: Option<usize>,
    pub(super) error: Option<Error>,
    failures_first: Option<(usize, Error)>,
    pub(super) before: Option<Duration>,
    pub(super) between: Option<Duration>,
    pieces: Option<Pieces>,
}

/// In which pieces a reply is streamed. What is not text comes with the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pieces {
    /// Word by word, each with the space behind it.
    Words,
    /// Character by character.
    Chars,
    /// All at once.
    Whole,
}

impl Reply {
    /// A failure before the first piece.
    #[must_use]
    pub fn error(error: Error) -> Self {
        Self::from(AiMessage::default()).breaking_after(0, error)
    }

    /// The same reply, breaking off with an error after this many pieces. An answer that is not streamed is the error.
    #[must_use]
    pub fn breaking_after(mut self, pieces: usize, error: Error) -> Self {
        self.breaking_after = Some(pieces);
        self.error = Some(error);
        self
    }

    /// The same reply, after this many calls that fail with an error.
    #[must_use]
    pub fn after_failures(mut self, times: usize, error: Error) -> Self {
        self.failures_first = Some((times, error)).filter(|(times, _)| *times > 0);
        self
    }

    /// The same reply with delays of its own: before its first piece, and between any two.
    #[must_use]
    pub fn delay(mut self, before: Duration, between: Duration) -> Self {
        self.before = Some(before);
        self.between = Some(between);
        self
    }

    /// The same reply in pieces of its own.
    #[must_use]
    pub fn in_pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = Some(pieces);
        self
    }

    /// A failure that still comes before the reply.
    pub(super) fn take_failure(&mut self) -> Option<Self> {
        let (times, error) = self.failures_first.take()?;
        if times > 1 {
            self.failures_first = Some((times - 1, error.clone()));
        }
        Some(Self { before: self.before, ..Self::error(error) })
    }

    /// The pieces, in order, as far as they come.
    pub(super) fn pieces(&self, unless_set: Pieces) -> Vec<AiMessage> {
        let mut pieces = split(self.message.clone(), self.pieces.unwrap_or(unless_set));
        if let Some(after) = self.breaking_after {
            pieces.truncate(after);
        }
        pieces
    }
}

/// Pieces that add up to the message.
fn split(mut message: AiMessage, pieces: Pieces) -> Vec<AiMessage> {
    if pieces == Pieces::Whole {
        return vec![message];
    }
    let mut split = Vec::new();
    for part in message.take_content().into_parts() {
        match (part, split.last_mut()) {
            (ContentPart::Text(text), _) if text.is_plain() => {
                split.extend(cut(text.text(), pieces).map(AiMessage::new));
            }
            // A call comes with what stands before it.
            (call @ ContentPart::ToolCall(_), Some(last)) => last.append(call),
            (other, _) => split.push(AiMessage::from(other)),
        }
    }
    // The rest: finish reason, usage, and what else there may be.
    match split.last_mut() {
        Some(last) => last.append(message),
        None => split.push(message),
    }
    split
}

fn cut(text: &str, pieces: Pieces) -> Box<dyn Iterator<Item = &str> + '_> {
    match pieces {
        Pieces::Words => Box::new(text.split_inclusive(char::is_whitespace)),
        Pieces::Chars => Box::new(text.char_indices().map(|(start, char)| &text[start..start + char.len_utf8()])),
        Pieces::Whole => Box::new(std::iter::once(text)),
    }
}

/// A message without a finish reason gets the one it would have had.
impl From<AiMessage> for Reply {
    fn from(message: AiMessage) -> Self {
        let message = match (message.finish_reason(), message.tool_calls().is_empty()) {
            (Some(_), _) => message,
            (None, true) => message.with_finish_reason(FinishReason::stop()),
            (None, false) => message.with_finish_reason(FinishReason::tool_calls()),
        };
        Self {
            message,
            breaking_after: None,
            error: None,
            failures_first: None,
            before: None,
            between: None,
            pieces: None,
        }
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::from(AiMessage::new(text))
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::from(AiMessage::new(text))
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        Self::error(error)
    }
}
