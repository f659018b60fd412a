//! Which answers have JSON in them, and what is said about those that have not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use anabranch_core::{Chunks, ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason, ToolCall};
use anabranch_parsers::JsonOutputParser;
use futures::StreamExt;
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
    assert_eq!(parse("A list:\n[{\"a\": 1}, {\"a\": 2}]\nThat is all."), json!([{"a": 1}, {"a": 2}]));
    assert_eq!(parse("Only\n  [1000,\n 2]"), json!([1000, 2]));
    assert_eq!(parse("None:\n[]\nThat is all."), json!([]));
    assert_eq!(parse("```json\n{\"a\": 1}\n```\nBetter:\n```json\n{\"a\": 2}\n```\n"), json!({"a": 2}));
    assert_eq!(parse("```json\n{\"a\": oops}\n```\nBetter:\n```json\n{\"a\": 2}\n```\n"), json!({"a": 2}));
    assert_eq!(parse("```json\n{\"a\": 1}\n```\nor\n```\n{\"a\": 2}\n```\n"), json!({"a": 1}));
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
        (r#"{"a": 1, b: {"c": 2}}"#, "a key without quotes, which must be a text in `\"` at line 1 column 10"),
        ("{\"a\": 1,}", "a comma with nothing after it at line 1 column 9"),
        ("```json\n{\"é\": oops}\n```", "line 2 column 7"),
        ("{\"a\": \"line\nbreak\"}", "must be escaped"),
        ("[1, 2, oops]", "no valid JSON"),
        ("{'a': 1}", "single quotes where JSON has `\"` at line 1 column 2"),
        ("Here: {'a': {\"b\": 1}}", "single quotes where JSON has `\"` at line 1 column 8"),
        ("{a: {\"b\": 1}}", "a key without quotes, which must be a text in `\"` at line 1 column 2"),
        ("{\"a\": None}", "a word without quotes that is not `true`, `false` or `null`"),
        (
            "{\"a\": [{\"b\": nul}]}",
            "a word without quotes that is not `true`, `false` or `null` in `a[0].b` at line 1 column 14",
        ),
        ("{\"a\": 1 // one\n}", "a comment, which JSON does not have at line 1 column 9"),
        ("{\"a\": {\"b\": 1, \"b\": 2}}", "a key twice in one object, with different values in `a.b`"),
        ("{\"n\": 123456789012345678901234567890}", "cannot be kept without rounding it in `n` at line 1 column 7"),
        ("[1, 2}", "a bracket that does not close the innermost open one"),
        ("[01]", "a number as JSON does not write it at line 1 column 2"),
        ("{\"a\": 1} {\"a\": 2}", "2 JSON documents"),
        ("Either {\"a\": 1} or {\"a\": 2} or\n[\"x\"]\n", "3 JSON documents"),
        ("{\"a\": 1}, []", "2 JSON documents"),
        ("```json\n{\"a\": 1}\n{\"a\": 2}\n```", "2 JSON documents"),
        ("```json\n{\"a\": 1}", "the fence around the JSON does not end"),
    ] {
        assert!(problem(text).contains(part), "{text}: {}", problem(text));
    }
}

#[test]
fn no_json_at_all() {
    assert_eq!(problem("I would rather not."), "the answer has no JSON in its 19 characters");
    assert_eq!(problem(" \n"), "the answer has no text");
    for citation in [
        "I am sorry, I cannot help with that [1].",
        "As shown in [1], the final JSON will",
        "Use {} for that, or [].",
        "[1] says so.",
        "See [1, 2]:\n* [note]\n* [x] done\n[ ] to do",
        "The Weser is long.\n\n[1]\n[2]\n",
        "I cannot say.\n[1, 2]",
        "[1]\nhttps://example.org",
        "[1] https://example.org\n\n[2]\nhttps://example.org",
        "[1], and so on",
        "[1]{}",
        "5 {}",
        "5, [] and {}",
        "true, but",
        "false: it is not",
        "42, or so",
        "7 / 3 is not whole",
        "1 # of many",
        "\"Yes\", he said",
        "\"Yes\" \"No\"",
    ] {
        let problem = problem(citation);
        assert!(problem.contains("the answer has no JSON"), "{citation}: {problem}");
    }
    for text in ["{topic}", "[x]", "``` ```", "`", "```", "}{", "<think>{\"a\": 1}", "```python\n{}\n```"] {
        if let Ok(value) = JsonOutputParser::new().parse(text) {
            assert_eq!(value, json!({"a": 1}), "{text}");
        }
    }
}

#[tokio::test]
async fn small_numbers_among_words_count_where_they_are_asked_for() {
    let text = "The lengths:\n[1, 2]\nThat is all.";
    assert!(JsonOutputParser::new().parse(text).is_err() && JsonOutputParser::new().lenient().parse(text).is_err());
    assert_eq!(JsonOutputParser::typed::<Vec<u8>>().parse(text).unwrap(), [1, 2]);
    assert_eq!(JsonOutputParser::typed::<(u8, u8)>().lenient().parse(text).unwrap(), (1, 2));
    assert_eq!(JsonOutputParser::elements::<u8>().invoke(text).await.unwrap(), [1, 2]);
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    assert_eq!(JsonOutputParser::with_schema(schema.clone()).parse(text).unwrap(), json!([1, 2]));
    assert_eq!(JsonOutputParser::with_schema(schema).lenient().parse(text).unwrap(), json!([1, 2]));
    // Not a list of these.
    assert!(JsonOutputParser::typed::<Vec<String>>().parse(text).is_err());
    assert!(JsonOutputParser::typed::<River>().parse(text).is_err());
    assert!(JsonOutputParser::typed::<u8>().lenient().parse("I cannot say [1].").is_err());
    assert!(JsonOutputParser::elements::<u8>().within("/x").invoke(text).await.is_err());
    // In a fence, or alone, it is the document.
    assert_eq!(parse("So [3]:\n```json\n[1, 2]\n```\n[4]"), json!([1, 2]));
    assert_eq!(parse(" [1, 2]\n"), json!([1, 2]));
    // Beside a document it is what it is among words.
    for text in ["{\"a\": 1}\n\n[1]\n[2]\n", "[1]\n{\"a\": 1}", "{\"a\": 1} [1]", "[1, 2], as said: {\"a\": 1}"] {
        assert_eq!(parse(text), json!({"a": 1}), "{text}");
        assert_eq!(JsonOutputParser::new().lenient().parse(text).unwrap(), json!({"a": 1}), "{text}");
        let (values, error) = by_character(text).await;
        assert_eq!((values.last(), error), (Some(&json!({"a": 1})), None), "{text}");
    }
    assert!(problem("[\"a\"]\n[\"b\"]").contains("2 JSON documents"));
}

/// The snapshots of an answer that comes a character at a time, and what it ends in.
async fn by_character(text: &str) -> (Vec<Value>, Option<String>) {
    let pieces: Vec<_> = text.chars().map(|c| AiMessage::new(c.to_string())).collect();
    let parser = JsonOutputParser::new();
    let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    let (mut values, mut error) = (Vec::new(), None);
    while let Some(next) = StreamExt::next(&mut stream).await {
        match next {
            Ok(value) => values.push(value),
            Err(end) => error = Some(end.to_string()),
        }
    }
    (values, error)
}

#[tokio::test]
async fn what_the_model_thought_never_reaches_a_parser() {
    for tag in ["think", "thinking", "reasoning", "THINK"] {
        for thought in
            ["Perhaps {\"t\": 1}?", "```json\n{\"t\": 1}\n```", "{\"t\": 1}", "[1]\n", "{\"t\": ", "a < b", ""]
        {
            for answer in ["{\"a\": 1}", "So: {\"a\": 1}.", "```json\n{\"a\": 1}\n```", "<think>no</think>{\"a\": 1}"] {
                let text = format!("\n<{tag}>{thought}</{tag}>\n\n{answer}");
                assert_eq!(parse(&text), json!({"a": 1}), "{text}");
                let (values, error) = by_character(&text).await;
                assert!(error.is_none() && values.iter().all(|value| value.get("t").is_none()), "{text}: {values:?}");
                assert_eq!(values.last(), Some(&json!({"a": 1})), "{text}");
            }
        }
        for thought in ["Perhaps {\"t\": 1}?", "Let me see: ```json\n{\"t\": 1}\n``` or so", "No {bracket", "[1]\n"] {
            let text = format!("{thought}</{tag}>\n{{\"a\": 1}}");
            assert_eq!(parse(&text), json!({"a": 1}), "{text}");
            let (values, error) = by_character(&text).await;
            assert_eq!((values.last(), error), (Some(&json!({"a": 1})), None), "{text}");
        }
        let unended = format!("<{tag}>Perhaps {{\"t\": 1}}");
        assert_eq!(problem(&unended), "the answer is a thought that does not end");
    }
    // In a text of the document it is no tag.
    let text = "{\"html\": \"a</think>b<think>\"}";
    assert_eq!(parse(text), serde_json::from_str::<Value>(text).unwrap());
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
        "parse error: the JSON in the answer is no River: expected u32, found string in `length_km` at line 2 column 37"
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
    let with = |text: &str| AiMessage::new(text).with_finish_reason(FinishReason::length());
    for complete in ["{\"a\": 1} ", "So:\n```json\n{\"a\": 1}\n```\n"] {
        assert_eq!(parser.invoke(with(complete)).await.unwrap(), json!({"a": 1}));
    }
    for middle in [
        "{\"a\": 1} And",
        "So: {\"a\": 1}",
        "```json\n{\"a\": 1}\n```\nNow the fin",
        "As shown in\n[1]\nthe final JSON will",
    ] {
        let error = parser.invoke(with(middle)).await.unwrap_err();
        assert!(error.message().contains("the limit of tokens cut the answer off"), "{middle}: {error}");
    }

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
