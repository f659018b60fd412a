//! [`RunnableAssign`]: an object and computed keys.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::fan_out::parallel::RunnableParallel;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::{Composed, Description, Gives, Needs};
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::stream::merge::{Collect, Collector, Merge, Wanted};

/// See [`Runnable::assign`].
#[derive(Debug, Clone)]
pub struct RunnableAssign {
    branches: RunnableParallel<Value>,
}

impl RunnableAssign {
    pub(crate) fn new(branches: RunnableParallel<Value>) -> Self {
        Self { branches }
    }

    fn object(value: Value) -> Result<Map<String, Value>> {
        match value {
            Value::Object(object) => Ok(object),
            other => Err(Error::invalid_input(format!(
                "`assign` adds keys to an object, but it was given {}",
                kind_of(&other)
            ))
            .at("assign")),
        }
    }
}

impl Runnable for RunnableAssign {
    type Input = Value;
    type Output = Value;

    async fn invoke_with(&self, input: Value, config: &RunConfig) -> Result<Value> {
        let mut object = Self::object(input.clone())?;
        let computed = Self::object(config.run(&self.branches, input).await?)?;
        for key in self.branches.keys() {
            object.shift_remove(key);
        }
        object.extend(computed);
        Ok(Value::Object(object))
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, Value>, config: &'a RunConfig) -> Chunks<'a, Value> {
        let mut inputs = input.tee(2).into_iter();
        let (Some(passed), Some(taken)) = (inputs.next(), inputs.next()) else {
            return Chunks::failed(Error::invalid_input("no input"));
        };
        let computed = config.stream(&self.branches, taken);
        let keys: HashSet<String> = self.branches.keys().map(str::to_string).collect();
        let (given, added) = (passed.merge().clone(), computed.merge().clone());
        let merge = Merge::collect_with({
            let keys = keys.clone();
            move || Box::new(AssignCollector { keys: keys.clone(), given: given.collector(), added: added.collector() })
        });
        let stream = AssignStream { passed: Some(passed), computed: Some(computed), waiting: VecDeque::new(), keys };
        Chunks::new(stream, merge)
    }

    /// The branches are named; the assign itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new("assign", "assign")
            .needs(Needs::Object)
            .gives(Gives::InputAnd(self.branches.keys().map(str::to_string).collect()))
            .with_children(Composed::SideBySide, self.branches.describe().children)
    }
}

pipe_operator!(impl for RunnableAssign);

/// What a JSON value is, for messages: never the value itself.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The input's chunks first, without the computed keys; then those of the branches, which run from the start.
struct AssignStream<'a> {
    /// `None` after its end.
    passed: Option<Chunks<'a, Value>>,
    /// `None` after its end.
    computed: Option<Chunks<'a, Value>>,
    /// What the branches made before the input's end.
    waiting: VecDeque<Value>,
    keys: HashSet<String>,
}

impl AssignStream<'_> {
    /// Lets the branches go on while the input is read.
    fn take_in_computed(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while let Some(computed) = &mut self.computed {
            match Pin::new(computed).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(chunk)) => self.waiting.push_back(chunk?),
                Poll::Ready(None) => self.computed = None,
            }
        }
        Ok(())
    }

    /// The input's next chunk without the computed keys; `None` when it is over.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Value>>> {
        while let Some(passed) = &mut self.passed {
            let chunk = match Pin::new(passed).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    self.passed = None;
                    break;
                }
                Poll::Ready(Some(chunk)) => chunk.and_then(RunnableAssign::object),
            };
            let mut chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            let was_empty = chunk.is_empty();
            chunk.retain(|key, _| !self.keys.contains(key));
            // A chunk of nothing but replaced keys is nothing to hand on.
            if was_empty || !chunk.is_empty() {
                return Poll::Ready(Some(Ok(Value::Object(chunk))));
            }
        }
        Poll::Ready(None)
    }
}

impl Stream for AssignStream<'_> {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.passed.is_some() {
            if let Err(error) = this.take_in_computed(cx) {
                return Poll::Ready(Some(Err(error)));
            }
            match this.poll_passed(cx) {
                Poll::Ready(None) => {}
                next => return next,
            }
        }
        if let Some(chunk) = this.waiting.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &mut this.computed {
            Some(computed) => Pin::new(computed).poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

struct AssignCollector {
    keys: HashSet<String>,
    given: Collector<Value>,
    added: Collector<Value>,
}

impl Collect<Value> for AssignCollector {
    fn push(&mut self, chunk: Value) -> Result<()> {
        let computed = chunk.as_object().is_some_and(|object| object.keys().any(|key| self.keys.contains(key)));
        if computed { self.added.push(chunk) } else { self.given.push(chunk) }
    }

    fn finish(self: Box<Self>, wanted: Wanted<'_>) -> Result<Option<Value>> {
        let kept = |key: &str| wanted(key) && !self.keys.contains(key);
        let mut object = match self.given.finish_any(&kept)? {
            Some(given) => RunnableAssign::object(given)?,
            None => Map::new(),
        };
        object.retain(|key, _| kept(key));
        if let Some(added) = self.added.finish_any(wanted)? {
            object.extend(RunnableAssign::object(added)?);
        }
        Ok(Some(Value::Object(object)))
    }
}
