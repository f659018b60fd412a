//! [`Outcome`]: what became of every branch of a fan-out.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::fan_out::join::first_of;

/// What became of every branch of a fan-out, in declaration order: see
/// [`RunnableParallel::settled`](crate::RunnableParallel::settled) and
/// [`at_least`](crate::RunnableParallel::at_least).
///
/// A prompt may follow: it sees the JSON object of the successes. Keys of branches that failed are
/// [absent](Self::absent), so a variable that needs one must be optional; the check of the chain says so before it
/// runs.
#[derive(Clone, Default)]
pub struct Outcome {
    branches: Vec<(String, Result<Value>)>,
}

impl Outcome {
    pub(crate) fn new(branches: Vec<(String, Result<Value>)>) -> Self {
        Self { branches }
    }

    pub(crate) fn into_branches(self) -> Vec<(String, Result<Value>)> {
        self.branches
    }

    /// The branches that came through, with what they gave.
    pub fn successes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.branches.iter().filter_map(|(key, done)| Some((key.as_str(), done.as_ref().ok()?)))
    }

    /// The branches that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.branches.iter().filter_map(|(key, done)| Some((key.as_str(), done.as_ref().err()?)))
    }

    /// The keys that are not in the object of the successes.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        self.failures().map(|(key, _)| key)
    }

    /// What became of one branch; `None` if there is no branch of that name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Result<Value>> {
        self.branches.iter().find(|(there, _)| there == key).map(|(_, done)| done)
    }

    /// All branches, in declaration order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Result<Value>)> {
        self.branches.iter().map(|(key, done)| (key.as_str(), done))
    }

    /// How many branches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.branches.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// The object of all branches if all came through.
    ///
    /// # Errors
    /// The first failure in declaration order, the others [related](Error::related) to it.
    pub fn into_result(self) -> Result<Value> {
        let mut object = Map::with_capacity(self.branches.len());
        let mut failures = Vec::new();
        for (index, (key, done)) in self.branches.into_iter().enumerate() {
            match done {
                Ok(value) => drop(object.insert(key, value)),
                Err(error) => failures.push((index, error)),
            }
        }
        if failures.is_empty() { Ok(Value::Object(object)) } else { Err(first_of(failures)) }
    }
}

/// The object of the successes, for a prompt that follows.
impl From<Outcome> for Value {
    fn from(outcome: Outcome) -> Self {
        let successes = outcome.branches.into_iter().filter_map(|(key, done)| Some((key, done.ok()?)));
        Self::Object(successes.collect())
    }
}

/// As JSON it is the object of the successes, as for a prompt that follows.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.successes().count()))?;
        for (key, value) in self.successes() {
            object.serialize_entry(key, value)?;
        }
        object.end()
    }
}

/// Shows which branches came through, not what they gave.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, done) in &self.branches {
            match done {
                Ok(_) => map.entry(key, &"ok"),
                Err(error) => map.entry(key, &error.kind()),
            };
        }
        map.finish()
    }
}
