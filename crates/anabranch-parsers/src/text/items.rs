//! [`Items`]: the items of a list, out of a text that comes in pieces.

use crate::parse_error::{ParseError, ParseErrorKind};
use crate::work::looked_at;

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
    /// How deep the line under way is indented.
    indent: usize,
    /// The item that may go on in the next line, and how deep its mark is indented.
    open: Option<(String, usize)>,
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
        Self { style, held: String::new(), quotes: Quotes::None, indent: 0, open: None }
    }

    /// The items that are complete with this piece.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        let mut items = Vec::new();
        looked_at(piece.len());
        for c in piece.chars() {
            let item = if self.style == Style::Commas { self.comma(c) } else { self.line(c) };
            items.extend(item);
        }
        items
    }

    /// The last items.
    pub(crate) fn finish(&mut self) -> Result<Vec<String>, ParseError> {
        if self.quotes == Quotes::Open {
            return Err(ParseError::new(ParseErrorKind::Truncated, "the list ends in a quote that is not closed"));
        }
        let last = if self.style == Style::Commas { self.item() } else { self.line('\n') };
        Ok(last.into_iter().chain(self.close()).collect())
    }

    /// An item goes on in lines that are indented deeper than its mark, and ends with the first word of any other.
    fn line(&mut self, c: char) -> Option<String> {
        if c == '\n' {
            return self.end_line();
        }
        if self.held.is_empty() && c.is_whitespace() {
            self.indent += 1;
            return None;
        }
        let is_first = self.held.is_empty();
        self.held.push(c);
        let ends = |(_, mark): &(String, usize)| self.indent <= *mark;
        if is_first && self.open.as_ref().is_some_and(ends) { self.close() } else { None }
    }

    fn end_line(&mut self) -> Option<String> {
        let (line, indent) = (std::mem::take(&mut self.held), std::mem::take(&mut self.indent));
        let words = line.trim_end();
        if words.is_empty() {
            return None;
        }
        if let Some(item) = self.marked(words) {
            let before = self.close();
            self.open = Some((item.to_string(), indent));
            return before;
        }
        if let Some((item, _)) = &mut self.open {
            if !item.is_empty() {
                item.push(' ');
            }
            item.push_str(words);
        }
        None
    }

    /// The item that is open, which ends here. A mark with nothing behind it is none.
    fn close(&mut self) -> Option<String> {
        self.open.take().map(|(item, _)| item).filter(|item| !item.is_empty())
    }

    /// What stands behind the mark of an item.
    fn marked<'l>(&self, line: &'l str) -> Option<&'l str> {
        const BULLETS: [char; 8] = ['•', '‣', '◦', '▪', '●', '○', '·', '∙'];
        let (rest, is_apart) = if self.style == Style::Numbers {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            // `1.5` is a number, and `1...` none at all.
            let after = rest.strip_prefix(['.', ')']).filter(|_| rest.len() < line.len())?;
            (after, !after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ',')))
        } else if let Some(after) = line.strip_prefix(BULLETS) {
            (after, true)
        } else {
            let after = line.strip_prefix(['-', '*', '+', '–', '—'])?;
            (after, after.is_empty() || after.starts_with(char::is_whitespace))
        };
        Some(rest.trim()).filter(|_| is_apart)
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
