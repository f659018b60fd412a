//! Output parsers: what a program can work with, out of what a model said.
//!
//! Programs use this crate through the crate `anabranch`. A parser is a [`Runnable`](anabranch_core::Runnable) from
//! [`AiMessage`](anabranch_messages::AiMessage), so it stands behind a model in a chain.
//!
//! | to get | use | streams |
//! |---|---|---|
//! | the text | [`StrOutputParser`] | piece by piece |
//! | any JSON | [`JsonOutputParser::new()`] | snapshots that grow |
//! | a type of your own | [`JsonOutputParser::typed::<T>()`](JsonOutputParser::typed) | the whole |
//! | the elements of a list | [`JsonOutputParser::elements::<T>()`](JsonOutputParser::elements) | each as it is complete |
//! | what happens to a document | [`JsonOutputParser::events`] | each field as it is written |
//! | items of a list in words | [`ListOutputParser`] | item by item |
//! | one variant of an enum | [`EnumOutputParser`] | the whole |
//! | yes or no | [`BooleanOutputParser`] | the whole |
//! | tool calls | [`ToolCallsParser`] | call by call |
//! | the groups of a regular expression | `RegexParser` (feature `regex`) | the whole |
//! | a date or a time | `DateTimeOutputParser` (feature `jiff`) | the whole |
//! | XML | `XmlOutputParser` (feature `xml`) | the whole |
//!
//! An answer that is not what was asked for is an error of the kind [`Parse`](anabranch_core::ErrorKind::Parse), with a
//! [`ParseError`] as its source: it says what is wrong and where, never what the answer was. That is kept in
//! [`Error::partial`](anabranch_core::Error::partial). [`OutputParser::with_repair`] asks a model again.
//!
//! ```
//! use anabranch_core::{RunnableExt, lambda};
//! use anabranch_messages::AiMessage;
//! use anabranch_parsers::JsonOutputParser;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
//! let model = lambda(async |_question: String| Ok(AiMessage::new(r#"Sure! {"rivers": 2}"#)));
//! let chain = model | JsonOutputParser::new();
//! assert_eq!(chain.invoke("How many rivers?").await?["rivers"], 2);
//! # Ok(()) }
//! ```

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod aligned;
mod answer;
mod boolean_output_parser;
#[cfg(feature = "jiff")]
mod date_time_output_parser;
mod enum_output_parser;
mod exact_floats;
#[cfg(feature = "regex")]
mod fields;
mod items;
mod json;
mod json_elements;
mod json_events;
mod json_options;
mod json_output_parser;
mod json_settings;
mod lenient;
mod lenient_reading;
mod list_output_parser;
mod mismatch;
mod output_parser;
mod parse_error;
mod reading;
#[cfg(feature = "regex")]
mod regex_parser;
mod reported;
mod schema;
mod str_output_parser;
mod thinking;
mod tool_calls_parser;
mod type_words;
mod typed;
mod variants;
mod with_repair;
#[cfg(feature = "xml")]
mod xml_output_parser;

pub use boolean_output_parser::BooleanOutputParser;
#[cfg(feature = "jiff")]
pub use date_time_output_parser::{DateTimeOutputParser, DateTimeValue};
pub use enum_output_parser::EnumOutputParser;
pub use json::event::JsonEvent;
pub use json::fault::JsonFault;
pub use json_elements::JsonElements;
pub use json_events::JsonEvents;
pub use json_output_parser::JsonOutputParser;
pub use lenient::{Repair, RepairKind};
pub use list_output_parser::ListOutputParser;
pub use output_parser::OutputParser;
pub use parse_error::{ParseError, ParseErrorKind};
#[cfg(feature = "regex")]
pub use regex_parser::RegexParser;
pub use reported::Reported;
pub use str_output_parser::StrOutputParser;
pub use tool_calls_parser::ToolCallsParser;
pub use with_repair::WithRepair;
#[cfg(feature = "xml")]
pub use xml_output_parser::XmlOutputParser;
