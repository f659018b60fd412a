//! [`DateTimeOutputParser`]: dates and times.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use jiff::{Timestamp, ZonedDateTime, civil};

use crate::output_parser::parser_of_words;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::typed::type_words::type_words;

/// Takes a date or a time out of an answer, as a type of [`jiff`]: in the form of RFC 3339 and its kin, or in a
/// [format](Self::with_format) of your own. White space and quotes around it do not count.
///
/// ```
/// use anabranch_parsers::DateTimeOutputParser;
/// use jiff::civil::{Date, Time, date, time};
///
/// assert_eq!(DateTimeOutputParser::<Date>::new().parse("2026-11-28\n")?, date(2026, 11, 28));
/// let parser = DateTimeOutputParser::<Time>::new().with_format("%H:%M");
/// assert_eq!(parser.parse("17:05")?, time(17, 5, 0, 0));
/// assert!(parser.parse("in the afternoon").is_err());
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone)]
pub struct DateTimeOutputParser<T = civil::DateTime> {
    format: Option<String>,
    output: PhantomData<fn() -> T>,
}

/// A type of [`jiff`] that a text can be: a date, a time, both, or a moment.
pub trait DateTimeValue: FromStr + Send + sealed::Sealed + 'static {
    #[doc(hidden)]
    const EXAMPLE: &'static str;

    #[doc(hidden)]
    fn in_format(format: &str, text: &str) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! values {
    ($($type:ty, $example:literal;)*) => {$(
        impl sealed::Sealed for $type {}

        impl DateTimeValue for $type {
            const EXAMPLE: &'static str = $example;

            fn in_format(format: &str, text: &str) -> Option<Self> {
                <$type>::strptime(format, text).ok()
            }
        }
    )*};
}

values! {
    civil::DateTime, "2026-11-28T17:05:00";
    civil::Date, "2026-11-28";
    civil::Time, "17:05:00";
    Timestamp, "2026-11-28T17:05:00Z";
    ZonedDateTime, "2026-11-28T17:05:00+00:00[UTC]";
}

impl<T: DateTimeValue> DateTimeOutputParser<T> {
    /// A parser of the usual form.
    #[must_use]
    pub const fn new() -> Self {
        Self { format: None, output: PhantomData }
    }

    /// Another form, as `strptime` knows it: `%d.%m.%Y`.
    #[must_use]
    pub fn with_format(mut self, format: impl Into<String>) -> Self {
        self.format = Some(format.into());
        self
    }

    fn read(&self, text: &str) -> Result<T, ParseError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '*'));
        let found = match &self.format {
            Some(format) => T::in_format(format, text),
            None => text.parse().ok(),
        };
        found.ok_or_else(|| {
            let wanted = self.format.as_deref().unwrap_or(T::EXAMPLE);
            let message = format!("the answer is no {}: expected one like `{wanted}`", type_words::<T>());
            ParseError::new(ParseErrorKind::Value, message)
        })
    }
}

parser_of_words!(impl<T> for DateTimeOutputParser<T> => T, "DateTimeOutputParser", |this| match &this.format {
    Some(format) => format!("Answer with a date or a time in the format `{format}` and nothing else."),
    None => format!("Answer with a date or a time such as `{}` and nothing else.", T::EXAMPLE),
}, where T: DateTimeValue);

impl<T: DateTimeValue> Default for DateTimeOutputParser<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for DateTimeOutputParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DateTimeOutputParser<{}>", type_words::<T>())
    }
}
