//! [`Besides`]: what came with a message and is no part of what it says.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};

/// What came with a message and is no part of what it says. Most messages have nothing of it, so it is one pointer.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Besides(Option<Box<Map<String, Value>>>);

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Besides {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn entries(&self) -> &Map<String, Value> {
        self.0.as_deref().unwrap_or(&NOTHING)
    }

    pub(crate) fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.0.get_or_insert_default().insert(key.into(), value.into());
    }
}

impl From<Map<String, Value>> for Besides {
    fn from(entries: Map<String, Value>) -> Self {
        Self((!entries.is_empty()).then(|| Box::new(entries)))
    }
}
