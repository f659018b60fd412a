//! A run: its configuration, its limits, its clock, its tasks, and who watches it. Knows nothing of steps.

pub(crate) mod config;
pub(crate) mod drop_reason;
pub(crate) mod flow;
pub(crate) mod limit;
pub(crate) mod observer;
pub(crate) mod panics;
pub(crate) mod progress;
pub(crate) mod step_path;
pub(crate) mod task;
pub(crate) mod timer;
pub(crate) mod watch;
