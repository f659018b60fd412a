//! [`BooleanOutputParser`]: yes or no.

use crate::output_parser::parser_of_words;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::schema::words::{is_negated, words};

/// Takes yes or no out of an answer: the words `yes`, `no`, `true` and `false`, in any letters, wherever they stand. Both
/// at once, or neither, is an error.
///
/// ```
/// use anabranch_parsers::BooleanOutputParser;
///
/// let parser = BooleanOutputParser::new();
/// assert!(parser.parse("YES")?);
/// assert!(!parser.parse("Not relevant (NO).")?);
/// assert!(parser.parse("Yes and no.").is_err());
/// assert!(BooleanOutputParser::new().with_words("ja", "nein").parse("Ja!")?);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooleanOutputParser {
    yes: Vec<String>,
    no: Vec<String>,
}

impl BooleanOutputParser {
    /// Yes or no, true or false.
    #[must_use]
    pub fn new() -> Self {
        Self { yes: vec!["yes".into(), "true".into()], no: vec!["no".into(), "false".into()] }
    }

    /// Other words for yes and for no.
    #[must_use]
    pub fn with_words(mut self, yes: impl AsRef<str>, no: impl AsRef<str>) -> Self {
        self.yes = words(yes.as_ref(), true);
        self.no = words(no.as_ref(), true);
        self
    }

    fn read(&self, text: &str) -> Result<bool, ParseError> {
        let words = words(text, true);
        let is_said = |word: &String| self.yes.contains(word) || self.no.contains(word);
        if words.iter().enumerate().any(|(at, word)| is_said(word) && is_negated(&words, at)) {
            return Err(ParseError::new(ParseErrorKind::Value, "the answer has a `not` before its yes or no"));
        }
        match (words.iter().any(|word| self.yes.contains(word)), words.iter().any(|word| self.no.contains(word))) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            (true, true) => Err(ParseError::new(ParseErrorKind::Value, "the answer says both yes and no")),
            (false, false) => Err(ParseError::new(ParseErrorKind::Value, "the answer says neither yes nor no")),
        }
    }
}

impl Default for BooleanOutputParser {
    fn default() -> Self {
        Self::new()
    }
}

parser_of_words!(impl for BooleanOutputParser => bool, "BooleanOutputParser", |this| {
    format!("Answer with `{}` or `{}` and nothing else.", this.yes.join(" "), this.no.join(" "))
});
