//! Events and elements: a document by increments.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, Merge, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason};
use anabranch_parsers::{JsonEvent, JsonOutputParser, ParseError, ParseErrorKind};
use futures::StreamExt;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

fn answer(text: &str, size: usize) -> Chunks<'static, AiMessage> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>()));
    Chunks::from_values(pieces.collect::<Vec<_>>(), AiMessage::merge())
}

async fn events(text: &str, size: usize) -> (Vec<JsonEvent>, Option<String>) {
    let parser = JsonOutputParser::new().events();
    let mut stream = parser.transform(answer(text, size));
    let (mut events, mut error) = (Vec::new(), None);
    while let Some(next) = stream.next().await {
        match next {
            Ok(next) => events.extend(next),
            Err(end) => error = Some(end.message().to_string()),
        }
    }
    (events, error)
}

fn rebuilt(events: &[JsonEvent]) -> Value {
    let mut document = Value::Null;
    events.iter().for_each(|event| event.apply(&mut document));
    document
}

#[tokio::test]
async fn each_event_is_what_is_new() {
    let (events, error) = events(r#"{"a": "xy", "l": [1, {}], "b/~": null}"#, 1).await;
    assert_eq!(error, None);
    let patch: Vec<_> = events.iter().filter_map(JsonEvent::to_patch).map(|op| op.to_string()).collect();
    assert_eq!(
        patch,
        [
            r#"{"op":"replace","path":"","value":{}}"#,
            r#"{"op":"add","path":"/a","value":""}"#,
            r#"{"op":"append","path":"/a","value":"x"}"#,
            r#"{"op":"append","path":"/a","value":"y"}"#,
            r#"{"op":"add","path":"/l","value":[]}"#,
            r#"{"op":"add","path":"/l/0","value":1}"#,
            r#"{"op":"add","path":"/l/1","value":{}}"#,
            r#"{"op":"add","path":"/b~1~0","value":null}"#,
        ]
    );
    let complete: Vec<_> = events.iter().filter(|event| event.is_complete()).map(JsonEvent::path).collect();
    assert_eq!(complete, ["/a", "/l/0", "/l/1", "/l", "/b~1~0", ""]);
    assert!(!format!("{events:?}").contains("xy"));
}

#[tokio::test]
async fn events_are_json_themselves() {
    let (events, _) = events(r#"{"a": "xy", "l": [1, {"k~/": []}]}"#, 3).await;
    let text = serde_json::to_string(&events).unwrap();
    assert!(text.contains(r#"{"event":"began","path":"/l/1/k~0~1","value":[]}"#), "{text}");
    let read: Vec<JsonEvent> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, events);
    assert_eq!(rebuilt(&read), json!({"a": "xy", "l": [1, {"k~/": []}]}));
}

#[tokio::test]
async fn a_document_that_counts_after_all_begins_anew() {
    for (text, expected) in [
        ("So: {\"a\": 1}.", json!({"a": 1})),
        ("```json\n{\"a\": 1}\n```\nor\n```json\n{\"a\": 2}\n```", json!({"a": 2})),
        ("```json\n{\"a\": 1}\n```\nor\n```\n{\"a\": 2}\n```", json!({"a": 1})),
        ("```json\n{\"a\": 1}\n```</think>42", json!(42)),
        ("[1]</think>\"x\"", json!("x")),
    ] {
        for size in [1, 100] {
            let (events, error) = events(text, size).await;
            assert_eq!((rebuilt(&events), error), (expected.clone(), None), "{text}");
        }
        let invoked = JsonOutputParser::new().events().invoke(text).await.unwrap();
        assert_eq!(rebuilt(&invoked), expected);
    }
    let (some, error) = events("{\"a\": [1, 2", 1).await;
    assert_eq!(rebuilt(&some), json!({"a": [1]}));
    assert!(error.unwrap().contains("truncated"));
}

#[derive(Deserialize, Debug, PartialEq)]
struct River {
    name: String,
    length_km: u32,
}

fn river(name: &str, length_km: u32) -> River {
    River { name: name.into(), length_km }
}

const RIVERS: &str =
    r#"{"count": 2, "rivers": [{"name": "Weser", "length_km": 452}, {"name": "Aller", "length_km": 215}], "x": []}"#;

#[tokio::test]
async fn an_element_comes_when_it_is_complete() {
    let parser = JsonOutputParser::elements::<River>().within("/rivers");
    let mut stream = parser.transform(answer(RIVERS, 1));
    assert_eq!(stream.next().await.unwrap().unwrap(), [river("Weser", 452)]);
    assert_eq!(stream.next().await.unwrap().unwrap(), [river("Aller", 215)]);
    assert!(stream.next().await.is_none());
    let both = [river("Weser", 452), river("Aller", 215)];
    assert_eq!(parser.invoke(RIVERS).await.unwrap(), both);
    for text in [RIVERS.to_string(), format!("So:\n{RIVERS}"), format!("```json\n{RIVERS}\n```")] {
        let mut whole = Merge::extend().collector();
        let mut stream = parser.transform(answer(&text, 3));
        while let Some(next) = stream.next().await {
            whole.push(next.unwrap()).unwrap();
        }
        assert_eq!(whole.finish().unwrap(), both, "{text}");
    }
    assert_eq!(JsonOutputParser::elements::<u8>().invoke("[]").await.unwrap(), [] as [u8; 0]);
}

#[tokio::test]
async fn before_the_end_of_the_answer_the_elements_are_there() {
    let (sender, receiver) = futures::channel::mpsc::unbounded();
    let chunks = Chunks::new(receiver.map(|piece: &str| Ok(AiMessage::new(piece))), AiMessage::merge());
    let parser = JsonOutputParser::elements::<u32>();
    let mut stream = parser.transform(chunks);
    sender.unbounded_send("[1, 2").unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), [1]);
    // Of the second more may come.
    assert!(futures::poll!(stream.next()).is_pending());
    sender.unbounded_send("3, 4").unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), [23]);
}

#[tokio::test]
async fn what_does_not_fit_is_told_after_what_does() {
    let parser = JsonOutputParser::elements::<River>().within("/rivers");
    let bad = RIVERS.replace("215", "\"secret\"");
    let mut stream = parser.transform(answer(&bad, 1));
    assert_eq!(stream.next().await.unwrap().unwrap(), [river("Weser", 452)]);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.downcast_ref::<ParseError>().unwrap().path(), "rivers[1].length_km");
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert!(bad.starts_with(error.partial::<String>().unwrap().as_str()));
    assert!(stream.next().await.is_none());

    for (text, kind) in [
        ("{\"rivers\": [{\"name\": \"Weser\", \"length_km\": 452}", ParseErrorKind::Truncated),
        ("{\"x\": []}", ParseErrorKind::Type),
        ("{\"rivers\": 3}", ParseErrorKind::Type),
        (
            "{\"rivers\": [{\"name\": \"W\", \"length_km\": 4}]}\n```json\n{\"rivers\": []}\n```",
            ParseErrorKind::Several(2),
        ),
    ] {
        let last = StreamExt::collect::<Vec<_>>(parser.transform(answer(text, 1))).await.pop().unwrap().unwrap_err();
        assert_eq!(last.downcast_ref::<ParseError>().unwrap().kind(), kind, "{text}");
    }
    let cut = AiMessage::new("[1, 2]").with_finish_reason(FinishReason::length());
    assert_eq!(JsonOutputParser::elements::<u8>().invoke(cut).await.unwrap(), [1, 2]);
}

/// How large all snapshots of a document of so many objects are together, beside its text. Each costs its size.
async fn cost_of_snapshots(objects: usize) -> f64 {
    let text = format!("[{}]", vec!["{\"name\": \"Weser\", \"ok\": true}"; objects].join(","));
    let parser = JsonOutputParser::new();
    let mut stream = parser.transform(answer(&text, 4));
    let mut size = 0;
    while let Some(snapshot) = stream.next().await {
        size += snapshot.unwrap().to_string().len();
    }
    size as f64 / text.len() as f64
}

#[tokio::test]
async fn all_snapshots_cost_a_multiple_of_the_text() {
    // With a snapshot for each piece the second would be eight times the first.
    let (some, more) = (cost_of_snapshots(1_000).await, cost_of_snapshots(8_000).await);
    assert!(more < some * 1.2 && more < 100.0, "{some} {more}");
    // Who collects the stream gets the whole, as by `invoke`.
    let parser = JsonOutputParser::new();
    assert_eq!(parser.transform(answer("[1, 2]", 1)).collect().await.unwrap(), json!([1, 2]));
    // Fewer, if that is wanted.
    let few = JsonOutputParser::new().with_snapshot_interval(100);
    let text = format!("[{}1]", "1, ".repeat(100));
    assert_eq!(few.transform(answer(&text, 1)).map(Result::unwrap).collect::<Vec<_>>().await.len(), 5);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[{}\\[\\]`\"\\\\a-cé😀/~\\n ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"/~`{]{0,4}", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A snapshot is a document that may still become the whole: a text has the same begin, a list or an object has the
/// same elements as far as it goes, and only the last of them may be one that is not complete.
fn is_prefix(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::String(part), Value::String(whole)) => whole.starts_with(part.as_str()),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() <= whole.len() && is_prefix_of_all(part.iter().zip(whole.iter()).collect())
        }
        (Value::Object(part), Value::Object(whole)) => {
            part.len() <= whole.len()
                && part.keys().zip(whole.keys()).all(|(part, whole)| part == whole)
                && is_prefix_of_all(part.values().zip(whole.values()).collect())
        }
        _ => part == whole,
    }
}

fn is_prefix_of_all(mut pairs: Vec<(&Value, &Value)>) -> bool {
    let last = pairs.pop();
    pairs.into_iter().all(|(part, whole)| part == whole) && last.is_none_or(|(part, whole)| is_prefix(part, whole))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    /// For every value and every split of its text, the events rebuild it, the last snapshot is it, and each snapshot
    /// is a prefix of it.
    #[test]
    fn any_split_gives_the_value(value in any_json(), escaped in any::<bool>(), size in 1..12_usize) {
        let mut text = serde_json::to_string_pretty(&value).unwrap();
        if escaped {
            let escape = |c: char| if c.is_ascii() { c.to_string() } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            };
            text = text.chars().map(escape).collect();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (events, snapshots) = runtime.block_on(async {
            let parser = JsonOutputParser::new();
            let snapshots: Vec<_> = StreamExt::collect(parser.transform(answer(&text, size))).await;
            (events(&text, size).await, snapshots)
        });
        prop_assert_eq!(rebuilt(&events.0), value.clone());
        prop_assert_eq!(events.1, None);
        for snapshot in &snapshots {
            prop_assert!(is_prefix(snapshot.as_ref().unwrap(), &value));
        }
        prop_assert_eq!(snapshots.last().unwrap().as_ref().unwrap(), &value);
    }

    /// The elements of a list are the same however it came.
    #[test]
    fn any_split_gives_the_elements(list in prop::collection::vec(any_json(), 0..6), size in 1..12_usize) {
        let text = json!({ "a": 1, "list": list }).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let parser = JsonOutputParser::elements::<Value>().within("/list");
        let streamed: Vec<_> = runtime.block_on(StreamExt::collect(parser.transform(answer(&text, size))));
        let elements: Vec<Value> = streamed.into_iter().flat_map(Result::unwrap).collect();
        prop_assert_eq!(elements, list);
    }
}
