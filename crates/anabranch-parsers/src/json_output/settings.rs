//! [`JsonSettings`]: how a parser reads JSON.

use std::sync::Arc;

use serde_json::Value;

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
    /// Whether a list of small numbers is what the type wants.
    is_wanted: fn(&Value) -> bool,
    pub(crate) max_depth: usize,
    pub(crate) max_bytes: Option<usize>,
    /// How many bytes are at least between two snapshots.
    pub(crate) interval: usize,
}

impl JsonSettings {
    pub(crate) const fn new() -> Self {
        Self::wanting(|_| false)
    }

    /// For a type that wants such lists.
    pub(crate) const fn wanting(is_wanted: fn(&Value) -> bool) -> Self {
        Self {
            exact: false,
            is_lenient: false,
            schema: None,
            is_wanted,
            max_depth: MAX_DEPTH,
            max_bytes: None,
            interval: 0,
        }
    }

    /// Whether a list that looks like a citation is what is asked for: it fits the schema, or else the type.
    pub(crate) fn wants(&self, list: &Value) -> bool {
        match &self.schema {
            Some(schema) => schema.align(list, false, false).is_ok(),
            None => (self.is_wanted)(list),
        }
    }
}
