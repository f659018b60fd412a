//! Texts, keys and words of what is almost JSON.

use serde_json::Value;

use super::mark::Mark;
use super::{Lenient, RepairKind, Unrepaired, scan};
use crate::json::fault::JsonFault;

type Result<T> = std::result::Result<T, Unrepaired>;

/// What a quote inside of a text is.
enum Quote {
    /// The end of the text.
    End,
    /// A part of the text.
    Part,
    /// The begin of the next key: the text lacks its own quote, and ended before the comma.
    NextKey,
}

/// How many brackets a text opened and did not close.
#[derive(Default)]
struct Balance {
    braces: i32,
    brackets: i32,
}

impl Lenient<'_> {
    /// A key, and past its colon. Nothing where the text ends before that.
    pub(super) fn key(&mut self) -> Result<Option<String>> {
        let start = self.at;
        let key = match self.byte() {
            Some(b'"' | b'\'' | b'`' | b'\\') => match self.quoted_key()? {
                Some((key, true)) => return Ok(Some(key)),
                Some((key, false)) => key,
                None => return Ok(None),
            },
            _ if self.text[self.at..].starts_with(super::PRINTED) => match self.quoted_key()? {
                Some((key, true)) => return Ok(Some(key)),
                Some((key, false)) => key,
                None => return Ok(None),
            },
            Some(b'{' | b'[' | b'(' | b':') | None => return Err(Unrepaired::Broken(JsonFault::ExpectedKey, start)),
            Some(_) => {
                let rest = &self.text[self.at..];
                let end = rest.find([':', '\n', ',', '{', '}', '[', ']', '"']).unwrap_or(rest.len());
                let key = rest[..end].trim();
                if end == rest.len() {
                    self.at = self.text.len();
                    return Ok(None);
                }
                if !rest[end..].starts_with(':') || key.is_empty() || key.len() > 80 {
                    return Err(Unrepaired::Broken(JsonFault::ExpectedColon, self.at + end));
                }
                self.at += end;
                self.repaired_at(RepairKind::BareKey, start);
                key.to_string()
            }
        };
        self.skip();
        match self.byte() {
            Some(b':') => self.at += 1,
            None => return Ok(None),
            Some(b',' | b'}' | b']') => return Err(Unrepaired::Broken(JsonFault::ExpectedColon, self.at)),
            Some(_) => self.repaired(RepairKind::MissingColon),
        }
        Ok(Some(key))
    }

    /// A key in quotes, and whether its colon was inside of them.
    fn quoted_key(&mut self) -> Result<Option<(String, bool)>> {
        let (quote, is_doubled) = self.open_quote()?;
        let mut key = String::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else { return Ok(None) };
            if quote.closes(self.text, self.at) {
                let after = self.at + quote.length(is_doubled && self.text[self.at..].starts_with(quote.pair()));
                match scan::next(self.bytes(), after).1 {
                    Some(b':') | None => {
                        self.at = after;
                        return Ok(Some((key, false)));
                    }
                    Some(_) if key.ends_with(':') => {
                        self.repaired(RepairKind::MissingQuote);
                        key.pop();
                        return Ok(Some((key, true)));
                    }
                    Some(b',' | b'}' | b']') => return Err(Unrepaired::Broken(JsonFault::ExpectedColon, after)),
                    Some(b'"' | b'\'' | b'{' | b'[' | b'0'..=b'9' | b'-') => {
                        self.at = after;
                        return Ok(Some((key, false)));
                    }
                    Some(_) => self.repaired(RepairKind::UnescapedQuote),
                }
            }
            if c == '\\' {
                self.escape(&mut key);
                continue;
            }
            if c.is_control() {
                self.repaired(RepairKind::ControlCharacter);
            }
            key.push(c);
            self.at += c.len_utf8();
        }
    }

    /// Past the quote that begins a text, and whether it stands twice.
    fn open_quote(&mut self) -> Result<(Mark, bool)> {
        let rest = &self.text[self.at..];
        let mark = Mark::of(rest).ok_or(Unrepaired::Broken(JsonFault::ExpectedKey, self.at))?;
        if mark != Mark::Plain(b'"') {
            self.repaired(RepairKind::Quotes);
        }
        self.at += mark.length(false);
        // A quote twice, with something behind it, is one quote.
        let is_doubled = self.text[self.at..].starts_with(mark.pair().get(..1).unwrap_or("\0"))
            && self.text[self.at + 1..].chars().next().is_some_and(char::is_alphanumeric);
        if is_doubled {
            self.repaired(RepairKind::UnescapedQuote);
            self.at += 1;
        }
        Ok((mark, is_doubled))
    }

    /// A text in quotes of any kind.
    pub(super) fn quoted_value(&mut self) -> Result<Option<Value>> {
        for triple in ["\"\"\"", "'''", "```"] {
            if self.text[self.at..].starts_with(triple) {
                return self.block(triple);
            }
        }
        let (mark, is_doubled) = self.open_quote()?;
        let (mut text, mut balance) = (String::new(), Balance::default());
        let mut has_controls = false;
        loop {
            let Some(c) = self.text[self.at..].chars().next() else { return self.unended(text) };
            if mark.closes(self.text, self.at) {
                let length = mark.length(is_doubled && self.text[self.at..].starts_with(mark.pair()));
                match self.meaning(self.at, self.at + length, &text, &balance) {
                    Quote::End => {
                        self.at += length;
                        return Ok(Some(Value::String(text)));
                    }
                    Quote::NextKey => {
                        self.repaired(RepairKind::MissingQuote);
                        text.truncate(text.trim_end().len().saturating_sub(1));
                        return Ok(Some(Value::String(text)));
                    }
                    Quote::Part => self.repaired(RepairKind::UnescapedQuote),
                }
            }
            match c {
                '\\' => {
                    self.escape(&mut text);
                    continue;
                }
                '{' => balance.braces += 1,
                '}' => balance.braces -= 1,
                '[' => balance.brackets += 1,
                ']' => balance.brackets -= 1,
                c if c < ' ' && !has_controls => {
                    has_controls = true;
                    self.repaired(RepairKind::ControlCharacter);
                }
                _ => {}
            }
            text.push(c);
            self.at += c.len_utf8();
        }
    }

    /// What a quote means, by what stands before and behind it.
    fn meaning(&self, at: usize, after: usize, text: &str, balance: &Balance) -> Quote {
        let bytes = self.bytes();
        let (place, next) = scan::next(bytes, after);
        let Some(next) = next else { return Quote::End };
        if scan::is_fence(bytes, place) {
            return Quote::End;
        }
        let in_object = match self.open.last() {
            None => return Quote::End,
            Some(bracket) => *bracket == b'{',
        };
        if in_object && text.trim_end().ends_with(',') && scan::is_key(bytes, at) {
            return Quote::NextKey;
        }
        let has_line_break = bytes[after..place].contains(&b'\n');
        let after_next = || scan::next(bytes, place + 1);
        let is_end = match next {
            b'}' if in_object && balance.braces <= 0 => true,
            b'}' if in_object => match after_next() {
                (comma, Some(b',')) => {
                    scan::is_key(bytes, comma + 1)
                        || matches!(scan::next(bytes, comma + 1).1, Some(b'{' | b'[' | b'}' | b']') | None)
                }
                (place, found) => matches!(found, Some(b'}' | b']') | None) || scan::is_fence(bytes, place),
            },
            b'}' => self.open.contains(&b'{'),
            b']' if in_object => balance.brackets <= 0 && self.open.contains(&b'['),
            b']' => balance.brackets <= 0 || matches!(after_next().1, Some(b',' | b'}' | b']') | None),
            b')' => self.open.contains(&b'('),
            b',' if in_object => {
                // There may be a comma too many. What is being written may become a key.
                let (mut last, mut found) = (place, after_next());
                while found.1 == Some(b',') {
                    last = found.0;
                    found = scan::next(bytes, last + 1);
                }
                let key = scan::key(bytes, last + 1);
                let is_key = key == Some(true) || (self.is_partial && key.is_none());
                is_key || matches!(found.1, Some(b'}' | b']') | None)
            }
            b',' => true,
            b'"' | b'\'' | b'`' if in_object => scan::is_key(bytes, place),
            b'"' | b'\'' | b'`' => place > after,
            b'{' | b'[' => !in_object && has_line_break,
            _ => in_object && has_line_break && scan::is_key(bytes, place),
        };
        if is_end { Quote::End } else { Quote::Part }
    }

    /// A text between three quotes, without the white space around it.
    fn block(&mut self, triple: &str) -> Result<Option<Value>> {
        self.repaired(RepairKind::Quotes);
        self.at += triple.len();
        let rest = &self.text[self.at..];
        match rest.find(triple) {
            Some(end) => {
                self.at += end + triple.len();
                Ok(Some(rest[..end].trim().into()))
            }
            None => {
                self.at = self.text.len();
                self.cut_text(rest.to_string())
            }
        }
    }

    /// A text whose end did not come. If the brackets that are open are closed at its end, its quote is what lacks.
    fn unended(&mut self, mut text: String) -> Result<Option<Value>> {
        let mut rest = self.text;
        for bracket in &self.open {
            let closer = if *bracket == b'{' { '}' } else { ']' };
            rest = match rest.trim_end().strip_suffix(closer) {
                Some(rest) => rest,
                None => return self.cut_text(text),
            };
        }
        let closers = self.text.len() - rest.len();
        if self.is_partial || self.open.is_empty() || closers > text.len() {
            return self.cut_text(text);
        }
        text.truncate(text.len() - closers);
        // White space before a bracket is none of the text.
        text.truncate(text.trim_end().len());
        self.at = rest.len();
        self.repaired(RepairKind::MissingQuote);
        Ok(Some(Value::String(text)))
    }

    /// A text that was cut off. Of an empty one nothing is lost.
    fn cut_text(&mut self, text: String) -> Result<Option<Value>> {
        match text.is_empty() {
            _ if self.is_partial => Ok(Some(Value::String(text))),
            true => Ok(None),
            false => Err(Unrepaired::Truncated),
        }
    }

    fn escape(&mut self, text: &mut String) {
        let rest = &self.text[self.at + 1..];
        let Some(c) = rest.chars().next() else {
            self.at += 1;
            return;
        };
        self.at += 1 + c.len_utf8();
        let c = match c {
            '"' | '\\' | '/' | '\'' | '`' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => match unicode(rest) {
                Some((c, length)) => {
                    self.at += length - 1;
                    c
                }
                // Cut off in the middle, or none at all.
                None if rest.len() < 5 => {
                    self.at = self.text.len();
                    return;
                }
                None => {
                    self.repaired(RepairKind::Escape);
                    text.push('\\');
                    'u'
                }
            },
            c => {
                self.repaired(RepairKind::Escape);
                // Of letters and signs the backslash may be a part of what is meant; a regular expression, say.
                if c.is_ascii() && c != '\n' {
                    text.push('\\');
                }
                c
            }
        };
        text.push(c);
    }

    /// Whether three back-ticks where a value may stand begin a text, and not end the fence around all.
    pub(super) fn fence_is_a_text(&self) -> bool {
        let rest = &self.text[self.at + 3..];
        rest.find("```").is_some_and(|end| matches!(scan::next(rest.as_bytes(), end + 3).1, Some(b',' | b']')))
    }
}

/// The character that an escape names, and how long it is with the `u`.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let code = |from: usize| rest.get(from..from + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let first = code(1)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    let second = code(7).filter(|second| rest.get(5..7) == Some("\\u") && (0xDC00..0xE000).contains(second))?;
    Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, 11))
}
