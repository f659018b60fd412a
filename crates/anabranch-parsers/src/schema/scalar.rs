//! Texts, numbers, true and false.

use serde_json::{Number, Value};

use super::{Aligned, Walk};
use crate::json::citation::without_citations;
use crate::json::number::number;
use crate::lenient::RepairKind;
use crate::schema::words::{is_negated, words};

impl Walk<'_> {
    pub(super) fn string(&mut self, value: &Value) -> Aligned {
        match value {
            Value::String(_) => Ok(value.clone()),
            Value::Number(_) | Value::Bool(_) if self.is_lenient => {
                self.repaired(RepairKind::TextFromValue);
                Ok(Value::String(value.to_string()))
            }
            Value::Array(list) if self.is_lenient && list.len() == 1 && list[0].is_string() => {
                self.repaired(RepairKind::OneFromList);
                Ok(list[0].clone())
            }
            _ => Err(self.expected("a text", value)),
        }
    }

    pub(super) fn number(&mut self, value: &Value, is_whole: bool) -> Aligned {
        let what = if is_whole { "a whole number" } else { "a number" };
        match value {
            Value::Number(number) if !is_whole || !number.is_f64() => Ok(value.clone()),
            Value::Number(number) => {
                let whole = whole(number).ok_or_else(|| self.expected("a whole number", value))?;
                self.repaired(RepairKind::WholeNumber);
                Ok(whole)
            }
            Value::String(text) if self.is_lenient => {
                let found = number_in(text).ok_or_else(|| self.expected(what, value))?;
                self.repaired(RepairKind::NumberFromText);
                let found = Value::Number(found);
                if is_whole { self.number(&found, true) } else { Ok(found) }
            }
            Value::Array(list) if self.is_lenient && list.len() == 1 && !list[0].is_array() => {
                self.repaired(RepairKind::OneFromList);
                self.number(&list[0], is_whole)
            }
            _ => Err(self.expected(what, value)),
        }
    }

    pub(super) fn boolean(&mut self, value: &Value) -> Aligned {
        let found = match value {
            Value::Bool(_) => return Ok(value.clone()),
            _ if !self.is_lenient => None,
            Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
            Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
            Value::String(text) => truth_in(text),
            Value::Array(list) if list.len() == 1 && !list[0].is_array() => {
                self.repaired(RepairKind::OneFromList);
                return self.boolean(&list[0]);
            }
            _ => None,
        };
        let found = found.ok_or_else(|| self.expected("true or false", value))?;
        self.repaired(RepairKind::BoolFromValue);
        Ok(Value::Bool(found))
    }

    pub(super) fn null(&mut self, value: &Value) -> Aligned {
        match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) if self.is_lenient && matches!(text.trim(), "" | "null" | "None") => {
                self.repaired(RepairKind::NullFromEmpty);
                Ok(Value::Null)
            }
            _ => Err(self.expected("null", value)),
        }
    }
}

/// The integer that a float is.
fn whole(number: &Number) -> Option<Value> {
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0)?;
    Some(Value::from(float as i64))
}

/// The one number in a text. Digits with commas or points between them that could be two different numbers are none, and
/// so are those of which a word says that they stand for more: `5k`, `12 million`.
pub(crate) fn number_in(text: &str) -> Option<Number> {
    if is_scaled(text) {
        return None;
    }
    // In words a number in brackets is the number of a source.
    let has_words = text.contains(|c: char| c.is_alphabetic());
    let text = if has_words { without_citations(text) } else { text.into() };
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E' | '_' | '/');
    let mut found = None;
    for token in text.split(|c: char| c.is_whitespace() || !is_part(c)) {
        let token =
            token.trim_end_matches(['.', ',', '-', 'e', 'E', '/']).trim_start_matches(['+', ',', '/', 'e', 'E']);
        if !token.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        if found.replace(number(token).ok()?).is_some() {
            return None;
        }
    }
    found
}

/// Whether a word or a letter directly behind the digits multiplies them.
fn is_scaled(text: &str) -> bool {
    const WORDS: [&str; 11] =
        ["hundred", "thousand", "million", "mio", "mln", "billion", "bn", "trillion", "lakh", "crore", "dozen"];
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let lower = letters.to_lowercase();
        let stands_behind_digits = letters.len() < word.len();
        WORDS.iter().any(|scale| lower == *scale || lower.strip_suffix('s') == Some(scale))
            || (stands_behind_digits && matches!(letters, "k" | "K" | "M" | "B" | "T"))
    })
}

/// The one word in a text that says true or false.
pub(crate) fn truth_in(text: &str) -> Option<bool> {
    let truth = |word: &String| match word.as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    };
    let words = words(text, true);
    let mut found = words.iter().enumerate().filter_map(|(at, word)| Some((at, truth(word)?)));
    let (at, first) = found.next()?;
    (!is_negated(&words, at) && found.all(|(at, other)| other == first && !is_negated(&words, at))).then_some(first)
}

/// Whether two values are the same, numbers by what they say.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}
