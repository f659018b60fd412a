//! JSON as servers send it: with a byte order mark, with bytes that are no UTF-8, with halves of surrogate pairs.

use std::borrow::Cow;

use anabranch_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;

use super::brackets::Brackets;
use super::halves::mended;
use super::in_place::InPlace;
use super::sse::{BOM, utf8};
use crate::transport::Errors;

/// The text of a body: without a byte order mark, U+FFFD where it is no UTF-8 and for half a surrogate pair.
#[must_use]
pub fn text(body: &[u8]) -> Cow<'_, str> {
    let text = utf8(body.strip_prefix(BOM).unwrap_or(body));
    match mended(&text) {
        Some(mended) => Cow::Owned(mended),
        None => text,
    }
}

/// A whole document of the type that is expected.
///
/// # Errors
/// [`ErrorKind::IncompleteStream`] when it is cut off, which trying again can help; [`ErrorKind::Parse`] when it is
/// something else. The body is in `error.partial::<String>()`.
pub fn document<'a, T: Deserialize<'a>>(body: &'a str, errors: &Errors) -> Result<T> {
    serde_json::from_str(body).map_err(|error| no_document(body, &error, errors))
}

/// The error of a body that is not what was expected.
fn no_document(body: &str, error: &serde_json::Error, errors: &Errors) -> Error {
    let breaks_off = error.classify() == Category::Eof || is_at_end(error, body);
    let (kind, what) = match (body.trim_ascii_start().bytes().next(), breaks_off) {
        (None, _) => (ErrorKind::IncompleteStream, "nothing where an answer was expected"),
        (Some(b'{' | b'['), true) => (ErrorKind::IncompleteStream, "an answer that breaks off"),
        (Some(b'<'), _) => (ErrorKind::Parse, "a web page where an answer was expected"),
        (Some(b'{' | b'['), _) => (ErrorKind::Parse, "something else where an answer was expected"),
        _ => (ErrorKind::Parse, "plain text where an answer was expected"),
    };
    let place = format!(" (line {} column {})", error.line(), error.column());
    let place = if error.line() == 0 { String::new() } else { place };
    errors.error(kind, format_args!("sent {what}{place}")).with_partial(body.to_string())
}

/// Whether reading failed at the very end of a text in which brackets are open: half a number is no end to its reader.
fn is_at_end(error: &serde_json::Error, body: &str) -> bool {
    let line = body.rsplit('\n').next().unwrap_or(body);
    let is_last = error.line() > body.bytes().filter(|byte| *byte == b'\n').count();
    let mut brackets = Brackets::default();
    body.bytes().for_each(|byte| _ = brackets.step(byte));
    is_last && error.column() >= line.len() && brackets.depth() > 0
}

/// The documents in the data of a frame: mostly one, several where a server loses the line between them.
pub(crate) struct Documents<'a> {
    rest: &'a str,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(data: &'a str) -> Self {
        Self { rest: data.trim_ascii() }
    }

    /// What is left, without white space around it.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Takes a word that stands next.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let after = self.rest.strip_prefix(word);
        self.rest = after.map_or(self.rest, str::trim_ascii_start);
        after.is_some()
    }

    /// Reads the next document [in place](InPlace); false at the end.
    ///
    /// # Errors
    /// When what is left begins with none of this type. Some of it may have been read then.
    pub(crate) fn read<T: InPlace<'a>>(&mut self, document: &mut T) -> std::result::Result<bool, serde_json::Error> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let mut reader = serde_json::Deserializer::from_str(self.rest);
        document.read(&mut reader)?;
        let after = match reader.end() {
            Ok(()) => self.rest.len(),
            // Another one behind it: where does this one end?
            Err(_) => {
                let mut documents = serde_json::Deserializer::from_str(self.rest).into_iter::<IgnoredAny>();
                documents.next().transpose()?;
                documents.byte_offset()
            }
        };
        self.rest = self.rest.get(after..).unwrap_or_default().trim_ascii_start();
        Ok(true)
    }
}

/// A value that was kept as text.
pub(crate) fn value<T: DeserializeOwned>(raw: &str) -> Option<T> {
    serde_json::from_str(raw).ok()
}

/// How many bytes a document takes when it is taken apart, about, and rather more than less: a few bytes of it may be a
/// list, which takes some hundreds.
pub(crate) fn weight_apart(raw: &str) -> usize {
    raw.bytes().fold(raw.len(), |weight, byte| {
        weight.saturating_add(match byte {
            b',' => 100,
            b'[' => 300,
            b'{' => 500,
            _ => 0,
        })
    })
}

/// Whether a member may be taken apart at once: usage, errors, arguments that are an object.
pub(crate) fn is_small(raw: &str) -> bool {
    raw.len() <= SMALL && weight_apart(raw) <= SMALL
}

const SMALL: usize = 2 << 20;

/// An error that a provider reports; where it is too large to be taken apart, only that there is one.
pub(crate) fn reported(raw: &str) -> Option<Value> {
    if is_small(raw) { value(raw) } else { Some(true.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weigh_more_than_text() {
        assert!(is_small(&format!("[\"{}\"]", "x".repeat(1 << 20))));
        for many in ["0,", "[],", "{\"a\":0},"] {
            assert!(is_small(&many.repeat(1000)), "{many}");
            assert!(!is_small(&many.repeat(100_000 / many.len() * 3)), "{many}");
        }
    }

    #[test]
    fn a_document_breaks_off_wherever_it_is_cut() {
        const TABLE: crate::transport::ErrorTable =
            crate::transport::ErrorTable { words: &[], sentences: &[], statuses: &[] };
        let errors = Errors::for_tests(&TABLE);
        let kind = |body| document::<&serde_json::value::RawValue>(body, &errors).map_err(|error| error.kind());
        let body = "{\"a\": [-1.5e-3, true, \"\\u00e9\"],\n \"b\": 0.25\n}";
        for cut in 1..body.len() {
            assert_eq!(kind(&body[..cut]).unwrap_err(), ErrorKind::IncompleteStream, "{cut}");
        }
        assert!(kind(body).is_ok());
        for wrong in ["{\"a\": 0.x}", "[tru}", "{]", "{\"a\": -\n\n}"] {
            assert_eq!(kind(wrong).unwrap_err(), ErrorKind::Parse, "{wrong}");
        }
    }

    #[test]
    fn a_text_has_no_byte_order_mark_and_is_utf_8() {
        assert_eq!(text(b"\xef\xbb\xbf{\"a\": \"\xff\"}"), "{\"a\": \"\u{fffd}\"}");
        assert_eq!(text(br#"{"a": "\ud83d"}"#), "{\"a\": \"\u{fffd}\"}");
    }

    #[test]
    fn several_documents_in_a_frame() {
        #[derive(Default)]
        struct Number(u8);
        impl<'de> InPlace<'de> for Number {
            fn read<D: serde::Deserializer<'de>>(&mut self, deserializer: D) -> std::result::Result<(), D::Error> {
                self.0 = Deserialize::deserialize(deserializer)?;
                Ok(())
            }
        }
        let (mut documents, mut number) = (Documents::new("1 \n2 [DONE]"), Number(0));
        assert!(documents.read(&mut number).unwrap() && number.0 == 1);
        assert!(documents.read(&mut number).unwrap() && number.0 == 2);
        assert!(documents.read(&mut number).is_err());
        assert!(documents.take("[DONE]") && !documents.read(&mut number).unwrap());
    }
}
