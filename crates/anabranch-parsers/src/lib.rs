//! Output parsers: what a program can work with, out of what a model said.
//!
//! Programs use this crate through the crate `anabranch`. A parser is a [`Runnable`](anabranch_core::Runnable) from
//! [`AiMessage`](anabranch_messages::AiMessage), so it stands behind a model in a chain.
//!
//! | to get | use | streams |
//! |---|---|---|
//! | the text | [`StrOutputParser`] | piece by piece |
//! | any JSON | [`JsonOutputParser::new()`] | snapshots that grow |
//! | a type of your own | [`JsonOutputParser::typed::<T>()`](JsonOutputParser::typed) | the whole, when it is complete |
//!
//! An answer that is not what was asked for is an error of the kind [`Parse`](anabranch_core::ErrorKind::Parse). It
//! says what is wrong and where, never what the answer was: that is kept in
//! [`Error::partial`](anabranch_core::Error::partial).
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
mod json_elements;
mod json_events;
mod json_output_parser;
mod json_settings;
mod lenient;
mod lenient_reading;
mod mismatch;
mod parse_error;
mod reading;
mod schema;
mod str_output_parser;
mod thinking;
mod type_words;
mod typed;

pub use json::event::JsonEvent;
pub use json::fault::JsonFault;
pub use json_elements::JsonElements;
pub use json_events::JsonEvents;
pub use json_output_parser::JsonOutputParser;
pub use lenient::{Repair, RepairKind};
pub use parse_error::{ParseError, ParseErrorKind};
pub use str_output_parser::StrOutputParser;
