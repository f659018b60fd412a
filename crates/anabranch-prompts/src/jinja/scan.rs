//! Which filters, tests and functions a template uses, and which variables it asks for before it uses them.
//!
//! minijinja finds what does not exist only when a rendering comes to it, which may be never in a test and at once in
//! production.

use std::collections::HashSet;

use super::tags::{Tag, TagKind, Token, TokenKind};

/// What was found, with the bytes where it stands.
#[derive(Default, Debug)]
pub(super) struct Found<'a> {
    pub(super) filters: Vec<(&'a str, usize)>,
    pub(super) tests: Vec<(&'a str, usize)>,
    /// The texts that name a filter or a test, as they are written: `map('upper')`, `select('odd')`.
    pub(super) filter_texts: Vec<(&'a str, usize)>,
    pub(super) test_texts: Vec<(&'a str, usize)>,
    pub(super) calls: Vec<(&'a str, usize)>,
    /// Variables that are asked for by `is defined` or have a `default`.
    pub(super) guarded: HashSet<&'a str>,
    /// Whether there are loops or macros.
    pub(super) repeats: bool,
    /// Whether anything is made on the way to the text.
    pub(super) makes: bool,
    /// Where an expression begins that has more parts than one may have.
    pub(super) too_long: Option<usize>,
    /// Where another template is loaded.
    pub(super) loads: Option<usize>,
}

/// Words that may stand before a parenthesis and are no functions.
const KEYWORDS: &[&str] = &[
    "if",
    "elif",
    "else",
    "for",
    "in",
    "and",
    "or",
    "not",
    "is",
    "set",
    "macro",
    "call",
    "filter",
    "block",
    "with",
    "recursive",
    "return",
    "do",
];

/// The most parts between two commas: minijinja follows each operator deeper into the stack.
const PARTS: usize = 500;

pub(super) fn scan<'a>(tags: &[Tag<'a>]) -> Found<'a> {
    let mut found = Found::default();
    for tag in tags {
        if tag.tokens.split(|token| token.is_sign(",")).any(|part| part.len() > PARTS) {
            found.too_long.get_or_insert(tag.start);
        }
        look_at(&tag.tokens, tag.kind == TagKind::Statement, &mut found);
    }
    found
}

fn look_at<'a>(tokens: &[Token<'a>], is_statement: bool, found: &mut Found<'a>) {
    let named = |index: usize| tokens.get(index).filter(|token| token.kind == TokenKind::Name);
    if let (true, Some(first)) = (is_statement, named(0)) {
        match first.text {
            "include" | "import" | "from" | "extends" => drop(found.loads.get_or_insert(first.start)),
            "for" | "block" => found.repeats = true,
            "macro" | "call" => found.repeats = true,
            _ => {}
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &tokens[index]);
        let after_dot = before.is_some_and(|before| before.is_sign("."));
        found.makes |= token.kind == TokenKind::Sign && matches!(token.text, "|" | "~" | "+" | "*" | "(" | "[" | "{");
        let is_filter = token.is_sign("|") || is_statement && index == 0 && token.is_name("filter");
        if let (true, Some(name)) = (is_filter, named(index + 1)) {
            found.filters.push((name.text, name.start));
            names_in_texts(name.text, &tokens[index + 2..], found);
        } else if token.is_name("is") && !after_dot {
            let negated = named(index + 1).is_some_and(|next| next.text == "not");
            if let Some(name) = named(index + 1 + usize::from(negated)) {
                found.tests.push((name.text, name.start));
            }
        } else if token.kind == TokenKind::Name && tokens.get(index + 1).is_some_and(|next| next.is_sign("(")) {
            let is_other = after_dot
                || before.is_some_and(|before| {
                    before.is_sign("|") || ["is", "macro", "filter"].iter().any(|word| before.is_name(word))
                })
                || index >= 2 && tokens[index - 1].is_name("not") && tokens[index - 2].is_name("is");
            if !is_other && !KEYWORDS.contains(&token.text) {
                found.calls.push((token.text, token.start));
            }
        }
        if token.kind == TokenKind::Name && !after_dot && is_guard(&tokens[index + 1..]) {
            found.guarded.insert(token.text);
        }
    }
}

/// Whether what follows a variable asks if it is there, or says what stands for it.
fn is_guard(rest: &[Token<'_>]) -> bool {
    let is = |index: usize, names: &[&str]| {
        rest.get(index).is_some_and(|token| token.kind == TokenKind::Name && names.contains(&token.text))
    };
    let asks = |index: usize| is(index, &["defined", "undefined"]);
    is(0, &["is"]) && (asks(1) || is(1, &["not"]) && asks(2))
        || rest.first().is_some_and(|token| token.is_sign("|")) && is(1, &["default", "d"])
}

/// The argument of a filter that is the name of a filter or of a test, where it is a text.
fn names_in_texts<'a>(filter: &str, rest: &[Token<'a>], found: &mut Found<'a>) {
    let (texts, wanted) = match filter {
        "map" => (&mut found.filter_texts, 0),
        "select" | "reject" => (&mut found.test_texts, 0),
        "selectattr" | "rejectattr" => (&mut found.test_texts, 1),
        _ => return,
    };
    let Some(rest) = rest.split_first().filter(|(first, _)| first.is_sign("(")).map(|(_, rest)| rest) else { return };
    let (mut depth, mut start, mut place) = (0_usize, 0, 0);
    for (index, token) in rest.iter().enumerate() {
        let ends = depth == 0 && (token.is_sign(",") || token.is_sign(")"));
        if ends {
            if let (true, [text]) = (place == wanted, &rest[start..index]) {
                if text.kind == TokenKind::Text {
                    texts.push((text.text, text.start));
                }
            }
            if token.is_sign(")") {
                return;
            }
            (start, place) = (index + 1, place + 1);
        } else if ["(", "[", "{"].iter().any(|sign| token.is_sign(sign)) {
            depth += 1;
        } else if [")", "]", "}"].iter().any(|sign| token.is_sign(sign)) {
            depth = depth.saturating_sub(1);
        }
    }
}
