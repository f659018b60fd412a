//! [`Work`]: what a node does, with the types of its step forgotten.

use std::any::Any;
use std::borrow::Borrow;
use std::marker::PhantomData;
use std::sync::Arc;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Accepts, Error, ErrorKind, Result, Runnable};
use futures_util::future::{BoxFuture, ready};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::dynamic::DynamicFields;
use crate::panics::{caught, caught_in};
use crate::run::{Inside, Path};
use crate::shape::Shape;
use crate::state::State;
use crate::step::Step;
use crate::update::Update;

/// What comes of a node: its update.
pub(crate) type Writes<S> = Vec<<S as State>::Write>;
pub(crate) type Running<S> = BoxFuture<'static, Result<Writes<S>>>;

pub(crate) enum Work<S: State> {
    Step(Arc<dyn StepWork<Arc<S>, S>>),
    Map(Arc<dyn MapWork<S>>),
    Ask(Arc<dyn AskWork<S>>),
}

impl<S: State> Work<S> {
    /// What it says of its step, if it has one.
    pub(crate) fn describe(&self) -> Option<Description> {
        match self {
            Self::Step(work) => Some(work.describe()),
            Self::Map(work) => Some(work.describe()),
            Self::Ask(_) => None,
        }
    }
}

/// A step that gives an update.
pub(crate) trait StepWork<I, S: State>: Send + Sync {
    fn start(self: Arc<Self>, input: I, inside: &Inside, path: &Path) -> Running<S>;
    fn shape(&self) -> Option<&Shape>;
    fn describe(&self) -> Description;
}

/// The items of a list, side by side.
pub(crate) trait MapWork<S: State>: Send + Sync {
    /// How many there are, and what starts each of them.
    fn start(self: Arc<Self>, state: &S, inside: &Inside, path: &Path) -> Vec<Running<S>>;
    fn shape(&self) -> Option<&Shape>;
    fn describe(&self) -> Description;
}

/// A question, and what becomes of the answer.
pub(crate) trait AskWork<S: State>: Send + Sync {
    fn question(&self, state: &S) -> Result<Value>;
    fn answer(&self, state: &S, value: Value) -> Result<Writes<S>>;
}

/// A step whose output is an update.
pub(crate) struct OfRunnable<R, I> {
    step: R,
    declared: Arc<DynamicFields>,
    input: PhantomData<fn(I)>,
}

impl<R, I> OfRunnable<R, I> {
    pub(crate) fn new(step: R, declared: Arc<DynamicFields>) -> Self {
        Self { step, declared, input: PhantomData }
    }
}

impl<R, I, T, S> StepWork<I, S> for OfRunnable<R, (I, T)>
where
    R: Runnable + 'static,
    R::Input: Accepts<I>,
    R::Output: Update<S>,
    I: Borrow<T> + Send + 'static,
    T: Send + Sync + 'static,
    S: State,
{
    fn start(self: Arc<Self>, input: I, inside: &Inside, path: &Path) -> Running<S> {
        let step = (&self.step as &dyn Any).downcast_ref::<Step<T, R::Output>>();
        let nested = match caught(|| step.and_then(|step| step.inner.clone().nested(input.borrow(), inside, path))) {
            Ok(nested) => nested,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let config = if nested.is_some() { inside.config() } else { inside.config_of(path) };
        // For observers of the whole run, of which not even the path is known where there are none.
        let observed = config.step_path().map(|_| format!("node \"{}\"", path.text));
        let working = inside.working();
        let running = async move {
            let update = match nested {
                Some(running) => {
                    drop(working);
                    running.await?
                }
                None => {
                    let input = R::Input::accept(input);
                    let update = match observed {
                        None => config.run(&self.step, input).await,
                        // In a box, so that nobody else pays for it.
                        Some(name) => {
                            let node = Label::new(Kind::new("node"), name);
                            Box::pin(config.run_part(node, &self.step, input)).await
                        }
                    };
                    drop(working);
                    update?
                }
            };
            let mut writes = Vec::new();
            update.into_writes(&mut writes);
            S::admit(&mut writes, &self.declared)?;
            Ok(writes)
        };
        Box::pin(caught_in(running))
    }

    fn shape(&self) -> Option<&Shape> {
        let step = (&self.step as &dyn Any).downcast_ref::<Step<T, R::Output>>()?;
        step.inner.shape()
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

/// A list, and the step of each of its items.
pub(crate) struct OfList<S, F, R, T> {
    list: F,
    step: Arc<OfRunnable<R, (T, T)>>,
    state: PhantomData<fn(S)>,
}

impl<S, F, R, T> OfList<S, F, R, T> {
    pub(crate) fn new(list: F, step: R, declared: Arc<DynamicFields>) -> Self {
        Self { list, step: Arc::new(OfRunnable::new(step, declared)), state: PhantomData }
    }
}

impl<S, F, L, R, T> MapWork<S> for OfList<S, F, R, T>
where
    S: State,
    F: Fn(&S) -> L + Send + Sync,
    L: IntoIterator<Item = T>,
    R: Runnable + 'static,
    R::Input: Accepts<T>,
    R::Output: Update<S>,
    T: Send + Sync + 'static,
{
    fn start(self: Arc<Self>, state: &S, inside: &Inside, path: &Path) -> Vec<Running<S>> {
        let start = |(index, item)| StepWork::<T, S>::start(self.step.clone(), item, inside, &path.item(index));
        (self.list)(state).into_iter().enumerate().map(start).collect()
    }

    fn shape(&self) -> Option<&Shape> {
        StepWork::<T, S>::shape(&*self.step)
    }

    fn describe(&self) -> Description {
        StepWork::<T, S>::describe(&*self.step)
    }
}

/// A question by a function of the state, an update by one of the answer.
pub(crate) struct OfQuestion<Q, W, T> {
    pub(crate) question: Q,
    pub(crate) write: W,
    pub(crate) declared: Arc<DynamicFields>,
    pub(crate) types: PhantomData<fn() -> T>,
}

impl<S, Q, P, W, A, U> AskWork<S> for OfQuestion<Q, W, (P, A)>
where
    S: State,
    Q: Fn(&S) -> P + Send + Sync,
    P: serde::Serialize,
    W: Fn(&S, A) -> U + Send + Sync,
    A: DeserializeOwned,
    U: Update<S>,
{
    fn question(&self, state: &S) -> Result<Value> {
        Ok(serde_json::to_value((self.question)(state))?)
    }

    fn answer(&self, state: &S, value: Value) -> Result<Writes<S>> {
        let came = kind_of(&value);
        let answer = serde_json::from_value(value).map_err(|_| {
            let wanted = std::any::type_name::<A>();
            Error::new(ErrorKind::InvalidInput, format!("the answer is {came}, where a `{wanted}` was expected"))
        })?;
        let mut writes = Vec::new();
        (self.write)(state, answer).into_writes(&mut writes);
        S::admit(&mut writes, &self.declared)?;
        Ok(writes)
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
