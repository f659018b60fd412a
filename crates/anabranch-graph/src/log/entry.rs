//! [`Entry`]: one thing that is done.

use std::fmt;

use anabranch_core::{ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::kept;
use crate::run::node_of;

/// One thing of a run that is done, as its log keeps it: an activation of a node, an item of a map, the map itself when
/// its items are done, or a failure that did not stop the run.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub(crate) path: String,
    /// Its writes in their order; none where it is a map that is closed, or a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<Value>,
    /// What its route chose. `None` too if the route failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) chosen: Option<Vec<String>>,
    /// How many items a map had that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<usize>,
    /// The kind of the failure. What lies below the path is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
    /// Whether the update is an answer: the step limit begins anew with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) answer: bool,
    /// Which run entered it, while it is written: see [`Writer`](super::Writer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<u64>,
    /// Where it stands in its log.
    #[serde(skip)]
    pub(crate) position: u64,
}

impl Entry {
    fn of(path: &str) -> Self {
        let path = path.to_string();
        let (update, chosen, length, failed, run) = (None, None, None, None, None);
        Self { path, update, chosen, length, failed, answer: false, run, position: 0 }
    }

    /// An activation or an item with its update.
    ///
    /// # Errors
    /// Where the update could not be read again as it is.
    pub(crate) fn done<'a, W>(path: &str, writes: impl Iterator<Item = &'a W>) -> Result<Self>
    where
        W: Serialize + DeserializeOwned + 'a,
    {
        let writes = writes.map(|write| kept(write, || format!("the update of `{path}`")));
        let writes = writes.collect::<Result<Vec<_>>>()?;
        Ok(Self { update: Some(Value::Array(writes)), ..Self::of(path) })
    }

    /// A map whose items are done.
    pub(crate) fn closed(path: &str, length: usize) -> Self {
        Self { length: Some(length), ..Self::of(path) }
    }

    pub(crate) fn failed(path: &str, kind: ErrorKind) -> Self {
        Self { failed: Some(kind.as_str().to_string()), ..Self::of(path) }
    }

    /// Which activation of which node it is: `name#i#j[item]`, below each other by `/`; the iterations of the loops
    /// around it, and the item of a map.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &str {
        node_of(&self.path)
    }

    /// Where it stands in its log, the first entry at 1: what [`fork`](crate::Thread::fork) and
    /// [`state_at`](crate::Thread::state_at) take. At 0 stands the state the run began with.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Its writes in their order, as JSON. None of a map that is closed (its items have theirs), and of a failure.
    #[must_use]
    pub fn update(&self) -> Option<&Value> {
        self.update.as_ref()
    }

    /// What its route chose, if it has one.
    #[must_use]
    pub fn chosen(&self) -> Option<&[String]> {
        self.chosen.as_deref()
    }

    /// The kind of the failure that did not stop the run, as [`ErrorKind::as_str`] has it.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Another value of its update, for a [`Migration`](crate::Migration).
    #[must_use]
    pub fn with_update(mut self, update: Value) -> Self {
        self.update = Some(update);
        self
    }

    /// Another path, for a [`Migration`](crate::Migration): a node has another name.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

/// An update may hold what a model said.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Entry");
        shown.field("position", &self.position).field("path", &self.path);
        if let Some(chosen) = &self.chosen {
            shown.field("chosen", chosen);
        }
        if let Some(failed) = &self.failed {
            shown.field("failed", failed);
        }
        shown.finish_non_exhaustive()
    }
}
