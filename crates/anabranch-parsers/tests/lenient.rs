//! What a lenient parser repairs, what it says of it, and what it does not do.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use anabranch_core::{Chunks, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason};
use anabranch_parsers::{JsonOutputParser, ParseError, ParseErrorKind, RepairKind};
use futures::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};

fn lenient() -> JsonOutputParser {
    JsonOutputParser::new().lenient()
}

fn kind(text: &str) -> ParseErrorKind {
    let error = lenient().parse(text).map(|value| panic!("{text}: {value}")).unwrap_err();
    assert_eq!(error.partial::<String>().map(String::as_str), Some(text));
    error.downcast_ref::<ParseError>().unwrap().kind()
}

#[test]
fn each_repair_is_told() {
    use RepairKind::*;
    for (text, value, kinds) in [
        ("{\"a\": 1,}", json!({"a": 1}), vec![ExtraComma]),
        ("[1, 2,]", json!([1, 2]), vec![ExtraComma]),
        ("{'a': 'b'}", json!({"a": "b"}), vec![Quotes, Quotes]),
        ("{a: 1}", json!({"a": 1}), vec![BareKey]),
        ("{\"a\": b c}", json!({"a": "b c"}), vec![BareText]),
        ("{\"a\": \"x\ny\"}", json!({"a": "x\ny"}), vec![ControlCharacter]),
        ("{\"a\": 1 /* one */}", json!({"a": 1}), vec![Comment]),
        ("{\"a\": [1, 2}", json!({"a": [1, 2]}), vec![MissingCloser]),
        ("{\"a\": \"b\"", json!({"a": "b"}), vec![MissingCloser]),
        ("[True, None]", json!([true, null]), vec![Word, Word]),
        ("{\"a\": \"b\" \"c\": 1}", json!({"a": "b", "c": 1}), vec![MissingComma]),
        ("{\"a\" 1}", json!({"a": 1}), vec![MissingColon]),
        ("{\"a\": \"say \"hi\" now\"}", json!({"a": "say \"hi\" now"}), vec![UnescapedQuote, UnescapedQuote]),
        ("{\"a\": 1_000}", json!({"a": 1000}), vec![Number]),
        ("{\"a\": \"\\d\"}", json!({"a": "\\d"}), vec![Escape]),
        ("{\"a\": 1, 'a': 1}", json!({"a": 1}), vec![Quotes]),
        ("{\"a\": \"b\",, \"c\": 1}", json!({"a": "b", "c": 1}), vec![ExtraComma]),
        ("{“a”: “b”}", json!({"a": "b"}), vec![Quotes, Quotes]),
        ("{\"a\": \"b c }", json!({"a": "b c"}), vec![MissingQuote]),
        ("```json\n{\"a\": 1}\n", json!({"a": 1}), vec![UnclosedFence]),
        ("{\"a\": 1}", json!({"a": 1}), vec![]),
    ] {
        let (found, repairs) = lenient().parse_reported(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found, value, "{text}");
        assert_eq!(repairs.iter().map(|repair| repair.kind()).collect::<Vec<_>>(), kinds, "{text}");
    }
}

#[test]
fn nothing_is_added_and_nothing_is_chosen() {
    assert_eq!(kind("{\"price\": 12"), ParseErrorKind::Truncated);
    assert_eq!(kind("{'name': 'We"), ParseErrorKind::Truncated);
    assert_eq!(kind("{'a': 1} or {'a': 2}"), ParseErrorKind::Several(2));
    assert_eq!(kind("I am sorry, I cannot help with that [1]."), ParseErrorKind::Missing);
    assert_eq!(kind("Use {} or {topic}."), ParseErrorKind::Missing);
    for text in [
        "{\"a\": }",
        "{\"a\": , \"b\": 1}",
        "[1, ..., 3]",
        "{\"a\": true, WORD \"b\": 1}",
        "{\"a\": 123456789012345678901234567890,}",
        "{\"a\"}",
        "{\"a\": 1, \"a\": 2}",
        "{a: 1, b: {c: 1, c: 2}}",
    ] {
        assert!(matches!(kind(text), ParseErrorKind::Json(_)), "{text}");
    }
    let deep = format!("{}1{}", "[".repeat(200), ",]".repeat(200));
    assert!(matches!(kind(&deep), ParseErrorKind::Json(_)));
    assert_eq!(lenient().parse("<think>{'a': 1}</think>{'b': 2}").unwrap(), json!({"b": 2}));
    assert_eq!(lenient().parse("so {'a': 1}</think>{'b': 2}").unwrap(), json!({"b": 2}));
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct River {
    name: String,
    length_km: u32,
    arms: Vec<String>,
}

#[test]
fn a_type_says_what_it_wants() {
    let parser = JsonOutputParser::typed::<River>().lenient();
    let text = "{Name: 'Weser', 'length-km': '452 km', arms: 'Aller'}";
    let (river, repairs) = parser.parse_reported(text).unwrap();
    assert_eq!(river, River { name: "Weser".into(), length_km: 452, arms: vec!["Aller".into()] });
    for kind in [RepairKind::Key, RepairKind::NumberFromText, RepairKind::ListFromOne, RepairKind::BareKey] {
        assert!(repairs.iter().any(|repair| repair.kind() == kind), "{kind:?}: {repairs:?}");
    }
    // What does not fit in any way is told as it is.
    let error = parser.parse("{name: 'Weser', length_km: 'long', arms: []}").unwrap_err();
    assert_eq!(error.downcast_ref::<ParseError>().unwrap().path(), "length_km");
    assert!(JsonOutputParser::typed::<River>().parse("{\"name\": \"W\", \"length_km\": \"4\", \"arms\": []}").is_err());
    // Words say what they say.
    assert_eq!(JsonOutputParser::typed::<u32>().lenient().parse("It is 42 km.").unwrap(), 42);
    assert!(JsonOutputParser::typed::<u32>().lenient().parse("It is 42 or 43 km.").is_err());
}

#[tokio::test]
async fn what_was_cut_off_is_not_repaired() {
    let cut = AiMessage::new("{'a': 1, 'b': 'x'").with_finish_reason(FinishReason::length());
    let error = lenient().invoke(cut).await.unwrap_err();
    assert_eq!(error.downcast_ref::<ParseError>().map(ParseError::kind), Some(ParseErrorKind::Truncated));
}

#[tokio::test]
async fn it_streams_what_it_repairs() {
    let text = "Sure:\n```json\n{'name': 'Weser', 'arms': [1, 2,], // two\n 'wet': True}\n```";
    let pieces: Vec<_> = text.chars().map(|c| AiMessage::new(c.to_string())).collect();
    let parser = lenient();
    let stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    let snapshots: Vec<Value> = StreamExt::collect::<Vec<_>>(stream).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(snapshots.last().unwrap(), &json!({"name": "Weser", "arms": [1, 2], "wet": true}));
    assert!(snapshots.contains(&json!({"name": "Wes"})), "{snapshots:?}");
    assert!(snapshots.contains(&json!({"name": "Weser", "arms": [1]})), "{snapshots:?}");
    assert!(snapshots.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn time_is_linear() {
    let size = 60_000;
    for unit in [
        "[",
        "{",
        "{'a':",
        "{a:",
        "[[],",
        "[1,",
        "```",
        "```json\n",
        "{'a':1}",
        "[1] ",
        "\"",
        "'",
        "[\"",
        "/*",
        "//",
        "\\",
        "{\"a\": \"b\" /*",
        "{\"a\": \"",
        "a,",
        "{a: b, ",
        "(",
        "`",
        "\"a\": ",
        "{\"a\": \"b\",",
        "[[1,2],",
        "{'a', ",
        "“",
        "{\"a\": x\n",
        "[a b\n",
    ] {
        let text = unit.repeat(size / unit.len());
        for text in [text.clone(), format!("{{\"a\": [\"{text}"), format!("{{a: {text}")] {
            let start = Instant::now();
            let _ = lenient().parse(&text);
            assert!(start.elapsed().as_secs() < 8, "{unit}: {:?}", start.elapsed());
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[{}\\[\\]`\"'\\\\a-cé,:\\n ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"`{]{0,4}", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Values of which every way to write them says the same.
fn plain_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-zé .]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,6}", inner), 1..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// The value as somebody writes it who does not know JSON well.
fn badly(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(list) => format!("[{}]", list.iter().map(|value| badly(value) + ", ").collect::<String>()),
        Value::Object(object) => {
            let members = object.iter().map(|(key, value)| format!("{key}: {}, # so\n", badly(value)));
            format!("{{{}}}", members.collect::<String>())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn never_panics(text in "([{}\\[\\]()`\"'\\\\:,a1é\\n /*#]|```json|true|None|\\\\u|“|”|\\.\\.\\.|</think>){0,60}|\\PC{0,60}") {
        let _ = lenient().parse(&text);
        let _ = lenient().parse_so_far(&text);
    }

    #[test]
    fn what_is_valid_stays_as_it_is(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(lenient().parse_reported(&text).unwrap(), (value, vec![]));
    }

    #[test]
    fn what_is_written_badly_is_understood(value in plain_json()) {
        let value = json!({ "it": value });
        prop_assert_eq!(lenient().parse(&badly(&value)).unwrap(), value);
    }

    /// A prefix of a text is never more than the text: what it gives was there.
    #[test]
    fn prefixes_give_what_is_there(value in plain_json(), cut in any::<prop::sample::Index>()) {
        let value = json!({ "it": value });
        let text = badly(&value);
        let ends: Vec<_> = text.char_indices().map(|(at, _)| at).skip(1).collect();
        let prefix = &text[..*cut.get(&ends)];
        if let Some(part) = lenient().parse_so_far(prefix) {
            prop_assert!(is_prefix(&part, &value), "{} of {}", part, value);
        }
    }
}

fn is_prefix(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::String(part), Value::String(whole)) => whole.starts_with(part.as_str()),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() <= whole.len() && part.iter().zip(whole).all(|(part, whole)| is_prefix(part, whole))
        }
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| is_prefix(part, whole)))
        }
        _ => part == whole,
    }
}
