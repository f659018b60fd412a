//! [`JsonLines`]: a document on each line.

use std::borrow::Cow;
use std::ops::Range;

use anabranch_core::Result;
use memchr::memchr;

use super::Frame;
use super::sse::{too_large, utf8};

/// Lines from bytes that come in any pieces. Blank ones are no frames.
pub(super) struct JsonLines {
    bytes: Vec<u8>,
    /// Where the first line that is not done yet starts, and up to where it was searched for its end.
    start: usize,
    searched: usize,
    limit: usize,
}

impl JsonLines {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, limit }
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
        while let Some(offset) = memchr(b'\n', &self.bytes[self.searched..]) {
            let line = self.start..self.searched + offset;
            self.start = line.end + 1;
            self.searched = self.start;
            if line.len() > self.limit {
                return Err(too_large());
            }
            if !self.bytes[line.clone()].trim_ascii().is_empty() {
                return Ok(Some(self.frame(line)));
            }
        }
        self.searched = self.bytes.len();
        if self.bytes.len() - self.start > self.limit { Err(too_large()) } else { Ok(None) }
    }

    pub(super) fn finish(&mut self) -> Option<Frame<'_>> {
        let line = self.start..self.bytes.len();
        self.start = line.end;
        self.searched = line.end;
        (!self.bytes[line.clone()].trim_ascii().is_empty()).then(|| self.frame(line))
    }

    fn frame(&self, line: Range<usize>) -> Frame<'_> {
        Frame { event: Cow::Borrowed("message"), data: utf8(self.bytes[line].trim_ascii()) }
    }
}
