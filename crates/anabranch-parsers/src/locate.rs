//! [`locate`]: where the JSON document is in an answer.

use serde::de::IgnoredAny;
use serde_json::error::Category;

/// A document found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    pub(crate) json: &'a str,
    /// Where it begins in the text.
    pub(crate) start: usize,
}

/// Why there is no document in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It ends, at the end of the text, before it is complete.
    CutOff,
    /// Something in it is no JSON: what, and where.
    Broken(&'static str, usize),
    /// There is more than one, and none is more likely meant than the others.
    Several(usize),
    /// There is nothing like it.
    Nothing,
}

/// Finds the one JSON document of an answer: the whole text, or what stands in a `json` fence, or an object or list
/// in between words.
///
/// A document that is begun and broken is an error, even where a part of it, or another text behind it, would be a
/// document of its own. The time is linear: where one attempt ends the next begins.
pub(crate) fn locate(text: &str) -> Result<Document<'_>, Missing> {
    let body = skip_thinking(text);
    let trimmed = body.trim().trim_start_matches('\u{feff}').trim_start();
    if trimmed.is_empty() {
        return Err(Missing::Nothing);
    }
    if serde_json::from_str::<IgnoredAny>(trimmed).is_ok() {
        return Ok(Document { json: trimmed, start: offset_in(text, trimmed) });
    }
    let mut search = Search { text, fenced: Vec::new(), likely: Vec::new(), unlikely: Vec::new(), doubt: None };
    search.run(offset_in(text, trimmed))?;
    let Search { fenced, likely, unlikely, doubt, .. } = search;
    let found = [fenced, likely, unlikely].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(doubt.unwrap_or(Missing::Nothing)),
        several => Err(Missing::Several(several.len())),
    }
}

struct Search<'a> {
    text: &'a str,
    /// In a fence.
    fenced: Vec<Document<'a>>,
    /// Objects, and lists of objects.
    likely: Vec<Document<'a>>,
    /// Other lists: `[1]` may be a mark in a text.
    unlikely: Vec<Document<'a>>,
    /// What was wrong with a bracket that may have been the begin of a list.
    doubt: Option<Missing>,
}

impl<'a> Search<'a> {
    fn run(&mut self, start: usize) -> Result<(), Missing> {
        let mut place = start;
        while let Some(step) = self.text[place..].find(['{', '[', '`']) {
            place += step;
            let rest = &self.text[place..];
            place = match rest.as_bytes() {
                [b'`', b'`', b'`', ..] => self.fence(place + 3)?,
                [b'`', ..] => place + 1,
                _ => self.bracket(place)?,
            };
        }
        Ok(())
    }

    /// After the three back-ticks that open a fence. Gives the place to go on at.
    fn fence(&mut self, place: usize) -> Result<usize, Missing> {
        let rest = &self.text[place..];
        let after_tag = rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));
        let tag = &rest[..rest.len() - after_tag.len()];
        let is_json = tag.get(..4).is_some_and(|tag| tag.eq_ignore_ascii_case("json"));
        if !is_json && !tag.is_empty() {
            // Code in another language: what looks like JSON in it is none.
            return Ok(after_tag.find("```").map_or(self.text.len(), |end| offset_in(self.text, after_tag) + end + 3));
        }
        let json = after_tag.trim_start();
        if !is_json && !json.starts_with(['{', '[']) {
            return Ok(place);
        }
        let start = offset_in(self.text, json);
        match read(json) {
            Ok(length) => {
                self.fenced.push(Document { json: &json[..length], start });
                let rest = &json[length..];
                let closing = if rest.trim_start().starts_with("```") { rest.find("```").unwrap_or(0) + 3 } else { 0 };
                Ok(start + length + closing)
            }
            Err(Unread::CutOff) => Err(Missing::CutOff),
            Err(Unread::Broken(what, at)) if is_json => Err(Missing::Broken(what, start + at)),
            // Without a tag it may be code.
            Err(Unread::Broken(..)) => Ok(place),
        }
    }

    /// At a bracket in between words. Gives the place to go on at.
    fn bracket(&mut self, place: usize) -> Result<usize, Missing> {
        let rest = &self.text[place..];
        let first = rest[1..].trim_start().bytes().next();
        let begins = match (rest.as_bytes().first(), first) {
            (Some(b'{'), Some(b'"' | b'}')) => Begins::Surely,
            (Some(b'['), Some(b'{' | b'[' | b'"')) => Begins::Surely,
            (Some(b'['), Some(b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => Begins::Perhaps,
            (_, None) => Begins::Perhaps,
            _ => return Ok(place + 1),
        };
        match (read(rest), begins) {
            (Ok(length), _) => {
                let document = Document { json: &rest[..length], start: place };
                let is_likely = rest.starts_with('{') || first == Some(b'{');
                if is_likely { &mut self.likely } else { &mut self.unlikely }.push(document);
                Ok(place + length)
            }
            (Err(Unread::CutOff), Begins::Surely) => Err(Missing::CutOff),
            (Err(Unread::Broken(what, at)), Begins::Surely) => Err(Missing::Broken(what, place + at)),
            (Err(Unread::CutOff), Begins::Perhaps) => {
                self.doubt.get_or_insert(Missing::CutOff);
                Ok(self.text.len())
            }
            (Err(Unread::Broken(what, at)), Begins::Perhaps) => {
                self.doubt.get_or_insert(Missing::Broken(what, place + at));
                let next = place + at.max(1);
                Ok((next..=self.text.len()).find(|next| self.text.is_char_boundary(*next)).unwrap_or(next))
            }
        }
    }
}

/// Whether a bracket begins a document.
enum Begins {
    Surely,
    Perhaps,
}

enum Unread {
    CutOff,
    /// What is wrong, and at which byte.
    Broken(&'static str, usize),
}

/// The length of the document a text begins with.
fn read(json: &str) -> Result<usize, Unread> {
    let mut documents = serde_json::Deserializer::from_str(json).into_iter::<IgnoredAny>();
    match documents.next() {
        Some(Ok(_)) => Ok(documents.byte_offset()),
        None => Err(Unread::CutOff),
        Some(Err(error)) if error.classify() == Category::Eof => Err(Unread::CutOff),
        Some(Err(error)) => {
            let (what, at) = (wrong(&error), byte_of(json, error.line(), error.column()));
            // `-`, `1.` and `1e` at the end are numbers that were cut off.
            let is_cut = what == NO_NUMBER && at + 1 >= json.trim_end().len();
            Err(if is_cut { Unread::CutOff } else { Unread::Broken(what, at) })
        }
    }
}

const NO_NUMBER: &str = "a number that is none";

/// What is wrong, in words that hold nothing of the text.
pub(crate) fn wrong(error: &serde_json::Error) -> &'static str {
    const KNOWN: [(&str, &str); 12] = [
        ("expected `:`", "expected `:`"),
        ("expected `,` or `]`", "expected `,` or `]`"),
        ("expected `,` or `}`", "expected `,` or `}`"),
        ("expected ident", "expected `true`, `false` or `null`"),
        ("expected value", "expected a value"),
        ("expected `\"`", "expected `\"`"),
        ("invalid escape", "an escape in a text that JSON does not know"),
        ("invalid number", NO_NUMBER),
        ("key must be a string", "a key must be a text in `\"`"),
        ("control character", "a line break or other control character in a text, which must be escaped"),
        ("trailing comma", "a comma with nothing after it"),
        ("recursion limit exceeded", "nested too deeply"),
    ];
    let words = error.to_string();
    KNOWN.iter().find(|(theirs, _)| words.starts_with(theirs)).map_or("no JSON", |(_, ours)| ours)
}

/// The byte of a line and a column, both counted from one and the column in bytes.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before = match line.checked_sub(2) {
        None => 0,
        Some(breaks) => {
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(breaks).map_or(0, |at| at.0 + 1)
        }
    };
    (before + column.saturating_sub(1)).min(text.len())
}

/// Models that think aloud put it in front of their answer.
fn skip_thinking(text: &str) -> &str {
    const END: &str = "</think>";
    if !text.trim_start().starts_with("<think>") {
        return text;
    }
    text.find(END).map_or(text, |end| &text[end + END.len()..])
}

/// Where a part begins in the text it was cut from.
fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Line and column of a byte, both counted from one and the column in characters.
pub(crate) fn line_and_column(text: &str, mut byte: usize) -> (usize, usize) {
    byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The byte of the text at which a document's error stands.
pub(crate) fn byte_in_text(document: Document<'_>, error: &serde_json::Error) -> usize {
    document.start + byte_of(document.json, error.line(), error.column())
}
