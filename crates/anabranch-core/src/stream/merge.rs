//! [`Merge`]: how the chunks of a stream add up to the whole.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// How the chunks of a stream add up to the whole: brought along by whoever makes the chunks, so that the types
/// that flow through a chain need no trait.
///
/// | law | chunks are | an empty stream is |
/// |---|---|---|
/// | [`Merge::last`] | snapshots (or the only one): each replaces the one before | an error |
/// | [`Merge::append`] | pieces of text | the empty text |
/// | [`Merge::extend`] | pieces of a list | the empty list |
/// | [`Merge::fold`] | pieces of a type of your own | an error, unless [`or_empty`](Merge::or_empty) |
pub struct Merge<T>(Law<T>);

enum Law<T> {
    Last,
    Fold(Fold<T>),
    /// A law with state of its own.
    Collect(Arc<dyn Fn() -> Box<dyn Collect<T>> + Send + Sync>),
    /// Not known before the first chunk: the step that makes the chunks is chosen at run time.
    Late(Arc<dyn Fn() -> Option<Merge<T>> + Send + Sync>),
    /// The chunks do not add up by themselves (they were converted one by one): only their source gives the whole.
    Whole,
}

/// A law that folds chunk after chunk into the first.
struct Fold<T> {
    push: fn(&mut T, T) -> Result<()>,
    empty: Option<fn() -> T>,
    json: Option<JsonForm<T>>,
}

/// Makes the same law for chunks that were serialised.
type JsonForm<T> = fn(&Fold<T>) -> Merge<Value>;

/// The accumulator of a law with state of its own.
pub(crate) trait Collect<T>: Send {
    fn push(&mut self, chunk: T) -> Result<()>;
    /// The whole; of an object, the keys that are wanted.
    fn finish(self: Box<Self>, wanted: Wanted<'_>) -> Result<Option<T>>;
}

/// Which keys of an object are asked for: a key nobody asks for may lack a value.
pub(crate) type Wanted<'a> = &'a dyn Fn(&str) -> bool;

impl<T: 'static> Merge<T> {
    /// Each chunk replaces the one before: snapshots, or one chunk that is the whole.
    #[must_use]
    pub const fn last() -> Self {
        Self(Law::Last)
    }

    /// Each chunk is folded into what came before.
    ///
    /// ```
    /// use anabranch_core::{Chunks, Merge};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let sum = Merge::fold(|sum: &mut i64, chunk| { *sum += chunk; Ok(()) }).or_empty(|| 0);
    /// let chunks = Chunks::from_values([1, 2, 3], sum);
    /// assert_eq!(chunks.collect().await?, 6);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fold(push: fn(&mut T, T) -> Result<()>) -> Self {
        Self(Law::Fold(Fold { push, empty: None, json: None }))
    }

    /// What a stream without any chunk adds up to. Without it, such a stream is an error.
    #[must_use]
    pub fn or_empty(mut self, empty: fn() -> T) -> Self {
        if let Law::Fold(fold) = &mut self.0 {
            fold.empty = Some(empty);
        }
        self
    }

    /// Lets the chunks add up after they were serialised, too, so that a branch of a `RunnableParallel` that gives
    /// them streams. Without it, such a branch is collected and gives one chunk.
    #[must_use]
    pub fn through_json(mut self) -> Self
    where
        T: Serialize + DeserializeOwned + Send,
    {
        if let Law::Fold(fold) = &mut self.0 {
            fold.json = Some(|fold| {
                let typed = Merge(Law::Fold(Fold { ..*fold }));
                Merge::collect_with(move || Box::new(ThroughJson { typed: typed.collector() }))
            });
        }
        self
    }

    /// A fresh accumulator.
    #[must_use]
    pub fn collector(&self) -> Collector<T> {
        match &self.0 {
            Law::Collect(make) => Collector(State::Own(make())),
            _ => Collector(State::Law { merge: self.clone(), whole: None }),
        }
    }

    pub(crate) fn collect_with(make: impl Fn() -> Box<dyn Collect<T>> + Send + Sync + 'static) -> Self {
        Self(Law::Collect(Arc::new(make)))
    }

    pub(crate) fn late(resolve: impl Fn() -> Option<Self> + Send + Sync + 'static) -> Self {
        Self(Law::Late(Arc::new(resolve)))
    }

    pub(crate) const fn whole() -> Self {
        Self(Law::Whole)
    }

    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.0, Law::Whole)
    }

    /// Whether each chunk replaces the one before. `false` also where the law is not known yet, since the step that
    /// makes the chunks is chosen at run time.
    #[must_use]
    pub fn replaces(&self) -> bool {
        match &self.0 {
            Law::Last => true,
            Law::Late(resolve) => resolve().is_some_and(|merge| merge.replaces()),
            Law::Fold(_) | Law::Collect(_) | Law::Whole => false,
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        match &self.0 {
            Law::Late(resolve) => resolve().is_some_and(|merge| merge.is_known()),
            _ => true,
        }
    }

    /// The same law over serialised chunks, if it has that form.
    pub(crate) fn json(&self) -> Option<Merge<Value>> {
        if self.is_whole() {
            return None;
        }
        if let Some(json) = (self as &dyn Any).downcast_ref::<Merge<Value>>() {
            return Some(json.clone());
        }
        match &self.0 {
            Law::Last => Some(Merge::last()),
            Law::Fold(fold) => fold.json.map(|json| json(fold)),
            Law::Late(resolve) => resolve()?.json(),
            Law::Collect(_) | Law::Whole => None,
        }
    }

    /// The law of the same chunks after each was converted by `From`.
    pub(crate) fn converted<U: 'static>(&self) -> Merge<U> {
        let this: &dyn Any = self;
        if let Some(same) = this.downcast_ref::<Merge<U>>() {
            return same.clone();
        }
        match &self.0 {
            Law::Last => Merge::last(),
            // Text to JSON is the one conversion whose law is known: `Value::from(String)` is how text is serialised.
            law if this.is::<Merge<String>>() => {
                let late = match law {
                    Law::Late(resolve) => {
                        let resolve = resolve.clone();
                        Merge::late(move || resolve()?.json())
                    }
                    _ => self.json().unwrap_or(Merge::whole()),
                };
                (&late as &dyn Any).downcast_ref::<Merge<U>>().cloned().unwrap_or(Merge::whole())
            }
            _ => Merge::whole(),
        }
    }
}

impl Merge<String> {
    /// Chunks are pieces of a text.
    #[must_use]
    pub const fn append() -> Self {
        Self(Law::Fold(Fold {
            push: |text, piece| {
                text.push_str(&piece);
                Ok(())
            },
            empty: Some(String::new),
            json: Some(|_| JSON_TEXT),
        }))
    }
}

/// Pieces of a text that were serialised.
const JSON_TEXT: Merge<Value> = Merge(Law::Fold(Fold {
    push: |text, piece| match (text, piece) {
        (Value::String(text), Value::String(piece)) => {
            text.push_str(&piece);
            Ok(())
        }
        _ => Err(Error::new(ErrorKind::Parse, "a stream of text had a chunk that is no text")),
    },
    empty: Some(|| Value::String(String::new())),
    json: None,
}));

impl<T: Send + 'static> Merge<Vec<T>> {
    /// Chunks are pieces of a list.
    #[must_use]
    pub fn extend() -> Self {
        Self(Law::Fold(Fold {
            push: |list, mut piece| {
                list.append(&mut piece);
                Ok(())
            },
            empty: Some(Vec::new),
            json: Some(|_| {
                Merge(Law::Fold(Fold {
                    push: |list, piece| match (list, piece) {
                        (Value::Array(list), Value::Array(mut piece)) => {
                            list.append(&mut piece);
                            Ok(())
                        }
                        _ => Err(Error::new(ErrorKind::Parse, "a stream of a list had a chunk that is no list")),
                    },
                    empty: Some(|| Value::Array(Vec::new())),
                    json: None,
                }))
            }),
        }))
    }
}

/// A law for each key of an object.
pub(crate) struct KeyLaws {
    /// In declared order.
    laws: Vec<(String, Merge<Value>)>,
    places: HashMap<String, usize>,
}

impl KeyLaws {
    pub(crate) fn new(laws: Vec<(String, Merge<Value>)>) -> Arc<Self> {
        let places = laws.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        Arc::new(Self { laws, places })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.laws.iter().map(|(key, _)| key)
    }

    pub(crate) fn collectors(&self) -> impl Iterator<Item = Collector<Value>> {
        self.laws.iter().map(|(_, law)| law.collector())
    }

    /// Where a key stands.
    pub(crate) fn place(&self, key: &str) -> Result<usize> {
        self.places
            .get(key)
            .copied()
            .ok_or_else(|| Error::new(ErrorKind::Parse, format!("a chunk has the unknown key `{key}`")))
    }
}

impl Merge<Value> {
    /// Chunks are objects; the chunks of each key add up by a law of their own. The whole has the keys in the order
    /// given here, whatever order they came in.
    pub(crate) fn keys(laws: Vec<(String, Merge<Value>)>) -> Self {
        let laws = KeyLaws::new(laws);
        Self::collect_with(move || {
            Box::new(KeyCollector { laws: laws.clone(), collectors: laws.collectors().collect() })
        })
    }
}

struct KeyCollector {
    laws: Arc<KeyLaws>,
    collectors: Vec<Collector<Value>>,
}

impl Collect<Value> for KeyCollector {
    fn push(&mut self, chunk: Value) -> Result<()> {
        let Value::Object(object) = chunk else {
            return Err(Error::new(ErrorKind::Parse, "a stream of objects had a chunk that is no object"));
        };
        for (key, value) in object {
            self.collectors[self.laws.place(&key)?].push(value)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, wanted: Wanted<'_>) -> Result<Option<Value>> {
        let mut object = Map::with_capacity(self.collectors.len());
        for (key, collector) in self.laws.keys().zip(self.collectors).filter(|(key, _)| wanted(key)) {
            let value = collector.finish().map_err(|error| error.at(format!("key {key:?}")))?;
            object.insert(key.clone(), value);
        }
        Ok(Some(Value::Object(object)))
    }
}

/// Adds up serialised chunks by the law of the type they were serialised from.
struct ThroughJson<T> {
    typed: Collector<T>,
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Collect<Value> for ThroughJson<T> {
    fn push(&mut self, chunk: Value) -> Result<()> {
        self.typed.push(serde_json::from_value(chunk)?)
    }

    fn finish(self: Box<Self>, _: Wanted<'_>) -> Result<Option<Value>> {
        self.typed.finish_any(&|_| true)?.map(|whole| serde_json::to_value(whole).map_err(Error::from)).transpose()
    }
}

/// Adds chunks up by a [`Merge`] law.
pub struct Collector<T>(State<T>);

enum State<T> {
    Law { merge: Merge<T>, whole: Option<T> },
    Own(Box<dyn Collect<T>>),
}

impl<T: 'static> Collector<T> {
    /// Adds one chunk.
    ///
    /// # Errors
    /// When the chunk does not fit the ones before it.
    pub fn push(&mut self, chunk: T) -> Result<()> {
        let (merge, whole) = match &mut self.0 {
            State::Own(own) => return own.push(chunk),
            State::Law { merge, whole } => (merge, whole),
        };
        if let Law::Late(resolve) = &merge.0 {
            let resolved = resolve().unwrap_or(Merge::whole());
            *self = resolved.collector();
            return self.push(chunk);
        }
        match (&merge.0, whole.as_mut()) {
            (Law::Last, _) | (_, None) => *whole = Some(chunk),
            (Law::Fold(fold), Some(sum)) => (fold.push)(sum, chunk)?,
            (Law::Whole | Law::Late(_) | Law::Collect(_), Some(_)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "these chunks do not add up: they were converted one by one; collect before converting",
                ));
            }
        }
        Ok(())
    }

    /// The whole.
    ///
    /// # Errors
    /// [`ErrorKind::EmptyStream`] when there was no chunk and the law has no value for that.
    pub fn finish(self) -> Result<T> {
        self.finish_any(&|_| true)?.ok_or_else(|| {
            Error::new(ErrorKind::EmptyStream, "the stream ended without a chunk, and its values have no empty form")
        })
    }

    /// The whole, or nothing where there was no chunk and the law has no value for that.
    pub(crate) fn finish_any(self, wanted: Wanted<'_>) -> Result<Option<T>> {
        match self.0 {
            State::Own(own) => own.finish(wanted),
            State::Law { merge, whole: None } => Ok(merge.empty()),
            State::Law { whole, .. } => Ok(whole),
        }
    }
}

impl<T: 'static> Merge<T> {
    fn empty(&self) -> Option<T> {
        match &self.0 {
            Law::Fold(fold) => fold.empty.map(|empty| empty()),
            Law::Late(resolve) => resolve().and_then(|merge| merge.empty()),
            Law::Last | Law::Collect(_) | Law::Whole => None,
        }
    }
}

impl<T> Clone for Merge<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Law::Last => Law::Last,
            Law::Fold(fold) => Law::Fold(Fold { ..*fold }),
            Law::Collect(make) => Law::Collect(make.clone()),
            Law::Late(resolve) => Law::Late(resolve.clone()),
            Law::Whole => Law::Whole,
        })
    }
}

impl<T> fmt::Debug for Merge<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Law::Last => "Merge::last",
            Law::Fold(_) => "Merge::fold",
            Law::Collect(_) => "Merge::collect",
            Law::Late(_) => "Merge::late",
            Law::Whole => "Merge::whole",
        })
    }
}

impl<T> fmt::Debug for Collector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add_up<T: 'static>(merge: &Merge<T>, chunks: impl IntoIterator<Item = T>) -> Result<T> {
        let mut collector = merge.collector();
        for chunk in chunks {
            collector.push(chunk)?;
        }
        collector.finish()
    }

    #[test]
    fn laws() {
        assert_eq!(add_up(&Merge::last(), [1, 2, 3]).unwrap(), 3);
        assert!(Merge::<i32>::last().replaces() && !Merge::append().replaces());
        assert_eq!(add_up(&Merge::append(), ["a".to_string(), "b".to_string()]).unwrap(), "ab");
        assert_eq!(add_up(&Merge::extend(), [vec![1], vec![2, 3]]).unwrap(), [1, 2, 3]);
        let json = Merge::<Vec<i32>>::extend().json().unwrap();
        assert_eq!(add_up(&json, [json!([1]), json!([2])]).unwrap(), json!([1, 2]));
    }

    #[test]
    fn empty_streams_are_decided_by_the_law() {
        assert_eq!(add_up(&Merge::append(), []).unwrap(), "");
        assert_eq!(add_up(&Merge::<i32>::last(), []).unwrap_err().kind(), ErrorKind::EmptyStream);
    }

    #[test]
    fn keys_add_up_by_their_own_laws_and_in_declared_order() {
        let merge = Merge::keys(vec![("a".into(), JSON_TEXT), ("b".into(), Merge::last())]);
        let whole = add_up(&merge, [json!({"b": 1}), json!({"a": "x"}), json!({"b": 2}), json!({"a": "y"})]).unwrap();
        assert_eq!(whole.to_string(), r#"{"a":"xy","b":2}"#);
    }

    #[test]
    fn a_law_survives_serialisation() {
        let sum = Merge::fold(|sum: &mut i64, chunk| {
            *sum += chunk;
            Ok(())
        });
        assert!(sum.json().is_none());
        let json = sum.through_json().json().unwrap();
        assert_eq!(add_up(&json, [json!(1), json!(2)]).unwrap(), json!(3));
    }

    #[test]
    fn conversion_keeps_the_laws_it_can() {
        assert_eq!(add_up(&Merge::append().converted(), [json!("a"), json!("b")]).unwrap(), json!("ab"));
        assert!(Merge::append().converted::<Vec<u8>>().is_whole());
        assert!(!Merge::<i32>::last().converted::<i64>().is_whole());
    }
}
