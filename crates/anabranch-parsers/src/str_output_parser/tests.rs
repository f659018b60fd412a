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

#[tokio::test]
async fn what_the_model_thought_is_left_out() {
    let streamed = async |text: &str| {
        let pieces: Vec<_> = text.chars().map(|c| AiMessage::new(c.to_string())).collect();
        let stream = StrOutputParser.transform(Chunks::from_values(pieces, AiMessage::merge()));
        stream.try_collect::<Vec<String>>().await.map(|pieces| pieces.concat())
    };
    for text in
        ["<think>a < b</think>\n\nIt is <b>.", "It is <b>.", "<reasoning>a</reasoning><think>b</think>It is <b>."]
    {
        assert_eq!(StrOutputParser.invoke(text).await.unwrap(), "It is <b>.", "{text}");
        assert_eq!(streamed(text).await.unwrap(), "It is <b>.", "{text}");
    }
    let without_begin = "It may be this.</think>It is that.";
    assert_eq!(StrOutputParser.invoke(without_begin).await.unwrap(), "It is that.");
    let error = streamed(without_begin).await.unwrap_err();
    assert_eq!(error.downcast_ref::<ParseError>().map(ParseError::kind), Some(ParseErrorKind::Thought));
}
