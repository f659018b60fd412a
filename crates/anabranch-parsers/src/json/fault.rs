//! [`JsonFault`]: what is wrong with a text that should be JSON.

use std::fmt;

/// What is wrong with a text that should be JSON, named as what it is.
///
/// Everything but [`DuplicateKey`](Self::DuplicateKey), [`NumberRange`](Self::NumberRange) and
/// [`TooDeep`](Self::TooDeep) is forbidden by the grammar of RFC 8259; those three are allowed by it, and refused here
/// because a value would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonFault {
    /// Something stands where a value must.
    ExpectedValue,
    /// Something stands where a key in double quotes must.
    ExpectedKey,
    /// No colon after a key.
    ExpectedColon,
    /// Neither a comma nor the end of the list.
    ExpectedCommaOrListEnd,
    /// Neither a comma nor the end of the object.
    ExpectedCommaOrObjectEnd,
    /// A list that ends as an object does, or the other way round.
    MismatchedBracket,
    /// A comma with nothing after it.
    TrailingComma,
    /// A key or a text in single quotes.
    SingleQuotes,
    /// A key without quotes.
    BareKey,
    /// A text without quotes, or a word of another language, such as `True`, `None` or `NaN`.
    BareWord,
    /// A comment.
    Comment,
    /// A number that JSON does not know, such as `01`, `1.` or `.5`.
    Number,
    /// A line break or another control character in a text.
    ControlCharacter,
    /// An escape that JSON does not know.
    Escape,
    /// Half of a character that is escaped in two.
    LoneSurrogate,
    /// The same key twice in one object, with different values.
    DuplicateKey,
    /// A number that could only be kept rounded, or not at all.
    NumberRange,
    /// Nested too deeply.
    TooDeep,
    /// Something after the document that is no part of it.
    TextAfter,
}

impl JsonFault {
    /// In words that hold nothing of the text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExpectedValue => "expected a value",
            Self::ExpectedKey => "a key must be a text in `\"`",
            Self::ExpectedColon => "expected `:` after a key",
            Self::ExpectedCommaOrListEnd => "expected `,` or `]`",
            Self::ExpectedCommaOrObjectEnd => "expected `,` or `}`",
            Self::MismatchedBracket => "a bracket that does not close the innermost open one",
            Self::TrailingComma => "a comma with nothing after it",
            Self::SingleQuotes => "single quotes where JSON has `\"`",
            Self::BareKey => "a key without quotes, which must be a text in `\"`",
            Self::BareWord => "a word without quotes that is not `true`, `false` or `null`",
            Self::Comment => "a comment, which JSON does not have",
            Self::Number => "a number as JSON does not write it",
            Self::ControlCharacter => "a line break or other control character in a text, which must be escaped",
            Self::Escape => "an escape in a text that JSON does not know",
            Self::LoneSurrogate => "half of a character in an escape",
            Self::DuplicateKey => "a key twice in one object, with different values",
            Self::NumberRange => "a number that cannot be kept without rounding it",
            Self::TooDeep => "nested too deeply",
            Self::TextAfter => "something after the end of the document",
        }
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
