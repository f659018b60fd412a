//! [`RegexParser`]: the groups of a regular expression.

use std::fmt;
use std::marker::PhantomData;

use anabranch_core::{Error, ErrorKind, Result};
use regex::Regex;
use serde::de::DeserializeOwned;

use crate::output_parser::parser_of_words;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::typed::fields::from_fields;
use crate::typed::type_words::type_words;

/// Takes the named groups of a regular expression out of an answer, as the fields of a struct: the first match counts.
/// A group that matched nothing is `None`; numbers and booleans are read out of their texts.
///
/// ```
/// use anabranch_parsers::RegexParser;
///
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// struct Score { score: u8, reason: Option<String> }
///
/// let parser = RegexParser::<Score>::new(r"Score: (?<score>\d+)(?: because (?<reason>.*))?")?;
/// let score = parser.parse("I looked at it.\nScore: 7 because it is wet")?;
/// assert_eq!(score, Score { score: 7, reason: Some("it is wet".into()) });
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// Matching takes linear time, whatever the expression and the answer are.
#[derive(Clone)]
pub struct RegexParser<T> {
    regex: Regex,
    output: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> RegexParser<T> {
    /// A parser with this expression, in the syntax of the crate `regex`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where it is none, or has no named group.
    pub fn new(pattern: &str) -> Result<Self> {
        let regex = Regex::new(pattern).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the pattern is no regular expression").with_source(error)
        })?;
        if regex.capture_names().flatten().next().is_none() {
            return Err(Error::new(ErrorKind::Configuration, "the pattern has no named group: `(?<name>…)`"));
        }
        Ok(Self { regex, output: PhantomData })
    }

    fn read(&self, text: &str) -> Result<T, ParseError> {
        let captures = self.regex.captures(text).ok_or_else(|| {
            ParseError::new(ParseErrorKind::Missing, "the answer does not match the regular expression")
        })?;
        let names = self.regex.capture_names().flatten();
        from_fields(names.map(|name| (name, captures.name(name).map(|group| group.as_str())))).map_err(|why| {
            let message = format!("the groups of the regular expression are no {}: {why}", type_words::<T>());
            ParseError::new(ParseErrorKind::Type, message)
        })
    }
}

parser_of_words!(impl<T> for RegexParser<T> => T, "RegexParser", |this| {
    format!("Answer in a way that matches this regular expression: {}", this.regex)
}, where T: DeserializeOwned + Send + 'static);

impl<T> fmt::Debug for RegexParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegexParser<{}>({})", type_words::<T>(), self.regex)
    }
}
