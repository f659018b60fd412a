//! [`Mark`]: what stands around a text.

/// What stands around a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    /// The same at both ends.
    Plain(u8),
    /// The same at both ends, with a backslash before it.
    Escaped(u8),
    /// Quotes of print: the one that opens, and those that close.
    Print(char, [char; 2]),
}

impl Mark {
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        Some(match chars.next()? {
            quote @ ('"' | '\'' | '`') => Self::Plain(quote as u8),
            '\\' => match chars.next()? {
                quote @ ('"' | '\'') => Self::Escaped(quote as u8),
                _ => return None,
            },
            quote @ ('“' | '„' | '”') => Self::Print(quote, ['”', '“']),
            '«' => Self::Print('«', ['»', '»']),
            '‘' => Self::Print('‘', ['’', '’']),
            _ => return None,
        })
    }

    pub(super) fn closes(self, text: &str, at: usize) -> bool {
        let rest = &text.as_bytes()[at..];
        match self {
            Self::Plain(quote) => rest.first() == Some(&quote),
            Self::Escaped(quote) => rest.starts_with(&[b'\\', quote]),
            Self::Print(_, closers) => text[at..].starts_with(closers),
        }
    }

    /// How long it is; a quote that stands twice is one.
    pub(super) fn length(self, is_twice: bool) -> usize {
        match self {
            Self::Plain(_) => 1 + usize::from(is_twice),
            Self::Escaped(_) => 2,
            Self::Print(quote, _) => quote.len_utf8(),
        }
    }

    /// It twice.
    pub(super) fn pair(self) -> &'static str {
        match self {
            Self::Plain(b'"') => "\"\"",
            Self::Plain(b'\'') => "''",
            Self::Plain(_) => "``",
            Self::Escaped(_) | Self::Print(..) => "\0",
        }
    }
}
