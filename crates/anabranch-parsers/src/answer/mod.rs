//! What every parser asks an answer before it reads it.

pub(crate) mod tags;
pub(crate) mod thinking;

use std::borrow::Cow;

use anabranch_core::{Error, Result};
use anabranch_messages::{AiMessage, FinishKind, FinishReason};

use crate::parse_error::{ParseError, ParseErrorKind};
use thinking::start_of_answer;

/// The text of an answer, and how the answer ended.
pub(crate) struct Answer<'a> {
    pub(crate) text: Cow<'a, str>,
    finish: Option<&'a FinishReason>,
}

impl<'a> Answer<'a> {
    /// The text of an answer that may be read: not of one that was refused, filtered, or has none.
    pub(crate) fn of(answer: &'a AiMessage) -> Result<Self> {
        let this = Self::of_calls(answer)?;
        let calls = answer.tool_calls().len();
        if calls > 0 && this.text.trim().is_empty() {
            let message = format!("the answer has no text, but {calls} tool calls");
            return Err(ParseError::new(ParseErrorKind::ToolCalls, message).with_text(&this.text));
        }
        Ok(this)
    }

    /// [`of`](Self::of), where tool calls are what is wanted.
    pub(crate) fn of_calls(answer: &'a AiMessage) -> Result<Self> {
        let this = Self { text: answer.text(), finish: answer.finish_reason() };
        allowed(&answer.refusal(), this.finish, &this.text)?;
        Ok(this)
    }

    /// A text of which nothing else is known.
    pub(crate) fn text(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), finish: None }
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.finish.is_some_and(FinishReason::is_cut_off)
    }

    /// Why it was cut off, to stand behind a message.
    pub(crate) fn cause(&self) -> &'static str {
        match self.finish {
            Some(reason) if *reason == FinishKind::Length => {
                ": the limit of tokens cut the answer off; raise it, or ask for less"
            }
            Some(reason) if *reason == FinishKind::ContextWindow => {
                ": the model's context window was full; send less, or take a model with a larger one"
            }
            Some(reason) if *reason == FinishKind::Pause => ": the provider paused; send back what came to go on",
            Some(reason) if reason.is_cut_off() => ": the provider broke the answer off",
            _ => "",
        }
    }

    /// An answer without anything in it, or that was cut off, gives nothing to parsers of words.
    pub(crate) fn whole(self) -> Result<Self> {
        if self.is_empty() {
            return Err(self.empty());
        }
        self.check_whole()?;
        Ok(self)
    }

    /// An error where the answer was cut off.
    pub(crate) fn check_whole(&self) -> Result<()> {
        if !self.was_cut() {
            return Ok(());
        }
        let message = format!("the answer is truncated{}", self.cause());
        Err(ParseError::new(ParseErrorKind::Truncated, message).with_text(&self.text))
    }

    /// The words of the answer, without what the model thought.
    pub(crate) fn words(&self) -> Result<&str> {
        match start_of_answer(&self.text) {
            Some(start) => Ok(self.text[start..].trim()),
            None => {
                let error = ParseError::new(ParseErrorKind::Thought, "the answer is a thought that does not end");
                Err(error.with_text(&self.text))
            }
        }
    }

    /// Whether there is no text, or nothing behind what the model thought.
    pub(crate) fn is_empty(&self) -> bool {
        start_of_answer(&self.text).is_some_and(|start| self.text[start..].trim().is_empty())
    }

    pub(crate) fn empty(&self) -> Error {
        let message = format!("the answer has no text{}", self.cause());
        ParseError::new(ParseErrorKind::Empty, message).with_text(&self.text)
    }
}

/// Nothing is read of an answer in which the model refused, or that a filter broke off. Words beside a refusal are no
/// answer either.
pub(crate) fn allowed(refusal: &str, finish: Option<&FinishReason>, text: &str) -> Result<()> {
    let ended_by = |kind: FinishKind| finish.is_some_and(|finish| *finish == kind);
    let says_so = !refusal.trim().is_empty();
    if says_so || ended_by(FinishKind::Refusal) {
        let error = ParseError::new(ParseErrorKind::Refused, "the model refused to answer");
        // Where only the finish reason tells of it, what it said is all there is.
        return Err(error.with_text(if says_so { refusal } else { text }));
    }
    if ended_by(FinishKind::ContentFilter) {
        let error = ParseError::new(ParseErrorKind::Filtered, "a content filter broke the answer off");
        return Err(error.with_text(text));
    }
    Ok(())
}
