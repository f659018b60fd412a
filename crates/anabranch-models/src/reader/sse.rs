//! [`SseDecoder`]: server-sent events from bytes that come in any pieces.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use anabranch_core::{Error, ErrorKind, Result};

use super::Frame;
use super::brackets::Brackets;

/// Decodes server-sent events: bytes go in as they come, events come out when they are complete.
///
/// It follows the WHATWG rules (line ends CR, LF and CRLF; one leading BOM; one leading space of a value; comments),
/// and knows three things about model servers besides: the last event may lack its blank line
/// ([`finish`](Self::finish)); some send a field named `error`, which is given out as an event of that type; and some,
/// Gemini among them, break off their events with a bare JSON document, on one line or many, which is given out as if
/// it were the data of an event. No field begins with a bracket.
/// Ids and reconnection times have no use here: a broken answer cannot be taken up again.
#[derive(Default)]
pub(crate) struct SseDecoder {
    bytes: Vec<u8>,
    /// Where the first line that is not done yet starts, and up to where it was searched for its end.
    start: usize,
    searched: usize,
    past_bom: bool,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    event: Vec<u8>,
    /// Where the data is, as long as it is one line: mostly it is, and is never copied.
    line: Option<Range<usize>>,
    /// What it is otherwise.
    data: Vec<u8>,
    has_data: bool,
    /// Of a bare document whose end has not come yet.
    bare: Option<Brackets>,
    /// What the event that was given out last holds; borrowed by it. Mostly the next has the same name.
    given_event: String,
    given: Vec<u8>,
    limit: usize,
}

impl SseDecoder {
    /// A decoder that refuses events of more than `limit` bytes.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// A decoder that refuses events of more than `limit` bytes, and has bytes already, from `start` on.
    pub(super) fn with_bytes(bytes: Vec<u8>, start: usize, limit: usize) -> Self {
        Self { bytes, start, searched: start, limit, ..Self::default() }
    }

    /// Takes bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let done = self.line.as_ref().map_or(self.start, |line| line.start);
        if self.line.is_none() && done == self.bytes.len() {
            self.bytes.clear();
            (self.start, self.searched) = (0, 0);
        } else if done > 0 {
            self.bytes.drain(..done);
            self.searched -= done;
            self.start -= done;
            self.line = self.line.take().map(|line| line.start - done..line.end - done);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next event that is complete.
    ///
    /// # Errors
    /// When an event is too large.
    pub(crate) fn next_event(&mut self) -> Result<Option<Frame<'_>>> {
        if !self.skip_bom() {
            return Ok(None);
        }
        while let Some(line) = self.next_line() {
            if self.take_line(line) {
                return Ok(Some(self.dispatch()));
            }
            if self.data_len() > self.limit {
                return Err(too_large());
            }
        }
        if self.data_len() + (self.bytes.len() - self.start) > self.limit {
            return Err(too_large());
        }
        Ok(None)
    }

    fn data_len(&self) -> usize {
        self.line.as_ref().map_or(self.data.len(), Range::len)
    }

    /// The event that lacks its blank line when the bytes are at an end.
    pub(crate) fn finish(&mut self) -> Option<Frame<'_>> {
        self.past_bom = true;
        let line = self.start..self.bytes.len();
        self.start = line.end;
        self.searched = line.end;
        let complete = !line.is_empty() && self.take_line(line);
        (complete || self.has_data).then(|| self.dispatch())
    }

    /// False while the first bytes may still become a BOM.
    fn skip_bom(&mut self) -> bool {
        if !self.past_bom {
            let bytes = &self.bytes[self.start..];
            if bytes.len() < BOM.len() && BOM.starts_with(bytes) {
                return false;
            }
            self.past_bom = true;
            if bytes.starts_with(BOM) {
                self.start += BOM.len();
                self.searched = self.start;
            }
        }
        true
    }

    /// The next line that has its end, without it.
    fn next_line(&mut self) -> Option<Range<usize>> {
        if self.after_cr && self.start < self.bytes.len() {
            self.after_cr = false;
            if self.bytes[self.start] == b'\n' {
                self.start += 1;
                self.searched = self.searched.max(self.start);
            }
        }
        let rest = &self.bytes[self.searched..];
        // An end of a line mostly follows the one before it: that ends an event.
        let offset = if rest.first() == Some(&b'\n') { Some(0) } else { memchr2(b'\n', b'\r', rest) };
        let Some(offset) = offset else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + offset;
        let line = self.start..end;
        self.after_cr = self.bytes[end] == b'\r';
        self.start = end + 1;
        self.searched = self.start;
        Some(line)
    }

    /// Takes a line; true when an event is complete.
    fn take_line(&mut self, range: Range<usize>) -> bool {
        let line = &self.bytes[range.clone()];
        let is_bare = match self.bare {
            // It was no document, or one without an end.
            Some(_) if line.starts_with(b"data:") || line.starts_with(b"event:") => false,
            Some(_) => true,
            None => !self.has_data && matches!(line.trim_ascii_start().first(), Some(b'{' | b'[')),
        };
        if is_bare {
            let brackets = self.bare.get_or_insert_default();
            line.iter().for_each(|byte| _ = brackets.step(*byte));
            self.data.extend_from_slice(line);
            self.data.push(b'\n');
            if brackets.depth() > 0 {
                return false;
            }
            self.bare = None;
            self.has_data = is_document(&self.data);
            if !self.has_data {
                self.data.clear();
            }
            return self.has_data;
        }
        if self.bare.take().is_some() {
            self.data.clear();
        }
        if line.is_empty() {
            if !self.has_data {
                self.event.clear();
            }
            return self.has_data;
        }
        let (field, value) = field(line, &range);
        match field {
            b"data" if !self.has_data => {
                self.has_data = true;
                self.line = Some(value);
            }
            b"data" => {
                if let Some(line) = self.line.take() {
                    self.data.extend_from_slice(&self.bytes[line]);
                }
                self.data.push(b'\n');
                self.data.extend_from_slice(&self.bytes[value]);
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(&self.bytes[value]);
            }
            // llama.cpp before 2025-09, and what is built on it.
            b"error" if !value.is_empty() => {
                self.event.clear();
                self.event.extend_from_slice(b"error");
                self.data.clear();
                self.line = Some(value);
                self.has_data = true;
                return true;
            }
            _ => {}
        }
        false
    }

    fn dispatch(&mut self) -> Frame<'_> {
        self.has_data = false;
        // Most servers name no event; to compare nothing with nothing is slow on some processors.
        let event = if self.event.is_empty() {
            "message"
        } else {
            if self.event != self.given_event.as_bytes() {
                self.given_event = utf8(&self.event).into_owned();
            }
            self.event.clear();
            self.given_event.as_str()
        };
        let event = Cow::Borrowed(event);
        let data = match self.line.take() {
            Some(line) => &self.bytes[line],
            None => {
                std::mem::swap(&mut self.data, &mut self.given);
                self.data.clear();
                self.given.as_slice()
            }
        };
        Frame { event, data: utf8(data) }
    }
}

/// The name of a field, and where in the line that is there its value stands.
fn field<'a>(line: &'a [u8], range: &Range<usize>) -> (&'a [u8], Range<usize>) {
    let colon = match line {
        // What most lines are.
        [b'd', b'a', b't', b'a', b':', ..] => Some(4),
        [b'e', b'v', b'e', b'n', b't', b':', ..] => Some(5),
        _ => memchr::memchr(b':', line),
    };
    match colon {
        Some(colon) => {
            let space = usize::from(line.get(colon + 1) == Some(&b' '));
            (&line[..colon], range.start + colon + 1 + space..range.end)
        }
        None => (line, range.end..range.end),
    }
}

/// Text of bytes; U+FFFD where they are none.
pub(super) fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    // Many times as fast as the other, which looks at each byte.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// An object, or a list of them: what else stands in brackets may be a line of somebody's log.
fn is_document(text: &[u8]) -> bool {
    let inner = text.trim_ascii_start();
    let inner = inner.strip_prefix(b"[").unwrap_or(inner).trim_ascii_start();
    inner.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

pub(super) const BOM: &[u8] = "\u{feff}".as_bytes();

pub(super) fn too_large() -> Error {
    Error::new(ErrorKind::Parse, "the server sent an event that is larger than any answer")
}

#[cfg(test)]
mod tests;
