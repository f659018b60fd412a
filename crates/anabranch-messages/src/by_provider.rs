//! [`ByProvider`]: what is said to a provider, or was said by one, under its name.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::usage::update_map;

/// Entries by the name of a provider. Each value is an object.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct ByProvider(Option<Box<Map<String, Value>>>);

pub(crate) static NO_ENTRIES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Of objects only.
impl From<Map<String, Value>> for ByProvider {
    fn from(mut entries: Map<String, Value>) -> Self {
        entries.retain(|_, value| value.is_object());
        Self((!entries.is_empty()).then(|| Box::new(entries)))
    }
}

impl ByProvider {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn of(&self, provider: &str) -> &Map<String, Value> {
        let entries = self.0.as_ref().and_then(|entries| entries.get(provider)?.as_object());
        entries.unwrap_or(&NO_ENTRIES)
    }

    pub(crate) fn insert(&mut self, provider: impl Into<String>, name: impl Into<String>, value: impl Into<Value>) {
        let there = self.0.get_or_insert_default().entry(provider).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entries) = there {
            entries.insert(name.into(), value.into());
        }
    }

    /// Of each name of each provider the last value that is not null wins.
    pub(crate) fn update(&mut self, later: Self) {
        let Some(later) = later.0 else { return };
        let Some(there) = &mut self.0 else {
            self.0 = Some(later);
            return;
        };
        for (provider, later) in *later {
            match (there.get_mut(&provider), later) {
                (Some(Value::Object(there)), Value::Object(later)) => update_map(there, later),
                (_, later) => _ = there.insert(provider, later),
            }
        }
    }
}
