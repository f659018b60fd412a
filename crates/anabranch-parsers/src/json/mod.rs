//! JSON in answers: one reader, which takes an answer piece by piece.

mod bytes;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod found;
mod look;
pub(crate) mod number;
pub(crate) mod path;
mod reader;
pub(crate) mod scanner;
pub(crate) mod tags;
pub(crate) mod tree;

pub(crate) use reader::MAX_DEPTH;
