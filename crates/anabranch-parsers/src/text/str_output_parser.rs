//! [`StrOutputParser`]: the text of an answer.

use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, Content, FinishReason};

use crate::answer::allowed;
use crate::answer::thinking::{EndWithoutBegin, Thoughts, without_thoughts};
use crate::parse_error::{ParseError, ParseErrorKind};

/// Takes the text out of an answer. It streams: each piece of the answer that has text gives a piece of text.
///
/// ```
/// use anabranch_core::{Chunks, RunnableExt};
/// use anabranch_messages::AiMessage;
/// use anabranch_parsers::StrOutputParser;
/// use futures::TryStreamExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// assert_eq!(StrOutputParser.invoke(AiMessage::new("two rivers")).await?, "two rivers");
///
/// let answer = Chunks::from_values(["two ", "rivers"].map(AiMessage::new), AiMessage::merge());
/// let pieces: Vec<String> = StrOutputParser.transform(answer).try_collect().await?;
/// assert_eq!(pieces, ["two ", "rivers"]);
/// # Ok(()) }
/// ```
///
/// An answer without text, such as one of tool calls alone, gives the empty text. What the model thought is no part of
/// it, be it a part of its own or text between `<think>`, `<thinking>` or `<reasoning>` and its end. Where the text has
/// only such an end, what stands before it is left out; as a stream that is an error, because it was handed on by then.
///
/// An answer in which the model refused, or that a content filter broke off, is an error: of a stream at its end, after
/// the text that came. One that was cut off by the limit of tokens is a text: a text has no end that could lack. Who
/// cares asks the message, [`AiMessage::finish_reason`].
///
/// ```
/// use anabranch_core::{ErrorKind, RunnableExt};
/// use anabranch_messages::{AiMessage, FinishKind};
/// use anabranch_parsers::StrOutputParser;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let filtered = AiMessage::new("two ri").with_finish_reason(FinishKind::ContentFilter);
/// let error = StrOutputParser.invoke(filtered).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::ContentFilter);
/// assert_eq!(error.partial::<String>().unwrap(), "two ri");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StrOutputParser;

impl Runnable for StrOutputParser {
    type Input = AiMessage;
    type Output = String;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<String> {
        text_of(answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            // With its first chunk it is known how an answer adds up.
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                return Ok(answer.map_chunks(text_of, Merge::last()));
            }
            let mut texts = Texts { thoughts: Thoughts::new(), end: End::default() };
            let text_of = move |piece: Option<AiMessage>| match piece {
                Some(piece) => texts.text_of(piece),
                None => texts.end.check(),
            };
            Ok(answer.filter_map_to_end(text_of, Merge::append()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "StrOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "StrOutputParser").gives(Gives::Bare)
    }
}

fn text_of(answer: AiMessage) -> Result<String> {
    // Nearly all answers are nothing but text.
    if !matches!(answer.content(), Content::Text(_)) || answer.finish_reason().is_some() {
        allowed(&answer.refusal(), answer.finish_reason(), &answer.text())?;
    }
    Ok(without_thoughts(answer.into_text()))
}

/// The texts of an answer, piece by piece.
struct Texts {
    thoughts: Thoughts,
    end: End,
}

/// What is known at the end of an answer.
#[derive(Default)]
struct End {
    text: String,
    refusal: String,
    finish: Option<FinishReason>,
}

impl Texts {
    /// What a piece adds to the text, if that is something.
    #[inline]
    fn text_of(&mut self, piece: AiMessage) -> Result<Option<String>> {
        // Nearly all pieces are nothing but text.
        if !matches!(piece.content(), Content::Text(_)) || piece.finish_reason().is_some() {
            self.end.note(&piece);
        }
        let text = piece.into_text();
        self.end.text.push_str(&text);
        if !self.thoughts.passes(&text) {
            let text = self.thoughts.push(text).map_err(|EndWithoutBegin| thought_without_begin(&self.end.text))?;
            return Ok(Some(text).filter(|text| !text.is_empty()));
        }
        Ok(if text.is_empty() { None } else { Some(text) })
    }
}

impl End {
    #[cold]
    fn note(&mut self, piece: &AiMessage) {
        if let Some(finish) = piece.finish_reason() {
            self.finish = Some(finish.clone());
        }
        self.refusal.push_str(&piece.refusal());
    }

    fn check(&self) -> Result<Option<String>> {
        allowed(&self.refusal, self.finish.as_ref(), &self.text).map(|()| None)
    }
}

#[cold]
fn thought_without_begin(text: &str) -> anabranch_core::Error {
    let message = "a thought ended that did not begin, so what came until then was no answer: let the server take \
                   thoughts out of the answer, or invoke instead of streaming";
    ParseError::new(ParseErrorKind::Thought, message).with_text(text)
}

pipe_operator!(impl for StrOutputParser);

#[cfg(test)]
mod tests;
