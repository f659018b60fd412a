//! A run: its configuration, who watches it, what is checked before it.

pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod describe;
pub(crate) mod label;
pub(crate) mod observe;
pub(crate) mod reported;
