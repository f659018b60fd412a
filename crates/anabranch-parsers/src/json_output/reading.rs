//! Reading the document of an answer.

use anabranch_core::{Error, Result};
use serde_json::Value;

use crate::answer::Answer;
use crate::json::found::Missing;
use crate::json::scanner::Scanner;
use crate::json_output::lenient_reading::{Read, settle, so_far};
use crate::json_output::settings::JsonSettings;
use crate::parse_error::{ParseError, ParseErrorKind};

/// The document of an answer.
pub(crate) fn document(settings: &JsonSettings, answer: &Answer<'_>) -> Result<Read> {
    let mut scanner = Scanner::new(settings.max_depth);
    if settings.max_bytes.is_none_or(|max| answer.text.len() <= max) {
        scanner.push(&answer.text);
    }
    conclude(settings, scanner, answer)
}

/// The document of an answer that was read to its end.
pub(crate) fn conclude(settings: &JsonSettings, scanner: Scanner, answer: &Answer<'_>) -> Result<Read> {
    if let Some(max) = settings.max_bytes.filter(|max| answer.text.len() > *max) {
        let message = format!("the answer has {} bytes, and may have {max}", answer.text.len());
        return Err(ParseError::new(ParseErrorKind::TooLarge, message).with_text(&answer.text));
    }
    let found = scanner.finish();
    let was_cut = answer.was_cut();
    let document =
        if settings.exact { found.exact(was_cut) } else { found.document(was_cut, |list| settings.wants(list)) };
    settle(settings, document, answer)
}

#[cold]
pub(crate) fn missing(answer: &Answer<'_>, why: &Missing) -> Error {
    let (text, cause) = (&answer.text, answer.cause());
    let error = match why {
        Missing::Truncated(byte) => {
            ParseError::new(ParseErrorKind::Truncated, format!("the JSON in the answer is truncated{cause}"))
                .at(text, *byte)
        }
        Missing::CutOff(byte) => {
            let message = format!("the answer is truncated, and no JSON ends it{cause}");
            ParseError::new(ParseErrorKind::Truncated, message).at(text, *byte)
        }
        Missing::UnclosedFence(byte) => {
            ParseError::new(ParseErrorKind::UnclosedFence, format!("the fence around the JSON does not end{cause}"))
                .at(text, *byte)
        }
        Missing::Broken(fault, byte, path) => {
            let message = format!("the answer is no valid JSON: {fault}");
            ParseError::new(ParseErrorKind::Json(*fault), message).in_path(path).at(text, *byte)
        }
        Missing::Several(count) => ParseError::new(
            ParseErrorKind::Several(*count),
            format!("the answer has {count} JSON documents where one is wanted"),
        ),
        Missing::Thought => {
            ParseError::new(ParseErrorKind::Thought, format!("the answer is a thought that does not end{cause}"))
        }
        Missing::Nothing { .. } if answer.is_empty() => return answer.empty(),
        Missing::Nothing { lists: 0 } => {
            let message = format!("the answer has no JSON in its {} characters{cause}", text.chars().count());
            ParseError::new(ParseErrorKind::Missing, message)
        }
        Missing::Nothing { lists } => {
            let message = format!(
                "the answer has no JSON but {lists} lists among words: a list counts on a line of its own if it is more \
                 than small numbers, or in a `json` fence{cause}"
            );
            ParseError::new(ParseErrorKind::Missing, message)
        }
    };
    error.with_text(text)
}

/// What there is by now of the document of a text that is not at its end.
pub(crate) fn parse_so_far(settings: &JsonSettings, text: &str) -> Option<Value> {
    let mut scanner = Scanner::new(settings.max_depth);
    scanner.push(text);
    let strict = scanner.so_far();
    match (strict, settings.schema.as_deref()) {
        (Some(value), None) => Some(value),
        (Some(value), Some(schema)) => schema.align(&value, settings.is_lenient, true).ok().map(|(value, _)| value),
        (None, _) if settings.is_lenient => so_far(text, settings),
        (None, _) => None,
    }
}
