//! [`ByProvider`]: what is said to a provider, or was said by one, under its name.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::usage::update_map;

/// Entries by the name of a provider. Each value is an object.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct ByProvider(Map<String, Value>);

pub(crate) static NO_ENTRIES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Of objects only.
impl From<Map<String, Value>> for ByProvider {
    fn from(mut entries: Map<String, Value>) -> Self {
        entries.retain(|_, value| value.is_object());
        Self(entries)
    }
}

impl ByProvider {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, provider: &str) -> &Map<String, Value> {
        self.0.get(provider).and_then(Value::as_object).unwrap_or(&NO_ENTRIES)
    }

    pub(crate) fn insert(&mut self, provider: impl Into<String>, name: impl Into<String>, value: impl Into<Value>) {
        let entries = self.0.entry(provider).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entries) = entries {
            entries.insert(name.into(), value.into());
        }
    }

    /// Of each name of each provider the last value that is not null wins.
    pub(crate) fn update(&mut self, later: Self) {
        for (provider, later) in later.0 {
            match (self.0.get_mut(&provider), later) {
                (Some(Value::Object(there)), Value::Object(later)) => update_map(there, later),
                (_, later) => _ = self.0.insert(provider, later),
            }
        }
    }
}
