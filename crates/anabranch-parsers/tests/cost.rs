//! What reading allocates, which grows in line with the answer: counted, not timed.

#![allow(clippy::unwrap_used, clippy::panic)]

use allocation_counter::measure;
use anabranch_core::{Chunks, Runnable, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason, ToolCallChunk};
use anabranch_parsers::{JsonEvent, JsonOutputParser, StrOutputParser, ToolCallsParser};
use futures::executor::block_on;
use serde_json::{Value, json};

fn pieces(text: &str, size: usize) -> Vec<AiMessage> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>())).collect()
}

/// How many bytes are allocated while all chunks are read.
fn cost<P: Runnable<Input = AiMessage>>(parser: &P, pieces: &[AiMessage]) -> u64 {
    let pieces = pieces.to_vec();
    measure(|| {
        let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
        block_on(async { while stream.next().await.is_some() {} });
    })
    .bytes_total
}

/// Four times as long an answer may cost four times as much, and a little: by its square it would be sixteen times.
fn assert_linear<P: Runnable<Input = AiMessage>>(what: &str, parser: &P, pieces: impl Fn(usize) -> Vec<AiMessage>) {
    let (some, more) = (cost(parser, &pieces(1)), cost(parser, &pieces(4)));
    assert!(more < some * 6 + 100_000, "{what}: {some} became {more}");
}

fn rivers(count: usize) -> String {
    format!("[{}]", vec![r#"{"name": "Weser", "length_km": 452, "kind": {"of": "river"}}"#; count].join(","))
}

fn schema() -> Value {
    let kind =
        json!({"anyOf": [{"type": "null"}, {"type": "object", "properties": {"of": {"enum": ["river", "lake"]}}}]});
    json!({"type": "array", "items": {"type": "object", "required": ["name", "length_km"], "properties": {
        "name": {"type": "string"}, "length_km": {"type": "integer"}, "kind": kind,
    }}})
}

#[test]
fn long_keys_are_not_repeated_for_what_is_in_them() {
    // As deep as they may be, and each key as long as it likes.
    let deep = |times: usize| {
        let key = "k".repeat(100 * times);
        format!("{}1{}", format!("{{\"{key}\": ").repeat(100), "}".repeat(100))
    };
    let events = JsonOutputParser::new().events();
    assert_linear("deep", &events, |times| pieces(&deep(times), 7));
    // A long text under a long key.
    let wide = |times: usize| json!({ "k".repeat(2_000 * times): "t".repeat(2_000 * times) }).to_string();
    assert_linear("wide", &events, |times| pieces(&wide(times), 1));
    let text = deep(8);
    assert!(cost(&events, &pieces(&text, 7)) < 60 * text.len() as u64);
}

#[test]
fn documents_cost_what_they_are_long() {
    let text = |times: usize| rivers(150 * times);
    assert_linear("snapshots", &JsonOutputParser::new(), |times| pieces(&text(times), 4));
    assert_linear("by a schema", &JsonOutputParser::with_schema(schema()), |times| pieces(&text(times), 4));
    assert_linear("by a schema, leniently", &JsonOutputParser::with_schema(schema()).lenient(), |times| {
        pieces(&text(times), 4)
    });
    assert_linear("leniently", &JsonOutputParser::new().lenient(), |times| pieces(&text(times).replace('"', "'"), 4));
    assert_linear("elements", &JsonOutputParser::elements::<Value>(), |times| pieces(&text(times), 1));
    assert_linear("events", &JsonOutputParser::new().events(), |times| pieces(&text(times), 1));
    assert_linear("text", &StrOutputParser, |times| pieces(&text(times), 1));
}

#[test]
fn broken_fences_cost_what_they_are_long() {
    for unit in [
        "```json\n{\"a\": oops}\n```\n",
        "```json\n{\"a\": oops\n",
        "```\n[1, 2, oops]\n```\n",
        "```json\n{\"a\": 1}\n```\n",
        "{\"a\": 1} ",
    ] {
        let text = |times: usize| unit.repeat(200 * times);
        assert_linear(unit, &JsonOutputParser::new(), |times| pieces(&text(times), 1));
        assert_linear(unit, &JsonOutputParser::new().events(), |times| pieces(&text(times), 1));
        assert_linear(unit, &JsonOutputParser::elements::<Value>(), |times| pieces(&text(times), 1));
        assert_linear(unit, &JsonOutputParser::new().lenient(), |times| pieces(&text(times), 5));
    }
}

/// Calls that are written in turns, of which the first is complete last.
fn in_turns(calls: u64, arguments: &str) -> Vec<AiMessage> {
    let piece = |index| ToolCallChunk::new().with_index(index);
    let mut pieces: Vec<AiMessage> =
        (0..calls).map(|index| piece(index).with_id(format!("c{index}")).with_name("f").into()).collect();
    for c in arguments.chars() {
        pieces.extend((0..calls).rev().map(|index| AiMessage::from(piece(index).with_arguments(c.to_string()))));
    }
    pieces.push(FinishReason::tool_calls().into());
    pieces
}

#[test]
fn calls_that_are_written_in_turns_cost_what_they_are_long() {
    let text = |times: usize| json!({ "text": "t".repeat(300 * times) }).to_string();
    let parser = ToolCallsParser::<Value>::of_tool("f");
    assert_linear("long", &parser, |times| in_turns(8, &text(times)));
    assert_linear("many", &parser, |times| in_turns(8 * times as u64, &text(1)));
    assert_linear("growing, long", &parser.clone().growing(), |times| in_turns(8, &text(4 * times)));
    assert_linear("growing, many", &parser.growing(), |times| in_turns(8 * times as u64, &text(4)));
}

#[test]
fn an_event_is_applied_wherever_it_is() {
    let event = JsonEvent::Value { path: "/a/b".into(), value: json!(1) };
    let mut document = json!({"a": {}});
    event.apply(&mut document);
    assert_eq!(document, json!({"a": {"b": 1}}));
}
