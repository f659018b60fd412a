//! [`EnumOutputParser`]: one of the variants of an enum.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use crate::output_parser::parser_of_words;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::schema::words::{named, words};
use crate::typed::type_words::type_words;
use crate::typed::variants::variants;

/// Takes one of the variants of an enum out of an answer: the answer is its name, as serde writes it. White space,
/// quotes and other signs around it do not count, nor do capitals. Other words are an error, unless the parser is
/// [`lenient`](Self::lenient).
///
/// ```
/// use anabranch_parsers::EnumOutputParser;
///
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// #[serde(rename_all = "snake_case")]
/// enum Kind { River, SideArm }
///
/// let parser = EnumOutputParser::<Kind>::new();
/// assert_eq!(parser.parse(" **side_arm**\n")?, Kind::SideArm);
/// assert!(parser.parse("It is a river.").is_err());
/// assert_eq!(parser.lenient().parse("It is a river.")?, Kind::River);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
pub struct EnumOutputParser<T> {
    is_lenient: bool,
    output: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EnumOutputParser<T> {
    /// A parser for the variants of `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self { is_lenient: false, output: PhantomData }
    }

    /// Finds the name among words, if there is no other.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }

    fn read(&self, text: &str) -> Result<T, ParseError> {
        let variants = variants::<T>();
        let names = variants.iter().map(|name| (*name, *name));
        let found = if self.is_lenient {
            named(text, names)
        } else {
            let wanted = words(text, true);
            variants.iter().copied().find(|name| *name == text.trim()).or_else(|| {
                let mut like = variants.iter().copied().filter(|name| words(name, true) == wanted);
                like.next().filter(|_| like.next().is_none())
            })
        };
        let found = found.ok_or_else(|| {
            let message =
                format!("the answer is none of the variants of {}: expected {}", type_words::<T>(), list(variants));
            ParseError::new(ParseErrorKind::Value, message)
        })?;
        T::deserialize(StrDeserializer::<serde::de::value::Error>::new(found)).map_err(|_| {
            let message = format!("a variant of {} has fields, which no word is", type_words::<T>());
            ParseError::new(ParseErrorKind::Type, message)
        })
    }
}

/// Names of a type, the first twenty of them.
fn list(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(20) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

parser_of_words!(impl<T> for EnumOutputParser<T> => T, "EnumOutputParser", |_| {
    format!("Answer with one of these words and nothing else: {}", list(variants::<T>()))
}, where T: DeserializeOwned + Send + 'static);

impl<T: DeserializeOwned> Default for EnumOutputParser<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for EnumOutputParser<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for EnumOutputParser<T> {}

impl<T> fmt::Debug for EnumOutputParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnumOutputParser<{}>", type_words::<T>())
    }
}
