//! The parsers of words: lists, choices, yes and no, tool calls; and asking again.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Chunks, Error, ErrorKind, Merge, RetryBudget, Runnable, RunnableExt, lambda};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason, Messages, ToolCall, ToolCallChunk};
use anabranch_parsers::{
    BooleanOutputParser, EnumOutputParser, JsonFault, JsonOutputParser, ListOutputParser, OutputParser, ParseError,
    ParseErrorKind, ToolCallsParser,
};
use futures::StreamExt;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

fn kind(error: &anabranch_core::Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap_or_else(|| panic!("{error}")).kind()
}

fn answer(text: &str, size: usize) -> Chunks<'static, AiMessage> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>()));
    Chunks::from_values(pieces.collect::<Vec<_>>(), AiMessage::merge())
}

#[test]
fn lists() {
    let commas = ListOutputParser::comma_separated();
    for (text, items) in [
        ("foo", vec!["foo"]),
        ("foo, bar, baz", vec!["foo", "bar", "baz"]),
        ("foo,bar,baz", vec!["foo", "bar", "baz"]),
        ("\"foo, foo2\",bar,baz", vec!["foo, foo2", "bar", "baz"]),
        ("\"say \"\"hi\"\"\", 12\" pipe", vec!["say \"hi\"", "12\" pipe"]),
        ("a, , b,\n c\n", vec!["a", "b", "c"]),
        ("<think>x, y</think>a, b", vec!["a", "b"]),
        ("\"\", a", vec!["", "a"]),
    ] {
        assert_eq!(commas.parse(text).unwrap(), items, "{text}");
    }
    assert_eq!(kind(&commas.parse("a, \"b").unwrap_err()), ParseErrorKind::Truncated);
    let numbered = "Items:\n\n  1. apple\n    2) banana\n3. \n10. cherry 2. no\nx 4. no\n5.no\n";
    assert_eq!(ListOutputParser::numbered().parse(numbered).unwrap(), ["apple", "banana", "cherry 2. no", "no"]);
    assert_eq!(ListOutputParser::numbered().parse("No items in the list.").unwrap(), [] as [&str; 0]);
    let dashes = "Items:\n- apple\n  * banana - ripe\n+ cherry\nno - item\n-5 degrees\n--- \n";
    assert_eq!(ListOutputParser::markdown().parse(dashes).unwrap(), ["apple", "banana - ripe", "cherry"]);
}

#[test]
fn items_go_on_in_indented_lines() {
    let numbered = |text: &str| ListOutputParser::numbered().parse(text).unwrap();
    let markdown = |text: &str| ListOutputParser::markdown().parse(text).unwrap();
    assert_eq!(
        numbered("1. the Weser,\n   which is long\n\n   and wide\n2. the Aller\nThat is all."),
        ["the Weser, which is long and wide", "the Aller"]
    );
    assert_eq!(numbered("1. Weser:\n   - long\n   - wide\n2. Aller"), ["Weser: - long - wide", "Aller"]);
    assert_eq!(numbered("1.\n   Weser\n2.\n3. Aller"), ["Weser", "Aller"]);
    // What is indented as the mark is, or less, is no part of an item.
    assert_eq!(numbered("  1. Weser\n  and so on\n 2. Aller\n words\n  more words"), ["Weser", "Aller"]);
    assert_eq!(markdown("- Weser\r\n  and more\r\n* Aller\r\n"), ["Weser and more", "Aller"]);
    assert_eq!(numbered("1.Weser\n2)Aller\n3.14 is a number\n4... is none\n5.: x"), ["Weser", "Aller", ": x"]);
    assert_eq!(markdown("• Weser\n◦ Aller\n•Leine\n– Hase\n-5 degrees\n**bold**"), ["Weser", "Aller", "Leine", "Hase"]);
}

#[tokio::test]
async fn an_item_comes_with_the_first_word_of_the_next_line() {
    let (sender, receiver) = futures::channel::mpsc::unbounded();
    let chunks = Chunks::new(receiver.map(|piece: &str| Ok(AiMessage::new(piece))), AiMessage::merge());
    let parser = ListOutputParser::numbered();
    let mut stream = parser.transform(chunks);
    sender.unbounded_send("1. Weser\n").unwrap();
    // It may go on.
    assert!(futures::poll!(stream.next()).is_pending());
    sender.unbounded_send("  and more\n2").unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ["Weser and more"]);
}

#[tokio::test]
async fn lists_stream_and_are_whole() {
    let parser = ListOutputParser::comma_separated();
    let lists: Vec<_> = StreamExt::collect(parser.transform(answer("\"a, b\", c,d", 1))).await;
    let lists: Vec<Vec<String>> = lists.into_iter().map(Result::unwrap).collect();
    assert_eq!(lists, [["a, b"], ["c"], ["d"]]);
    let at_once: Vec<_> = StreamExt::collect(parser.transform(answer("a, b, c", 100))).await;
    assert_eq!(at_once.len(), 3);

    let pieces = vec![AiMessage::new("a, b"), AiMessage::new(", c").with_finish_reason(FinishReason::length())];
    let cut = || Chunks::from_values(pieces.clone(), AiMessage::merge());
    let mut stream = parser.transform(cut());
    assert_eq!(stream.next().await.unwrap().unwrap(), ["a"]);
    assert_eq!(stream.next().await.unwrap().unwrap(), ["b"]);
    assert_eq!(kind(&stream.next().await.unwrap().unwrap_err()), ParseErrorKind::Truncated);
    assert_eq!(kind(&parser.transform(cut()).collect().await.unwrap_err()), ParseErrorKind::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_lists_do_not_matter(text in "([a-cé1-9]|, |\\n|\"|- |1\\. |2\\.|• | |   |\\r\\n|<think>|</think>){0,20}", size in 1..6_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for parser in [ListOutputParser::comma_separated(), ListOutputParser::numbered(), ListOutputParser::markdown()] {
            let streamed: Vec<_> = runtime.block_on(StreamExt::collect(parser.transform(answer(&text, size))));
            let streamed: Result<Vec<_>, _> = streamed.into_iter().collect();
            match (streamed, parser.parse(&text)) {
                (Ok(streamed), Ok(whole)) => prop_assert_eq!(streamed.concat(), whole),
                (Err(error), whole) => {
                    // A thought that ended without a begin was handed on by then.
                    let is_thought = kind(&error) == ParseErrorKind::Thought;
                    let is_same = whole.as_ref().err().map(kind) == Some(kind(&error));
                    prop_assert!(is_thought || is_same, "{} {:?}", text, whole);
                }
                (Ok(_), Err(error)) => prop_assert!(false, "{} {}", text, error),
            }
        }
    }
}

#[derive(Deserialize, Debug, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
    Blue,
}

#[test]
fn choices() {
    let parser = EnumOutputParser::<Colour>::new();
    for text in ["red", " Red\n", "\"red\".", "**RED**", "<think>blue?</think>red", "green?</think>red"] {
        assert_eq!(parser.parse(text).unwrap(), Colour::Red, "{text}");
    }
    let error = parser.parse("INVALID secret").unwrap_err();
    assert_eq!(kind(&error), ParseErrorKind::Value);
    assert!(error.message().contains("none of the variants of Colour: expected `red`, `green`, `blue`"), "{error}");
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(error.partial::<String>().unwrap(), "INVALID secret");
    assert!(parser.parse("It is red.").is_err());
    assert_eq!(parser.lenient().parse("It is red.").unwrap(), Colour::Red);
    for text in ["red or blue", "not red", "It isn't red.", "It is not really red", "neither red nor red"] {
        assert!(parser.lenient().parse(text).is_err(), "{text}");
    }
    assert_eq!(kind(&parser.parse("").unwrap_err()), ParseErrorKind::Empty);
    assert!(parser.format_instructions().contains("`red`, `green`, `blue`"));
}

#[test]
fn yes_and_no() {
    let parser = BooleanOutputParser::new();
    for (text, said) in
        [("YES", true), ("no", false), ("Not relevant (NO)", false), ("NOW this is relevant (YES)", true)]
    {
        assert_eq!(parser.parse(text).unwrap(), said, "{text}");
    }
    for text in ["YES NO", "BOOM", "now", "not true", "It isn't false", "That is not a yes"] {
        assert_eq!(kind(&parser.parse(text).unwrap_err()), ParseErrorKind::Value, "{text}");
    }
}

#[tokio::test]
async fn no_parser_reads_what_was_refused_or_broken_off() {
    let refused = AiMessage::new([ContentPart::text("yes red 1. a {\"a\": 1}"), ContentPart::refusal("secret")]);
    let filtered = AiMessage::new("yes").with_finish_reason(FinishKind::ContentFilter);
    let filtered_json = AiMessage::new("{\"a\": 1}").with_finish_reason(FinishKind::ContentFilter);
    let cut = AiMessage::new("yes").with_finish_reason(FinishReason::length());
    for (answer, expected, error_kind) in [
        (refused.clone(), ParseErrorKind::Refused, ErrorKind::ContentFilter),
        (filtered, ParseErrorKind::Filtered, ErrorKind::ContentFilter),
        (cut, ParseErrorKind::Truncated, ErrorKind::Parse),
        (AiMessage::new(" "), ParseErrorKind::Empty, ErrorKind::Parse),
    ] {
        let errors = [
            BooleanOutputParser::new().invoke(answer.clone()).await.unwrap_err(),
            EnumOutputParser::<Colour>::new().invoke(answer.clone()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((kind(&error), error.kind()), (expected, error_kind), "{error}");
            assert!(!format!("{error:?}").contains("secret"));
        }
    }
    for (answer, expected) in [(refused, ParseErrorKind::Refused), (filtered_json, ParseErrorKind::Filtered)] {
        let json = JsonOutputParser::new();
        assert_eq!(kind(&json.invoke(answer.clone()).await.unwrap_err()), expected);
        let streamed: Vec<_> =
            StreamExt::collect(json.transform(Chunks::from_values([answer.clone()], AiMessage::merge()))).await;
        assert_eq!(kind(streamed.last().unwrap().as_ref().unwrap_err()), expected);
        assert_eq!(kind(&ListOutputParser::numbered().invoke(answer.clone()).await.unwrap_err()), expected);
        assert_eq!(kind(&ToolCallsParser::<Value>::new().invoke(answer).await.unwrap_err()), expected);
    }
}

/// How a stream of this answer ends.
async fn end_of<P: Runnable<Input = AiMessage>>(parser: &P, answer: &AiMessage) -> Option<ParseErrorKind> {
    let chunks = Chunks::from_values([answer.clone()], AiMessage::merge());
    let last = StreamExt::collect::<Vec<_>>(parser.transform(chunks)).await.pop()?;
    last.err().map(|error| kind(&error))
}

#[tokio::test]
async fn an_answer_with_nothing_in_it_is_of_its_own_kind() {
    for text in ["", " \n", "<think>hm</think>", "<think>hm</think>\n\n", "hm</think> "] {
        let answer = AiMessage::new(text);
        macro_rules! check {
            ($($parser:expr),+ $(,)?) => {$(
                let parser = $parser;
                assert_eq!(parser.invoke(answer.clone()).await.map_err(|error| kind(&error)).err(), Some(ParseErrorKind::Empty), "{text:?} {parser:?}");
                let streamed = end_of(&parser, &answer).await;
                let is_handed_on = text.contains("</think>") && !text.contains("<think>");
                let is_its_own = streamed == Some(ParseErrorKind::Empty) || (is_handed_on && streamed == Some(ParseErrorKind::Thought));
                assert!(is_its_own, "{text:?} {parser:?} {streamed:?}");
            )+};
        }
        check!(
            JsonOutputParser::new(),
            JsonOutputParser::new().lenient(),
            JsonOutputParser::new().exact(),
            JsonOutputParser::typed::<Sum>(),
            JsonOutputParser::typed::<u8>().lenient(),
            JsonOutputParser::with_schema(json!({"type": "string"})).lenient(),
            JsonOutputParser::elements::<u8>(),
            JsonOutputParser::new().events(),
            JsonOutputParser::new().lenient().reported(),
            ListOutputParser::comma_separated(),
            ListOutputParser::numbered(),
            ListOutputParser::markdown(),
            BooleanOutputParser::new(),
            EnumOutputParser::<Colour>::new(),
            EnumOutputParser::<Colour>::new().lenient(),
            ToolCallsParser::<Tool>::new(),
            ToolCallsParser::<Value>::of_tool("add"),
            ToolCallsParser::<Tool>::new().growing(),
        );
        let either = JsonOutputParser::typed::<Vec<String>>().with_fallback(ListOutputParser::comma_separated());
        assert_eq!(kind(&either.invoke(answer.clone()).await.unwrap_err()), ParseErrorKind::Empty);
    }
    // Without a piece there is no answer.
    let none = Chunks::from_values([], AiMessage::merge());
    assert_eq!(
        kind(&ToolCallsParser::<Tool>::new().transform(none).collect().await.unwrap_err()),
        ParseErrorKind::Empty
    );
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Tool {
    Weather { city: String },
    Add(Sum),
    Now,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Sum {
    a: i32,
    b: i32,
}

#[tokio::test]
async fn tool_calls() {
    let parser = ToolCallsParser::<Tool>::new();
    let weather = ToolCall::new("1", "weather", json!({"city": "Bremen"}));
    let add = ToolCall::new("2", "add", json!({"a": 1, "b": 2}));
    let all =
        AiMessage::new("Let me see.").with_tool_calls([weather.clone(), add, ToolCall::new("3", "now", Value::Null)]);
    let tools = [Tool::Weather { city: "Bremen".into() }, Tool::Add(Sum { a: 1, b: 2 }), Tool::Now];
    assert_eq!(parser.invoke(all.clone()).await.unwrap(), tools);
    assert_eq!(parser.invoke("nothing to call").await.unwrap(), []);

    let only = ToolCallsParser::<Sum>::of_tool("add");
    assert_eq!(only.invoke(all.clone()).await.unwrap(), [Sum { a: 1, b: 2 }]);
    assert_eq!(ToolCallsParser::<Sum>::of_tool("other").invoke(all).await.unwrap(), []);

    let unknown = AiMessage::new("").with_tool_call(ToolCall::new("1", "launch", json!({})));
    let error = parser.invoke(unknown).await.unwrap_err();
    assert_eq!(kind(&error), ParseErrorKind::UnknownTool);
    assert!(
        error.message().contains("the tool `launch` is not known: expected one of `weather`, `add`, `now`"),
        "{error}"
    );
    let wrong = AiMessage::new("").with_tool_call(ToolCall::new("1", "add", json!({"a": 1, "b": "secret"})));
    let error = parser.invoke(wrong).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.downcast_ref::<ParseError>().unwrap().path().is_empty()),
        (ParseErrorKind::Type, true)
    );
    assert!(error.message().contains("add.b") && !format!("{error:?}").contains("secret"), "{error}");
    // Nothing of the arguments is lost or rounded in silence.
    let any = ToolCallsParser::<Value>::of_tool("add");
    for (arguments, expected, path) in [
        ("{\"a\": 1, \"a\": 2}", ParseErrorKind::Json(JsonFault::DuplicateKey), "a"),
        ("{\"a\": {\"b\": 123456789012345678901}}", ParseErrorKind::Json(JsonFault::NumberRange), "a.b"),
        ("{\"a\": 1} x", ParseErrorKind::Json(JsonFault::TextAfter), ""),
        ("{\"a\": 1", ParseErrorKind::Truncated, ""),
    ] {
        let call = AiMessage::new("").with_tool_call(ToolCall::new("1", "add", arguments));
        let error = any.invoke(call).await.unwrap_err();
        let cause = error.downcast_ref::<ParseError>().unwrap();
        assert_eq!((cause.kind(), cause.path()), (expected, path), "{arguments}");
        assert_eq!(error.partial::<String>().map(String::as_str), Some(arguments));
    }

    let cut = AiMessage::new("").with_tool_call(weather).with_finish_reason(FinishReason::length());
    assert_eq!(kind(&parser.invoke(cut).await.unwrap_err()), ParseErrorKind::Truncated);
}

#[tokio::test]
async fn a_tool_call_comes_when_it_is_complete() {
    let piece = |index, id: &str, name: &str, arguments: &str| {
        AiMessage::from(ToolCallChunk::new().with_index(index).with_id(id).with_name(name).with_arguments(arguments))
    };
    let pieces = [
        piece(0, "1", "weather", "{\"city\": "),
        piece(0, "", "", "\"Bremen\"}"),
        piece(1, "2", "add", "{\"a\": 1,"),
        piece(1, "", "", " \"b\": 2}"),
        FinishReason::tool_calls().into(),
    ];
    let parser = ToolCallsParser::<Tool>::new();
    let calls = || Chunks::from_values(pieces.clone(), AiMessage::merge());
    let streamed: Vec<_> = StreamExt::collect(parser.transform(calls())).await;
    let streamed: Vec<Vec<Tool>> = streamed.into_iter().map(Result::unwrap).collect();
    let tools = [Tool::Weather { city: "Bremen".into() }, Tool::Add(Sum { a: 1, b: 2 })];
    assert_eq!(streamed.iter().flatten().collect::<Vec<_>>(), tools.iter().collect::<Vec<_>>());
    assert_eq!(streamed.len(), 2);
    assert_eq!(parser.transform(calls()).collect().await.unwrap(), tools);
    let growing = parser.clone().growing();
    let snapshots: Vec<_> = StreamExt::collect(growing.transform(calls())).await;
    let shown: Vec<Vec<_>> = snapshots
        .iter()
        .map(|calls| calls.as_ref().unwrap().iter())
        .map(|calls| calls.map(|call| (call.name(), call.arguments().to_string(), call.is_complete())).collect())
        .collect();
    let bremen = ("weather", "{\"city\":\"Bremen\"}".to_string(), true);
    assert_eq!(
        shown,
        [
            vec![("weather", "{}".to_string(), false)],
            vec![bremen.clone()],
            vec![bremen.clone(), ("add", "{\"a\":1}".to_string(), false)],
            vec![bremen.clone(), ("add", "{\"a\":1,\"b\":2}".to_string(), true)],
        ]
    );
    let invoked = growing.transform(calls()).collect().await.unwrap();
    assert_eq!(Some(&invoked), snapshots.last().and_then(|last| last.as_ref().ok()));
    assert!(!format!("{invoked:?}").contains("Bremen"));
    assert_eq!(
        serde_json::to_value(&invoked[1]).unwrap(),
        json!({"name": "add", "arguments": {"a": 1, "b": 2}, "is_complete": true})
    );
    let strange = ToolCallsParser::<Sum>::of_tool("weather").growing();
    assert_eq!(StreamExt::collect::<Vec<_>>(strange.transform(calls())).await.last().map(Result::is_err), Some(true));

    let half = Chunks::from_values(pieces[..3].to_vec(), AiMessage::merge());
    let streamed: Vec<_> = StreamExt::collect(parser.transform(half)).await;
    assert!(streamed[0].is_ok() && streamed[1].is_err());
}

#[tokio::test]
async fn a_model_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let model = |answers: &'static [&'static str]| {
        let asked = asked.clone();
        lambda(move |question: Messages| {
            let place = asked.fetch_add(1, Ordering::Relaxed);
            let answer = answers.get(place).copied().unwrap_or("never");
            let text = question.last().unwrap().text().into_owned();
            assert!(text.contains("cannot be used") && text.contains("Answer with one JSON document"), "{text}");
            async move { Ok(AiMessage::new(answer)) }
        })
    };
    let typed = || JsonOutputParser::typed::<Sum>();
    let good = "{\"a\": 1, \"b\": 2}";
    let step = typed().with_repair(model(&["{\"a\": 1", "{\"a\": 1, \"b\": 2}"])).attempts(2);
    assert_eq!(step.invoke("no").await.unwrap(), Sum { a: 1, b: 2 });
    assert_eq!(asked.swap(0, Ordering::Relaxed), 2);
    assert_eq!(step.invoke(good).await.unwrap(), Sum { a: 1, b: 2 });
    assert_eq!(asked.swap(0, Ordering::Relaxed), 0);

    let step = typed().with_repair(model(&["still no"]));
    let error = step.invoke("no").await.unwrap_err();
    assert_eq!((kind(&error), asked.swap(0, Ordering::Relaxed)), (ParseErrorKind::Missing, 1));
    assert_eq!(error.partial::<String>().unwrap(), "still no");
    assert_eq!(error.attempts().len(), 2);

    // An error of the asking does not hide what was wrong.
    let down = lambda(async |_: Messages| Err::<AiMessage, _>(Error::new(ErrorKind::Server, "down")));
    let error = typed().with_repair(down).invoke("no").await.unwrap_err();
    assert_eq!((error.kind(), error.related().len()), (ErrorKind::Server, 1));
    assert_eq!(kind(&error.related()[0]), ParseErrorKind::Missing);
    assert_eq!(error.related()[0].partial::<String>().unwrap(), "no");

    // Nobody said nothing.
    let alone = lambda(async |question: Messages| {
        assert_eq!((question.len(), question.last().unwrap().role().to_string().as_str()), (1, "user"));
        Ok(AiMessage::new("{\"a\": 1, \"b\": 2}"))
    });
    for empty in ["", " \n"] {
        assert_eq!(typed().with_repair(alone.clone()).invoke(empty).await.unwrap(), Sum { a: 1, b: 2 });
    }

    // Under a budget that is used up, nobody is asked.
    let budget = RetryBudget::new().reserve(0).per_second(0.0);
    let step = typed().with_repair(model(&[])).budget(&budget);
    assert!(step.invoke("no").await.unwrap_err().to_string().contains("retry budget"));
    // Nor where the model refused.
    let step = typed().with_repair(model(&[]));
    let refused = AiMessage::new([ContentPart::refusal("no")]);
    assert_eq!(kind(&step.invoke(refused).await.unwrap_err()), ParseErrorKind::Refused);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn parsers_combine_as_steps_do() {
    let either = JsonOutputParser::typed::<Vec<String>>().with_fallback(ListOutputParser::comma_separated());
    assert_eq!(either.invoke("[\"a\", \"b\"]").await.unwrap(), ["a", "b"]);
    assert_eq!(either.invoke("a, b").await.unwrap(), ["a", "b"]);
    let both =
        anabranch_core::parallel! { "said": BooleanOutputParser::new(), "words": ListOutputParser::comma_separated() };
    assert_eq!(both.invoke("yes, it is").await.unwrap(), json!({"said": true, "words": ["yes", "it is"]}));
    let merged: Vec<i32> = vec![1];
    let mut law = Merge::extend().collector();
    law.push(merged).unwrap();
    assert_eq!(law.finish().unwrap(), [1]);
}

#[tokio::test]
async fn a_refusal_that_only_the_finish_reason_tells_of_is_one() {
    for text in ["{\"a\": 1}", "yes", "", "I will not."] {
        let answer = AiMessage::new(text).with_finish_reason(FinishKind::Refusal);
        let errors = [
            JsonOutputParser::new().invoke(answer.clone()).await.unwrap_err(),
            JsonOutputParser::new()
                .lenient()
                .transform(Chunks::from_values([answer.clone()], AiMessage::merge()))
                .collect()
                .await
                .unwrap_err(),
            BooleanOutputParser::new().invoke(answer.clone()).await.unwrap_err(),
            ListOutputParser::markdown().invoke(answer.clone()).await.unwrap_err(),
            ToolCallsParser::<Value>::new().invoke(answer.clone()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((kind(&error), error.kind()), (ParseErrorKind::Refused, ErrorKind::ContentFilter), "{text}");
            assert_eq!(error.partial::<String>().map(String::as_str), Some(text));
        }
    }
}

#[tokio::test]
async fn words_are_no_broken_json_however_they_begin() {
    for text in ["no, I cannot", "find it below.", "the answer is yes", "none", "I cannot"] {
        for parser in [JsonOutputParser::new(), JsonOutputParser::new().exact(), JsonOutputParser::new().lenient()] {
            assert_eq!(kind(&parser.invoke(text).await.unwrap_err()), ParseErrorKind::Missing, "{text}");
        }
    }
    for text in ["[1] says so.", "[1], [2] and [3] say so.", "I cannot say [1]."] {
        let parser = JsonOutputParser::new().lenient();
        assert!(parser.invoke(text).await.is_err(), "{text}");
    }
}

#[test]
fn a_type_that_expects_nothing_shows_nothing() {
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Empty {}
    #[derive(Deserialize, Debug)]
    enum Never {}

    for name in ["x, expected secret", "x`, expected secret", "`, there are no fields, expected secret"] {
        let errors = [
            JsonOutputParser::typed::<Empty>().parse(&json!({ name: 1 }).to_string()).unwrap_err(),
            JsonOutputParser::typed::<Never>().parse(&json!(name).to_string()).unwrap_err(),
        ];
        for error in errors {
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}

#[test]
fn a_number_that_stands_for_more_is_none() {
    for text in ["12 million", "5k", "1.5 Mio", "3 Billion", "two dozen 3", "7 hundreds", "1.2M", "4bn"] {
        let document = format!("{{\"n\": \"{text}\"}}");
        let typed = JsonOutputParser::typed::<std::collections::BTreeMap<String, f64>>().lenient();
        assert!(typed.parse(&document).is_err(), "{text}");
        let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}});
        assert!(JsonOutputParser::with_schema(schema).lenient().parse(&document).is_err(), "{text}");
    }
    let typed = JsonOutputParser::typed::<std::collections::BTreeMap<String, f64>>().lenient();
    for (text, number) in [("452 km", 452.0), ("5 m", 5.0), ("$7", 7.0), ("9 kB", 9.0), ("1.5 Tage", 1.5)] {
        assert_eq!(typed.parse(&format!("{{\"n\": \"{text}\"}}")).unwrap()["n"], number, "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

    /// However the pieces of several calls are mixed: the calls are those of the whole, in order.
    #[test]
    fn calls_that_are_written_in_turns(
        arguments in proptest::collection::vec("(\\{\"a\": (1|\"x\\\\\"\\}\"|\\{\\}|\\[\\{\\}\\])\\}|\\{\\} ?|\\{\\}x|\\{|null|)", 1..4),
        turns in proptest::collection::vec((0..4_usize, 1..5_usize), 0..30),
    ) {
        let mut rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let begin = |index: usize| ToolCallChunk::new().with_index(index as u64).with_id(format!("c{index}")).with_name("f");
        let mut pieces: Vec<_> = (0..rest.len()).map(|index| AiMessage::from(begin(index))).collect();
        let ends = (0..rest.len()).map(|index| (index, usize::MAX));
        for (index, size) in turns.into_iter().chain(ends) {
            let Some(text) = rest.get_mut(index) else { continue };
            let (piece, later) = text.split_at(size.min(text.len()));
            *text = later;
            let piece = ToolCallChunk::new().with_index(index as u64).with_arguments(piece);
            pieces.push(piece.into());
        }
        pieces.push(FinishReason::tool_calls().into());
        let mut whole = AiMessage::default();
        pieces.iter().for_each(|piece| whole.append(piece.clone()));
        let parser = ToolCallsParser::<Value>::new();
        let invoked = parser.parse_answer(&whole).map_err(|error| error.message().to_string());
        let again = Chunks::from_values(pieces.clone(), AiMessage::merge());
        // Chunk by chunk, and not by way of `invoke`.
        let stream = async {
            let mut calls = Vec::new();
            let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
            while let Some(more) = stream.next().await {
                calls.extend(more?);
            }
            Ok::<_, Error>(calls)
        };
        let streamed = futures::executor::block_on(stream).map_err(|error| error.message().to_string());
        proptest::prop_assert_eq!(&streamed, &invoked);
        let growing = parser.growing();
        let snapshots: Vec<_> = futures::executor::block_on(StreamExt::collect(growing.transform(again)));
        let shown = futures::executor::block_on(growing.invoke(whole)).map_err(|error| error.message().to_string());
        let last = snapshots.last().cloned().unwrap().map_err(|error| error.message().to_string());
        proptest::prop_assert_eq!(&last, &shown);
        proptest::prop_assert_eq!(shown.map(drop), invoked.map(drop));
        proptest::prop_assert!(snapshots.windows(2).all(|pair| pair[0].as_ref().ok() != pair[1].as_ref().ok()));
    }
}
