//! [`JsonSettings`]: how a parser reads JSON.

use std::sync::Arc;

use crate::json::MAX_DEPTH;
use crate::schema::Schema;

/// How a parser reads JSON.
#[derive(Clone)]
pub(crate) struct JsonSettings {
    /// Nothing but the whole text counts.
    pub(crate) exact: bool,
    /// What models get wrong is repaired.
    pub(crate) is_lenient: bool,
    pub(crate) schema: Option<Arc<Schema>>,
    pub(crate) max_depth: usize,
    pub(crate) max_bytes: Option<usize>,
    /// How many bytes are at least between two snapshots.
    pub(crate) interval: usize,
}

impl JsonSettings {
    pub(crate) const fn new() -> Self {
        Self { exact: false, is_lenient: false, schema: None, max_depth: MAX_DEPTH, max_bytes: None, interval: 0 }
    }
}
