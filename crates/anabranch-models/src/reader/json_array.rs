//! [`JsonArray`]: one list, whose elements come one by one.

use std::borrow::Cow;

use anabranch_core::Result;

use super::Frame;
use super::brackets::Brackets;
use super::sse::{too_large, utf8};

/// The elements of a list from bytes that come in any pieces.
pub(super) struct JsonArray {
    bytes: Vec<u8>,
    /// Where the element starts that is not done yet, and up to where it was looked at.
    start: usize,
    searched: usize,
    /// Those of the list included.
    brackets: Brackets,
    limit: usize,
}

impl JsonArray {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, brackets: Brackets::default(), limit }
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
            let before = self.brackets.depth();
            if !self.brackets.step(byte) {
                continue;
            }
            match byte {
                b'[' | b'{' if before == 0 => self.start = self.searched,
                b']' | b'}' | b',' if before == 1 => {
                    let element = self.start..at;
                    self.start = self.searched;
                    if !self.bytes[element.clone()].trim_ascii().is_empty() {
                        let data = utf8(self.bytes[element].trim_ascii());
                        return Ok(Some(Frame { event: Cow::Borrowed("message"), data }));
                    }
                }
                _ => {}
            }
        }
        if self.bytes.len() - self.start > self.limit { Err(too_large()) } else { Ok(None) }
    }
}
