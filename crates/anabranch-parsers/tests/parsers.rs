//! The parsers of words: choices, yes and no; what all have in common; and asking again.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Chunks, Error, ErrorKind, Merge, RetryBudget, Runnable, RunnableExt, lambda};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason, Messages};
use anabranch_parsers::{
    BooleanOutputParser, EnumOutputParser, JsonOutputParser, ListOutputParser, OutputParser, ParseError,
    ParseErrorKind, ToolCallsParser,
};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

fn kind(error: &anabranch_core::Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap_or_else(|| panic!("{error}")).kind()
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
