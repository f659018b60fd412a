//! [`number`]: the number a text is.

use serde_json::Number;

use crate::json::fault::JsonFault;

/// The number that a text is by the grammar of RFC 8259, exactly.
///
/// An integer that fits no integer type is refused, unless `serde_json` was built to keep it digit by digit
/// (`arbitrary_precision`): rounded to a float it would be another number. So is a float too large for any float.
pub(crate) fn number(text: &str) -> Result<Number, JsonFault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_negative = digits.len() < text.len();
    let bytes = digits.as_bytes();
    let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole == 0 || (whole > 1 && bytes[0] == b'0') {
        return Err(JsonFault::Number);
    }
    if whole == bytes.len() {
        return integer(text, digits, is_negative);
    }
    let mut rest = &bytes[whole..];
    if let [b'.', after @ ..] = rest {
        rest = after_digits(after)?;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = match after {
            [b'+' | b'-', after @ ..] => after,
            _ => after,
        };
        rest = after_digits(after)?;
    }
    if !rest.is_empty() {
        return Err(JsonFault::Number);
    }
    let float: f64 = text.parse().map_err(|_| JsonFault::Number)?;
    match Number::from_f64(float) {
        // What serde_json keeps digit by digit is not written as the float it is.
        Some(number) => Ok(kept_exactly(text).unwrap_or(number)),
        None => kept_exactly(text).ok_or(JsonFault::NumberRange),
    }
}

fn integer(text: &str, digits: &str, is_negative: bool) -> Result<Number, JsonFault> {
    if digits == "0" {
        return Ok(if is_negative { Number::from_f64(-0.0).unwrap_or(0.into()) } else { 0.into() });
    }
    let parsed = if is_negative { text.parse().map(i64::into).ok() } else { digits.parse().map(u64::into).ok() };
    parsed.or_else(|| kept_exactly(text)).ok_or(JsonFault::NumberRange)
}

/// The number as `serde_json` reads it, if it keeps it as it is written.
#[cold]
fn kept_exactly(text: &str) -> Option<Number> {
    text.parse().ok().filter(|number: &Number| number.to_string() == text)
}

/// What comes after at least one digit.
fn after_digits(text: &[u8]) -> Result<&[u8], JsonFault> {
    match text.iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => Err(JsonFault::Number),
        digits => Ok(&text[digits..]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_what_the_grammar_says() {
        for (text, value) in [
            ("0", json!(0)),
            ("-0", json!(-0.0)),
            ("12", json!(12)),
            ("-12", json!(-12)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1.5", json!(1.5)),
            ("1E22", json!(1e22)),
            ("0e1", json!(0.0)),
            ("-1.0e+28", json!(-1e28)),
            ("1e-400", json!(0.0)),
        ] {
            assert_eq!(json!(number(text).unwrap()), value, "{text}");
        }
        for text in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1.2.3", "1a", "0x1", "--1", "1.e3", "1_0"] {
            assert_eq!(number(text), Err(JsonFault::Number), "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "1e400"] {
            assert_eq!(number(text), Err(JsonFault::NumberRange), "{text}");
        }
    }
}
