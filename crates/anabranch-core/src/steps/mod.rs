//! Steps one after the other, and what wraps one.

pub(crate) mod assign;
pub(crate) mod blocking;
pub(crate) mod branch;
pub(crate) mod caught;
pub(crate) mod dynamic;
pub(crate) mod generator;
pub(crate) mod lambda;
pub(crate) mod named;
pub(crate) mod passthrough;
pub(crate) mod pick;
pub(crate) mod router;
pub(crate) mod sequence;
pub(crate) mod spawned;
pub(crate) mod with_config;
