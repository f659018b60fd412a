//! [`DynamicWrite`]: one write of a field that is declared by value.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dynamic::{DynamicState, Reducer};
use crate::update::{Update, WriteSet};

/// A write of one field of a [`DynamicState`]. It holds all that is needed to apply it, and so does its record in a log:
///
/// ```
/// use anabranch_graph::dynamic::{DynamicFields, DynamicWrite, FieldType, Reducer};
/// use serde_json::json;
///
/// let fields = DynamicFields::new().reduced("notes", FieldType::List, Reducer::Append)?;
/// let write = fields.check(DynamicWrite::new("notes", ["read"]))?;
/// assert_eq!(json!(write), json!({"field": "notes", "value": ["read"], "reduce": "append"}));
///
/// let anew = fields.check(DynamicWrite::new("notes", json!([])).overwrite())?;
/// assert_eq!(json!(anew), json!({"field": "notes", "value": [], "reduce": "append", "overwrite": true}));
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// How the field's writes add up is added by [`DynamicFields::check`](crate::dynamic::DynamicFields::check); a write that
/// was not checked replaces what was there. Its `Debug` shows no value.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "a write does nothing until a node returns it"]
pub struct DynamicWrite {
    field: String,
    value: Value,
    #[serde(rename = "reduce", default, skip_serializing_if = "Option::is_none")]
    reducer: Option<Reducer>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    overwrite: bool,
}

impl DynamicWrite {
    /// A write of this field. A float that is NaN or infinite is null, as JSON has no such number.
    pub fn new(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { field: field.into(), value: value.into(), reducer: None, overwrite: false }
    }

    /// Replaces what was there, where a write would be added to it.
    pub fn overwrite(self) -> Self {
        Self { overwrite: true, ..self }
    }

    /// The field it writes.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The value that is written.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether it replaces what was there.
    #[must_use]
    pub fn is_overwrite(&self) -> bool {
        self.overwrite
    }

    pub(super) fn reduce_by(&mut self, reducer: Option<Reducer>) {
        self.reducer = reducer;
    }

    pub(super) fn apply(&self, current: &mut Value) {
        match self.reducer {
            Some(reducer) if !self.overwrite => reducer.apply(current, &self.value),
            Some(reducer) => *current = reducer.tidy(self.value.clone()),
            None => current.clone_from(&self.value),
        }
    }
}

impl fmt::Debug for DynamicWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(if self.overwrite { "Overwrite" } else { "Write" });
        shown.field("field", &self.field);
        if let Some(reducer) = self.reducer {
            shown.field("reduce", &reducer);
        }
        shown.finish_non_exhaustive()
    }
}

/// Which fields it can write is not known from its type: the graph asks each node for them.
impl Update<DynamicState> for DynamicWrite {
    const WRITES: WriteSet = WriteSet::EMPTY;

    fn into_writes(self, out: &mut Vec<DynamicWrite>) {
        out.push(self);
    }
}
