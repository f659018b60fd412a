//! The tags of a template and their tokens, as minijinja reads them.

/// `{{ … }}`, `{% … %}`, `{# … #}` or `{% raw %}…{% endraw %}`.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// The bytes where it begins, and where the text goes on behind it.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: TagKind,
    pub(super) tokens: Vec<Token<'a>>,
    /// Whether it takes away the white space behind it.
    pub(super) trims: bool,
    /// Whether it has its end.
    pub(super) closed: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum TagKind {
    Expression,
    Statement,
    Comment,
    /// So many bytes that stand as they are.
    Raw(usize),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    /// As it is written: a text with its quotes.
    pub(super) text: &'a str,
    pub(super) start: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum TokenKind {
    Name,
    Text,
    Number,
    Sign,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == TokenKind::Sign && self.text == sign
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        self.kind == TokenKind::Name && self.text == name
    }
}

/// Signs of two characters.
const PAIRS: &[&str] = &["//", "**", "==", "!=", ">=", "<="];

pub(super) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(brace) = source[at..].find('{') {
        let start = at + brace;
        let rest = &source[start..];
        let mut tag = if let Some(inside) = rest.strip_prefix("{#") {
            let end = inside.find("#}").map(|end| start + 2 + end + 2);
            let (end, closed) = (end.unwrap_or(source.len()), end.is_some());
            Tag { start, end, kind: TagKind::Comment, tokens: Vec::new(), trims: false, closed }
        } else if rest.starts_with("{{") || rest.starts_with("{%") {
            let is_statement = rest.starts_with("{%");
            let kind = if is_statement { TagKind::Statement } else { TagKind::Expression };
            let (tokens, end) = tokens(source, start + 2, if is_statement { '%' } else { '}' });
            let (end, closed) = (end.unwrap_or(source.len()), end.is_some());
            Tag { start, end, kind, tokens, trims: false, closed }
        } else {
            at = start + 1;
            continue;
        };
        if tag.kind == TagKind::Statement && matches!(tag.tokens.as_slice(), [only] if only.is_name("raw")) {
            let (length, end) = raw(source, tag.end);
            tag.closed &= end.is_some();
            (tag.kind, tag.end) = (TagKind::Raw(length), end.unwrap_or(source.len()));
        }
        tag.trims = source.as_bytes()[..tag.end].iter().rev().nth(2) == Some(&b'-');
        at = tag.end;
        tags.push(tag);
    }
    tags
}

/// How long the text before `{% endraw %}` is, and where it goes on behind it.
fn raw(source: &str, start: usize) -> (usize, Option<usize>) {
    let mut at = start;
    while let Some(open) = source[at..].find("{%") {
        let length = at + open - start;
        at += open + 2;
        let inside = source[at..].trim_start_matches(['-', '+']).trim_start();
        if inside.starts_with("endraw") {
            return (length, source[at..].find("%}").map(|end| at + end + 2));
        }
    }
    (source.len() - start, None)
}

/// The tokens of an expression or a statement, and where the text goes on behind it.
fn tokens(source: &str, start: usize, closer: char) -> (Vec<Token<'_>>, Option<usize>) {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = start;
    let mut depth = 0_usize;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if depth == 0 && c == closer && rest[1..].starts_with('}') {
            return (tokens, Some(at + 2));
        }
        // How white space is trimmed, at either end.
        let closes = |rest: &str| depth == 0 && rest.starts_with(closer) && rest[1..].starts_with('}');
        if c.is_whitespace() || matches!(c, '-' | '+') && (at == start || closes(&rest[1..])) {
            at += c.len_utf8();
            continue;
        }
        let (kind, length) = match c {
            '"' | '\'' => (TokenKind::Text, text(rest, c)),
            '0'..='9' => {
                let after_dot = tokens.last().is_some_and(|last| last.is_sign(".") && last.end() == at);
                (TokenKind::Number, number(rest, after_dot))
            }
            c if is_in_name(c) => (TokenKind::Name, rest.find(|c| !is_in_name(c)).unwrap_or(rest.len())),
            c => {
                match c {
                    '{' | '[' | '(' => depth += 1,
                    '}' | ']' | ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                let is_pair = PAIRS.iter().any(|pair| rest.starts_with(pair));
                (TokenKind::Sign, if is_pair { 2 } else { c.len_utf8() })
            }
        };
        tokens.push(Token { kind, text: &rest[..length], start: at });
        at += length;
    }
    (tokens, None)
}

fn is_in_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// How long a text is with its quotes.
fn text(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// How long a number is: `12`, `1_000`, `0xff`, `1.5`, `2e-3`.
fn number(rest: &str, after_dot: bool) -> usize {
    let bytes = rest.as_bytes();
    let is_hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut length = 1;
    while let Some(byte) = bytes.get(length) {
        let belongs = match byte {
            b'.' => !after_dot && is_digit(length + 1) && !rest[..length].contains('.'),
            b'+' | b'-' => !is_hex && matches!(bytes[length - 1], b'e' | b'E') && is_digit(length + 1),
            byte => *byte == b'_' || byte.is_ascii_alphanumeric(),
        };
        if !belongs {
            break;
        }
        length += 1;
    }
    length
}
