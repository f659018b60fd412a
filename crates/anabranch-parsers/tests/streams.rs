//! What streams give is what `invoke` gives: for every parser, every text and every way to cut it into pieces.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, Error, Runnable, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason};
use anabranch_parsers::{
    BooleanOutputParser, EnumOutputParser, JsonEvent, JsonOutputParser, ListOutputParser, ParseError, ParseErrorKind,
    StrOutputParser, ToolCallsParser,
};
use futures::executor::block_on;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Debug, PartialEq, Clone)]
struct River {
    name: String,
    #[serde(default)]
    arms: Vec<u8>,
}

#[derive(Deserialize, Debug, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

/// How an answer ends.
fn ends() -> impl Strategy<Value = Vec<AiMessage>> {
    let finish = |kind: FinishKind| AiMessage::default().with_finish_reason(kind);
    let ends = [
        vec![],
        vec![FinishReason::stop().into()],
        vec![FinishReason::length().into()],
        vec![finish(FinishKind::ContentFilter)],
        vec![finish(FinishKind::Refusal)],
        vec![AiMessage::new([ContentPart::refusal("no")])],
        vec![AiMessage::new("1"), AiMessage::new("]"), FinishReason::stop().into()],
    ];
    prop::sample::select(ends.to_vec())
}

fn pieces(text: &str, sizes: &[usize], end: Vec<AiMessage>) -> Vec<AiMessage> {
    let mut characters: Vec<char> = text.chars().collect();
    let mut sizes = sizes.iter().cycle();
    let mut pieces = Vec::new();
    while !characters.is_empty() {
        let size = (*sizes.next().unwrap()).min(characters.len());
        pieces.push(AiMessage::new(characters.drain(..size).collect::<String>()));
    }
    pieces.extend(end);
    pieces
}

/// What is to be compared of an error: all of it.
fn told(error: &Error) -> (String, Option<ParseErrorKind>, Option<String>) {
    let kind = error.downcast_ref::<ParseError>().map(ParseError::kind);
    (error.message().to_string(), kind, error.partial::<String>().cloned())
}

/// The chunks of a stream, and its error.
fn streamed<P: Runnable<Input = AiMessage>>(parser: &P, pieces: &[AiMessage]) -> (Vec<P::Output>, Option<Error>) {
    let mut stream = parser.transform(Chunks::from_values(pieces.to_vec(), AiMessage::merge()));
    block_on(async {
        let mut chunks = Vec::new();
        while let Some(next) = stream.next().await {
            match next {
                Ok(chunk) => chunks.push(chunk),
                Err(error) => {
                    assert!(stream.next().await.is_none(), "something came after an error");
                    return (chunks, Some(error));
                }
            }
        }
        (chunks, None)
    })
}

fn could_be_elements<P>() -> bool {
    std::any::type_name::<P>().contains("JsonElements")
}

/// A stream and `invoke` end the same, and what was streamed adds up.
fn compare<P, O>(parser: &P, pieces: &[AiMessage], add_up: impl Fn(Vec<P::Output>) -> O) -> Result<(), TestCaseError>
where
    P: Runnable<Input = AiMessage>,
    P::Output: Clone + std::fmt::Debug,
    O: PartialEq + std::fmt::Debug,
{
    let mut whole = AiMessage::default();
    pieces.iter().for_each(|piece| whole.append(piece.clone()));
    let text = whole.text().into_owned();
    let invoked = block_on(parser.invoke(whole));
    let (chunks, error) = streamed(parser, pieces);
    match (invoked, error) {
        (Ok(invoked), None) => prop_assert_eq!(add_up(chunks), add_up(vec![invoked]), "{:?}", text),
        (Err(invoked), Some(error)) => {
            // What came of a thought without a begin was handed on, and so were elements of what is not the document
            // after all. An element of another type is told at once, whatever else is wrong behind it.
            let kind = error.downcast_ref::<ParseError>().map(ParseError::kind);
            let is_told = match kind {
                Some(ParseErrorKind::Several(2)) => !chunks.is_empty(),
                kind => kind == Some(ParseErrorKind::Type),
            };
            let is_an_element = is_told && could_be_elements::<P>();
            let is_handed_on = kind == Some(ParseErrorKind::Thought) || is_an_element;
            prop_assert!(told(&error) == told(&invoked) || is_handed_on, "{:?}: {} {}", text, error, invoked);
        }
        (Ok(_), Some(error)) => {
            let kind = error.downcast_ref::<ParseError>().unwrap().kind();
            let is_an_element =
                matches!(kind, ParseErrorKind::Several(2) | ParseErrorKind::Type) && could_be_elements::<P>();
            let is_handed_on = kind == ParseErrorKind::Thought || is_an_element;
            prop_assert!(is_handed_on, "{:?}: {}", text, error);
        }
        (Err(error), None) => prop_assert!(false, "{:?}: {}", text, error),
    }
    Ok(())
}

fn last<T>(mut chunks: Vec<T>) -> Option<T> {
    chunks.pop()
}

fn rebuilt(events: Vec<Vec<JsonEvent>>) -> Value {
    let mut document = Value::Null;
    events.iter().flatten().for_each(|event| event.apply(&mut document));
    document
}

fn all(pieces: &[AiMessage]) -> Result<(), TestCaseError> {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "arms": {"type": "array"}}});
    compare(&StrOutputParser, pieces, |texts| texts.concat())?;
    for parser in [
        JsonOutputParser::new(),
        JsonOutputParser::new().exact(),
        JsonOutputParser::new().lenient(),
        JsonOutputParser::new().lenient().exact(),
        JsonOutputParser::with_schema(schema.clone()),
        JsonOutputParser::with_schema(schema).lenient(),
        JsonOutputParser::with_schema(json!({"type": "array", "items": {"type": "integer"}})).lenient(),
        JsonOutputParser::new().with_max_bytes(20),
        JsonOutputParser::new().with_max_depth(2),
        JsonOutputParser::new().with_snapshot_interval(5),
    ] {
        compare(&parser, pieces, last)?;
        compare(&parser.clone().reported(), pieces, last)?;
        compare(&parser.events(), pieces, rebuilt)?;
    }
    compare(&JsonOutputParser::typed::<River>(), pieces, last)?;
    compare(&JsonOutputParser::typed::<River>().lenient(), pieces, last)?;
    compare(&JsonOutputParser::typed::<Vec<u8>>(), pieces, last)?;
    compare(&JsonOutputParser::elements::<Value>(), pieces, |lists| lists.concat())?;
    compare(&JsonOutputParser::elements::<u8>(), pieces, |lists| lists.concat())?;
    compare(&JsonOutputParser::elements::<u8>().within("/arms"), pieces, |lists| lists.concat())?;
    for parser in [ListOutputParser::comma_separated(), ListOutputParser::numbered(), ListOutputParser::markdown()] {
        compare(&parser, pieces, |lists| lists.concat())?;
    }
    compare(&BooleanOutputParser::new(), pieces, last)?;
    compare(&EnumOutputParser::<Colour>::new(), pieces, last)?;
    compare(&EnumOutputParser::<Colour>::new().lenient(), pieces, last)?;
    compare(&ToolCallsParser::<Value>::new(), pieces, |lists| lists.concat())?;
    compare(&ToolCallsParser::<Value>::new().growing(), pieces, last)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_all_kinds(
        text in "([{}\\[\\]\":,a1' \n\r]|```|```json\n|<think>|</think>|\\{\"name\": \"é\", \"arms\": [1, 2]\\}|\\[1\\]|\\[1, 2\\]|red|yes|true|- |1\\. |• |  |\\\\u00e9|-1\\.5){0,14}",
        sizes in prop::collection::vec(1..6_usize, 1..5),
        end in ends(),
    ) {
        all(&pieces(&text, &sizes, end))?;
    }

    /// Of what a program writes as it should, every begin.
    #[test]
    fn begins_of_valid_answers(
        answer in prop::sample::select(vec![
            "{\"name\": \"We\\u0073er\\n😀\", \"arms\": [1, 22, 3], \"more\": {\"x\": null, \"y\": [true, -1.5e3]}}",
            "Sure:\n```json\n{\"name\": \"Weser\", \"arms\": [1, 2]}\n```\nAnything else?",
            "<think>Perhaps {\"name\": \"x\"}?</think>\n[1, 2, 3]",
            "Here are two:\n1. Weser,\n   a long one\n2. Aller\n\nThat is all.",
            "- Weser\n- Aller [1]\n\n[1] https://example.org\n",
            "{'name': 'Weser', arms: [1, 2,], // so\n}",
        ]),
        cut in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1..9_usize, 1..4),
        end in ends(),
    ) {
        let ends: Vec<_> = answer.char_indices().map(|(at, _)| at).chain([answer.len()]).collect();
        all(&pieces(&answer[..*cut.get(&ends)], &sizes, end))?;
    }
}
