//! Pieces of tool calls find their call, and a call knows whether it may run.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::ErrorKind;
use anabranch_messages::{AiMessage, FinishKind, FinishReason, ToolCall, ToolCallChunk};
use serde_json::{Value, json};

fn piece() -> ToolCallChunk {
    ToolCallChunk::new()
}

fn merged(pieces: impl IntoIterator<Item = ToolCallChunk>) -> AiMessage {
    let mut whole = AiMessage::default();
    pieces.into_iter().for_each(|piece| whole.append(piece));
    whole.append(FinishReason::tool_calls());
    whole
}

/// Id, name and arguments of each call.
fn calls(message: &AiMessage) -> Vec<(&str, &str, &str)> {
    message.tool_calls().iter().map(|call| (call.id(), call.name(), call.raw_arguments())).collect()
}

#[test]
fn pieces_are_put_together_by_index() {
    let whole = merged([
        piece().with_index(0).with_id("a").with_name("f"),
        piece().with_index(1).with_id("b").with_name("g").with_arguments("{\"y\""),
        piece().with_index(0).with_arguments("{\"x\""),
        piece().with_index(1).with_arguments(": 2}"),
        piece().with_index(0).with_arguments(": 1}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"x\": 1}"), ("b", "g", "{\"y\": 2}")]);
    assert_eq!(whole.tool_calls()[1].arguments().unwrap(), json!({"y": 2}));
}

#[test]
fn the_first_id_and_name_win_and_are_never_joined() {
    let again = || piece().with_index(0).with_id("a").with_name("get_weather");
    let whole = merged([again().with_arguments("{"), again().with_arguments("}"), again()]);
    assert_eq!(calls(&whole), [("a", "get_weather", "{}")]);

    let blank_first = [
        piece().with_index(0).with_id("").with_name(""),
        piece().with_index(0).with_id("a"),
        piece().with_index(0).with_id("").with_name("f").with_arguments("{}"),
    ];
    assert_eq!(calls(&merged(blank_first)), [("a", "f", "{}")]);
}

#[test]
fn another_id_with_a_name_is_another_call() {
    let whole = merged([
        piece().with_index(0).with_id("a").with_name("f").with_arguments("{\"n\": 1"),
        piece().with_index(0).with_arguments("}"),
        piece().with_index(0).with_id("b").with_name("f").with_arguments("{\"n\": 2"),
        piece().with_index(0).with_arguments("}"),
        piece().with_index(0).with_id("c").with_name("f"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"n\": 1}"), ("b", "f", "{\"n\": 2}"), ("c", "f", "")]);
}

#[test]
fn another_id_without_a_name_is_the_same_call() {
    let whole = merged([
        piece().with_index(0).with_id("a").with_name("f"),
        piece().with_index(0).with_id("x1").with_arguments("{"),
        piece().with_index(0).with_id("x2").with_arguments("}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{}")]);
}

#[test]
fn without_an_index_the_id_decides_or_else_the_last_call() {
    let whole = merged([
        piece().with_id("a").with_name("f").with_arguments("{\"n\":"),
        piece().with_arguments("1}"),
        piece().with_id("b").with_name("f").with_arguments("{\"n\":2"),
        piece().with_id("b").with_arguments("}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"n\":1}"), ("b", "f", "{\"n\":2}")]);

    // Neither index nor id, but another name, or arguments that are whole.
    let whole = merged([
        piece().with_name("f").with_arguments("{}"),
        piece().with_name("g").with_arguments(json!({"n": 1})),
        piece().with_name("g").with_arguments(json!({"n": 2})),
    ]);
    assert_eq!(calls(&whole), [("", "f", "{}"), ("", "g", "{\"n\":1}"), ("", "g", "{\"n\":2}")]);
}

#[test]
fn an_object_is_taken_as_it_is() {
    let whole = merged([
        piece().with_index(3).with_id("a").with_name("f").with_arguments(""),
        piece().with_index(3).with_arguments(json!({"b": 1, "a": [2]})),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"b\":1,\"a\":[2]}")]);
}

#[test]
fn a_huge_index_costs_nothing() {
    let whole = merged([
        piece().with_index(u64::MAX).with_id("a").with_name("f"),
        piece().with_index(0xFFFF_FFFF).with_id("b").with_name("g"),
        piece().with_index(u64::MAX).with_arguments("{}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{}"), ("b", "g", "")]);
}

#[test]
fn whole_calls_stay_calls_of_their_own() {
    let mut whole = AiMessage::default();
    for n in 0..2 {
        whole.append(AiMessage::default().with_tool_call(ToolCall::new("", "f", json!({"n": n}))));
    }
    assert_eq!(whole.tool_calls().len(), 2);
}

#[test]
fn no_arguments_are_the_empty_object_once_the_call_is_complete() {
    for none in [json!(null), json!(""), json!("  \n"), json!("null"), json!("{}"), json!({}), json!(" {} ")] {
        let call = ToolCall::new("a", "f", none.clone());
        assert_eq!(call.arguments().unwrap(), json!({}), "{none}");
        let streamed = merged([piece().with_index(0).with_id("a").with_name("f").with_arguments(none)]);
        assert_eq!(streamed.tool_calls()[0].arguments().unwrap(), json!({}));
    }
    let mut open = AiMessage::from(piece().with_index(0).with_id("a").with_name("f"));
    assert!(!open.tool_calls()[0].has_valid_arguments(), "more may come");
    open.append(FinishReason::new(FinishKind::Other, ""));
    assert!(open.tool_calls()[0].has_valid_arguments());
}

#[test]
fn what_a_limit_left_must_not_run() {
    let start = || AiMessage::from(piece().with_index(0).with_id("a").with_name("f"));
    let mut cut_before = start();
    cut_before.append(FinishReason::length());
    assert!(!cut_before.tool_calls()[0].has_valid_arguments());
    let whole =
        AiMessage::default().with_finish_reason(FinishReason::length()).with_tool_call(ToolCall::new("a", "f", ""));
    assert!(!whole.tool_calls()[0].has_valid_arguments());

    let mut cut_within = start();
    cut_within.append(piece().with_index(0).with_arguments("{\"secret\": 1"));
    cut_within.append(FinishReason::length());
    let error = cut_within.tool_calls()[0].arguments().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert!(error.message().contains("cut off at line 1 column 12: do not run it"), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"));

    let mut complete = start();
    complete.append(piece().with_index(0).with_arguments("{\"a\": 1}"));
    complete.append(FinishReason::length());
    assert!(complete.tool_calls()[0].has_valid_arguments());

    for invalid in ["[1]", "1", "\"x\"", "{}{}", "{\"a\": 1} x", "{a: 1}", "tru", "{'a': 1}"] {
        assert!(!ToolCall::new("a", "f", invalid).has_valid_arguments(), "{invalid}");
    }
    assert!(!ToolCall::new("a", "f", json!([1])).has_valid_arguments());
}

#[test]
fn arguments_as_a_type() {
    #[derive(serde::Deserialize, Debug)]
    struct Place {
        city: String,
    }
    let call = ToolCall::new("a", "f", json!({"city": "Bremen", "more": 1}));
    assert_eq!(call.arguments_as::<Place>().unwrap().city, "Bremen");
    let error = ToolCall::new("a", "f", json!({"city": 17})).arguments_as::<Place>().unwrap_err();
    assert!(error.message().contains("do not fit") && !error.to_string().contains("17}"), "{error}");
}

#[test]
fn json_keeps_the_text() {
    let texts =
        ["{\"a\": 1.10, \"a\": 2}", "{\"a\":", "", "null", "[1]", " {} "].map(|text| ToolCall::new("i", "f", text));
    let objects = [json!({"b": 1, "a": {"role": "user"}}), json!({"f": 0.1 + 0.2}), json!([1])];
    let objects = objects.map(|object| ToolCall::new("i", "f", object).with_signature("s"));
    for call in texts.into_iter().chain(objects) {
        let json = serde_json::to_string(&call).unwrap();
        let again: ToolCall = serde_json::from_str(&json).unwrap();
        assert_eq!(again, call);
        assert_eq!(serde_json::to_string(&again).unwrap(), json);
        assert_eq!(again.has_valid_arguments(), call.has_valid_arguments());
    }
    let call = ToolCall::new("i", "f", json!({"a": 1}));
    assert_eq!(serde_json::to_value(&call).unwrap(), json!({"id": "i", "name": "f", "arguments": {"a": 1}}));
    let open = AiMessage::from(piece().with_name("f").with_arguments("{"));
    let json = serde_json::to_value(&open).unwrap();
    assert_eq!(json["content"], json!([{"type": "tool_call", "id": "", "name": "f", "arguments": "{", "index": null}]));
    assert_eq!(serde_json::from_value::<Value>(json.clone()).unwrap(), json);
}

#[test]
fn assembly_is_linear() {
    let start = std::time::Instant::now();
    let mut whole = AiMessage::default();
    for n in 0..200_000_u64 {
        whole.append(piece().with_index(n % 8).with_arguments("x"));
        whole.append("text ");
        whole.append(FinishReason::tool_calls());
    }
    assert_eq!(whole.tool_calls().len(), 8);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn many_parallel_calls_find_their_pieces() {
    let mut whole = AiMessage::default();
    for n in 0..20_000_u64 {
        whole.append(piece().with_index(n).with_id(format!("call_{n}")).with_name("f"));
    }
    for n in (0..20_000_u64).rev() {
        whole.append(piece().with_index(n).with_arguments("{}"));
    }
    assert!(whole.tool_calls().len() == 20_000 && whole.tool_calls().iter().all(|call| call.has_valid_arguments()));
}

#[test]
fn pieces_find_their_call_by_its_id() {
    // Index 0 for all calls, which are written in turns.
    let whole = merged([
        piece().with_index(0).with_id("a").with_name("f"),
        piece().with_index(0).with_id("b").with_name("g"),
        piece().with_index(0).with_id("a").with_arguments("{\"x\":"),
        piece().with_index(0).with_arguments("1}"),
        piece().with_index(0).with_id("b").with_arguments("{}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"x\":1}"), ("b", "g", "{}")]);
    // The index comes late.
    let whole = merged([
        piece().with_id("a").with_name("f"),
        piece().with_index(0).with_id("a").with_arguments("{\"x\":"),
        piece().with_index(0).with_arguments("1}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{\"x\":1}")]);
    // One id for two calls.
    let whole = merged([
        piece().with_index(0).with_id("a").with_name("f"),
        piece().with_index(1).with_id("a").with_name("g"),
        piece().with_index(0).with_id("a").with_arguments("{}"),
    ]);
    assert_eq!(calls(&whole), [("a", "f", "{}"), ("a", "g", "")]);
}

#[test]
fn a_call_is_given_another_id() {
    let mut whole = AiMessage::from(piece().with_index(0).with_id("a").with_name("f"));
    whole.append(piece().with_index(1).with_id("a").with_name("g"));
    whole.set_tool_call_id(1, "b");
    whole.set_tool_call_id(7, "c");
    whole.append(piece().with_id("b").with_arguments("{}"));
    assert_eq!(calls(&whole), [("a", "f", ""), ("b", "g", "{}")]);
}
