//! [`SseDecoder`]: server-sent events from bytes that come in any pieces.

use std::borrow::Cow;

use memchr::memchr2;

use anabranch_core::{Error, ErrorKind, Result};

/// One event. Its type is `"message"` where the server names none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SseEvent<'a> {
    pub(crate) event: Cow<'a, str>,
    pub(crate) data: Cow<'a, str>,
}

/// Decodes server-sent events: bytes go in as they come, events come out when they are complete.
///
/// It follows the WHATWG rules (line ends CR, LF and CRLF; one leading BOM; one leading space of a value; comments),
/// and knows two things about model servers besides: the last event may lack its blank line
/// ([`finish`](Self::finish)), and some send a field named `error`, which is given out as an event of that type.
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
    data: Vec<u8>,
    has_data: bool,
    /// What the event that was given out last holds; borrowed by it.
    given_event: Vec<u8>,
    given: Vec<u8>,
    limit: usize,
}

impl SseDecoder {
    /// A decoder that refuses events of more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next event that is complete.
    ///
    /// # Errors
    /// When an event is too large.
    pub(crate) fn next_event(&mut self) -> Result<Option<SseEvent<'_>>> {
        if !self.skip_bom() {
            return Ok(None);
        }
        while let Some(line) = self.next_line() {
            if self.take_line(line) {
                return Ok(Some(self.dispatch()));
            }
            if self.data.len() > self.limit {
                return Err(too_large());
            }
        }
        if self.data.len() + (self.bytes.len() - self.start) > self.limit {
            return Err(too_large());
        }
        Ok(None)
    }

    /// The event that lacks its blank line when the bytes are at an end.
    pub(crate) fn finish(&mut self) -> Option<SseEvent<'_>> {
        self.past_bom = true;
        let line = self.start..self.bytes.len();
        self.start = line.end;
        self.searched = line.end;
        let complete = !line.is_empty() && self.take_line(line);
        (complete || self.has_data).then(|| self.dispatch())
    }

    /// Whether nothing but white space came so far, and if not, the first byte that is none.
    pub(crate) fn first_byte(bytes: &[u8]) -> Option<u8> {
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// False while the first bytes may still become a BOM.
    fn skip_bom(&mut self) -> bool {
        if !self.past_bom {
            if self.bytes.len() < BOM.len() && BOM.starts_with(&self.bytes) {
                return false;
            }
            self.past_bom = true;
            if self.bytes.starts_with(BOM) {
                self.start = BOM.len();
                self.searched = BOM.len();
            }
        }
        true
    }

    /// The next line that has its end, without it.
    fn next_line(&mut self) -> Option<std::ops::Range<usize>> {
        if self.after_cr && self.start < self.bytes.len() {
            self.after_cr = false;
            if self.bytes[self.start] == b'\n' {
                self.start += 1;
                self.searched = self.searched.max(self.start);
            }
        }
        let Some(offset) = memchr2(b'\n', b'\r', &self.bytes[self.searched..]) else {
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
    fn take_line(&mut self, line: std::ops::Range<usize>) -> bool {
        let line = &self.bytes[line];
        if line.is_empty() {
            if !self.has_data {
                self.event.clear();
            }
            return self.has_data;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            // llama.cpp before 2025-09, and what is built on it.
            b"error" if !value.is_empty() => {
                self.event.clear();
                self.event.extend_from_slice(b"error");
                self.data.clear();
                self.data.extend_from_slice(value);
                self.has_data = true;
                return true;
            }
            _ => {}
        }
        false
    }

    fn dispatch(&mut self) -> SseEvent<'_> {
        std::mem::swap(&mut self.data, &mut self.given);
        std::mem::swap(&mut self.event, &mut self.given_event);
        self.data.clear();
        self.event.clear();
        self.has_data = false;
        let event = match self.given_event.is_empty() {
            true => Cow::Borrowed("message"),
            false => String::from_utf8_lossy(&self.given_event),
        };
        SseEvent { event, data: String::from_utf8_lossy(&self.given) }
    }
}

const BOM: &[u8] = "\u{feff}".as_bytes();

fn too_large() -> Error {
    Error::new(ErrorKind::Parse, "the server sent an event that is larger than any answer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::fixtures;

    type Events = Vec<(String, String)>;

    fn own(event: SseEvent<'_>) -> (String, String) {
        (event.event.into_owned(), event.data.into_owned())
    }

    /// What is complete, and what is flushed at the end.
    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Events, Events) {
        let mut decoder = SseDecoder::new(1 << 20);
        let mut events = Events::new();
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event().unwrap() {
                events.push(own(event));
            }
        }
        let mut lenient = events.clone();
        lenient.extend(decoder.finish().map(own));
        (events, lenient)
    }

    fn message(data: &str) -> (String, String) {
        ("message".into(), data.into())
    }

    #[test]
    fn every_split_gives_the_same() {
        let text =
            "\u{feff}: hi\r\ndata: é\u{2028}x\r\rdata:b\nevent: e\rdata\n\n\nretry: 1\r\n\r\nevent: lost\n\ndata: €";
        let whole = decode([text.as_bytes()]);
        assert_eq!(whole.0, [message("é\u{2028}x"), ("e".into(), "b\n".into())]);
        assert_eq!(whole.1[2..], [message("€")]);
        for size in 1..text.len() {
            assert_eq!(decode(text.as_bytes().chunks(size)), whole, "{size}");
        }
        for at in 0..text.len() {
            let (left, right) = text.as_bytes().split_at(at);
            assert_eq!(decode([left, b"", right]), whole, "{at}");
        }
    }

    proptest::proptest! {
        /// Of whatever bytes, however split.
        #[test]
        fn any_bytes_split_anywhere(
            lines in proptest::collection::vec("(data|event|id|error|x)?(:| |: )?[a-zé\u{2028}\0]{0,3}(\r|\n|\r\n|\n\n|\r\r)", 0..20),
            junk in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
            size in 1_usize..9,
        ) {
            let bytes = [lines.concat().into_bytes(), junk].concat();
            proptest::prop_assert_eq!(decode(bytes.chunks(size)), decode([bytes.as_slice()]));
        }
    }

    #[test]
    fn the_error_field_is_an_error_event() {
        let (events, _) = decode([&b"data: a\n\nerror: {\"m\":1}\n\ndata: b\n\n"[..]]);
        assert_eq!(events, [message("a"), ("error".into(), "{\"m\":1}".into()), message("b")]);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut decoder = SseDecoder::new(1000);
        decoder.push(b"data: ");
        let mut pushed = 0;
        let error = loop {
            decoder.push(&[b'x'; 100]);
            pushed += 1;
            if let Err(error) = decoder.next_event() {
                break error;
            }
        };
        assert_eq!((error.kind(), pushed), (ErrorKind::Parse, 10));

        let mut decoder = SseDecoder::new(1000);
        let refused = (0..300).any(|_| {
            decoder.push(b"data: many lines\n");
            decoder.next_event().is_err()
        });
        assert!(refused);
    }

    #[test]
    fn recorded_cases() {
        let Some(folder) = fixtures::folder() else { return };
        let Ok(cases) = std::fs::read(folder.join("../sse_cases.json")) else {
            return fixtures::say("SKIPPED: there is no sse_cases.json beside the recorded traffic");
        };
        let cases: serde_json::Value = serde_json::from_slice(&cases).unwrap();
        let events = |value: &serde_json::Value| -> Events {
            let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap().to_string();
            value.as_array().unwrap().iter().map(|event| (text(event, "event"), text(event, "data"))).collect()
        };
        let mut count = 0;
        for case in cases["cases"].as_array().unwrap() {
            let chunks: Vec<Vec<u8>> =
                case["chunks"].as_array().unwrap().iter().map(|chunk| base64(chunk.as_str().unwrap())).collect();
            let strict = events(&case["events"]);
            let lenient = case.get("lenient_events").map_or(strict.clone(), events);
            let expected = (strict, lenient);
            let name = case["name"].as_str().unwrap();
            assert_eq!(decode(chunks.iter().map(Vec::as_slice)), expected, "{name}");
            let whole = chunks.concat();
            for size in [1, 2, 3, 7, 1024, whole.len().max(1)] {
                assert_eq!(decode(whole.chunks(size)), expected, "{name} in pieces of {size}");
            }
            count += 1;
        }
        fixtures::say(&format!("{count} event stream cases"));
    }

    fn base64(text: &str) -> Vec<u8> {
        let value = |byte| match byte {
            b'A'..=b'Z' => u32::from(byte - b'A'),
            b'a'..=b'z' => u32::from(byte - b'a') + 26,
            b'0'..=b'9' => u32::from(byte - b'0') + 52,
            b'+' => 62,
            _ => 63,
        };
        let text = text.trim_end_matches('=').as_bytes();
        text.chunks(4)
            .flat_map(|four| {
                let bits = four.iter().fold(0, |bits, byte| bits << 6 | value(*byte)) << (6 * (4 - four.len()));
                bits.to_be_bytes()[1..four.len()].to_vec()
            })
            .collect()
    }
}
