//! Words, numbers and texts without quotes.

use serde_json::Value;

use super::{Lenient, RepairKind, Unrepaired, scan};
use crate::json::fault::JsonFault;
use crate::json::number::number;

impl Lenient<'_> {
    /// A word, a number or a text without quotes.
    pub(super) fn bare_value(&mut self) -> Result<Option<Value>, Unrepaired> {
        let (start, end) = (self.at, self.bare_end());
        let token = self.text[start..end].trim();
        if token.is_empty() {
            return Err(Unrepaired::Broken(JsonFault::ExpectedValue, start));
        }
        self.at = start + token.len();
        // More of it may have been to come.
        if end == self.text.len() && self.at == end {
            return if self.is_partial { Ok(None) } else { Err(Unrepaired::Truncated) };
        }
        let word = match token {
            "true" => return Ok(Some(true.into())),
            "false" => return Ok(Some(false.into())),
            "null" => return Ok(Some(Value::Null)),
            "True" | "TRUE" => Some(true.into()),
            "False" | "FALSE" => Some(false.into()),
            "None" | "NULL" | "Null" => Some(Value::Null),
            _ => None,
        };
        if let Some(word) = word {
            self.repaired_at(RepairKind::Word, start);
            return Ok(Some(word));
        }
        match number(token) {
            Ok(number) => return Ok(Some(number.into())),
            Err(JsonFault::NumberRange) => return Err(Unrepaired::Broken(JsonFault::NumberRange, start)),
            Err(_) => {}
        }
        if let Some(number) = odd_number(token) {
            self.repaired_at(RepairKind::Number, start);
            return Ok(Some(number));
        }
        // It says that something was left out.
        if token.starts_with("...") || token.starts_with('…') {
            return Err(Unrepaired::Broken(JsonFault::ExpectedValue, start));
        }
        self.repaired_at(RepairKind::BareText, start);
        let text = match token.strip_suffix('"') {
            Some(text) if token.matches('"').count() % 2 == 1 => text,
            _ => token,
        };
        Ok(Some(text.into()))
    }

    /// Where a value without quotes ends.
    fn bare_end(&self) -> usize {
        let bytes = self.bytes();
        let in_object = self.open.last() == Some(&b'{');
        let mut depth = 0;
        let mut at = self.at;
        while let Some(&byte) = bytes.get(at) {
            let is_end = match byte {
                b'{' | b'[' | b'(' => {
                    depth += 1;
                    false
                }
                b'}' | b']' | b')' if depth > 0 => {
                    depth -= 1;
                    false
                }
                b'}' => self.open.contains(&b'{'),
                b']' => self.open.contains(&b'['),
                b')' => self.open.last() == Some(&b'('),
                b',' if depth > 0 => false,
                b',' if in_object => {
                    let after = scan::next(bytes, at + 1).1;
                    scan::is_key(bytes, at + 1)
                        || matches!(after, Some(b'}') | None)
                        || is_whole(self.text[self.at..at].trim())
                }
                b',' => true,
                b'"' | b'\'' if in_object => scan::is_key(bytes, at),
                b'\n' => in_object && scan::is_key(bytes, at + 1),
                b'/' => {
                    bytes.get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_whitespace)
                        && scan::comment(&bytes[at..]).is_some()
                }
                b' ' if in_object => {
                    // A comma lacks behind a number or a word of JSON.
                    let token = &self.text[self.at..at];
                    is_whole(token) && scan::is_key(bytes, at)
                }
                b'`' => scan::is_fence(bytes, at),
                _ => false,
            };
            if is_end {
                return at;
            }
            at += 1;
        }
        at
    }
}

/// Whether a token is a value of JSON, or of Python, so that nothing more belongs to it.
fn is_whole(token: &str) -> bool {
    matches!(token, "true" | "false" | "null" | "True" | "False" | "None") || number(token).is_ok()
}

/// A number in a form that JSON does not know.
fn odd_number(token: &str) -> Option<Value> {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let mut plain = token.strip_prefix('+').unwrap_or(token).to_string();
    if plain.contains('_') && is_digit(plain.chars().next()) && is_digit(plain.chars().next_back()) {
        plain = plain.replace('_', "");
    }
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let digits = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_string() };
    let digits = if digits.ends_with('.') { format!("{digits}0") } else { digits };
    let plain = format!("{sign}{digits}");
    if plain == token { None } else { number(&plain).ok().map(Value::Number) }
}
