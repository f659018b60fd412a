//! [`StrOutputParser`]: the text of an answer.

use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;

use crate::parse_error::{ParseError, ParseErrorKind};
use crate::thinking::{EndWithoutBegin, Thoughts, without_thoughts};

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StrOutputParser;

impl Runnable for StrOutputParser {
    type Input = AiMessage;
    type Output = String;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<String> {
        Ok(without_thoughts(answer.into_text()))
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            // With its first chunk it is known how an answer adds up.
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                return Ok(answer.map_chunks(|answer| Ok(without_thoughts(answer.into_text())), Merge::last()));
            }
            let mut thoughts = Thoughts::new();
            let text = move |piece: AiMessage| {
                let mut text = piece.into_text();
                if !thoughts.passes(&text) {
                    text = thoughts.push(text).map_err(|EndWithoutBegin| thought_without_begin())?;
                }
                Ok(if text.is_empty() { None } else { Some(text) })
            };
            Ok(answer.filter_map_chunks(text, Merge::append()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "StrOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "StrOutputParser").gives(Gives::Bare)
    }
}

#[cold]
fn thought_without_begin() -> anabranch_core::Error {
    let message = "a thought ended that did not begin, so what came until then was no answer: let the server take \
                   thoughts out of the answer, or invoke instead of streaming";
    ParseError::new(ParseErrorKind::Thought, message).with_text("")
}

pipe_operator!(impl for StrOutputParser);

#[cfg(test)]
mod tests;
