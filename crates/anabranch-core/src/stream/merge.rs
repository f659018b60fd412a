//! [`Merge`]: how the chunks of a stream add up to the whole.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::stream::late::LateLaw;
use crate::work::panics::caught_in;

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
    Collect(Arc<dyn CollectLaw<T>>),
}

/// A law that folds chunk after chunk into the first.
struct Fold<T> {
    push: fn(&mut T, T) -> Result<()>,
    empty: Option<fn() -> T>,
    json: Option<JsonForm<T>>,
}

/// Makes the same law for chunks that were serialised.
type JsonForm<T> = fn(&Fold<T>) -> Merge<Value>;

/// A law with state of its own.
pub(crate) trait CollectLaw<T>: Send + Sync {
    /// A fresh accumulator.
    fn collector(&self) -> Box<dyn Collect<T>>;

    /// The law it stands for, if it only stands for another one.
    fn resolved(&self) -> Option<Merge<T>> {
        None
    }
}

impl<T, F: Fn() -> Box<dyn Collect<T>> + Send + Sync> CollectLaw<T> for F {
    fn collector(&self) -> Box<dyn Collect<T>> {
        self()
    }
}

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
            Law::Last => Collector(State::Last(None)),
            Law::Fold(fold) => Collector(State::Fold(Fold { ..*fold }, None)),
            Law::Collect(law) => Collector(State::Own(law.collector())),
        }
    }

    pub(crate) fn collect_by(law: impl CollectLaw<T> + 'static) -> Self {
        Self(Law::Collect(Arc::new(law)))
    }

    pub(crate) fn collect_with(make: impl Fn() -> Box<dyn Collect<T>> + Send + Sync + 'static) -> Self {
        Self::collect_by(make)
    }

    /// Whether each chunk replaces the one before.
    #[must_use]
    pub fn replaces(&self) -> bool {
        match &self.0 {
            Law::Last => true,
            Law::Fold(_) => false,
            Law::Collect(law) => law.resolved().is_some_and(|merge| merge.replaces()),
        }
    }

    /// The same law over serialised chunks, if it has that form.
    pub(crate) fn json(&self) -> Option<Merge<Value>> {
        if let Some(json) = (self as &dyn Any).downcast_ref::<Merge<Value>>() {
            return Some(json.clone());
        }
        match &self.0 {
            Law::Last => Some(Merge::last()),
            Law::Fold(fold) => fold.json.map(|json| json(fold)),
            Law::Collect(law) => law.resolved()?.json(),
        }
    }

    /// The law of the same chunks after each was converted by `From`, where it has one.
    pub(crate) fn converted<U: 'static>(&self) -> Option<Merge<U>> {
        let this: &dyn Any = self;
        if let Some(same) = this.downcast_ref::<Merge<U>>() {
            return Some(same.clone());
        }
        match &self.0 {
            Law::Last => Some(Merge::last()),
            // Text to JSON is the one conversion whose law is known: `Value::from(String)` is how text is serialised.
            _ if this.is::<Merge<String>>() => (&self.json()? as &dyn Any).downcast_ref::<Merge<U>>().cloned(),
            _ => None,
        }
    }

    /// An error where a stream without a chunk is one.
    pub(crate) fn accept_nothing(&self) -> Result<()> {
        self.collector().finish().map(drop)
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

/// A law for each key of an object, known when its branch has begun.
pub(crate) struct KeyLaws {
    /// In declared order.
    laws: Vec<(String, LateLaw<Value>)>,
    places: HashMap<String, usize>,
}

impl KeyLaws {
    pub(crate) fn new(laws: Vec<(String, LateLaw<Value>)>) -> Arc<Self> {
        let places = laws.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        Arc::new(Self { laws, places })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.laws.iter().map(|(key, _)| key)
    }

    pub(crate) fn collectors(&self) -> impl Iterator<Item = Collector<Value>> {
        self.laws.iter().map(|(_, law)| law.as_merge().collector())
    }

    /// Where a key stands.
    pub(crate) fn place(&self, key: &str) -> Result<usize> {
        self.places
            .get(key)
            .copied()
            .ok_or_else(|| Error::new(ErrorKind::Parse, "a chunk has a key that no branch has"))
    }
}

impl Merge<Value> {
    /// Chunks are objects; the chunks of each key add up by a law of their own. The whole has the keys in the order
    /// given here, whatever order they came in.
    pub(crate) fn keys(laws: Arc<KeyLaws>) -> Self {
        Self::collect_with(move || {
            Box::new(KeyCollector { laws: laws.clone(), collectors: laws.collectors().collect() })
        })
    }
}

/// How the branch of a key is named in errors.
fn branch_name(key: &str) -> String {
    format!("parallel {key:?}")
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
            let place = self.laws.place(&key)?;
            self.collectors[place].push(value).map_err(|error| error.at(branch_name(&key)))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, wanted: Wanted<'_>) -> Result<Option<Value>> {
        let mut object = Map::with_capacity(self.collectors.len());
        for (key, collector) in self.laws.keys().zip(self.collectors).filter(|(key, _)| wanted(key)) {
            let value = collector.finish().map_err(|error| error.at(branch_name(key)))?;
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
    Last(Option<T>),
    Fold(Fold<T>, Option<T>),
    Own(Box<dyn Collect<T>>),
}

impl<T: 'static> Collector<T> {
    /// Adds one chunk.
    ///
    /// # Errors
    /// When the chunk does not fit the ones before it; when the law panics.
    pub fn push(&mut self, chunk: T) -> Result<()> {
        match &mut self.0 {
            State::Last(whole) | State::Fold(_, whole @ None) => *whole = Some(chunk),
            // Whoever adds up may stand outside of what would have caught the panic of the step whose law it is.
            State::Fold(fold, Some(whole)) => caught_in(|| (fold.push)(whole, chunk))?,
            State::Own(own) => own.push(chunk)?,
        }
        Ok(())
    }

    /// The whole.
    ///
    /// # Errors
    /// [`ErrorKind::EmptyStream`] when there was no chunk and the law has no value for that.
    pub fn finish(self) -> Result<T> {
        self.finish_any(&|_| true)?.ok_or_else(empty_stream)
    }

    /// The whole, or nothing where there was no chunk and the law has no value for that.
    pub(crate) fn finish_any(self, wanted: Wanted<'_>) -> Result<Option<T>> {
        match self.0 {
            State::Last(whole) => Ok(whole),
            State::Fold(Fold { empty: Some(empty), .. }, None) => caught_in(|| Ok(Some(empty()))),
            State::Fold(_, whole) => Ok(whole),
            State::Own(own) => own.finish(wanted),
        }
    }
}

#[cold]
pub(crate) fn empty_stream() -> Error {
    Error::new(ErrorKind::EmptyStream, "the stream ended without a chunk, and its values have no empty form")
}

impl<T> Clone for Merge<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Law::Last => Law::Last,
            Law::Fold(fold) => Law::Fold(Fold { ..*fold }),
            Law::Collect(law) => Law::Collect(law.clone()),
        })
    }
}

impl<T> fmt::Debug for Merge<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Law::Last => "Merge::last",
            Law::Fold(_) => "Merge::fold",
            Law::Collect(_) => "Merge::collect",
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
        let law = |merge| {
            let law = LateLaw::new();
            law.set(Some(merge));
            law
        };
        let merge = Merge::keys(KeyLaws::new(vec![("a".into(), law(JSON_TEXT)), ("b".into(), law(Merge::last()))]));
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
        assert_eq!(add_up(&Merge::append().converted().unwrap(), [json!("a"), json!("b")]).unwrap(), json!("ab"));
        assert!(Merge::append().converted::<Vec<u8>>().is_none());
        assert!(Merge::<i32>::last().converted::<i64>().is_some());
    }
}
