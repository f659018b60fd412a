//! JSON in answers: one reader, which takes an answer piece by piece.

mod bytes;
pub(crate) mod citation;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod found;
pub(crate) mod json_path;
mod look;
pub(crate) mod number;
pub(crate) mod path;
pub(crate) mod reader;
pub(crate) mod scanner;
pub(crate) mod tree;

pub(crate) use reader::MAX_DEPTH;
