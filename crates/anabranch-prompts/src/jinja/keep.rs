//! Which values are measured: those that are kept in a variable, and may be more than what was there already.

use super::rewrite::{Class, Edit, KEEP, STORE};
use super::tags::{Token, TokenKind};

/// Names that are values.
pub(super) const CONSTANTS: &[&str] = &["true", "false", "none", "True", "False", "None"];

/// Measures an expression, if it makes anything.
pub(super) fn keep(value: &[Token<'_>], edits: &mut Vec<Edit>) {
    if makes(value) {
        around(value, KEEP, edits);
    }
}

/// Measures an expression that goes into a namespace, in which it stays.
pub(super) fn store(value: &[Token<'_>], edits: &mut Vec<Edit>) {
    if !value.iter().all(is_constant) {
        around(value, STORE, edits);
    }
}

fn around(value: &[Token<'_>], filter: &str, edits: &mut Vec<Edit>) {
    let ([first, ..], [.., last]) = (value, value) else { return };
    edits.push(Edit::insert(first.start, Class::Open, "("));
    edits.push(Edit::insert(last.end(), Class::Close, format!(")|{filter}")));
}

/// Whether an expression may be more than a value that is there already.
pub(super) fn makes(tokens: &[Token<'_>]) -> bool {
    let signs = ["|", "~", "+", "*", "(", "[", "{", ","];
    tokens.iter().any(|token| signs.iter().any(|sign| token.is_sign(sign))) && !tokens.iter().all(is_constant)
}

fn is_constant(token: &Token<'_>) -> bool {
    match token.kind {
        TokenKind::Name => CONSTANTS.contains(&token.text),
        TokenKind::Sign => matches!(token.text, "(" | ")" | "[" | "]" | "{" | "}" | "," | ":"),
        TokenKind::Text | TokenKind::Number => true,
    }
}
