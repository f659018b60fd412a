//! Where in a text the documents are that are almost JSON.

use std::ops::Range;

use serde_json::Value;

use super::{Lenient, Repair, RepairKind, Unrepaired, scan};
use crate::json::citation::is_citation;
use crate::json::fault::JsonFault;

/// A document, and what was repaired in it.
#[derive(Debug, Clone)]
pub(crate) struct Repaired {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
    pub(crate) repairs: Vec<Repair>,
}

/// The documents of a text.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// In `json` fences that are closed, in those that are not, and in fences without a word.
    pub(crate) fenced: Vec<Repaired>,
    pub(crate) unclosed: Vec<Repaired>,
    pub(crate) untagged: Vec<Repaired>,
    /// Objects with something in them and lists, among words or alone.
    pub(crate) among: Vec<Repaired>,
    /// Lists among words that look like citations.
    pub(crate) citations: Vec<Repaired>,
    /// What could not be repaired, of the last that was begun.
    pub(crate) unrepaired: Option<Unrepaired>,
}

/// Finds the documents of a text without what the model thought.
pub(crate) fn documents(text: &str, start: usize, max_depth: usize, is_partial: bool) -> Documents {
    let mut found = Documents::default();
    let search = Search { text, max_depth, is_partial };
    let first = text[start..].find(|c: char| !c.is_whitespace() && c != '\u{feff}').map_or(text.len(), |at| start + at);
    let mut at = first;
    // A comment, or the mark of a list, may stand before.
    if let Some(after) = search.before_document(at) {
        at = after;
    }
    let mut is_first = true;
    while let Some(step) = text[at..].find(['{', '[', '(', '`']) {
        at += step;
        is_first &= step == 0;
        let next = match text.as_bytes()[at] {
            b'`' if scan::is_fence(text.as_bytes(), at) => search.fence(at, &mut found),
            b'`' => at + 1,
            _ if search.begins(at, is_first) => search.words(at, is_first, &mut found),
            _ => at + 1,
        };
        is_first = false;
        at = next.max(at + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

struct Search<'a> {
    text: &'a str,
    max_depth: usize,
    is_partial: bool,
}

impl Search<'_> {
    /// Past comments, a dash, and brackets that close nothing.
    fn before_document(&self, mut at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            match bytes.get(at)? {
                b'#' | b'/' => at += scan::comment(&bytes[at..])?,
                b'-' if bytes.get(at + 1) == Some(&b' ') => at += 2,
                b'}' | b']' => at += 1,
                b'{' | b'[' | b'(' | b'`' => return Some(at),
                _ => return None,
            }
        }
    }

    /// Whether a bracket looks like the begin of a document.
    fn begins(&self, at: usize, is_first: bool) -> bool {
        let bytes = self.text.as_bytes();
        let begins_line = is_first || scan::begins_line(bytes, at);
        let (place, next) = scan::next(bytes, at + 1);
        match (bytes[at], next) {
            (b'(', _) => is_first,
            (_, None) => is_first,
            (b'{', Some(b'"' | b'\'' | b'`' | b'\\' | b'}' | b']')) => true,
            (b'{', Some(_)) => scan::is_key(bytes, place) || (is_first && place > at + 1),
            (_, Some(b'{' | b'"' | b'\'')) => true,
            (_, Some(_)) => begins_line,
        }
    }

    fn words(&self, at: usize, is_first: bool, found: &mut Documents) -> usize {
        match self.read(at) {
            Ok((document, end)) => {
                let bytes = self.text.as_bytes();
                let is_alone = scan::begins_line(bytes, at) && scan::ends_line(bytes, end);
                let is_whole = is_first && self.text[end..].trim().is_empty();
                let counts = match &document.value {
                    Value::Object(object) => !object.is_empty() || is_whole,
                    Value::Array(list) => {
                        is_alone
                            || (is_first && !self.words_follow(end))
                            || list.iter().any(|element| element.is_object() || element.is_string())
                    }
                    _ => is_whole,
                };
                if counts {
                    let is_citation = is_citation(&document.value) && !is_whole;
                    let list = if is_citation { &mut found.citations } else { &mut found.among };
                    list.push(document);
                }
                end
            }
            Err(unrepaired) => {
                found.unrepaired = Some(unrepaired);
                match unrepaired {
                    Unrepaired::Truncated => self.text.len(),
                    // Nothing inside of what is broken is taken for a document, unless it was no document at all.
                    Unrepaired::Broken(_, place) => place.max(at + 1),
                }
            }
        }
    }

    /// Whether words stand behind it on its line, as behind a citation. A comment is none.
    fn words_follow(&self, end: usize) -> bool {
        let line = self.text[end..].lines().next().unwrap_or_default().trim_start();
        !line.starts_with(['/', '#']) && line.contains(char::is_alphabetic)
    }

    /// At the back-ticks of a fence. Gives the place to go on at.
    fn fence(&self, at: usize, found: &mut Documents) -> usize {
        let after_ticks = self.text[at..].trim_start_matches('`');
        let start = self.text.len() - after_ticks.len();
        let content =
            after_ticks.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));
        let tag = &after_ticks[..after_ticks.len() - content.len()];
        let is_json = tag.get(..4).is_some_and(|tag| tag.eq_ignore_ascii_case("json"));
        let place = start + tag.len();
        let skip = || self.text[place..].find("```").map_or(self.text.len(), |end| place + end + 3);
        if !is_json && !tag.is_empty() {
            return skip();
        }
        let (begin, first) = scan::next(self.text.as_bytes(), place);
        let is_document = matches!(first, Some(b'{' | b'[')) || (is_json && first == Some(b'('));
        if !is_document {
            return if is_json { skip() } else { place };
        }
        match self.read(begin) {
            Ok((mut document, end)) => {
                let rest = self.text[end..].trim_start();
                let closed = rest.starts_with("```");
                let list = match (closed, is_json) {
                    (true, true) => &mut found.fenced,
                    (true, false) => &mut found.untagged,
                    (false, _) => {
                        let at = self.text.len();
                        document.repairs.push(Repair {
                            kind: RepairKind::UnclosedFence,
                            byte: Some(at),
                            path: String::new(),
                        });
                        &mut found.unclosed
                    }
                };
                list.push(document);
                if closed { self.text.len() - rest.len() + 3 } else { end }
            }
            Err(unrepaired) => {
                found.unrepaired = Some(unrepaired);
                match unrepaired {
                    Unrepaired::Truncated => self.text.len(),
                    Unrepaired::Broken(_, broken) => {
                        let from = broken.clamp(place, self.text.len());
                        let from = (from..=self.text.len()).find(|from| self.text.is_char_boundary(*from));
                        let from = from.unwrap_or(self.text.len());
                        self.text[from..].find("```").map_or(self.text.len(), |end| from + end + 3)
                    }
                }
            }
        }
    }

    /// The document that begins at a bracket, and where it ends.
    fn read(&self, at: usize) -> Result<(Repaired, usize), Unrepaired> {
        let mut reader = Lenient::new(self.text, at, self.max_depth, self.is_partial);
        let mut value = reader.value()?.ok_or(Unrepaired::Broken(JsonFault::ExpectedValue, at))?;
        let end = loop {
            let end = reader.at;
            // Members behind the end of the object belong to it, if they end as it does.
            let (comma, next) = scan::next(self.text.as_bytes(), end);
            let Value::Object(object) = &mut value else { break end };
            if next != Some(b',') || object.is_empty() || !scan::is_key(self.text.as_bytes(), comma + 1) {
                break end;
            }
            reader.at = comma + 1;
            reader.repaired(RepairKind::MemberAfterEnd);
            reader.open.push(b'{');
            let members = reader.members(std::mem::take(object), false);
            reader.open.pop();
            value = members?;
        };
        Ok((Repaired { value, span: at..end, repairs: reader.repairs }, end))
    }
}
