//! [`RunnableAssign`]: an object and computed keys.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::{Map, Value};

use crate::description::{Composed, Description, Gives, Kind, Label, Needs};
use crate::error::{Error, Result};
use crate::fan_out::parallel::RunnableParallel;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::steps::json_kind::json_kind;
use crate::stream::chunks::Chunks;
use crate::stream::merge::{Collect, Collector, Merge, Wanted};
use crate::stream::yielding::Turns;

/// See [`RunnableExt::assign`](crate::RunnableExt::assign).
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
                json_kind(&other)
            ))
            .at("assign")),
        }
    }
}

impl Runnable for RunnableAssign {
    type Input = Value;
    type Output = Value;

    async fn call(&self, input: Value, config: &RunConfig) -> Result<Value> {
        let mut object = Self::object(input.clone())?;
        let computed = Self::object(run(config, &self.branches, input).await?)?;
        for key in self.branches.keys() {
            object.shift_remove(key);
        }
        object.extend(computed);
        Ok(Value::Object(object))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Value>, config: &'a RunConfig) -> Chunks<'a, Value> {
        let mut inputs = input.tee(2).into_iter();
        let (Some(passed), Some(taken)) = (inputs.next(), inputs.next()) else {
            return Chunks::failed(Error::invalid_input("no input"));
        };
        let mut computed = stream(config, &self.branches, taken);
        computed.begin();
        let keys: HashSet<String> = self.branches.keys().map(str::to_string).collect();
        let (given, added) = (passed.merge(), computed.merge());
        let merge = Merge::collect_with({
            let keys = keys.clone();
            move || Box::new(AssignCollector { keys: keys.clone(), given: given.collector(), added: added.collector() })
        });
        let stream = AssignStream {
            passed: Some(passed),
            // Nothing is computed by no branches.
            computed: (!keys.is_empty()).then_some(computed),
            waiting: VecDeque::new(),
            failed: None,
            keys,
            dropped: Turns::default(),
        };
        Chunks::new(stream, merge)
    }

    /// The branches are named; the assign itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new(Kind::ASSIGN, "assign")
            .needs(Needs::Object)
            .gives(Gives::InputAnd(self.branches.keys().map(str::to_string).collect()))
            .with_children(Composed::AllOf, self.branches.describe().take_children())
            .keyed()
            .with_checked(self.branches.checked())
    }
}

pipe_operator!(impl for RunnableAssign);

/// How many chunks the branches may be ahead of the input: then they wait until it is over.
const AHEAD: usize = 64;

/// The input's chunks first, without the computed keys; then those of the branches, which run from the start.
struct AssignStream<'a> {
    /// `None` after its end.
    passed: Option<Chunks<'a, Value>>,
    /// `None` after its end.
    computed: Option<Chunks<'a, Value>>,
    /// What the branches made before the input's end.
    waiting: VecDeque<Value>,
    /// What a branch failed with while the input still had a chunk to hand on.
    failed: Option<Error>,
    keys: HashSet<String>,
    /// Chunks of nothing but replaced keys: an endless number of them must not keep the thread.
    dropped: Turns,
}

impl AssignStream<'_> {
    /// Lets the branches go on while the input is read, but not without end.
    fn take_in_computed(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while let Some(computed) = self.computed.as_mut().filter(|_| self.waiting.len() < AHEAD) {
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
            std::task::ready!(self.dropped.poll_next(cx));
        }
        Poll::Ready(None)
    }
}

impl Stream for AssignStream<'_> {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.passed.is_some() {
            if let Some(error) = this.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let passed = this.poll_passed(cx);
            match (passed, this.take_in_computed(cx)) {
                (Poll::Ready(Some(passed)), computed) => {
                    this.failed = computed.err();
                    return Poll::Ready(Some(passed));
                }
                (_, Err(error)) => return Poll::Ready(Some(Err(error))),
                (Poll::Pending, Ok(())) => return Poll::Pending,
                (Poll::Ready(None), Ok(())) => {}
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
