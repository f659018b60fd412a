//! [`JsonEvent`]: what happened to a document while it was written.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::json_path::JsonPath;

/// What happened to a document while it was written: a value began, a text grew, a value is complete.
///
/// The events of a document rebuild it ([`apply`](Self::apply)), each by the little that is new: a document of any size
/// costs as much as its text is long, where a snapshot for each step would cost its square. Their paths share what they
/// have in common; to write one out, or to apply an event, takes as long as its pointer is.
///
/// ```
/// use anabranch_parsers::JsonEvent;
/// use serde_json::{Value, json};
///
/// let events = [
///     JsonEvent::Began { path: "".into(), value: json!({}) },
///     JsonEvent::Began { path: "/setup".into(), value: json!("Wh") },
///     JsonEvent::Text { path: "/setup".into(), text: "y?".into() },
///     JsonEvent::Completed { path: "/setup".into() },
/// ];
/// let mut joke = Value::Null;
/// for event in &events {
///     event.apply(&mut joke);
/// }
/// assert_eq!(joke, json!({"setup": "Why?"}));
/// ```
///
/// As JSON an event is an object such as `{"event": "text", "path": "/setup", "text": "y?"}`.
///
/// `path` is written as a JSON pointer (RFC 6901). [`to_patch`](Self::to_patch) gives the operation of a JSON Patch.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JsonEvent {
    /// A list or an object has begun, and is empty; or a text has begun, and is this much by now. At the root, a new
    /// document begins, and what came before is void.
    Began {
        /// Where.
        path: JsonPath,
        /// `{}`, `[]` or a text.
        value: Value,
    },
    /// A text has grown by this much.
    Text {
        /// Where the text is.
        path: JsonPath,
        /// What is new.
        text: String,
    },
    /// A number, `true`, `false`, `null`, or a text that came at once. It is complete.
    Value {
        /// Where.
        path: JsonPath,
        /// The whole of it.
        value: Value,
    },
    /// The text, list or object is complete: the field or the element can be used.
    Completed {
        /// Where.
        path: JsonPath,
    },
}

impl JsonEvent {
    /// Where in the document.
    #[must_use]
    pub fn path(&self) -> &JsonPath {
        match self {
            Self::Began { path, .. }
            | Self::Text { path, .. }
            | Self::Value { path, .. }
            | Self::Completed { path } => path,
        }
    }

    /// Whether the value at the path is complete with this event.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Value { .. } | Self::Completed { .. })
    }

    /// Does to a document what happened.
    pub fn apply(&self, document: &mut Value) {
        match self {
            Self::Began { path, value } | Self::Value { path, value } => put(document, path, value.clone()),
            Self::Text { path, text } => {
                if let Some(Value::String(whole)) = path.get_mut(document) {
                    whole.push_str(text);
                }
            }
            Self::Completed { .. } => {}
        }
    }

    /// The event as an operation of a JSON Patch (RFC 6902), as far as that has one: a text that grows is
    /// `{"op": "append", …}`, because `replace` would repeat the whole text each time. What is complete changes
    /// nothing, so it is no operation.
    #[must_use]
    pub fn to_patch(&self) -> Option<Value> {
        Some(match self {
            Self::Began { path, value } | Self::Value { path, value } => {
                let op = if path.is_root() { "replace" } else { "add" };
                serde_json::json!({ "op": op, "path": path, "value": value })
            }
            Self::Text { path, text } => serde_json::json!({ "op": "append", "path": path, "value": text }),
            Self::Completed { .. } => return None,
        })
    }
}

fn put(document: &mut Value, path: &JsonPath, value: Value) {
    let Some((parent, last)) = path.split_last() else {
        *document = value;
        return;
    };
    match parent.get_mut(document) {
        Some(Value::Object(object)) => drop(last.with_key(|key| object.insert(key.to_string(), value))),
        Some(Value::Array(list)) => match last.index() {
            Some(index) if index < list.len() => list[index] = value,
            _ => list.push(value),
        },
        _ => {}
    }
}

/// Keys and values may be a model's words: neither is shown.
impl fmt::Debug for JsonEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Began { .. } => "Began",
            Self::Text { .. } => "Text",
            Self::Value { .. } => "Value",
            Self::Completed { .. } => "Completed",
        };
        f.debug_struct(what).field("depth", &self.path().depth()).finish_non_exhaustive()
    }
}
