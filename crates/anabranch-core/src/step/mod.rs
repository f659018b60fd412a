//! What a step is, and how one is run: by its name, under the eyes of the observers, in time.

pub(crate) mod attempt;
pub(crate) mod boxed;
pub(crate) mod in_time;
pub(crate) mod into_input;
pub(crate) mod naming;
pub(crate) mod or_boxed;
pub(crate) mod or_else;
pub(crate) mod pipe_operator;
pub(crate) mod pointer;
pub(crate) mod run;
pub(crate) mod runnable;
pub(crate) mod stream;
pub(crate) mod watched;
