//! OP: output parsers.

use std::time::{Duration, Instant};

use anabranch::prelude::*;
use anabranch::{Error, ErrorKind, Merge};
use serde_json::{Value, json};

use crate::chunks;

/// The snapshots of an answer that comes in these pieces, and the error at the end if there is one.
async fn snapshots(pieces: impl IntoIterator<Item = String>) -> (Vec<Value>, Option<Error>) {
    let pieces: Vec<_> = pieces.into_iter().map(AiMessage::new).collect();
    let parser = JsonOutputParser::new();
    let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    let (mut values, mut error) = (Vec::new(), None);
    while let Some(next) = stream.next().await {
        match next {
            Ok(value) => values.push(value),
            Err(end) => error = Some(end),
        }
    }
    (values, error)
}

fn chars(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

#[tokio::test]
async fn json_in_answers() {
    // OP-01
    for answer in [
        r#"{"foo": "bar"}"#,
        "```json\n{\"foo\": \"bar\"}\n```",
        "```\n{\"foo\": \"bar\"}\n```",
        "```json\n\n{\n    \"foo\": \"bar\"\n}\n\n```",
        "Here you are:\n```json\n{\"foo\": \"bar\"}\n```\nAnything else?",
        "Here you are:\n\n```\n{\"foo\": \"bar\"}\n```",
        "  {\"foo\": \"bar\"}\n",
        "\n\n    ```json\n    {\n        \"foo\": \"bar\"\n    }\n    ```",
        "Sure: {\"foo\": \"bar\"} is the answer.",
        "{\n\t\"foo\" : \"bar\"\n}",
    ] {
        assert_eq!(JsonOutputParser::new().invoke(answer).await.unwrap(), json!({ "foo": "bar" }), "{answer}");
    }
    let fence = "```json\n{\"code\": \"```python\\nprint(1)\\n```\"}\n```";
    assert_eq!(JsonOutputParser::new().invoke(fence).await.unwrap()["code"], "```python\nprint(1)\n```");

    // OP-08: the answer is kept, and shown in no rendering.
    let error = JsonOutputParser::new().invoke("no such thing").await.unwrap_err();
    assert_eq!((error.kind(), error.partial::<String>().unwrap().as_str()), (ErrorKind::Parse, "no such thing"));
    assert!(!format!("{error} {error:?}").contains("no such thing"));
}

#[tokio::test]
async fn half_a_document() {
    // OP-02: what is there is there; what is not complete and would change is not. The end is an error.
    for (half, expected) in [
        (r#"{"foo": "bar", "bar": "fo"#, json!({ "foo": "bar", "bar": "fo" })),
        (r#"{"foo": "bar", "bar"#, json!({ "foo": "bar" })),
        (r#"{"foo": "bar", "bar":"#, json!({ "foo": "bar" })),
        (r#"{"foo": "bar","#, json!({ "foo": "bar" })),
        (r#"{"foo": "bar", "list": [1, 2,"#, json!({ "foo": "bar", "list": [1, 2] })),
        (r#"{"foo": "a\"#, json!({ "foo": "a" })),
        (r#"[1, 2, "x"#, json!([1, 2, "x"])),
    ] {
        let (values, error) = snapshots([half.to_string()]).await;
        assert_eq!(values.last(), Some(&expected), "{half}");
        assert_eq!(error.unwrap().kind(), ErrorKind::Parse, "{half}");
    }

    // OP-03 D
    let cut = r#"{"a": 1, "b": [1, 2"#;
    let error = JsonOutputParser::new().invoke(cut).await.unwrap_err();
    assert_eq!((error.kind(), error.partial::<String>().unwrap().as_str()), (ErrorKind::Parse, cut));

    // OP-09 D
    let (values, error) = snapshots(chars("just words")).await;
    assert!(values.is_empty());
    assert_eq!(error.unwrap().kind(), ErrorKind::Parse);
}

#[tokio::test]
async fn growing_documents() {
    // OP-05
    let joke = r#"{"setup": "Why?", "punchline": {"text": "Because.", "rating": [4, 5]}, "done": true}"#;
    let (values, error) = snapshots(chars(joke)).await;
    assert!(error.is_none());
    assert_eq!(values.first(), Some(&json!({})));
    assert_eq!(values.last(), Some(&serde_json::from_str(joke).unwrap()));
    assert!(values.windows(2).all(|pair| pair[0] != pair[1]), "a snapshot twice");
    let whole = Chunks::from_values(chars(joke).into_iter().map(AiMessage::new), AiMessage::merge());
    assert_eq!(JsonOutputParser::new().transform(whole).collect().await.unwrap(), *values.last().unwrap());

    // OP-07 D
    let pieces = ["```json\n", "{\"n\": 67", "39", "1582", "}", "\n```"].map(str::to_string);
    let (values, error) = snapshots(pieces).await;
    assert!(error.is_none());
    assert!(values.iter().all(|value| value.get("n").is_none_or(|n| *n == 67_391_582)), "{values:?}");
    assert_eq!(values.last(), Some(&json!({ "n": 67_391_582 })));

    // What is no JSON ends with an error, not with nothing.
    let (values, error) = snapshots(chars("I would rather not: {sorry}.")).await;
    assert_eq!((values, error.unwrap().kind()), (vec![], ErrorKind::Parse));

    // OP-04: by the square of its length, or worse, this would take minutes.
    let began = Instant::now();
    let (_, error) = snapshots(chars(&format!("{{\"a\": 1}} {}", "[{\"x\" ".repeat(4_000)))).await;
    assert!(error.is_some());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Joke {
    setup: String,
    rating: u32,
}

#[tokio::test]
async fn typed_answers() {
    // OP-18
    let parser = JsonOutputParser::typed::<Joke>();
    let good = r#"{"setup": "Why?", "rating": 4}"#;
    assert_eq!(parser.invoke(good).await.unwrap(), Joke { setup: "Why?".into(), rating: 4 });
    for bad in [r#"{"setup": "Why?", "rating": "four"}"#, r#"{"setup": "Why?"}"#] {
        let error = parser.invoke(bad).await.unwrap_err();
        assert_eq!((error.kind(), error.partial::<String>().unwrap().as_str()), (ErrorKind::Parse, bad));
        assert!(error.message().contains("Joke"), "{error}");
    }

    // OP-24 D
    let cut = AiMessage::new(r#"{"setup": "Wh"#).with_finish_reason(FinishReason::length());
    let error = parser.invoke(cut).await.unwrap_err();
    assert!(error.message().contains("the limit of tokens"), "{error}");

    // OP-25
    let refusal = AiMessage::new(vec![ContentPart::refusal("I would rather not.")]);
    let error = parser.invoke(refusal).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.partial::<String>().unwrap().as_str()),
        (ErrorKind::ContentFilter, "I would rather not.")
    );
}

#[tokio::test]
async fn tool_calls_and_parsers_of_ones_own() {
    // OP-22
    let piece = |arguments: &str| {
        anabranch::messages::ToolCallChunk::new().with_index(0).with_id("1").with_name("now").with_arguments(arguments)
    };
    let mut answer = AiMessage::default().with_tool_call_chunk(piece(""));
    answer.append(FinishReason::tool_calls());
    assert_eq!(answer.tool_calls()[0].arguments().unwrap(), json!({}));

    // OP-26
    let swap = generator(|text: Chunks<'_, String>| {
        let swapped =
            |char: char| if char.is_uppercase() { char.to_ascii_lowercase() } else { char.to_ascii_uppercase() };
        text.map_chunks(move |piece| Ok(piece.chars().map(swapped).collect()), Merge::append())
    });
    let pieces = ["hello", " ", "world"].map(AiMessage::new);
    let text = StrOutputParser | swap;
    let out = chunks(text.transform(Chunks::from_values(pieces, AiMessage::merge()))).await.unwrap();
    assert_eq!(out, ["HELLO", " ", "WORLD"]);
}
