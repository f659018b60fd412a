//! [`Fields`]: an object whose fields are taken one by one until nothing is left.

use std::fmt;

use anabranch_core::__private::listed;
use serde_json::{Map, Value};

/// Why something could not be read. It names fields and kinds of values, and shows no value.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

pub(crate) type Read<T> = Result<T, Unreadable>;

impl Unreadable {
    #[cold]
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Says in which field or element it is.
    #[cold]
    pub(super) fn within(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of an object that have not been taken yet.
pub(super) struct Fields {
    /// What it should be: "a tool call".
    what: &'static str,
    map: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(what: &'static str, value: Value) -> Read<Self> {
        match value {
            Value::Object(map) => Ok(Self { what, map }),
            other => Err(Unreadable::new(format!("expected {what}, which is an object, but came {}", kind(&other)))),
        }
    }

    /// The same object, now that more is known of it.
    pub(super) fn named(mut self, what: &'static str) -> Self {
        self.what = what;
        self
    }

    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// Whether the field is there and not null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether the field is there, if only as null.
    pub(super) fn mentions(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Null is as good as missing.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_string(), value);
    }

    pub(super) fn text(&mut self, key: &str) -> Read<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.not(key, "text", &other)),
        }
    }

    /// Text that must be there.
    pub(super) fn some_text(&mut self, key: &str) -> Read<String> {
        self.text(key)?.ok_or_else(|| self.lacks(key))
    }

    pub(super) fn list(&mut self, key: &str) -> Read<Vec<Value>> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.not(key, "a list", &other)),
        }
    }

    pub(super) fn object(&mut self, key: &str) -> Read<Map<String, Value>> {
        match self.take(key) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(other) => Err(self.not(key, "an object", &other)),
        }
    }

    pub(super) fn count(&mut self, key: &str) -> Read<Option<usize>> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
                Some(count) => Ok(Some(count)),
                None => Err(self.not(key, "a count", &value)),
            },
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Read<bool> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.not(key, "true or false", &other)),
        }
    }

    /// Takes what is in these fields and says something.
    pub(super) fn besides(&mut self, keys: &[&str]) -> Map<String, Value> {
        let mut kept = Map::new();
        for key in keys {
            if let Some(value) = self.map.remove(*key).filter(|value| says_something(key, value)) {
                kept.insert((*key).to_string(), value);
            }
        }
        kept
    }

    /// [`besides`](Self::besides), into what was kept already: two things of one name would be one.
    pub(super) fn keep_besides(&mut self, keys: &[&str], kept: &mut Map<String, Value>) -> Read<()> {
        for (key, value) in self.besides(keys) {
            if kept.get(&key).is_some_and(|there| *there != value) {
                return Err(Unreadable::new(format!("{} with `{key}` and another `{key}` in `metadata`", self.what)));
            }
            kept.insert(key, value);
        }
        Ok(())
    }

    pub(super) fn rest(self) -> Map<String, Value> {
        self.map
    }

    /// Nothing may be left but null, which is as good as missing.
    pub(super) fn end(self, known: &str) -> Read<()> {
        let left: Vec<_> = self.map.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key).collect();
        if left.is_empty() {
            return Ok(());
        }
        let (what, field) = (self.what, if left.len() == 1 { "a field" } else { "fields" });
        Err(Unreadable::new(format!("{what} with {field} that cannot be read: {}; it has {known}", listed(&left))))
    }

    pub(super) fn lacks(&self, key: &str) -> Unreadable {
        Unreadable::new(format!("{} without `{key}`", self.what))
    }

    fn not(&self, key: &str, wanted: &str, came: &Value) -> Unreadable {
        Unreadable::new(format!("`{key}` of {} is {}, where {wanted} was expected", self.what, kind(came)))
    }
}

/// Other libraries write these fields when there is nothing to say.
const OFTEN_EMPTY: &[&str] = &[
    "additional_kwargs",
    "annotations",
    "citations",
    "example",
    "extras",
    "logprobs",
    "metadata",
    "reasoning_details",
    "response_metadata",
];

fn says_something(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(false) => !OFTEN_EMPTY.contains(&key),
        Value::Array(list) if list.is_empty() => !OFTEN_EMPTY.contains(&key),
        Value::Object(object) if object.is_empty() => !OFTEN_EMPTY.contains(&key),
        _ => true,
    }
}

/// What sort of value it is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
