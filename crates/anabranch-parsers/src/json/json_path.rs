//! [`JsonPath`]: where in a document something is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Where in a document something is: the keys and places of its JSON pointer (RFC 6901), shared with those of what
/// stands around it. A copy costs nothing, however deep it is and however long its keys are.
///
/// ```
/// use anabranch_parsers::JsonPath;
/// use serde_json::json;
///
/// let path = JsonPath::from("/rivers/1/name");
/// assert_eq!(path.to_string(), "/rivers/1/name");
/// assert_eq!(path.depth(), 3);
/// let document = json!({"rivers": [{"name": "Weser"}, {"name": "Aller"}]});
/// assert_eq!(path.get(&document), Some(&json!("Aller")));
/// assert_eq!(JsonPath::default(), "");
/// ```
///
/// In JSON it is the pointer. Its keys may be a model's words, so `Debug` shows its depth alone.
#[derive(Clone, Default)]
pub struct JsonPath(Option<Arc<Node>>);

struct Node {
    parent: JsonPath,
    step: Step,
}

pub(crate) enum Step {
    Key(Box<str>),
    Index(usize),
}

impl JsonPath {
    /// Whether it is the document itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// How many lists and objects stand around it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.up().count()
    }

    /// What stands there in a document. It takes as long as the pointer is.
    #[must_use]
    pub fn get<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.steps().into_iter().try_fold(document, |value, step| match value {
            Value::Object(object) => step.with_key(|key| object.get(key)),
            Value::Array(list) => list.get(step.index()?),
            _ => None,
        })
    }

    /// [`get`](Self::get), to change it.
    #[must_use]
    pub fn get_mut<'v>(&self, document: &'v mut Value) -> Option<&'v mut Value> {
        self.steps().into_iter().try_fold(document, |value, step| match value {
            Value::Object(object) => step.with_key(|key| object.get_mut(key)),
            Value::Array(list) => list.get_mut(step.index()?),
            _ => None,
        })
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.into()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(Some(Arc::new(Node { parent: self.clone(), step })))
    }

    /// What it is in, and the last step; nothing for the document itself.
    pub(crate) fn split_last(&self) -> Option<(&Self, &Step)> {
        self.0.as_deref().map(|node| (&node.parent, &node.step))
    }

    fn up(&self) -> impl Iterator<Item = &Step> {
        let mut path = self;
        std::iter::from_fn(move || {
            let (parent, step) = path.split_last()?;
            path = parent;
            Some(step)
        })
    }

    /// Outermost first.
    fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<_> = self.up().collect();
        steps.reverse();
        steps
    }
}

impl Step {
    pub(crate) fn index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Key(key) => key.parse().ok(),
        }
    }

    pub(crate) fn with_key<T>(&self, look: impl FnOnce(&str) -> T) -> T {
        match self {
            Self::Key(key) => look(key),
            Self::Index(index) => look(&index.to_string()),
        }
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Index(one), Self::Index(other)) => one == other,
            (one, Self::Key(other)) => one.with_key(|key| key == &**other),
            (Self::Key(key), Self::Index(index)) => **key == index.to_string(),
        }
    }
}

/// One after the other: a path that somebody made may be deeper than the stack.
impl Drop for JsonPath {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.parent.0.take();
        }
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        let is_same = matches!((&self.0, &other.0), (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        is_same || self.up().eq(other.up())
    }
}

impl Eq for JsonPath {}

impl PartialEq<str> for JsonPath {
    fn eq(&self, pointer: &str) -> bool {
        Self::from(pointer).eq(self)
    }
}

impl PartialEq<&str> for JsonPath {
    fn eq(&self, pointer: &&str) -> bool {
        self == *pointer
    }
}

/// A JSON pointer, such as `/rivers/1`.
impl From<&str> for JsonPath {
    fn from(pointer: &str) -> Self {
        let segments = crate::json::path::segments_of(pointer);
        segments.iter().fold(Self::default(), |path, segment| path.key(segment))
    }
}

/// The JSON pointer.
impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps().into_iter().try_for_each(|step| match step {
            Step::Index(index) => write!(f, "/{index}"),
            Step::Key(key) if key.contains(['~', '/']) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Key(key) => write!(f, "/{key}"),
        })
    }
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonPath").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|pointer| Self::from(pointer.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_pointer_however_it_was_made() {
        let path = JsonPath::default().key("a/b~").index(3).key("");
        assert_eq!(path.to_string(), "/a~1b~0/3/");
        assert_eq!(path, JsonPath::from("/a~1b~0/3/"));
        assert_eq!(path, "/a~1b~0/3/");
        assert_ne!(path, "/a~1b~0/4/");
        assert_ne!(path, "/a~1b~0/3");
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<JsonPath>(&json).unwrap(), path);
        assert!(!format!("{path:?}").contains("a/b"));
    }

    #[test]
    fn a_path_of_any_depth_is_dropped() {
        let path = JsonPath::from("/a".repeat(1_000_000).as_str());
        assert_eq!((path.depth(), path.clone() == path), (1_000_000, true));
        drop(path);
    }
}
