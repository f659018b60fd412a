//! JSON in answers: the parser, what it can be asked for, and how it reads an answer, whole or piece by piece.
//!
//! | file | what is in it |
//! |---|---|
//! | `parser.rs` | [`JsonOutputParser`](parser::JsonOutputParser): the document of an answer |
//! | `options.rs` | what can be set on it |
//! | `elements.rs`, `events.rs`, `reported.rs` | the elements of a list, what happens to a document, what was repaired |
//! | `reading.rs`, `snapshots.rs` | the document of a whole answer, and of one that is under way |
//! | `lenient_reading.rs` | the same, with repairs and by a schema |

pub(crate) mod elements;
pub(crate) mod events;
pub(crate) mod lenient_reading;
mod options;
pub(crate) mod parser;
pub(crate) mod reading;
pub(crate) mod reported;
pub(crate) mod settings;
pub(crate) mod snapshots;
