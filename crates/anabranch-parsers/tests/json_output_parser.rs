//! Which answers have JSON in them, and what is said about those that have not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use anabranch_core::{Chunks, ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason, ToolCall};
use anabranch_parsers::JsonOutputParser;
use futures::StreamExt;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

fn parse(text: &str) -> Value {
    JsonOutputParser::new().parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn problem(text: &str) -> String {
    let error = JsonOutputParser::new().parse(text).map(|value| panic!("{text}: {value}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert_eq!(error.partial::<String>().map(String::as_str), Some(text));
    error.message().to_string()
}

#[test]
fn one_document_wherever_it_stands() {
    for text in [
        r#"{"foo": "bar"}"#,
        "\n\n  {\"foo\": \"bar\"}\n ",
        "\u{feff}{\"foo\": \"bar\"}",
        "```json\n{\"foo\": \"bar\"}\n```",
        "```JSON\n{\"foo\": \"bar\"}\n```",
        "```\n{\"foo\": \"bar\"}\n```",
        "```json {\"foo\": \"bar\"}```",
        "```json\r\n{\r\n  \"foo\": \"bar\"\r\n}\r\n```\r\n",
        "    ```json\n    {\n        \"foo\": \"bar\"\n    }\n    ```",
        "Sure!\n```json\n{\"foo\": \"bar\"}\n```",
        "```json\n{\"foo\": \"bar\"}\n```\nAnything [else]? See {this}.",
        "Before `code`.\n```json\n{\"foo\": \"bar\"}\n```\nAfter.",
        "```json\n{\"foo\": \"bar\"}",
        "Here it is: {\"foo\": \"bar\"} Good luck!",
        "According to [1] and [2, 3] (not {those}): {\"foo\": \"bar\"}.",
        "[note] the answer: {\"foo\": \"bar\"}",
        "```python\nx = {\"foo\": 1}\n```\nthe answer: {\"foo\": \"bar\"}",
        "```python\nx = {\"foo\": 1}\n```\n```json\n{\"foo\": \"bar\"}\n```",
        "Run ```\"x\"``` or ```1```: {\"foo\": \"bar\"}",
        "Like {\"a\": 1}, but:\n```json\n{\"foo\": \"bar\"}\n```",
        "<think>Perhaps {\"a\": 1}?</think>\n{\"foo\": \"bar\"}",
    ] {
        assert_eq!(parse(text), json!({"foo": "bar"}), "{text}");
    }
    assert_eq!(parse("```json\n{\"code\": \"```py\\nx```\"}\n```"), json!({"code": "```py\nx```"}));
    assert_eq!(parse("A list: [{\"a\": 1}, {\"a\": 2}]."), json!([{"a": 1}, {"a": 2}]));
    assert_eq!(parse("Only [1, 2]."), json!([1, 2]));
    assert_eq!(parse("```json\n67391582\n```"), json!(67_391_582));
    for scalar in ["42", "\"text\"", "true", "null", " -1.5e3 "] {
        assert_eq!(parse(scalar), serde_json::from_str::<Value>(scalar).unwrap());
    }
}

#[test]
fn half_a_document_is_none() {
    for text in [
        r#"{"price": 12"#,
        "{\"a\": -",
        "{\"a\": 1.",
        "[\"\\u12",
        r#"{"a": 1, "b": [1, 2"#,
        "[1, 2",
        "{",
        "[",
        "{\"a\": \"tex",
        "{\"a\": tru",
        "```json\n{\"a\": 1,",
        "```json\n",
        "```\n{\"a\": 1,",
        "Here: {\"a\": {\"b\": 1}",
        "{\"a\": 1} and {\"b\": ",
    ] {
        assert!(problem(text).contains("truncated at line"), "{text}: {}", problem(text));
    }
    assert!(problem("{\n  \"a\": 1,\n").contains("line 2 column 10"), "{}", problem("{\n  \"a\": 1,\n"));
}

#[test]
fn a_part_of_a_broken_document_is_none() {
    for (text, part) in [
        (r#"{"a": 1, b: {"c": 2}}"#, "a key must be a text in `\"` at line 1 column 10"),
        ("{\"a\": 1,}", "a key must be a text in `\"` at line 1 column 9"),
        ("```json\n{\"é\": oops}\n```", "line 2 column 7"),
        ("{\"a\": \"line\nbreak\"}", "must be escaped"),
        ("[1, 2, oops]", "no valid JSON"),
        ("{'a': 1}", "no JSON in its 8 characters"),
        ("{\"a\": 1} {\"a\": 2}", "2 JSON documents"),
    ] {
        assert!(problem(text).contains(part), "{text}: {}", problem(text));
    }
}

#[test]
fn no_json_at_all() {
    assert_eq!(problem("I would rather not."), "the answer has no JSON in its 19 characters");
    assert_eq!(problem(" \n"), "the answer has no text where JSON is wanted");
    for text in ["{topic}", "[x]", "``` ```", "`", "```", "}{", "<think>{\"a\": 1}", "```python\n{}\n```"] {
        if let Ok(value) = JsonOutputParser::new().parse(text) {
            assert_eq!(value, json!({"a": 1}), "{text}");
        }
    }
}

#[derive(Deserialize, Debug, PartialEq)]
struct River {
    name: String,
    length_km: u32,
}

#[tokio::test]
async fn types_of_ones_own() {
    let parser = JsonOutputParser::typed::<River>();
    let river = parser.invoke(AiMessage::new("{\"name\": \"Weser\", \"length_km\": 452}")).await.unwrap();
    assert_eq!(river, River { name: "Weser".into(), length_km: 452 });

    let error = parser.parse("ok:\n  {\"name\": \"x\", \"length_km\": \"secret\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "parse error: the JSON in the answer is no River: expected u32, found string at line 2 column 37"
    );
    assert!(!format!("{error:?}").contains("secret"));
    assert!(parser.parse("{\"name\": \"x\"}").unwrap_err().message().contains("missing field `length_km`"));
    assert_eq!(JsonOutputParser::typed::<Vec<u8>>().parse("[1, 2]").unwrap(), [1, 2]);
}

#[tokio::test]
async fn how_the_answer_ended_is_part_of_the_error() {
    let parser = JsonOutputParser::new();
    for cut in ["{\"a\": 1", "", "673", "```json\n12"] {
        let answer = AiMessage::new(cut).with_finish_reason(FinishReason::length());
        let error = parser.invoke(answer).await.unwrap_err();
        assert!(error.message().contains("the limit of tokens cut the answer off"), "{cut}: {error}");
    }
    let complete = AiMessage::new("{\"a\": 1} And").with_finish_reason(FinishReason::length());
    assert_eq!(parser.invoke(complete).await.unwrap(), json!({"a": 1}));

    let refused = AiMessage::new([ContentPart::refusal("secret")]).with_finish_reason(FinishKind::ContentFilter);
    let error = parser.invoke(refused).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContentFilter);
    assert!(!error.to_string().contains("secret"));

    let calls = AiMessage::new("").with_tool_call(ToolCall::new("1", "f", Value::Null));
    assert!(parser.invoke(calls).await.unwrap_err().message().contains("but 1 tool call"));
}

#[tokio::test]
async fn a_stream_collected_is_what_invoke_gives() {
    for text in ["Sure: {\"a\": [1, \"é\", {\"b\": null}]} !", "{\"a\": 1", "nothing", "", "42"] {
        let pieces: Vec<_> = text.chars().map(|c| AiMessage::new(c.to_string())).collect();
        let chunks = Chunks::from_values(pieces, AiMessage::merge());
        let streamed = JsonOutputParser::new().transform(chunks).collect().await;
        let invoked = JsonOutputParser::new().invoke(AiMessage::new(text)).await;
        assert_eq!(streamed.map_err(|e| e.to_string()), invoked.map_err(|e| e.to_string()), "{text}");
    }
}

#[test]
fn time_is_linear_and_depth_is_limited() {
    let size = 400_000;
    for unit in [
        "[",
        "{",
        "{\"a\":",
        "[[],",
        "[1,",
        "```",
        "```\"x",
        "```[1",
        "```json\n",
        "{\"a\":1}",
        "[1] ",
        "[t",
        "\"",
        "[\"",
        "`[1",
        "\\",
    ] {
        let text = unit.repeat(size / unit.len());
        let start = Instant::now();
        let _ = JsonOutputParser::new().parse(&text);
        assert!(start.elapsed().as_secs() < 5, "{unit}: {:?}", start.elapsed());
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problem(&deep).contains("nested too deeply"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[{}\\[\\]`\"\\\\a-cé\\n ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"`{]{0,4}", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_panics(text in "[{}\\[\\]`\"\\\\:,a-c1é\\n jsontruefalse]{0,80}|\\PC{0,60}") {
        let _ = JsonOutputParser::new().parse(&text);
    }

    #[test]
    fn any_document_is_found_whole_fenced_and_among_words(value in any_json(), before in "[a-zé .\\n]{0,20}") {
        let json = value.to_string();
        prop_assert_eq!(parse(&json), value.clone());
        prop_assert_eq!(parse(&serde_json::to_string_pretty(&value).unwrap()), value.clone());
        prop_assert_eq!(parse(&format!("{before}\n```json\n{json}\n```\nDone.")), value.clone());
        if value.is_object() {
            prop_assert_eq!(parse(&format!("{before}{json} Done.")), value);
        }
    }

    #[test]
    fn a_stream_grows_to_what_invoke_gives(
        value in any_json(),
        fenced in any::<bool>(),
        garbage in "[{}\\[\\]`\":,a1 ]{0,8}",
        cut in any::<bool>(),
        size in 1..9_usize,
    ) {
        let mut text = serde_json::to_string_pretty(&value).unwrap();
        if fenced {
            text = format!("Here:\n```json\n{text}\n```");
        }
        if cut {
            let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= text.len() * 2 / 3)
.last().unwrap_or(0);
            text.truncate(end);
            text += &garbage;
        }
        let characters: Vec<char> = text.chars().collect();
        let pieces = characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>()));
        let chunks = Chunks::from_values(pieces.collect::<Vec<_>>(), AiMessage::merge());
        let parser = JsonOutputParser::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (streamed, invoked) = runtime.block_on(async {
            let streamed: Vec<_> = StreamExt::collect(parser.transform(chunks)).await;
            (streamed, parser.invoke(AiMessage::new(text.as_str())).await)
        });
        let last = streamed.last().unwrap().clone();
        prop_assert_eq!(last.map_err(|error| error.to_string()), invoked.map_err(|error| error.to_string()));
        let snapshots: Vec<_> = streamed.iter().flatten().collect();
        prop_assert!(snapshots.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn no_prefix_of_an_object_is_taken_for_it(value in any_json(), cut in any::<prop::sample::Index>()) {
        let json = json!({"value": value}).to_string();
        let ends: Vec<_> = json.char_indices().map(|(at, _)| at).skip(1).collect();
        let prefix = &json[..*cut.get(&ends)];
        prop_assert!(problem(prefix).contains("truncated"));
        let fenced = format!("```json\n{prefix}");
        prop_assert!(problem(&fenced).contains("truncated"));
    }
}
