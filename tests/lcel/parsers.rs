//! OP: output parsers.

use std::time::{Duration, Instant};

use anabranch::parsers::{DateTimeOutputParser, JsonEvent, XmlOutputParser};
use anabranch::prelude::*;
use anabranch::{Error, ErrorKind, Merge};
use jiff::civil;
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

    // OP-02: a number that ends in a point is not complete (OP-07), and a stray word ends what there is.
    for (half, expected) in
        [(r#"{"a": 1."#, json!({})), ("[1, 2, oops", json!([1, 2])), (r#"{"a": "b"#, json!({"a": "b"}))]
    {
        assert_eq!(snapshots([half.to_string()]).await.0.last().unwrap_or(&json!({})), &expected, "{half}");
    }

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

    // OP-06: the text of a document grows by what is new, for which a JSON Patch has no word.
    let pieces = chars(r#"{"setup": "Why?", "rating": 4}"#).into_iter().map(AiMessage::new);
    let events = JsonOutputParser::new().events();
    let told = chunks(events.transform(Chunks::from_values(pieces, AiMessage::merge()))).await.unwrap().concat();
    let patch: Vec<_> = told.iter().filter_map(JsonEvent::to_patch).collect();
    assert_eq!(patch[0], json!({ "op": "replace", "path": "", "value": {} }));
    assert_eq!(patch[1], json!({ "op": "add", "path": "/setup", "value": "" }));
    assert_eq!(patch[2], json!({ "op": "append", "path": "/setup", "value": "W" }));
    assert_eq!(patch.last(), Some(&json!({ "op": "add", "path": "/rating", "value": 4 })));
    let mut document = Value::Null;
    told.iter().for_each(|event| event.apply(&mut document));
    assert_eq!(document, json!({ "setup": "Why?", "rating": 4 }));

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

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Joke {
    /// 笑い話
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

    // OP-19
    let instructions = parser.clone().with_schema_of_type().format_instructions();
    assert!(instructions.contains("笑い話") && instructions.contains("rating"), "{instructions}");

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
async fn lists() {
    // OP-10
    for (text, items) in [
        ("foo", vec!["foo"]),
        ("foo, bar, baz", vec!["foo", "bar", "baz"]),
        ("foo,bar,baz", vec!["foo", "bar", "baz"]),
        ("\"foo, foo2\",bar,baz", vec!["foo, foo2", "bar", "baz"]),
    ] {
        let parser = ListOutputParser::comma_separated();
        assert_eq!(parser.invoke(text).await.unwrap(), items);
        let words = text.split_inclusive(' ').map(str::to_string).collect();
        for pieces in [chars(text), words, vec![text.to_string()]] {
            let pieces = pieces.into_iter().map(AiMessage::new);
            let lists = chunks(parser.transform(Chunks::from_values(pieces, AiMessage::merge()))).await.unwrap();
            assert!(lists.iter().all(|list| list.len() == 1), "{lists:?}");
            assert_eq!(lists.concat(), items);
        }
    }

    // OP-11, OP-12
    let text = "Your response should be a numbered list.\n\n1. foo\n\n2. bar\n  3. baz\n";
    assert_eq!(ListOutputParser::numbered().invoke(text).await.unwrap(), ["foo", "bar", "baz"]);
    assert_eq!(ListOutputParser::numbered().invoke("No items.").await.unwrap(), [] as [&str; 0]);
    let text = "Your response - a list:\n- foo\n  - bar\n- baz - qux";
    assert_eq!(ListOutputParser::markdown().invoke(text).await.unwrap(), ["foo", "bar", "baz - qux"]);
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
    Blue,
}

#[tokio::test]
async fn choices_dates_and_trees() {
    // OP-13
    let parser = EnumOutputParser::<Colour>::new();
    assert_eq!(parser.invoke("red").await.unwrap(), Colour::Red);
    assert_eq!(
        (parser.invoke("green").await.unwrap(), parser.invoke("blue").await.unwrap()),
        (Colour::Green, Colour::Blue)
    );
    assert_eq!(parser.invoke("INVALID").await.unwrap_err().kind(), ErrorKind::Parse);

    // OP-14
    let now = DateTimeOutputParser::<civil::DateTime>::new();
    assert_eq!(now.invoke("2026-11-28T17:05:00.123456").await.unwrap().subsec_nanosecond(), 123_456_000);
    let time = DateTimeOutputParser::<civil::Time>::new().with_format("%H:%M:%S");
    assert_eq!(time.invoke("17:05:03").await.unwrap(), civil::time(17, 5, 3, 0));
    assert_eq!(time.invoke("garbage").await.unwrap_err().kind(), ErrorKind::Parse);

    // OP-15
    let parser = BooleanOutputParser::new();
    for (text, said) in [
        ("YES", Some(true)),
        ("no", Some(false)),
        ("Not relevant (NO)", Some(false)),
        ("NOW this is relevant (YES)", Some(true)),
        ("YES NO", None),
        ("BOOM", None),
    ] {
        assert_eq!(parser.invoke(text).await.ok(), said, "{text}");
    }

    // OP-16: the tree; OP-17
    let parser = XmlOutputParser::new();
    let document = "<foo><bar><baz></baz><baz>slim.shady</baz></bar><baz>tag</baz></foo>";
    let tree = json!({"foo": [{"bar": [{"baz": null}, {"baz": "slim.shady"}]}, {"baz": "tag"}]});
    for text in [
        document.to_string(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}"),
        format!("```xml\n{document}\n```"),
        format!("Some random text\n```xml\n{document}\n```\nMore random text"),
    ] {
        assert_eq!(parser.invoke(text).await.unwrap(), tree);
    }
    assert_eq!(parser.invoke("<body>Text of the body.</body>").await.unwrap(), json!({"body": "Text of the body."}));
    let bomb = "<!DOCTYPE a [<!ENTITY b \"b\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
    for broken in ["foo></foo>", "<foo></foo", "foo></foo", "foofoo", bomb] {
        assert_eq!(parser.invoke(broken).await.unwrap_err().kind(), ErrorKind::Parse, "{broken}");
    }
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tool {
    Names { names: Vec<String> },
    Person { name: String, age: u8 },
}

#[tokio::test]
async fn tools() {
    // OP-20: each call when it is whole.
    let chunk = |index, id: &str, name: &str, arguments: &str| -> AiMessage {
        let chunk = anabranch::messages::ToolCallChunk::new().with_index(index);
        chunk.with_id(id).with_name(name).with_arguments(arguments).into()
    };
    let pieces = vec![
        chunk(0, "1", "names", ""),
        chunk(0, "", "", "{\"names\": [\"su"),
        chunk(0, "", "", "zy\"]}"),
        chunk(1, "2", "person", "{\"name\": \"jermaine\","),
        chunk(1, "", "", " \"age\": 67}"),
        FinishReason::tool_calls().into(),
    ];
    let parser = ToolCallsParser::<Tool>::new();
    let calls = chunks(parser.transform(Chunks::from_values(pieces.clone(), AiMessage::merge()))).await.unwrap();
    let wanted = [Tool::Names { names: vec!["suzy".into()] }, Tool::Person { name: "jermaine".into(), age: 67 }];
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(calls.concat_iter(), wanted.iter().collect::<Vec<_>>());
    // Its arguments grow for somebody who looks on.
    let growing = parser.clone().growing();
    let shown = chunks(growing.transform(Chunks::from_values(pieces.clone(), AiMessage::merge()))).await.unwrap();
    let shown: Vec<Value> =
        shown.iter().map(|calls| calls.iter().map(|call| call.arguments().clone()).collect()).collect();
    let names = json!({"names": ["suzy"]});
    let expected = [
        json!([{}]),
        json!([{"names": ["su"]}]),
        json!([names]),
        json!([names, {"name": "jermaine"}]),
        json!([names, {"name": "jermaine", "age": 67}]),
    ];
    assert_eq!(shown, expected);
    let whole = Chunks::from_values(pieces, AiMessage::merge()).collect().await.unwrap();

    // OP-21
    let people = ToolCallsParser::<Value>::of_tool("person");
    assert_eq!(people.invoke(whole.clone()).await.unwrap(), [json!({"name": "jermaine", "age": 67})]);
    assert_eq!(ToolCallsParser::<Value>::of_tool("other").invoke(whole).await.unwrap(), [] as [Value; 0]);

    // OP-23
    let unknown = AiMessage::new("").with_tool_call(ToolCall::new("1", "launch", json!({})));
    let error = parser.invoke(unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert!(error.message().contains("`launch`"), "{error}");
}

/// What is in lists, one after the other.
trait ConcatIter<T> {
    fn concat_iter(&self) -> Vec<&T>;
}

impl<T> ConcatIter<T> for Vec<Vec<T>> {
    fn concat_iter(&self) -> Vec<&T> {
        self.iter().flatten().collect()
    }
}

#[tokio::test]
async fn repair() {
    // OP-27
    for (allowed, works) in [(3, true), (2, false)] {
        let model = ScriptedModel::new().reply("no").reply("still no").reply("{\"setup\": \"Why?\", \"rating\": 4}");
        let llm = ChatModel::from(model.clone());
        let parser = JsonOutputParser::typed::<Joke>().with_repair(llm).attempts(allowed);
        let read = parser.invoke("not at all").await;
        assert_eq!((read.is_ok(), model.requests().len()), (works, allowed));
    }
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
