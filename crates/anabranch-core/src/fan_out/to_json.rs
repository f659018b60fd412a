//! [`ToJson`]: values that can stand in a JSON object.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use serde::Serialize;
use serde_json::Value;

use crate::description::{Description, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::run::config::RunConfig;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// What a branch of a [`RunnableParallel`](crate::RunnableParallel) may give: everything that is
/// [`serde::Serialize`].
#[diagnostic::on_unimplemented(
    message = "a branch of a parallel gives `{Self}`, which cannot be turned into JSON",
    label = "this branch gives `{Self}`, which is not `serde::Serialize`",
    note = "derive `serde::Serialize` for it, or turn it into something else first: `.pipe(async |value: {Self}| ...)`"
)]
pub trait ToJson: Send + 'static {
    /// The value as JSON.
    ///
    /// # Errors
    /// When it has no JSON form, such as a map whose keys are no text.
    fn to_json(self) -> Result<Value>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + 'static> ToJson for T {
    fn to_json(self) -> Result<Value> {
        // Text and JSON, which nearly all branches give, are moved instead of written out again.
        let mut this = Some(self);
        let any: &mut dyn Any = &mut this;
        if let Some(value) = any.downcast_mut::<Option<Value>>() {
            return Ok(value.take().unwrap_or_default());
        }
        if let Some(text) = any.downcast_mut::<Option<String>>() {
            return Ok(text.take().map(Value::String).unwrap_or_default());
        }
        serde_json::to_value(this).map_err(|error| {
            Error::new(ErrorKind::Parse, format!("the output of the branch has no JSON form: {:?}", error.classify()))
        })
    }
}

/// A step whose output is turned into JSON.
pub(crate) struct Serialized<R>(pub(crate) R);

impl<R: Runnable<Output: ToJson>> Runnable for Serialized<R> {
    type Input = R::Input;
    type Output = Value;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<Value>> + Send {
        Serializing { running: self.0.call(input, config) }
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, Value> {
        let mut chunks = self.0.call_stream(input, config);
        chunks.make_lawful();
        match chunks.known_law() {
            Some(_) => serialized(chunks),
            None => Chunks::deferred(async move { Ok(serialized(chunks.with_law_known().await?)) }),
        }
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }
}

/// Chunk by chunk, if chunks add up after that; else the whole.
fn serialized<T: ToJson>(chunks: Chunks<'_, T>) -> Chunks<'_, Value> {
    match chunks.known_law().and_then(|merge| merge.json()) {
        Some(merge) => chunks.map_chunks(ToJson::to_json, merge),
        None => Chunks::from_future(async move { chunks.collect().await?.to_json() }),
    }
}

pin_project! {
    struct Serializing<F> {
        #[pin]
        running: F,
    }
}

impl<T: ToJson, F: Future<Output = Result<T>>> Future for Serializing<F> {
    type Output = Result<Value>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Value>> {
        Poll::Ready(ready!(self.project().running.poll(cx)).and_then(ToJson::to_json))
    }
}
