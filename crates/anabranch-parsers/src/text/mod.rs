//! Parsers of words: texts, lists, choices, dates, XML.

pub(crate) mod boolean_output_parser;
#[cfg(feature = "jiff")]
pub(crate) mod date_time_output_parser;
pub(crate) mod enum_output_parser;
mod items;
pub(crate) mod list_output_parser;
#[cfg(feature = "regex")]
pub(crate) mod regex_parser;
pub(crate) mod str_output_parser;
#[cfg(feature = "xml")]
pub(crate) mod xml_output_parser;
