//! [`ParseError`]: why an answer is not what was asked for.

use std::fmt;

use anabranch_core::{Error, ErrorKind};

use crate::json::fault::JsonFault;

/// Why an answer is not what was asked for: a cause to match on, and where it is.
///
/// It is the source of the [`Error`] of every parser, and holds nothing of the answer: that is in
/// [`Error::partial`], a `String`.
///
/// ```
/// use anabranch_parsers::{JsonOutputParser, ParseError, ParseErrorKind};
///
/// let error = JsonOutputParser::new().parse("{\"price\": 12").unwrap_err();
/// let cause = error.downcast_ref::<ParseError>().unwrap();
/// assert_eq!(cause.kind(), ParseErrorKind::Truncated);
/// assert_eq!(cause.position(), Some((1, 13)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    kind: ParseErrorKind,
    message: String,
    position: Option<(usize, usize)>,
    path: String,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// It has no text.
    Empty,
    /// It has tool calls where text is wanted.
    ToolCalls,
    /// The model refused. The error is of the kind [`ErrorKind::ContentFilter`]; the refusal is in
    /// [`Error::partial`].
    Refused,
    /// A content filter broke it off. The error is of the kind [`ErrorKind::ContentFilter`].
    Filtered,
    /// It is nothing but a thought that does not end.
    Thought,
    /// There is nothing in it of what is wanted.
    Missing,
    /// It ends before what is wanted is complete, or was cut off.
    Truncated,
    /// The fence around the document does not end.
    UnclosedFence,
    /// So many documents stand in it where one is wanted.
    Several(usize),
    /// It is no JSON.
    Json(JsonFault),
    /// It is no XML, or XML of a kind that is refused.
    Xml,
    /// It does not fit the type that is wanted.
    Type,
    /// It does not fit the schema.
    Schema,
    /// It is none of the values that may be, or several of them.
    Value,
    /// It is larger than the limit that was set.
    TooLarge,
    /// A tool is called that is not known.
    UnknownTool,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, path: String::new() }
    }

    /// At a byte of the text.
    pub(crate) fn at(mut self, text: &str, byte: usize) -> Self {
        self.position = Some(line_and_column(text, byte));
        self
    }

    pub(crate) fn in_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Where it is in the text of the answer: line and column, counted from one, the column in characters.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// Where it is in the document: `rivers[3].length_km`. Empty where that is not known, or the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The error of a step, which keeps the text.
    pub(crate) fn with_text(self, text: &str) -> Error {
        let kind = match self.kind {
            ParseErrorKind::Refused | ParseErrorKind::Filtered => ErrorKind::ContentFilter,
            _ => ErrorKind::Parse,
        };
        Error::new(kind, self.to_string()).with_partial(text.to_string()).with_source(self)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.path.is_empty() {
            write!(f, " in `{}`", self.path)?;
        }
        if let Some((line, column)) = self.position {
            write!(f, " at line {line} column {column}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}

/// Line and column of a byte, both counted from one and the column in characters.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
