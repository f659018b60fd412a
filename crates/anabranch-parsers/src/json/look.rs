//! How a [`Scanner`] looks at the next byte of an answer.

use crate::answer::tags::{Match, Tag};
use crate::json::fault::JsonFault;
use crate::json::found::{Fence, Missing};
use crate::json::scanner::Scanner;

/// What the next byte of an answer is a part of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Look {
    /// Nothing but white space yet.
    Start,
    Words,
    /// In `<`, which may begin a tag.
    Tag,
    /// In a thought.
    Thought(Tag),
    /// So many back-ticks.
    Ticks(usize),
    /// In the word behind the back-ticks of a fence: so much of `json` was met.
    FenceTag(usize),
    /// In a fence, before its document. There may be more words in its first line.
    FenceStart {
        is_json: bool,
        in_first_line: bool,
    },
    /// In what is no document, up to the end of the fence, of which so many back-ticks were met.
    Code(usize),
    /// Behind a bracket.
    Bracket {
        place: Place,
        brace: bool,
        start: usize,
    },
    /// In what may be a key as JSON does not know it.
    OddKey {
        odd: OddKey,
        length: usize,
        start: usize,
    },
    /// In a document.
    Document {
        place: Place,
        start: usize,
        is_sure: bool,
    },
    /// After the document in a fence, and so many back-ticks of its end.
    FenceEnd(usize),
    /// After a document that is the whole so far.
    WholeEnd,
    /// After a list that is alone on its line so far.
    LineEnd,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Whole,
    Fence { is_json: bool },
    Words { on_own_line: bool, is_next_to_one: bool },
}

/// A key as JSON does not know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum OddKey {
    Bare,
    Quoted,
    /// Before the colon that makes it one.
    After(JsonFault),
}

impl Scanner {
    /// From a place in the piece to the next.
    pub(super) fn step(&mut self, piece: &str, at: usize) -> usize {
        let byte = piece.as_bytes()[at];
        match self.look {
            Look::Document { place, start, is_sure } => return self.document(piece, at, place, start, is_sure),
            Look::Words => return self.words(piece, at),
            Look::Start if byte.is_ascii_whitespace() => {}
            Look::Start if piece[at..].starts_with('\u{feff}') => return at + '\u{feff}'.len_utf8(),
            Look::Start => return self.start(byte, at),
            Look::Tag => return self.tag(byte, at),
            Look::Thought(tag) => {
                if self.tags.push(byte) == Some(Match::End(tag)) {
                    self.thought_over();
                }
            }
            Look::Ticks(count) => match byte {
                b'`' => self.look = Look::Ticks(count + 1),
                _ if count < 3 => {
                    self.is_first = false;
                    self.is_line_blank = false;
                    return self.back_to_words(at);
                }
                _ => {
                    self.look = Look::FenceTag(0);
                    return at;
                }
            },
            Look::FenceTag(met) => return self.fence_tag(byte, at, met),
            Look::FenceStart { is_json, in_first_line } => return self.fence_start(byte, at, is_json, in_first_line),
            Look::Code(ticks) => match (byte, ticks) {
                (b'`', 2) => self.fence_closed(at),
                (b'`', _) => self.look = Look::Code(ticks + 1),
                _ => {
                    self.look = Look::Code(0);
                    if let Some(Match::End(_)) = self.tags.push(byte) {
                        self.thought_over();
                    }
                }
            },
            Look::Bracket { place, brace, start } => return self.bracket(byte, at, place, brace, start),
            Look::OddKey { odd, length, start } => return self.odd_key(byte, at, odd, length, start),
            Look::FenceEnd(ticks) => match (byte, ticks) {
                (b'`', 2) => self.fence_closed(at),
                (b'`', _) => self.look = Look::FenceEnd(ticks + 1),
                (_, 0) if byte.is_ascii_whitespace() => {}
                _ => {
                    let missing = match byte {
                        b'{' | b'[' => Missing::Several(2),
                        b'/' | b'#' => Missing::Broken(JsonFault::Comment, self.at + at, String::new()),
                        _ => Missing::Broken(JsonFault::TextAfter, self.at + at, String::new()),
                    };
                    if let Some(fence) = self.found.last_fence() {
                        fence.document = Err(missing);
                    }
                    self.tags.reset();
                    self.look = Look::Code(0);
                    return at;
                }
            },
            Look::WholeEnd if byte.is_ascii_whitespace() => self.is_line_blank |= byte == b'\n',
            Look::WholeEnd => {
                // What goes on as JSON does is no prose. A number, a word or a text may stand before all kinds of signs.
                let is_nested = self.found.whole_is_nested();
                self.is_next_to_one = is_nested;
                let fault = match byte {
                    b'}' | b']' => Some(JsonFault::TextAfter),
                    b':' if is_nested || self.found.whole_is_text() => Some(JsonFault::TextAfter),
                    b',' | b'"' if is_nested => Some(JsonFault::TextAfter),
                    b'/' | b'#' if is_nested && !self.is_line_blank => Some(JsonFault::Comment),
                    _ => None,
                };
                if let Some(fault) = fault {
                    self.found.broken(fault, self.at + at, String::new());
                }
                let is_next_to_one = is_nested && matches!(byte, b'{' | b'[' | b',');
                self.found.whole_is_among_words(self.is_line_blank || is_next_to_one);
                return self.back_to_words(at);
            }
            Look::LineEnd if byte == b'\n' => {
                self.found.whole_is_among_words(true);
                return self.back_to_words(at);
            }
            Look::LineEnd if byte.is_ascii_whitespace() => {}
            Look::LineEnd => {
                self.found.whole_is_among_words(false);
                return self.back_to_words(at);
            }
        }
        at + 1
    }

    fn fence_closed(&mut self, at: usize) {
        let end = self.at + at + 1;
        if let Some(fence @ Fence { end: None, .. }) = self.found.last_fence() {
            fence.end = Some(end);
        }
        self.is_line_blank = false;
        self.look = Look::Words;
    }

    /// At the first character of the answer.
    fn start(&mut self, byte: u8, at: usize) -> usize {
        match byte {
            b'{' | b'[' => {
                self.look = Look::Bracket { place: Place::Whole, brace: byte == b'{', start: self.at + at };
                at + 1
            }
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.begin(Place::Whole, byte, self.at + at, false);
                at
            }
            _ => self.back_to_words(at),
        }
    }

    /// Among words.
    fn words(&mut self, piece: &str, at: usize) -> usize {
        let rest = &piece.as_bytes()[at..];
        let is_odd = |byte: &u8| matches!(byte, b'{' | b'[' | b'`' | b'<' | b'\n');
        let run = rest.iter().position(is_odd).unwrap_or(rest.len());
        if !rest[..run].iter().all(u8::is_ascii_whitespace) {
            self.is_line_blank = false;
            self.is_first = false;
            // A comma may stand between documents, as between the elements of a list.
            self.is_next_to_one &= rest[..run].iter().all(|byte| byte.is_ascii_whitespace() || *byte == b',');
        }
        let Some(odd) = rest.get(run) else { return piece.len() };
        match odd {
            b'\n' => self.is_line_blank = true,
            b'`' => self.look = Look::Ticks(1),
            b'<' => {
                self.tags.reset();
                self.tags.push(b'<');
                self.look = Look::Tag;
            }
            bracket => {
                let is_next_to_one = std::mem::take(&mut self.is_next_to_one);
                let place = Place::Words { on_own_line: self.is_line_blank, is_next_to_one };
                self.is_line_blank = false;
                self.is_first = false;
                self.look = Look::Bracket { place, brace: *bracket == b'{', start: self.at + at + run };
            }
        }
        at + run + 1
    }

    /// In what may be a tag. A thought begins on a line of its own; it ends anywhere.
    fn tag(&mut self, byte: u8, at: usize) -> usize {
        match self.tags.push(byte) {
            Some(Match::Begin(tag)) if self.is_line_blank => self.look = Look::Thought(tag),
            Some(Match::End(_)) => self.thought_over(),
            _ if self.tags.is_in_one() => {}
            _ => {
                self.is_line_blank = false;
                self.is_first = false;
                return self.back_to_words(at);
            }
        }
        at + 1
    }

    fn fence_tag(&mut self, byte: u8, at: usize, met: usize) -> usize {
        const JSON: [u8; 4] = *b"json";
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.') || byte >= 0x80 {
            // What begins with `json` is of its kin, such as `json5`.
            let is_json = JSON.get(met).is_some_and(|wanted| byte.eq_ignore_ascii_case(wanted));
            self.look = Look::FenceTag(if is_json { met + 1 } else { met.max(4) + usize::from(met != 4) });
            return at + 1;
        }
        self.tags.reset();
        self.look = match met {
            0 => Look::FenceStart { is_json: false, in_first_line: true },
            4 => Look::FenceStart { is_json: true, in_first_line: true },
            _ => self.code(),
        };
        at
    }

    /// What stands in a fence is no document.
    fn code(&mut self) -> Look {
        self.is_first = false;
        Look::Code(0)
    }

    fn fence_start(&mut self, byte: u8, at: usize, is_json: bool, in_first_line: bool) -> usize {
        if byte.is_ascii_whitespace() {
            self.look = Look::FenceStart { is_json, in_first_line: in_first_line && byte != b'\n' };
            return at + 1;
        }
        let begins = match byte {
            b'{' | b'[' => true,
            b'"' | b'-' | b'0'..=b'9' => is_json,
            b't' | b'f' | b'n' => is_json && !in_first_line,
            _ => false,
        };
        if begins {
            self.begin(Place::Fence { is_json }, byte, self.at + at, is_json);
            return at;
        }
        if is_json && in_first_line && byte != b'`' {
            // More words about the fence, which end with the line.
            return at + 1;
        }
        self.look = match is_json {
            true => self.fence_is_broken(Missing::Broken(fault_at_value(byte), self.at + at, String::new())),
            false => self.code(),
        };
        at
    }

    /// In what may be a key in single quotes or without any: with a colon behind it, it is.
    fn odd_key(&mut self, byte: u8, at: usize, odd: OddKey, length: usize, start: usize) -> usize {
        let next = match (odd, byte) {
            _ if length > 64 => None,
            (OddKey::Bare | OddKey::After(_), b':') => {
                let fault = if let OddKey::After(fault) = odd { fault } else { JsonFault::BareKey };
                self.found.broken(fault, start, String::new());
                None
            }
            (OddKey::Bare, _) if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$') => Some(odd),
            (OddKey::Bare, _) if byte.is_ascii_whitespace() => Some(OddKey::After(JsonFault::BareKey)),
            (OddKey::Quoted, b'\'') => Some(OddKey::After(JsonFault::SingleQuotes)),
            (OddKey::Quoted, b'\n') => None,
            (OddKey::Quoted, _) => Some(odd),
            (OddKey::After(_), _) if byte.is_ascii_whitespace() => Some(odd),
            _ => None,
        };
        match next {
            Some(odd) => {
                self.look = Look::OddKey { odd, length: length + 1, start };
                at + 1
            }
            None => self.back_to_words(at),
        }
    }
}

pub(super) fn fault_at_value(byte: u8) -> JsonFault {
    match byte {
        b'\'' => JsonFault::SingleQuotes,
        b'/' | b'#' => JsonFault::Comment,
        b'.' | b'+' => JsonFault::Number,
        _ if byte.is_ascii_alphabetic() => JsonFault::BareWord,
        _ => JsonFault::ExpectedValue,
    }
}

pub(super) fn fault_at_key(byte: u8) -> JsonFault {
    match byte {
        b'/' | b'#' => JsonFault::Comment,
        b'0'..=b'9' | b'$' => JsonFault::BareKey,
        b']' => JsonFault::MismatchedBracket,
        _ => JsonFault::ExpectedKey,
    }
}
