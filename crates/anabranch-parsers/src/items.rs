//! [`Items`]: the items of a list, out of a text that comes in pieces.

use crate::parse_error::{ParseError, ParseErrorKind};

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Commas,
    Numbers,
    Dashes,
}

/// Cuts a text into the items of a list, each character once.
pub(crate) struct Items {
    style: Style,
    /// The item or the line under way.
    held: String,
    quotes: Quotes,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quotes {
    None,
    Open,
    /// After a quote that may be the end, or the first of two.
    Closed,
}

impl Items {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, held: String::new(), quotes: Quotes::None }
    }

    /// The items that are complete with this piece.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        let mut items = Vec::new();
        for c in piece.chars() {
            let item = if self.style == Style::Commas { self.comma(c) } else { self.line(c) };
            items.extend(item);
        }
        items
    }

    /// The last item.
    pub(crate) fn finish(&mut self) -> Result<Option<String>, ParseError> {
        if self.quotes == Quotes::Open {
            return Err(ParseError::new(ParseErrorKind::Truncated, "the list ends in a quote that is not closed"));
        }
        Ok(if self.style == Style::Commas { self.item() } else { self.line('\n') })
    }

    fn line(&mut self, c: char) -> Option<String> {
        if c != '\n' {
            self.held.push(c);
            return None;
        }
        let line = std::mem::take(&mut self.held);
        let line = line.trim();
        let rest = match self.style {
            Style::Numbers => line.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')']),
            _ => line.strip_prefix(['-', '*', '+']),
        };
        let is_numbered = self.style != Style::Numbers || line.starts_with(|c: char| c.is_ascii_digit());
        let item = rest.filter(|rest| is_numbered && rest.starts_with(char::is_whitespace))?.trim();
        (!item.is_empty()).then(|| item.to_string())
    }

    fn comma(&mut self, c: char) -> Option<String> {
        match (self.quotes, c) {
            (Quotes::Open, '"') => self.quotes = Quotes::Closed,
            (Quotes::Open, _) => self.held.push(c),
            (Quotes::Closed, '"') => {
                self.held.push('"');
                self.quotes = Quotes::Open;
            }
            (_, ',' | '\n') => return self.item(),
            (Quotes::None, '"') if self.held.trim().is_empty() => {
                self.held.clear();
                self.quotes = Quotes::Open;
            }
            (Quotes::Closed, _) if c.is_whitespace() => {}
            _ => self.held.push(c),
        }
        None
    }

    /// The item that ends here. Nothing is one only in quotes.
    fn item(&mut self) -> Option<String> {
        let item = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.quotes, Quotes::None) {
            Quotes::None => Some(item.trim().to_string()).filter(|item| !item.is_empty()),
            Quotes::Open | Quotes::Closed => Some(item),
        }
    }
}
