//! How an answer ended, asked by the parsers that need a feature as by all others.

#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(all(feature = "jiff", feature = "regex", feature = "xml"))]

use anabranch_core::{Error, ErrorKind, RunnableExt, lambda, parallel};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason};
use anabranch_parsers::{
    DateTimeOutputParser, OutputParser, ParseError, ParseErrorKind, RegexParser, StrOutputParser, XmlOutputParser,
};
use serde::Deserialize;

#[derive(Deserialize, Debug, PartialEq)]
struct Year {
    year: u16,
}

/// A text that each of them reads.
const TEXT: &str = "2026-11-28";
const XML: &str = "<year>2026</year>";

async fn check<P: OutputParser<Output: std::fmt::Debug>>(parser: P, text: &str) {
    parser.invoke(text).await.unwrap();
    let refusal = AiMessage::new([ContentPart::text(text), ContentPart::refusal("secret")]);
    let ended = |kind: FinishKind| AiMessage::new(text).with_finish_reason(kind);
    for (answer, kind, error_kind, raw) in [
        (refusal, ParseErrorKind::Refused, ErrorKind::ContentFilter, "secret"),
        (ended(FinishKind::Refusal), ParseErrorKind::Refused, ErrorKind::ContentFilter, text),
        (ended(FinishKind::ContentFilter), ParseErrorKind::Filtered, ErrorKind::ContentFilter, text),
        (
            AiMessage::new(text).with_finish_reason(FinishReason::length()),
            ParseErrorKind::Truncated,
            ErrorKind::Parse,
            text,
        ),
        (AiMessage::new(" "), ParseErrorKind::Empty, ErrorKind::Parse, " "),
        (AiMessage::default(), ParseErrorKind::Empty, ErrorKind::Parse, ""),
        (AiMessage::new("<think>hm</think>\n"), ParseErrorKind::Empty, ErrorKind::Parse, "<think>hm</think>\n"),
        (AiMessage::new("<think>hm"), ParseErrorKind::Thought, ErrorKind::Parse, "<think>hm"),
    ] {
        let error = parser.invoke(answer).await.unwrap_err();
        assert_eq!((kind_of(&error), error.kind()), (kind, error_kind), "{error}");
        assert_eq!(error.partial::<String>().map(String::as_str), Some(raw));
        assert!(!format!("{error:?}").contains("secret"));
    }
}

fn kind_of(error: &Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap_or_else(|| panic!("{error}")).kind()
}

#[tokio::test]
async fn nothing_is_read_of_what_was_refused_filtered_cut_off_or_empty() {
    check(DateTimeOutputParser::<jiff::civil::Date>::new(), TEXT).await;
    check(RegexParser::<Year>::new(r"(?<year>\d{4})").unwrap(), TEXT).await;
    check(XmlOutputParser::new(), XML).await;
}

/// Side by side, and one after the other.
#[tokio::test]
async fn several_parsers_read_nothing_of_it_either() {
    let date = || {
        DateTimeOutputParser::<jiff::civil::Date>::new() | lambda(async |date: jiff::civil::Date| Ok(date.to_string()))
    };
    let either = date().with_fallback(StrOutputParser);
    assert_eq!(either.invoke("today").await.unwrap(), "today");
    let both = parallel! { "date": date(), "text": StrOutputParser };
    for (kind, expected) in
        [(FinishKind::ContentFilter, ParseErrorKind::Filtered), (FinishKind::Refusal, ParseErrorKind::Refused)]
    {
        let answer = AiMessage::new(TEXT).with_finish_reason(kind);
        assert_eq!(kind_of(&either.invoke(answer.clone()).await.unwrap_err()), expected);
        assert_eq!(kind_of(&both.invoke(answer).await.unwrap_err()), expected);
    }
}
