//! JSON as servers send it: with a byte order mark, with bytes that are no UTF-8, with halves of surrogate pairs.

use std::borrow::Cow;

use anabranch_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::sse::BOM;
use crate::transport::Errors;

/// The text of a body: without a byte order mark, U+FFFD where it is no UTF-8 and for half a surrogate pair.
#[must_use]
pub fn text(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body.strip_prefix(BOM).unwrap_or(body));
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
    let (kind, what) = match (body.trim_ascii_start().bytes().next(), error.classify()) {
        (None, _) => (ErrorKind::IncompleteStream, "nothing where an answer was expected"),
        (Some(b'{' | b'['), Category::Eof) => (ErrorKind::IncompleteStream, "an answer that breaks off"),
        (Some(b'<'), _) => (ErrorKind::Parse, "a web page where an answer was expected"),
        (Some(b'{' | b'['), _) => (ErrorKind::Parse, "something else where an answer was expected"),
        _ => (ErrorKind::Parse, "plain text where an answer was expected"),
    };
    let place = format!(" (line {} column {})", error.line(), error.column());
    let place = if error.line() == 0 { String::new() } else { place };
    errors.error(kind, format_args!("sent {what}{place}")).with_partial(body.to_string())
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

    /// The next document; `None` at the end.
    ///
    /// # Errors
    /// When what is left begins with none of this type.
    pub(crate) fn next<T: Deserialize<'a>>(&mut self) -> std::result::Result<Option<T>, serde_json::Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut documents = serde_json::Deserializer::from_str(self.rest).into_iter();
        let next = documents.next().transpose()?;
        self.rest = self.rest.get(documents.byte_offset()..).unwrap_or_default().trim_ascii_start();
        Ok(next)
    }
}

/// A text of JSON, mended where it has half a surrogate pair, which no JSON reader takes: U+FFFD stands there then.
fn mended(text: &str) -> Option<String> {
    Halves::default().written(text, false)
}

/// Halves of surrogate pairs. Servers that cut a text anywhere put one at the end of a piece and the other at the
/// beginning of the next.
#[derive(Default)]
pub(crate) struct Halves {
    /// The first half of a pair, at the end of a text.
    first: Option<u16>,
}

impl Halves {
    /// The data of a frame, mended where it has half a pair: the second half of one whose first came before makes the
    /// pair, a first half at the end of a text waits for it, and any other is U+FFFD. `None` where there is nothing to
    /// mend.
    pub(crate) fn mended(&mut self, text: &str) -> Option<String> {
        self.written(text, true)
    }

    fn written(&mut self, text: &str, waits: bool) -> Option<String> {
        let bytes = text.as_bytes();
        // The common case is none.
        let finder = |sign: &[u8]| memchr::memmem::find(bytes, sign);
        finder(b"\\ud").or_else(|| finder(b"\\uD"))?;
        let places = lone(bytes);
        if places.is_empty() {
            return None;
        }
        let (mut written, mut done) = (String::with_capacity(text.len()), 0);
        for (place, unit) in places {
            written.push_str(&text[done..place]);
            done = place + 6;
            let begins = place > 0 && bytes[place - 1] == b'"' && (place < 2 || bytes[place - 2] != b'\\');
            let ends = bytes.get(done) == Some(&b'"');
            match (self.first.filter(|_| waits && begins && unit >= 0xdc00), unit) {
                (Some(first), second) => {
                    written.push_str(&format!("\\u{first:04x}\\u{second:04x}"));
                    self.first = None;
                }
                (None, 0xd800..0xdc00) if waits && ends => self.first = Some(unit),
                (None, _) => written.push_str("\\ufffd"),
            }
        }
        written.push_str(&text[done..]);
        Some(written)
    }
}

/// Where halves stand that have no other beside them.
fn lone(bytes: &[u8]) -> Vec<(usize, u16)> {
    let unit = |at: usize| {
        let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    };
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += offset;
        at += match unit(at) {
            Some(0xd800..0xdc00) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
            Some(half @ 0xd800..0xe000) => {
                places.push((at, half));
                6
            }
            Some(_) => 6,
            None => 2,
        };
    }
    places
}

/// A value that was kept as text.
pub(crate) fn value<T: DeserializeOwned>(raw: &str) -> Option<T> {
    serde_json::from_str(raw).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_mended_and_pairs_are_not() {
        assert_eq!(mended(r#""\ud83d\ude00 \u00e9 \\ud83d \\\\""#), None);
        assert_eq!(mended(r#""a\ud83d""#).as_deref(), Some(r#""a\ufffd""#));
        assert_eq!(
            mended(r#""\ude00\ud83d\ud83d\ude00x\\\ud83dy""#).as_deref(),
            Some(r#""\ufffd\ufffd\ud83d\ude00x\\\ufffdy""#)
        );
        for odd in [r"\", r"\u", r"\ud8", r"\ud83d", r"\ud83d\u", "\\u00e9\\"] {
            let mended = mended(odd);
            assert_eq!(mended.is_some(), odd.contains("d83d"), "{odd}");
        }
        assert_eq!(text(b"\xef\xbb\xbf{\"a\": \"\xff\"}"), "{\"a\": \"\u{fffd}\"}");
    }

    #[test]
    fn halves_in_two_pieces_are_one_letter() {
        let mut halves = Halves::default();
        assert_eq!(halves.mended(r#"{"content": "a\ud83d"}"#).as_deref(), Some(r#"{"content": "a"}"#));
        assert_eq!(halves.mended(r#"{"usage": 1}"#), None);
        assert_eq!(halves.mended(r#"{"content": "\uDE00b"}"#).as_deref(), Some(r#"{"content": "\ud83d\ude00b"}"#));
        // It is used up.
        assert_eq!(halves.mended(r#"{"content": "\ude00b"}"#).as_deref(), Some(r#"{"content": "\ufffdb"}"#));
        // Neither at the end of a text nor at the beginning of one.
        assert_eq!(halves.mended(r#"{"content": "\ud83d "}"#).as_deref(), Some(r#"{"content": "\ufffd "}"#));
        assert_eq!(halves.mended(r#"{"content": "\ud83d"}"#).as_deref(), Some(r#"{"content": ""}"#));
        assert_eq!(halves.mended(r#"{"content": "x\"\ude00"}"#).as_deref(), Some(r#"{"content": "x\"\ufffd"}"#));
    }

    #[test]
    fn several_documents_in_a_frame() {
        let mut documents = Documents::new(" {\"a\":1}\n[2] [DONE]");
        assert_eq!(documents.next::<serde_json::Value>().unwrap().unwrap()["a"], 1);
        assert!(documents.next::<serde_json::Value>().unwrap().is_some());
        assert!(documents.take("[DONE]"));
        assert!(documents.next::<serde_json::Value>().unwrap().is_none());
    }
}
