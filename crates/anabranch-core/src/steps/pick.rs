//! [`RunnablePick`]: some keys of an object.

use std::pin::Pin;
use std::task::Poll;

use futures_core::Stream;
use serde_json::{Map, Value};

use crate::description::{Description, Gives, Kind, Label, Needs, closest, listed_or};
use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::steps::json_kind::json_kind;
use crate::stream::chunks::Chunks;
use crate::stream::merge::{Collect, Collector, Merge, Wanted};
use crate::stream::yielding::Turns;

/// What [`RunnableExt::pick`](crate::RunnableExt::pick) picks: one key gives its value, several give an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// The value of one key.
    One(String),
    /// An object with these keys, in this order.
    Several(Vec<String>),
}

impl Keys {
    fn list(&self) -> &[String] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys,
        }
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Self::One(key.to_string())
    }
}

impl From<String> for Keys {
    fn from(key: String) -> Self {
        Self::One(key)
    }
}

impl<const N: usize> From<[&str; N]> for Keys {
    fn from(keys: [&str; N]) -> Self {
        Self::Several(keys.iter().map(ToString::to_string).collect())
    }
}

impl From<Vec<String>> for Keys {
    fn from(keys: Vec<String>) -> Self {
        Self::Several(keys)
    }
}

/// See [`RunnableExt::pick`](crate::RunnableExt::pick).
#[derive(Debug, Clone)]
pub struct RunnablePick {
    keys: Keys,
}

impl RunnablePick {
    pub(crate) fn new(keys: impl Into<Keys>) -> Self {
        Self { keys: keys.into() }
    }

    /// Takes the keys out of the whole.
    fn pick(&self, input: Value) -> Result<Value> {
        let Value::Object(mut object) = input else {
            return Err(Error::invalid_input(format!(
                "`pick` takes an object with the key {}, but it was given {}",
                listed_or(self.keys.list(), "(none)"),
                json_kind(&input)
            )));
        };
        match &self.keys {
            Keys::One(key) => object.get_mut(key).map(Value::take).ok_or_else(|| absent(key, &object)),
            Keys::Several(keys) => {
                let mut picked = Map::with_capacity(keys.len());
                for key in keys {
                    let value = object.get_mut(key).map(Value::take).ok_or_else(|| absent(key, &object))?;
                    picked.insert(key.clone(), value);
                }
                Ok(Value::Object(picked))
            }
        }
    }

    /// Takes what a chunk has of the keys.
    fn pick_some(&self, chunk: Value) -> Result<Option<Value>> {
        let Value::Object(mut object) = chunk else { return self.pick(chunk).map(Some) };
        Ok(match &self.keys {
            Keys::One(key) => object.get_mut(key).map(Value::take),
            Keys::Several(keys) => {
                object.retain(|key, _| keys.contains(key));
                (!object.is_empty()).then_some(Value::Object(object))
            }
        })
    }
}

/// What is wrong with keys of which no chunk came: nothing, if that is a value. Then their law has it.
#[cold]
fn never_came(keys: &[&String], objects: &Merge<Value>, there: &Map<String, Value>) -> Option<Error> {
    if keys.is_empty() {
        return None;
    }
    match objects.collector().finish_any(&|key| keys.iter().any(|wanted| *wanted == key)) {
        Ok(nothing) => keys
            .iter()
            .find(|key| nothing.as_ref().is_none_or(|object| object.get(key.as_str()).is_none()))
            .map(|key| absent(key, there)),
        Err(error) => Some(error),
    }
}

#[cold]
fn absent(key: &str, object: &Map<String, Value>) -> Error {
    let there: Vec<_> = object.keys().collect();
    let mut message = format!("`pick` found no key `{key}`: there are {}", listed_or(&there, "no keys at all"));
    if let Some(meant) = closest(key, &there) {
        message += &format!("; did you mean `{meant}`?");
    }
    Error::invalid_input(message)
}

impl Runnable for RunnablePick {
    type Input = Value;
    type Output = Value;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<Value> {
        self.pick(input)
    }

    /// Chunks without the keys are skipped. A key that never came is an error at the end.
    fn call_stream<'a>(&'a self, input: Chunks<'a, Value>, _: &'a RunConfig) -> Chunks<'a, Value> {
        let mut input = input;
        input.make_lawful();
        let merge = match &self.keys {
            Keys::One(key) => input.merge().of_key(key),
            Keys::Several(keys) => input.merge().of_keys(keys),
        };
        let objects = input.merge();
        let mut wanted: Vec<&String> = self.keys.list().iter().collect();
        // The keys that came, for the message; as long as one is missing.
        let mut there = Map::new();
        // Chunks without a wanted key: an endless number of them must not keep the thread.
        let mut dropped = Turns::default();
        let picked = futures_util::stream::poll_fn(move |cx| {
            loop {
                let next = match Pin::new(&mut input).poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(next) => next,
                };
                let chunk = match next {
                    Some(Ok(chunk)) => chunk,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        let wanted = std::mem::take(&mut wanted);
                        return Poll::Ready(never_came(&wanted, &objects, &there).map(Err));
                    }
                };
                if !wanted.is_empty() {
                    wanted.retain(|key| chunk.get(key.as_str()).is_none());
                    for key in chunk.as_object().into_iter().flat_map(Map::keys) {
                        if !there.contains_key(key) {
                            there.insert(key.clone(), Value::Null);
                        }
                    }
                }
                match self.pick_some(chunk) {
                    Ok(None) => std::task::ready!(dropped.poll_next(cx)),
                    Ok(Some(picked)) => return Poll::Ready(Some(Ok(picked))),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
        });
        Chunks::new(picked, merge)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::PICK, "pick"))
    }

    fn describe(&self) -> Description {
        let keys = self.keys.list().to_vec();
        let gives = match &self.keys {
            Keys::One(_) => Gives::Unknown,
            Keys::Several(keys) => Gives::Keys { keys: keys.clone(), optional: Vec::new() },
        };
        Description::new(Kind::PICK, "pick").needs(Needs::keys(keys)).gives(gives)
    }
}

pipe_operator!(impl for RunnablePick);

impl Merge<Value> {
    /// The law of one key of chunks that are objects.
    fn of_key(&self, key: &str) -> Self {
        let (objects, key) = (self.clone(), key.to_string());
        Self::collect_with(move || Box::new(KeyOf { objects: objects.collector(), key: key.clone() }))
    }

    /// The law of some keys of chunks that are objects; the whole has them in this order.
    fn of_keys(&self, keys: &[String]) -> Self {
        let (objects, keys) = (self.clone(), keys.to_vec());
        Self::collect_with(move || Box::new(KeysOf { objects: objects.collector(), keys: keys.clone() }))
    }
}

struct KeyOf {
    objects: Collector<Value>,
    key: String,
}

impl Collect<Value> for KeyOf {
    fn push(&mut self, chunk: Value) -> Result<()> {
        self.objects.push(Value::Object([(self.key.clone(), chunk)].into_iter().collect()))
    }

    fn finish(self: Box<Self>, _: Wanted<'_>) -> Result<Option<Value>> {
        let whole = self.objects.finish_any(&|key| key == self.key)?;
        Ok(whole.and_then(|mut whole| whole.get_mut(&self.key).map(Value::take)))
    }
}

struct KeysOf {
    objects: Collector<Value>,
    keys: Vec<String>,
}

impl Collect<Value> for KeysOf {
    fn push(&mut self, chunk: Value) -> Result<()> {
        self.objects.push(chunk)
    }

    fn finish(self: Box<Self>, _: Wanted<'_>) -> Result<Option<Value>> {
        let whole = self.objects.finish_any(&|key| self.keys.iter().any(|wanted| wanted == key))?;
        let Some(Value::Object(mut whole)) = whole else { return Ok(None) };
        let picked = self.keys.iter().filter_map(|key| Some((key.clone(), whole.get_mut(key)?.take())));
        Ok(Some(Value::Object(picked.collect())))
    }
}
