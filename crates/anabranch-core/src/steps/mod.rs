//! Steps from functions, steps one after the other, and what chooses, names or moves one.

pub(crate) mod blocking;
pub(crate) mod branch;
pub(crate) mod dynamic;
pub(crate) mod from_json;
pub(crate) mod generator;
pub(crate) mod into_runnable;
pub(crate) mod json_kind;
pub(crate) mod lambda;
pub(crate) mod lambda_with;
pub(crate) mod named;
pub(crate) mod passthrough;
pub(crate) mod pick;
pub(crate) mod result;
pub(crate) mod router;
pub(crate) mod sequence;
pub(crate) mod spawned;
pub(crate) mod with_config;
