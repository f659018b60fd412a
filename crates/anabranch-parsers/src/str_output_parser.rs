//! [`StrOutputParser`]: the text of an answer.

use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;

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
/// it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StrOutputParser;

impl Runnable for StrOutputParser {
    type Input = AiMessage;
    type Output = String;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<String> {
        Ok(answer.into_text())
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            // With its first chunk it is known how an answer adds up.
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                return Ok(answer.map_chunks(|answer| Ok(answer.into_text()), Merge::last()));
            }
            let text = |piece: AiMessage| match piece.into_text() {
                text if text.is_empty() => Ok(None),
                text => Ok(Some(text)),
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

pipe_operator!(impl for StrOutputParser);

#[cfg(test)]
mod tests {
    use anabranch_core::{Error, ErrorKind, RunnableExt};
    use anabranch_messages::{ContentPart, FinishReason, Reasoning, ToolCallChunk};
    use futures::TryStreamExt;

    use super::*;

    fn pieces() -> Vec<AiMessage> {
        vec![
            AiMessage::new([ContentPart::from(Reasoning::new("hm"))]),
            AiMessage::new(""),
            AiMessage::new("a"),
            ToolCallChunk::new().with_index(0).with_name("f").into(),
            AiMessage::new([ContentPart::text("b"), ContentPart::refusal("no"), ContentPart::text("c")]),
            AiMessage::new(" ").with_finish_reason(FinishReason::stop()),
        ]
    }

    #[tokio::test]
    async fn a_stream_collected_is_what_invoke_gives() {
        let stream = || Chunks::from_values(pieces(), AiMessage::merge());
        let whole = stream().collect().await.unwrap();
        let invoked = StrOutputParser.invoke(whole).await.unwrap();
        assert_eq!(invoked, "abc ");
        assert_eq!(StrOutputParser.transform(stream()).collect().await.unwrap(), invoked);
        let streamed: Vec<_> = StrOutputParser.transform(stream()).try_collect().await.unwrap();
        assert_eq!(streamed, ["a", "bc", " "]);

        let empty = Chunks::from_values([], AiMessage::merge());
        assert_eq!(StrOutputParser.transform(empty).collect().await.unwrap(), "");
        assert_eq!(StrOutputParser.invoke(AiMessage::default()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn snapshots_of_an_answer_stay_snapshots() {
        let snapshots = || Chunks::from_values(["a", "ab", ""].map(AiMessage::new), Merge::last());
        assert_eq!(StrOutputParser.transform(snapshots()).collect().await.unwrap(), "");
        let streamed: Vec<_> = StrOutputParser.transform(snapshots()).try_collect().await.unwrap();
        assert_eq!(streamed, ["a", "ab", ""]);
    }

    #[tokio::test]
    async fn an_error_comes_after_the_pieces_before_it() {
        let broken = futures::stream::iter([
            Ok(AiMessage::new("a")),
            Err(Error::new(ErrorKind::Connection, "gone")),
            Ok(AiMessage::new("b")),
        ]);
        let mut pieces = StrOutputParser.transform(Chunks::new(broken, AiMessage::merge()));
        assert_eq!(pieces.try_next().await.unwrap().as_deref(), Some("a"));
        assert_eq!(pieces.try_next().await.unwrap_err().kind(), ErrorKind::Connection);
        assert!(pieces.try_next().await.unwrap().is_none());
    }
}
