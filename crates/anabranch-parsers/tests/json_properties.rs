//! What holds for every JSON in an answer, however it comes.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, RunnableExt};
use anabranch_messages::AiMessage;
use anabranch_parsers::JsonOutputParser;
use futures::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(text: &str) -> Value {
    JsonOutputParser::new().parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn problem(text: &str) -> String {
    JsonOutputParser::new().parse(text).map(|value| panic!("{text}: {value}")).unwrap_err().message().to_string()
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
        if value.as_object().is_some_and(|object| !object.is_empty()) {
            prop_assert_eq!(parse(&format!("{before}{json} Done.")), value.clone());
        }
        let is_small = |value: &Value| value.as_u64().is_some_and(|number| number < 1000);
        let is_citation = |list: &Vec<Value>| !list.is_empty() && list.iter().all(is_small);
        if value.as_array().is_some_and(|list| !is_citation(list)) {
            prop_assert_eq!(parse(&format!("{before}.\n {json} \nDone.")), value);
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

    /// However an answer is cut into pieces, the last snapshot or the error is the same.
    #[test]
    fn pieces_do_not_matter(
        text in "([{}\\[\\]\":,a1 \n]|```|```json|<think>|</think>|\\{\"a\": 1\\}|\\[1\\]|x|'a'|\\\\u00e9|true|-1\\.5){0,14}",
        size in 1..5_usize,
    ) {
        let characters: Vec<char> = text.chars().collect();
        let pieces = characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>()));
        let chunks = Chunks::from_values(pieces.collect::<Vec<_>>(), AiMessage::merge());
        let parser = JsonOutputParser::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let streamed: Vec<_> = runtime.block_on(StreamExt::collect(parser.transform(chunks)));
        let last = streamed.into_iter().next_back().map(|last| last.map_err(|error| error.message().to_string()));
        let parsed = parser.parse(&text).map_err(|error| error.message().to_string());
        if !(text.is_empty() && last.is_none()) {
            prop_assert_eq!(last, Some(parsed), "{}", text);
        }
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
