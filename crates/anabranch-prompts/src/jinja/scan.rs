//! Which filters, tests and functions a template uses, and which variables it asks for before it uses them.
//!
//! minijinja finds what does not exist only when a rendering comes to it, which may be never in a test and at once in
//! production. The template is valid Jinja when it is looked at here.

use std::collections::HashSet;

/// What was found, with the bytes where it stands.
#[derive(Default, Debug)]
pub(super) struct Found<'a> {
    pub(super) filters: Vec<(&'a str, usize)>,
    pub(super) tests: Vec<(&'a str, usize)>,
    pub(super) calls: Vec<(&'a str, usize)>,
    /// Variables that are asked for by `is defined` or have a `default`.
    pub(super) guarded: HashSet<&'a str>,
    /// Whether there are loops or macros.
    pub(super) repeats: bool,
    /// Where an expression begins that has more parts than one may have.
    pub(super) too_long: Option<usize>,
    /// Where another template is loaded.
    pub(super) loads: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Token<'a> {
    Name(&'a str, usize),
    Sign(char),
    /// A text or a number.
    Literal,
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

pub(super) fn scan(source: &str) -> Found<'_> {
    let mut found = Found::default();
    let mut at = 0;
    while let Some(brace) = source[at..].find('{') {
        let start = at + brace;
        let rest = &source[start..];
        if rest.starts_with("{#") {
            at = rest.find("#}").map_or(source.len(), |end| start + end + 2);
        } else if rest.starts_with("{{") || rest.starts_with("{%") {
            let is_statement = rest.starts_with("{%");
            let (tokens, end) = tokens(source, start + 2, if is_statement { '%' } else { '}' });
            at = end;
            if tokens.split(|token| *token == Token::Sign(',')).any(|part| part.len() > PARTS) {
                found.too_long.get_or_insert(start);
            }
            look_at(&tokens, is_statement, &mut found);
            let is_raw = is_statement && matches!(tokens.as_slice(), [Token::Name("raw", _)]);
            if is_raw {
                at = end_of_raw(source, end);
            }
        } else {
            at = start + 1;
        }
    }
    found
}

/// Where the text goes on behind `{% endraw %}`.
fn end_of_raw(source: &str, mut at: usize) -> usize {
    while let Some(open) = source[at..].find("{%") {
        at += open + 2;
        let inside = source[at..].trim_start_matches(['-', '+']).trim_start();
        if inside.starts_with("endraw") {
            return source[at..].find("%}").map_or(source.len(), |end| at + end + 2);
        }
    }
    source.len()
}

/// The tokens of an expression or a statement, and where it ends.
fn tokens(source: &str, start: usize, closer: char) -> (Vec<Token<'_>>, usize) {
    let mut tokens = Vec::new();
    let mut chars = source[start..].char_indices().map(|(offset, c)| (start + offset, c)).peekable();
    let mut depth = 0_usize;
    while let Some((place, c)) = chars.next() {
        match c {
            _ if depth == 0 && c == closer && chars.peek().is_some_and(|(_, next)| *next == '}') => {
                return (tokens, place + 2);
            }
            // How white space is trimmed, at either end.
            '-' | '+' if place == start => {}
            '"' | '\'' => {
                while let Some((_, inner)) = chars.next() {
                    match inner {
                        '\\' => drop(chars.next()),
                        end if end == c => break,
                        _ => {}
                    }
                }
                tokens.push(Token::Literal);
            }
            c if c == '_' || c.is_alphanumeric() => {
                let mut end = place + c.len_utf8();
                while let Some((next, inner)) = chars.peek().copied() {
                    if inner != '_' && !inner.is_alphanumeric() {
                        break;
                    }
                    end = next + inner.len_utf8();
                    chars.next();
                }
                let word = &source[place..end];
                tokens.push(if c.is_numeric() { Token::Literal } else { Token::Name(word, place) });
            }
            c if c.is_whitespace() => {}
            c => {
                match c {
                    '{' | '[' | '(' => depth += 1,
                    '}' | ']' | ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                tokens.push(Token::Sign(c));
            }
        }
    }
    (tokens, source.len())
}

fn look_at<'a>(tokens: &[Token<'a>], is_statement: bool, found: &mut Found<'a>) {
    use Token::{Name, Sign};
    if let (true, Some(Name("include" | "import" | "from" | "extends", place))) = (is_statement, tokens.first()) {
        found.loads.get_or_insert(*place);
    }
    found.repeats |= is_statement && matches!(tokens.first(), Some(Name("for" | "macro" | "block", _)));
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| tokens[index]);
        let rest = &tokens[index + 1..];
        match (token, rest) {
            (Sign('|'), [Name(name, place), ..]) => found.filters.push((name, *place)),
            (Name("filter", _), [Name(name, place), ..]) if is_statement && index == 0 => {
                found.filters.push((name, *place));
            }
            (Name("is", _), [Name("not", _), Name(name, place), ..] | [Name(name, place), ..])
                if before != Some(Sign('.')) =>
            {
                found.tests.push((name, *place));
            }
            (Name(name, place), [Sign('('), ..]) => {
                let is_call = !KEYWORDS.contains(name)
                    && match before {
                        Some(Sign('.' | '|') | Name("is" | "macro" | "filter", _)) => false,
                        Some(Name("not", _)) => index < 2 || !matches!(tokens[index - 2], Name("is", _)),
                        _ => true,
                    };
                if is_call {
                    found.calls.push((name, *place));
                }
            }
            _ => {}
        }
        if let (Name(name, _), true) = (token, before != Some(Sign('.')) && is_guard(rest)) {
            found.guarded.insert(name);
        }
    }
}

/// Whether what follows a variable asks if it is there, or says what stands for it.
fn is_guard(rest: &[Token<'_>]) -> bool {
    use Token::{Name, Sign};
    matches!(
        rest,
        [Name("is", _), Name("defined" | "undefined", _), ..]
            | [Name("is", _), Name("not", _), Name("defined" | "undefined", _), ..]
            | [Sign('|'), Name("default" | "d", _), ..]
    )
}
