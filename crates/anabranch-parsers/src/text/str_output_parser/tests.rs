use anabranch_core::{Error, ErrorKind, RunnableExt};
use anabranch_messages::{ContentPart, FinishKind, FinishReason, Reasoning, ToolCallChunk};
use futures::TryStreamExt;

use super::*;

fn pieces() -> Vec<AiMessage> {
    vec![
        AiMessage::new([ContentPart::from(Reasoning::new("hm"))]),
        AiMessage::new(""),
        AiMessage::new("a"),
        ToolCallChunk::new().with_index(0).with_name("f").into(),
        AiMessage::new([ContentPart::text("b"), ContentPart::text("c")]),
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

#[tokio::test]
async fn what_was_refused_or_filtered_is_an_error_after_the_text_that_came() {
    let refusal = |text: &str| AiMessage::new([ContentPart::refusal(text)]);
    let ended = |kind: FinishKind| AiMessage::default().with_finish_reason(kind);
    for (pieces, texts, kind, raw) in [
        (
            vec!["a".into(), "b".into(), ended(FinishKind::ContentFilter)],
            vec!["a", "b"],
            ParseErrorKind::Filtered,
            "ab",
        ),
        (vec![ended(FinishKind::ContentFilter)], vec![], ParseErrorKind::Filtered, ""),
        (
            vec!["I will not.".into(), ended(FinishKind::Refusal)],
            vec!["I will not."],
            ParseErrorKind::Refused,
            "I will not.",
        ),
        (
            vec!["Well. ".into(), refusal("I ca"), refusal("nnot.")],
            vec!["Well. "],
            ParseErrorKind::Refused,
            "I cannot.",
        ),
        (vec![refusal("no"), "but".into(), ended(FinishKind::Stop)], vec!["but"], ParseErrorKind::Refused, "no"),
    ] {
        let stream = || Chunks::from_values(pieces.clone(), AiMessage::merge());
        let check = |error: Error| {
            let cause = error.downcast_ref::<ParseError>().unwrap();
            assert_eq!((cause.kind(), error.kind()), (kind, ErrorKind::ContentFilter));
            assert_eq!(error.partial::<String>().map(String::as_str), Some(raw));
        };
        check(StrOutputParser.invoke(stream().collect().await.unwrap()).await.unwrap_err());
        let mut streamed = StrOutputParser.transform(stream());
        for text in texts {
            assert_eq!(streamed.try_next().await.unwrap().as_deref(), Some(text));
        }
        check(streamed.try_next().await.unwrap_err());
        assert!(streamed.try_next().await.unwrap().is_none());
    }
    // A text has no end that could lack.
    let cut = AiMessage::new("two ri").with_finish_reason(FinishReason::length());
    assert_eq!(StrOutputParser.invoke(cut.clone()).await.unwrap(), "two ri");
    let cut = Chunks::from_values([cut], AiMessage::merge());
    assert_eq!(StrOutputParser.transform(cut).try_collect::<Vec<_>>().await.unwrap(), ["two ri"]);
}

#[tokio::test]
async fn a_stream_of_thoughts_lets_others_have_their_turn() {
    let thought = || AiMessage::new([ContentPart::from(Reasoning::new("hm"))]);
    let pieces = std::iter::repeat_with(thought).take(1000).chain(["a".into()]);
    let mut texts = StrOutputParser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    let mut turns = 1;
    let next = std::future::poll_fn(|cx| {
        let next = futures::StreamExt::poll_next_unpin(&mut texts, cx);
        turns += usize::from(next.is_pending());
        next
    });
    assert_eq!(next.await.unwrap().unwrap(), "a");
    assert!(turns > 5, "{turns}");
}
