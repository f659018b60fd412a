//! [`ToJson`]: values that can stand in a JSON object.

use std::any::Any;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
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

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<Value> {
        self.0.invoke_with(input, config).await?.to_json()
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, Value> {
        let chunks = self.0.transform_with(input, config);
        match chunks.merge().json() {
            Some(merge) => chunks.map_chunks(ToJson::to_json, merge),
            // The law has no form for serialised chunks, or is not known yet. Where the chunks are collected anyway
            // the whole is right in any case; who wants them one by one gets them as soon as the law is known.
            None => Chunks::deferred(async move {
                let chunks = chunks.with_law_known().await?;
                Ok(match chunks.merge().json() {
                    Some(merge) => chunks.map_chunks(ToJson::to_json, merge),
                    None => Chunks::from_future(async move { chunks.collect().await?.to_json() }),
                })
            }),
        }
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }
}
