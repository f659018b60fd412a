//! States whose fields are known only when the program runs: of a graph that is read from a file, or that a person draws.
//!
//! [`DynamicFields`] says which fields there are, of which type, and how their writes add up; [`DynamicState`] holds the
//! values; a node returns [`DynamicWrite`]s, which are checked against the fields before they are applied.
//!
//! ```
//! use anabranch_graph::State;
//! use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite};
//! use serde_json::json;
//!
//! let fields: DynamicFields = serde_json::from_value(json!({
//!     "document": {"type": "text"},
//!     "notes": {"type": "list", "reduce": "append"},
//! }))?;
//!
//! let mut state = DynamicState::from_iter([("document", json!("A lease."))]);
//! fields.complete(&mut state)?;
//! for note in ["read", "understood"] {
//!     let write = fields.check(DynamicWrite::new("notes", [note]))?;
//!     state.apply(&write);
//! }
//! assert_eq!(state.get("notes"), Some(&json!(["read", "understood"])));
//!
//! let error = fields.check(DynamicWrite::new("notes", "read")).unwrap_err();
//! assert_eq!(error.message(), "the field `notes` is a list, and a text was to be written");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use anabranch_core::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::shape::Field;
use crate::state::State;

mod fields;
mod graph;
mod reducer;
#[cfg(test)]
mod tests;
mod write;

pub use fields::{DynamicFields, FieldType};
pub use reducer::Reducer;
pub use write::DynamicWrite;

/// A state whose fields are declared by value: a JSON object. Its `Debug` names the fields and shows no value.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DynamicState(Map<String, Value>);

impl DynamicState {
    /// The value of this field, if it has one.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Gives a field this value, whatever its reducer: for the state a run starts with.
    pub fn set(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(field.into(), value.into());
    }

    /// The values by field.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for DynamicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.0.keys().collect();
        f.debug_struct("DynamicState").field("fields", &fields).finish_non_exhaustive()
    }
}

impl From<Map<String, Value>> for DynamicState {
    fn from(values: Map<String, Value>) -> Self {
        Self(values)
    }
}

impl From<DynamicState> for Value {
    fn from(state: DynamicState) -> Self {
        Value::Object(state.0)
    }
}

impl<F: Into<String>, V: Into<Value>> FromIterator<(F, V)> for DynamicState {
    fn from_iter<I: IntoIterator<Item = (F, V)>>(values: I) -> Self {
        Self(values.into_iter().map(|(field, value)| (field.into(), value.into())).collect())
    }
}

impl State for DynamicState {
    type Write = DynamicWrite;

    /// None: they are declared by [`DynamicFields`].
    fn fields() -> Vec<Field> {
        Vec::new()
    }

    fn admit(writes: &mut [DynamicWrite], declared: &DynamicFields) -> Result<()> {
        writes.iter_mut().try_for_each(|write| declared.admit(write))
    }

    fn is_allowed(write: &DynamicWrite, declared: &DynamicFields, allowed: &[(usize, bool)]) -> bool {
        let place = declared.position(write.field());
        place.is_some_and(|place| allowed.contains(&(place, write.is_overwrite())))
    }

    fn complete(&mut self, declared: &DynamicFields) -> Result<()> {
        declared.complete(self)
    }

    fn apply(&mut self, write: &DynamicWrite) {
        // `entry` would need a copy of the name each time.
        match self.0.get_mut(write.field()) {
            Some(current) => write.apply(current),
            None => {
                let mut value = Value::Null;
                write.apply(&mut value);
                self.0.insert(write.field().to_string(), value);
            }
        }
    }
}
