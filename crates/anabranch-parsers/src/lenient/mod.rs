//! A reader for what is almost JSON, which says what it repaired.
//!
//! It takes what stands there in the only way that makes sense of it, and adds nothing: a value that lacks, and one that
//! was cut off, are errors.

mod bare;
mod document;
mod mark;
mod repair;
mod scan;
mod text;
mod value;

pub(crate) use document::{Documents, Repaired, documents};
pub use repair::{Repair, RepairKind};

use crate::json::fault::JsonFault;
use crate::work::looked_at;

/// The quotes of print that begin a text.
const PRINTED: [char; 5] = ['“', '„', '”', '«', '‘'];

/// What cannot be repaired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unrepaired {
    /// It ends in the middle of a value.
    Truncated,
    Broken(JsonFault, usize),
}

/// Reads one document out of a text.
pub(crate) struct Lenient<'a> {
    text: &'a str,
    at: usize,
    /// The brackets that are open.
    open: Vec<u8>,
    max_depth: usize,
    /// Whether the text is a begin, of which as much as there is is wanted.
    is_partial: bool,
    repairs: Vec<Repair>,
}

impl<'a> Lenient<'a> {
    fn new(text: &'a str, at: usize, max_depth: usize, is_partial: bool) -> Self {
        Self { text, at, open: Vec::new(), max_depth, is_partial, repairs: Vec::new() }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn byte(&self) -> Option<u8> {
        looked_at(1);
        self.bytes().get(self.at).copied()
    }

    fn repaired(&mut self, kind: RepairKind) {
        self.repaired_at(kind, self.at);
    }

    fn repaired_at(&mut self, kind: RepairKind, byte: usize) {
        self.repairs.push(Repair { kind, byte: Some(byte), path: String::new() });
    }

    /// Past white space and comments.
    fn skip(&mut self) {
        loop {
            while let Some(c) = self.text[self.at..].chars().next().filter(|c| c.is_whitespace() || *c == '\u{feff}') {
                self.at += c.len_utf8();
            }
            match scan::comment(&self.bytes()[self.at..]) {
                Some(length) => {
                    self.repaired(RepairKind::Comment);
                    self.at += length;
                }
                None => return,
            }
        }
    }

    /// The text is at its end, or the fence around it.
    fn is_at_end(&self) -> bool {
        self.at >= self.text.len() || scan::is_fence(self.bytes(), self.at)
    }
}
