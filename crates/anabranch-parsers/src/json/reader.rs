//! [`Reader`]: one JSON document, read piece by piece.

use serde_json::Value;

use crate::json::bytes::{ENDS_RUN, in_number, in_word};
use crate::json::fault::JsonFault;
use crate::json::number::number;
use crate::json::tree::Tree;

/// How deep a document may nest, at most; `serde_json` allows as much.
pub(crate) const MAX_DEPTH: usize = 127;

/// Reads one document by the grammar of RFC 8259. It looks at each byte once, however the text is cut into pieces, and
/// makes each value once.
pub(crate) struct Reader {
    state: State,
    pub(crate) tree: Tree,
    /// The key, text, number or word under way.
    token: String,
    is_key: bool,
    /// The first half of a character that is escaped in two.
    high: Option<u32>,
    /// How much of a text under way was told to who wants to know; `None` where not even that it has begun.
    told: Option<usize>,
    max_depth: usize,
    /// Whether the document ends in a number, of which more might have come.
    pub(crate) ends_in_number: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// A value must follow, or, in a new list, may.
    Value {
        or_end: bool,
    },
    /// A key must follow, or, in a new object, may.
    Key {
        or_end: bool,
    },
    Colon,
    AfterValue,
    Text,
    Escape,
    /// So many digits, which make up this.
    Code(u8, u32),
    Number,
    Word,
    Done,
}

/// How far a reader came with a piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Read {
    /// The piece is at its end, the document is not.
    More,
    /// The document ended after so many bytes of the piece.
    Done(usize),
    /// At this byte of the piece stands what cannot; or a number or word that is none ends there, which began so many
    /// bytes before.
    Broken { at: usize, back: usize, fault: JsonFault },
}

impl Reader {
    pub(crate) fn new(max_depth: usize, tree: Tree) -> Self {
        Self {
            state: State::Value { or_end: false },
            tree,
            token: String::new(),
            is_key: false,
            high: None,
            told: None,
            max_depth: max_depth.min(MAX_DEPTH),
            ends_in_number: false,
        }
    }

    pub(crate) fn push(&mut self, text: &str) -> Read {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let step = match self.state {
                State::Text => {
                    let run = bytes[at..].iter().position(|byte| ENDS_RUN[usize::from(*byte)]);
                    let end = run.map_or(bytes.len(), |run| at + run);
                    self.run_of_text(&text[at..end], bytes.get(end).copied()).map(|used| end + used)
                }
                State::Number | State::Word => {
                    let is_part: fn(&u8) -> bool = if self.state == State::Number { in_number } else { in_word };
                    let run = bytes[at..].iter().position(|byte| !is_part(byte));
                    let end = run.map_or(bytes.len(), |run| at + run);
                    self.token.push_str(&text[at..end]);
                    if run.is_some() { self.end_scalar().map(|()| end) } else { Ok(end) }
                }
                State::Done => return Read::Done(at),
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => Ok(at + 1),
                _ => self.structure(byte).map(|()| at + 1),
            };
            at = match step {
                Ok(next) => next,
                Err(fault) => return self.broken(&bytes[at..], at, fault),
            };
            if self.state == State::Done {
                return Read::Done(at);
            }
        }
        if self.state == State::Text && !self.is_key && self.high.is_none() {
            self.tree.text_grew(&self.token, self.told);
            self.told = Some(self.token.len());
        }
        Read::More
    }

    /// The text is at its end. Whether the document is: a number or a word may be.
    pub(crate) fn finish(&mut self) -> Result<bool, JsonFault> {
        if matches!(self.state, State::Number | State::Word) {
            // Half a number or half a word was cut off.
            let is_half = match self.state {
                State::Word => ["true", "false", "null"].iter().any(|word| word.starts_with(&self.token)),
                _ => !self.token.ends_with(|c: char| c.is_ascii_digit()),
            };
            let depth = self.tree.depth();
            match self.end_scalar() {
                Ok(()) if depth == 0 => {}
                Ok(()) => return Ok(false),
                Err(_) if is_half => return Ok(false),
                Err(fault) => return Err(fault),
            }
        }
        Ok(self.state == State::Done)
    }

    /// The document as far as it came, if that is more than at the last call: a copy.
    pub(crate) fn snapshot(&mut self) -> Option<Value> {
        if !self.tree.take_changed() {
            return None;
        }
        let text = (self.in_text() && !self.is_key).then_some(self.token.as_str());
        self.tree.snapshot(text)
    }

    fn in_text(&self) -> bool {
        matches!(self.state, State::Text | State::Escape | State::Code(..))
    }

    #[cold]
    fn broken(&self, rest: &[u8], at: usize, fault: JsonFault) -> Read {
        let is_part: fn(&u8) -> bool = match self.state {
            State::Number => in_number,
            State::Word => in_word,
            // After what could stand in a text stands what cannot.
            State::Text => |byte| !ENDS_RUN[usize::from(*byte)],
            _ => return Read::Broken { at, back: 0, fault },
        };
        let run = rest.iter().take_while(|byte| is_part(byte)).count();
        match self.state {
            State::Text if fault == JsonFault::LoneSurrogate => Read::Broken { at, back: 0, fault },
            State::Text => Read::Broken { at: at + run, back: 0, fault },
            _ => Read::Broken { at: at + run, back: self.token.len(), fault },
        }
    }

    /// A part of a text without anything special in it, and the byte after it.
    fn run_of_text(&mut self, run: &str, next: Option<u8>) -> Result<usize, JsonFault> {
        if !run.is_empty() {
            if self.high.is_some() {
                return Err(JsonFault::LoneSurrogate);
            }
            self.token.push_str(run);
        }
        match next {
            None => return Ok(0),
            Some(b'\\') => {
                self.state = State::Escape;
                return Ok(1);
            }
            Some(_) if self.high.is_some() => return Err(JsonFault::LoneSurrogate),
            Some(b'"') => {}
            Some(_) => return Err(JsonFault::ControlCharacter),
        }
        let text = std::mem::take(&mut self.token);
        if self.is_key {
            self.tree.key(text);
            self.state = State::Colon;
        } else {
            let told = self.told.take();
            self.tree.end_text(text, told)?;
            self.after_value();
        }
        Ok(1)
    }

    fn structure(&mut self, byte: u8) -> Result<(), JsonFault> {
        let fault = match self.state {
            State::Value { or_end: true } if byte == b']' => return self.end(),
            State::Value { .. } => return self.begin(byte),
            State::Key { or_end: true } if byte == b'}' => return self.end(),
            State::Key { .. } if byte == b'"' => {
                self.begin_text(true);
                return Ok(());
            }
            State::Key { or_end } => match byte {
                b'}' => JsonFault::TrailingComma,
                b']' if or_end => JsonFault::MismatchedBracket,
                b'\'' => JsonFault::SingleQuotes,
                b'/' => JsonFault::Comment,
                b'_' | b'$' | b'0'..=b'9' => JsonFault::BareKey,
                _ if byte.is_ascii_alphabetic() || byte >= 0x80 => JsonFault::BareKey,
                _ => JsonFault::ExpectedKey,
            },
            State::Colon if byte == b':' => {
                self.state = State::Value { or_end: false };
                return Ok(());
            }
            State::Colon => JsonFault::ExpectedColon,
            State::Escape => return self.escape(byte),
            State::Code(digits, code) => return self.code(byte, digits, code),
            State::AfterValue => {
                let in_object = self.tree.in_object() == Some(true);
                match (byte, in_object) {
                    (b',', true) => {
                        self.state = State::Key { or_end: false };
                        return Ok(());
                    }
                    (b',', false) => {
                        self.state = State::Value { or_end: false };
                        return Ok(());
                    }
                    (b'}', true) | (b']', false) => return self.end(),
                    (b'}' | b']', _) => JsonFault::MismatchedBracket,
                    (b'/' | b'#', _) => JsonFault::Comment,
                    (_, true) => JsonFault::ExpectedCommaOrObjectEnd,
                    (_, false) => JsonFault::ExpectedCommaOrListEnd,
                }
            }
            State::Text | State::Number | State::Word | State::Done => JsonFault::TextAfter,
        };
        Err(fault)
    }

    /// At the first byte of a value.
    fn begin(&mut self, byte: u8) -> Result<(), JsonFault> {
        let fault = match byte {
            b'{' | b'[' if self.tree.depth() >= self.max_depth => JsonFault::TooDeep,
            b'{' => {
                self.tree.begin_object();
                self.state = State::Key { or_end: true };
                return Ok(());
            }
            b'[' => {
                self.tree.begin_list();
                self.state = State::Value { or_end: true };
                return Ok(());
            }
            b'"' => {
                self.begin_text(false);
                self.tree.begin_text();
                return Ok(());
            }
            b'-' | b'0'..=b'9' => {
                self.token.clear();
                self.token.push(char::from(byte));
                self.state = State::Number;
                return Ok(());
            }
            b't' | b'f' | b'n' => {
                self.token.clear();
                self.token.push(char::from(byte));
                self.state = State::Word;
                return Ok(());
            }
            b']' if self.tree.in_object() == Some(false) => JsonFault::TrailingComma,
            b'}' if self.tree.in_object() == Some(false) => JsonFault::MismatchedBracket,
            b'\'' => JsonFault::SingleQuotes,
            b'/' => JsonFault::Comment,
            b'.' | b'+' => JsonFault::Number,
            _ if byte.is_ascii_alphabetic() => JsonFault::BareWord,
            _ => JsonFault::ExpectedValue,
        };
        Err(fault)
    }

    fn begin_text(&mut self, is_key: bool) {
        self.token.clear();
        self.is_key = is_key;
        self.told = None;
        self.state = State::Text;
    }

    fn escape(&mut self, byte: u8) -> Result<(), JsonFault> {
        if byte == b'u' {
            self.state = State::Code(0, 0);
            return Ok(());
        }
        if self.high.is_some() {
            return Err(JsonFault::LoneSurrogate);
        }
        self.token.push(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return Err(JsonFault::Escape),
        });
        self.state = State::Text;
        Ok(())
    }

    fn code(&mut self, byte: u8, digits: u8, code: u32) -> Result<(), JsonFault> {
        let digit = char::from(byte).to_digit(16).ok_or(JsonFault::Escape)?;
        let code = code * 16 + digit;
        if digits < 3 {
            self.state = State::Code(digits + 1, code);
            return Ok(());
        }
        self.state = State::Text;
        let lone = JsonFault::LoneSurrogate;
        let code = match (self.high.take(), code) {
            (None, 0xD800..=0xDBFF) => {
                self.high = Some(code);
                return Ok(());
            }
            (None, _) => code,
            (Some(high), 0xDC00..=0xDFFF) => 0x1_0000 + ((high - 0xD800) << 10) + (code - 0xDC00),
            (Some(_), _) => return Err(lone),
        };
        self.token.push(char::from_u32(code).ok_or(lone)?);
        Ok(())
    }

    fn end_scalar(&mut self) -> Result<(), JsonFault> {
        let is_number = self.state == State::Number;
        let value = match self.token.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ if is_number => Value::Number(number(&self.token)?),
            _ => return Err(JsonFault::BareWord),
        };
        self.tree.scalar(value)?;
        self.after_value();
        self.ends_in_number = is_number && self.state == State::Done;
        Ok(())
    }

    fn end(&mut self) -> Result<(), JsonFault> {
        self.tree.end()?;
        self.after_value();
        Ok(())
    }

    fn after_value(&mut self) {
        self.state = if self.tree.depth() == 0 { State::Done } else { State::AfterValue };
    }
}
