//! [`Framer`]: finds the frames in a body, whatever its content type says.

use anabranch_core::{Error, ErrorKind, Result};

use super::Frame;
use super::json_array::JsonArray;
use super::json_lines::JsonLines;
use super::sse::{BOM, SseDecoder};
use crate::transport::PACKED;

/// How a provider's streams are framed. What a server really sends is found out by looking.
#[allow(dead_code, reason = "which of them are used is up to the providers that are compiled in")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// Server-sent events, or one JSON list whose elements come one by one.
    EventsOrArray,
    /// A JSON document on each line.
    Lines,
}

/// Finds the frames in a body.
pub(super) struct Framer {
    framing: Framing,
    limit: usize,
    found: Found,
}

enum Found {
    /// Nothing but blank bytes came, or the beginning of a byte order mark.
    Nothing(Vec<u8>),
    Events(SseDecoder),
    Lines(JsonLines),
    Array(JsonArray),
    /// It is no stream: a document, a page.
    Document(Vec<u8>),
}

impl Framer {
    /// A framer that refuses frames of more than `limit` bytes.
    pub(super) fn new(framing: Framing, limit: usize) -> Self {
        Self { framing, limit, found: Found::Nothing(Vec::new()) }
    }

    /// Takes bytes as they came.
    ///
    /// # Errors
    /// When the body is packed.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.found {
            Found::Events(decoder) => decoder.push(bytes),
            Found::Lines(lines) => lines.push(bytes),
            Found::Array(array) => array.push(bytes),
            Found::Document(document) => document.extend_from_slice(bytes),
            Found::Nothing(head) => {
                head.extend_from_slice(bytes);
                let head = std::mem::take(head);
                self.look(head)?;
            }
        }
        Ok(())
    }

    /// The first bytes, without those that say nothing, so that none is looked at twice.
    fn look(&mut self, head: Vec<u8>) -> Result<()> {
        if head.len() < BOM.len() && BOM.starts_with(&head) && !head.is_empty() {
            self.found = Found::Nothing(head);
            return Ok(());
        }
        let start = head.strip_prefix(BOM).unwrap_or(&head).trim_ascii_start();
        let Some(first) = start.first() else { return Ok(()) };
        self.found = match (*first, self.framing) {
            // The first byte of what gzip makes. No text begins with it.
            (0x1f, _) => return Err(Error::new(ErrorKind::Parse, format!("the server sent {PACKED}"))),
            (b'[', Framing::EventsOrArray) => {
                let mut array = JsonArray::new(self.limit);
                array.push(start);
                Found::Array(array)
            }
            (b'{', Framing::Lines) => {
                let mut lines = JsonLines::new(self.limit);
                lines.push(start);
                Found::Lines(lines)
            }
            (b'{' | b'[' | b'<', _) => Found::Document(start.to_vec()),
            _ => {
                let start = head.len() - start.len();
                Found::Events(SseDecoder::with_bytes(head, start, self.limit))
            }
        };
        Ok(())
    }

    /// The bytes so far of a body that is no stream.
    pub(super) fn take_document(&mut self) -> Option<Vec<u8>> {
        match &mut self.found {
            Found::Document(document) => Some(std::mem::take(document)),
            _ => None,
        }
    }

    /// The next frame that is complete.
    ///
    /// # Errors
    /// When one is too large.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        match &mut self.found {
            Found::Events(decoder) => decoder.next_event(),
            Found::Lines(lines) => lines.next_frame(),
            Found::Array(array) => array.next_frame(),
            Found::Nothing(_) | Found::Document(_) => Ok(None),
        }
    }

    /// What lacks its end when the bytes are at an end.
    pub(super) fn finish(&mut self) -> Option<Frame<'_>> {
        match &mut self.found {
            Found::Events(decoder) => decoder.finish(),
            Found::Lines(lines) => lines.finish(),
            Found::Array(_) | Found::Nothing(_) | Found::Document(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
