//! [`JsonArray`]: one list, whose elements come one by one.

use std::borrow::Cow;

use anabranch_core::Result;

use super::Frame;
use super::sse::too_large;

/// The elements of a list from bytes that come in any pieces. It looks no closer than it must to see where one ends: what
/// is in them is for whoever reads them.
pub(super) struct JsonArray {
    bytes: Vec<u8>,
    /// Where the element starts that is not done yet, and up to where it was looked at.
    start: usize,
    searched: usize,
    /// How many brackets are open, that of the list included.
    depth: usize,
    in_string: bool,
    escaped: bool,
    limit: usize,
}

impl JsonArray {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, depth: 0, in_string: false, escaped: false, limit }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        while let Some(byte) = self.bytes.get(self.searched).copied() {
            let at = self.searched;
            self.searched += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'[' | b'{' => {
                    self.depth += 1;
                    if self.depth == 1 {
                        self.start = self.searched;
                    }
                }
                b']' | b'}' | b',' => {
                    let closes = byte != b',';
                    if self.depth == 1 {
                        let element = self.start..at;
                        self.start = self.searched;
                        self.depth -= usize::from(closes);
                        if !self.bytes[element.clone()].trim_ascii().is_empty() {
                            let data = String::from_utf8_lossy(self.bytes[element].trim_ascii());
                            return Ok(Some(Frame { event: Cow::Borrowed("message"), data }));
                        }
                    } else if closes {
                        self.depth = self.depth.saturating_sub(1);
                    }
                }
                _ => {}
            }
        }
        if self.bytes.len() - self.start > self.limit { Err(too_large()) } else { Ok(None) }
    }
}
