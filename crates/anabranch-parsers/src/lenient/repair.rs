//! [`Repair`]: what a lenient parser changed.

use std::fmt;

use serde::Serialize;

/// What a lenient parser changed, and where.
///
/// It holds nothing of the answer but a path of short identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    pub(crate) kind: RepairKind,
    pub(crate) byte: Option<usize>,
    pub(crate) path: String,
}

impl Repair {
    /// What was changed.
    #[must_use]
    pub fn kind(&self) -> RepairKind {
        self.kind
    }

    /// At which byte of the text, where it is a repair of the text.
    #[must_use]
    pub fn byte(&self) -> Option<usize> {
        self.byte
    }

    /// Where in the document, where it is a change of a value: `rivers[3].length_km`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if !self.path.is_empty() {
            write!(f, " in `{}`", self.path)?;
        }
        match self.byte {
            Some(byte) => write!(f, " at byte {byte}"),
            None => Ok(()),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $words:literal,)+) => {
        /// What a lenient parser changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum RepairKind {
            $($(#[$doc])* $kind,)+
        }

        impl RepairKind {
            /// In words.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $words,)+
                }
            }
        }
    };
}

kinds! {
    /// A comma with nothing after it, or one too many, was left out.
    ExtraComma = "left out a comma",
    /// A comma that lacked was added.
    MissingComma = "added a comma",
    /// A colon that lacked was added.
    MissingColon = "added a colon",
    /// A bracket that lacked was added.
    MissingCloser = "added a closing bracket",
    /// A bracket that closes nothing was left out.
    ExtraCloser = "left out a closing bracket",
    /// A quote that lacked was added.
    MissingQuote = "added a quote",
    /// A quote in a text was taken as a part of it.
    UnescapedQuote = "took a quote as a part of a text",
    /// A line break or another control character in a text was taken as a part of it.
    ControlCharacter = "took a control character as a part of a text",
    /// Quotes of another kind were taken for `"`.
    Quotes = "took other quotes for `\"`",
    /// A key without quotes was taken as it is.
    BareKey = "took a key without quotes",
    /// A text without quotes was taken as it is.
    BareText = "took a text without quotes",
    /// A word of Python was taken for that of JSON.
    Word = "took a word of Python",
    /// A number in a form that JSON does not know was taken for what it says.
    Number = "took a number in another form",
    /// An escape that JSON does not know was taken as it is.
    Escape = "took an escape that JSON does not know",
    /// A comment was left out.
    Comment = "left out a comment",
    /// Parentheses, or braces around values alone, were taken for a list.
    List = "took other brackets for a list",
    /// A member in a list was taken for an object.
    Member = "took a member in a list for an object",
    /// A member after the end of its object was taken into it.
    MemberAfterEnd = "took a member after the end of its object",
    /// A key at the end of the text, without a value, was left out.
    KeyWithoutValue = "left out a key without a value",
    /// A fence that does not end was taken as ended.
    UnclosedFence = "closed a fence",
    /// A number in a text, or with a sign of a currency or a unit around it, was taken for the number.
    NumberFromText = "took a number out of a text",
    /// A number or a word was taken for its text.
    TextFromValue = "took a value for its text",
    /// A word or a number was taken for true or false.
    BoolFromValue = "took a value for true or false",
    /// One value was taken for a list of it.
    ListFromOne = "took a value for a list of one",
    /// A list of one was taken for its element.
    OneFromList = "took the one element of a list",
    /// Several documents were taken for a list.
    ListFromDocuments = "took several documents for a list",
    /// One of the allowed values was found by its alias, in other letters, or in words around it.
    Choice = "took a word for one of the allowed values",
    /// A key was found by its alias, or in other letters.
    Key = "took a key for one of the schema's",
    /// A member that the schema does not allow was left out.
    UnknownKey = "left out a member that the schema does not have",
    /// JSON in a text was taken for what it says.
    JsonInText = "took the JSON in a text",
    /// Of a whole number with a point the point was left out.
    WholeNumber = "took a whole number with a point",
    /// An empty value was taken for none.
    NullFromEmpty = "took an empty value for none",
}
