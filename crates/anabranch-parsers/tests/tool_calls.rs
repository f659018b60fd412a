//! Tool calls, whole, one by one and while they are written.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, Error, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason, ToolCall, ToolCallChunk};
use anabranch_parsers::{JsonFault, OutputParser, ParseError, ParseErrorKind, ToolCallsParser};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

fn kind(error: &anabranch_core::Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap_or_else(|| panic!("{error}")).kind()
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Tool {
    Weather { city: String },
    Add(Sum),
    Now,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Sum {
    a: i32,
    b: i32,
}

#[tokio::test]
async fn tool_calls() {
    let parser = ToolCallsParser::<Tool>::new();
    let weather = ToolCall::new("1", "weather", json!({"city": "Bremen"}));
    let add = ToolCall::new("2", "add", json!({"a": 1, "b": 2}));
    let all =
        AiMessage::new("Let me see.").with_tool_calls([weather.clone(), add, ToolCall::new("3", "now", Value::Null)]);
    let tools = [Tool::Weather { city: "Bremen".into() }, Tool::Add(Sum { a: 1, b: 2 }), Tool::Now];
    assert_eq!(parser.invoke(all.clone()).await.unwrap(), tools);
    assert_eq!(parser.invoke("nothing to call").await.unwrap(), []);

    let only = ToolCallsParser::<Sum>::of_tool("add");
    assert_eq!(only.invoke(all.clone()).await.unwrap(), [Sum { a: 1, b: 2 }]);
    assert_eq!(ToolCallsParser::<Sum>::of_tool("other").invoke(all).await.unwrap(), []);

    let unknown = AiMessage::new("").with_tool_call(ToolCall::new("1", "launch", json!({})));
    let error = parser.invoke(unknown).await.unwrap_err();
    assert_eq!(kind(&error), ParseErrorKind::UnknownTool);
    assert!(
        error.message().contains("the tool `launch` is not known: expected one of `weather`, `add`, `now`"),
        "{error}"
    );
    let wrong = AiMessage::new("").with_tool_call(ToolCall::new("1", "add", json!({"a": 1, "b": "secret"})));
    let error = parser.invoke(wrong).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.downcast_ref::<ParseError>().unwrap().path().is_empty()),
        (ParseErrorKind::Type, true)
    );
    assert!(error.message().contains("add.b") && !format!("{error:?}").contains("secret"), "{error}");
    // Nothing of the arguments is lost or rounded in silence.
    let any = ToolCallsParser::<Value>::of_tool("add");
    for (arguments, expected, path) in [
        ("{\"a\": 1, \"a\": 2}", ParseErrorKind::Json(JsonFault::DuplicateKey), "a"),
        ("{\"a\": {\"b\": 123456789012345678901}}", ParseErrorKind::Json(JsonFault::NumberRange), "a.b"),
        ("{\"a\": 1} x", ParseErrorKind::Json(JsonFault::TextAfter), ""),
        ("{\"a\": 1", ParseErrorKind::Truncated, ""),
    ] {
        let call = AiMessage::new("").with_tool_call(ToolCall::new("1", "add", arguments));
        let error = any.invoke(call).await.unwrap_err();
        let cause = error.downcast_ref::<ParseError>().unwrap();
        assert_eq!((cause.kind(), cause.path()), (expected, path), "{arguments}");
        assert_eq!(error.partial::<String>().map(String::as_str), Some(arguments));
    }

    let cut = AiMessage::new("").with_tool_call(weather).with_finish_reason(FinishReason::length());
    assert_eq!(kind(&parser.invoke(cut).await.unwrap_err()), ParseErrorKind::Truncated);
}

#[tokio::test]
async fn a_tool_call_comes_when_it_is_complete() {
    let piece = |index, id: &str, name: &str, arguments: &str| {
        AiMessage::from(ToolCallChunk::new().with_index(index).with_id(id).with_name(name).with_arguments(arguments))
    };
    let pieces = [
        piece(0, "1", "weather", "{\"city\": "),
        piece(0, "", "", "\"Bremen\"}"),
        piece(1, "2", "add", "{\"a\": 1,"),
        piece(1, "", "", " \"b\": 2}"),
        FinishReason::tool_calls().into(),
    ];
    let parser = ToolCallsParser::<Tool>::new();
    let calls = || Chunks::from_values(pieces.clone(), AiMessage::merge());
    let streamed: Vec<_> = StreamExt::collect(parser.transform(calls())).await;
    let streamed: Vec<Vec<Tool>> = streamed.into_iter().map(Result::unwrap).collect();
    let tools = [Tool::Weather { city: "Bremen".into() }, Tool::Add(Sum { a: 1, b: 2 })];
    assert_eq!(streamed.iter().flatten().collect::<Vec<_>>(), tools.iter().collect::<Vec<_>>());
    assert_eq!(streamed.len(), 2);
    assert_eq!(parser.transform(calls()).collect().await.unwrap(), tools);
    let growing = parser.clone().growing();
    let snapshots: Vec<_> = StreamExt::collect(growing.transform(calls())).await;
    let shown: Vec<Vec<_>> = snapshots
        .iter()
        .map(|calls| calls.as_ref().unwrap().iter())
        .map(|calls| calls.map(|call| (call.name(), call.arguments().to_string(), call.is_complete())).collect())
        .collect();
    let bremen = ("weather", "{\"city\":\"Bremen\"}".to_string(), true);
    assert_eq!(
        shown,
        [
            vec![("weather", "{}".to_string(), false)],
            vec![bremen.clone()],
            vec![bremen.clone(), ("add", "{\"a\":1}".to_string(), false)],
            vec![bremen.clone(), ("add", "{\"a\":1,\"b\":2}".to_string(), true)],
        ]
    );
    let invoked = growing.transform(calls()).collect().await.unwrap();
    assert_eq!(Some(&invoked), snapshots.last().and_then(|last| last.as_ref().ok()));
    assert!(!format!("{invoked:?}").contains("Bremen"));
    assert_eq!(
        serde_json::to_value(&invoked[1]).unwrap(),
        json!({"name": "add", "arguments": {"a": 1, "b": 2}, "is_complete": true})
    );
    let strange = ToolCallsParser::<Sum>::of_tool("weather").growing();
    assert_eq!(StreamExt::collect::<Vec<_>>(strange.transform(calls())).await.last().map(Result::is_err), Some(true));

    let half = Chunks::from_values(pieces[..3].to_vec(), AiMessage::merge());
    let streamed: Vec<_> = StreamExt::collect(parser.transform(half)).await;
    assert!(streamed[0].is_ok() && streamed[1].is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

    /// However the pieces of several calls are mixed: the calls are those of the whole, in order.
    #[test]
    fn calls_that_are_written_in_turns(
        arguments in proptest::collection::vec("(\\{\"a\": (1|\"x\\\\\"\\}\"|\\{\\}|\\[\\{\\}\\])\\}|\\{\\} ?|\\{\\}x|\\{|null|)", 1..4),
        turns in proptest::collection::vec((0..4_usize, 1..5_usize), 0..30),
    ) {
        let mut rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let begin = |index: usize| ToolCallChunk::new().with_index(index as u64).with_id(format!("c{index}")).with_name("f");
        let mut pieces: Vec<_> = (0..rest.len()).map(|index| AiMessage::from(begin(index))).collect();
        let ends = (0..rest.len()).map(|index| (index, usize::MAX));
        for (index, size) in turns.into_iter().chain(ends) {
            let Some(text) = rest.get_mut(index) else { continue };
            let (piece, later) = text.split_at(size.min(text.len()));
            *text = later;
            let piece = ToolCallChunk::new().with_index(index as u64).with_arguments(piece);
            pieces.push(piece.into());
        }
        pieces.push(FinishReason::tool_calls().into());
        let mut whole = AiMessage::default();
        pieces.iter().for_each(|piece| whole.append(piece.clone()));
        let parser = ToolCallsParser::<Value>::new();
        let invoked = parser.parse_answer(&whole).map_err(|error| error.message().to_string());
        let again = Chunks::from_values(pieces.clone(), AiMessage::merge());
        // Chunk by chunk, and not by way of `invoke`.
        let stream = async {
            let mut calls = Vec::new();
            let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
            while let Some(more) = stream.next().await {
                calls.extend(more?);
            }
            Ok::<_, Error>(calls)
        };
        let streamed = futures::executor::block_on(stream).map_err(|error| error.message().to_string());
        proptest::prop_assert_eq!(&streamed, &invoked);
        let growing = parser.growing();
        let snapshots: Vec<_> = futures::executor::block_on(StreamExt::collect(growing.transform(again)));
        let shown = futures::executor::block_on(growing.invoke(whole)).map_err(|error| error.message().to_string());
        let last = snapshots.last().cloned().unwrap().map_err(|error| error.message().to_string());
        proptest::prop_assert_eq!(&last, &shown);
        proptest::prop_assert_eq!(shown.map(drop), invoked.map(drop));
        proptest::prop_assert!(snapshots.windows(2).all(|pair| pair[0].as_ref().ok() != pair[1].as_ref().ok()));
    }
}
