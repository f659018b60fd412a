//! A run: its configuration, its limits, its progress, and who watches it. Knows nothing of steps.

pub(crate) mod config;
pub(crate) mod flow;
pub(crate) mod limit;
pub(crate) mod observer;
pub(crate) mod progress;
pub(crate) mod step_path;
pub(crate) mod watch;
