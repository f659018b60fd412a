//! JSON as a type of one's own.

mod aligned;
mod exact;
#[cfg(feature = "regex")]
pub(crate) mod fields;
mod mismatch;
mod place;
pub(crate) mod type_words;
pub(crate) mod variants;

use anabranch_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::json::found::Document;
use crate::json::path::{Segment, push};
use crate::json_output::lenient_reading::Read;
use crate::json_output::parser::as_output;
use crate::lenient::Repair;
use crate::parse_error::{ParseError, ParseErrorKind};
use aligned::aligned;
use exact::{refused, rounded};
use mismatch::mismatch;
use place::way_to;
use type_words::type_words;
use variants::is_list;

/// A document as a type.
pub(crate) fn typed<T: DeserializeOwned + 'static>(document: Document, answer: &Answer<'_>) -> Result<T> {
    let Document { value, span, .. } = document;
    let mut value = Some(value);
    if let Some(output) = as_output(&mut value) {
        return Ok(output);
    }
    from_value(&value.unwrap_or_default(), "").map_err(|error| {
        // Where it stands in the text is looked for only now.
        let byte = answer.text.get(span.clone()).and_then(|json| place_of::<T>(json)).map(|byte| span.start + byte);
        with_text::<T>(error, answer, byte)
    })
}

/// [`typed`], where values may be brought into the shape of the type. The words of an answer without JSON may be it.
pub(crate) fn typed_leniently<T: DeserializeOwned + 'static>(
    read: Result<Read>,
    answer: &Answer<'_>,
) -> Result<(T, Vec<Repair>)> {
    let (value, mut repairs, missing) = match read {
        Ok(Read { document, repairs }) => match typed(document.clone(), answer) {
            Ok(output) => return Ok((output, repairs)),
            Err(error) => (document.value, repairs, error),
        },
        Err(error) => {
            let is_missing = error.downcast_ref().map(ParseError::kind) == Some(ParseErrorKind::Missing);
            if !is_missing || answer.was_cut() {
                return Err(error);
            }
            (Value::from(answer.words()?), Vec::new(), error)
        }
    };
    match aligned::<T>(&value) {
        Ok((output, more)) => {
            repairs.extend(more);
            Ok((output, repairs))
        }
        Err(_) => Err(missing),
    }
}

/// Whether a type wants a list, and this one.
pub(crate) fn wants_list<T: DeserializeOwned>(list: &Value) -> bool {
    is_list::<T>() && T::deserialize(list).is_ok()
}

/// A value as a type, or why not. `path` is where the value stands.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value, path: &str) -> Result<T, ParseError> {
    let output = T::deserialize(value).map_err(|error| {
        let words = mismatch(&error.to_string());
        ParseError::new(ParseErrorKind::Type, words).in_path(path_of_misfit::<T>(value, path))
    })?;
    let Some(rounded) = rounded::<T>(value) else { return Ok(output) };
    let mut path = path.to_string();
    rounded.iter().filter_map(segment).for_each(|segment| push(&mut path, segment));
    let words = "expected a number that fits the float, found one that is too large or has more digits";
    Err(ParseError::new(ParseErrorKind::Type, words).in_path(path))
}

/// Where a value does not fit: looked for only where it does not. Types that serde reads by way of a buffer (a tag
/// inside, none, or flattened fields) and keys of maps lead no farther than to what is around; there the thing itself is
/// looked for.
#[cold]
fn path_of_misfit<T: DeserializeOwned>(value: &Value, path: &str) -> String {
    let mut path = path.to_string();
    let Err(error) = serde_path_to_error::deserialize::<_, T>(value) else { return path };
    let mut innermost = Some(value);
    for step in error.path().iter().filter_map(segment) {
        push(&mut path, step);
        innermost = innermost.and_then(|value| match step {
            Segment::Index(index) => value.get(index),
            Segment::Key(key) => value.get(key),
        });
    }
    let thing = refused::<T>(value);
    let way = innermost.zip(thing).and_then(|(innermost, thing)| way_to(&thing, innermost));
    way.into_iter().flatten().for_each(|step| push(&mut path, step));
    path
}

/// The error of a step about a value that is no `T`.
pub(crate) fn with_text<T>(error: ParseError, answer: &Answer<'_>, byte: Option<usize>) -> Error {
    let message = format!("the JSON in the answer is no {}: {error}", type_words::<T>());
    let path = error.path().to_string();
    let words = message.strip_suffix(&format!(" in `{path}`")).unwrap_or(&message);
    let mut error = ParseError::new(error.kind(), words).in_path(path);
    if let Some(byte) = byte {
        error = error.at(&answer.text, byte);
    }
    error.with_text(&answer.text)
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<Segment<'_>> {
    use serde_path_to_error::Segment as Step;
    match segment {
        Step::Seq { index } => Some(Segment::Index(*index)),
        Step::Map { key } | Step::Enum { variant: key } => Some(Segment::Key(key)),
        Step::Unknown => None,
    }
}

/// The byte of a document at which it turns out to be no `T`.
#[cold]
fn place_of<T: DeserializeOwned>(json: &str) -> Option<usize> {
    let error = serde_json::from_str::<T>(json).err().filter(|error| error.line() > 0)?;
    let line_start = match error.line().checked_sub(2) {
        None => 0,
        Some(breaks) => json.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(breaks)?.0 + 1,
    };
    Some((line_start + error.column().saturating_sub(1)).min(json.len()))
}
