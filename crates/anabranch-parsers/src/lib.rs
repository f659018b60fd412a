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
//! | tool calls while they are written | [`ToolCallsParser::growing`] | snapshots that grow |
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

mod answer;
mod json;
mod json_output;
mod lenient;
mod output_parser;
mod parse_error;
mod schema;
mod text;
mod tool_calls;
mod typed;
mod with_repair;
mod work;

pub use json::event::JsonEvent;
pub use json::fault::JsonFault;
pub use json::json_path::JsonPath;
pub use json_output::elements::JsonElements;
pub use json_output::events::JsonEvents;
pub use json_output::parser::JsonOutputParser;
pub use json_output::reported::Reported;
pub use lenient::{Repair, RepairKind};
pub use output_parser::OutputParser;
pub use parse_error::{ParseError, ParseErrorKind};
pub use text::boolean_output_parser::BooleanOutputParser;
#[cfg(feature = "jiff")]
pub use text::date_time_output_parser::{DateTimeOutputParser, DateTimeValue};
pub use text::enum_output_parser::EnumOutputParser;
pub use text::list_output_parser::ListOutputParser;
#[cfg(feature = "regex")]
pub use text::regex_parser::RegexParser;
pub use text::str_output_parser::StrOutputParser;
#[cfg(feature = "xml")]
pub use text::xml_output_parser::XmlOutputParser;
pub use tool_calls::ToolCallsParser;
pub use tool_calls::growing::{GrowingToolCalls, ToolCallSoFar};
pub use with_repair::WithRepair;
