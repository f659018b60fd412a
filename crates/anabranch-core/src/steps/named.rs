//! [`Named`]: a step under a name of its own.

use std::future::Future;

use crate::description::{Description, Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// See [`RunnableExt::with_name`](crate::RunnableExt::with_name).
#[derive(Debug, Clone)]
pub struct Named<R> {
    step: R,
    name: String,
}

impl<R> Named<R> {
    pub(crate) fn new(step: R, name: impl Into<String>) -> Self {
        Self { step, name: name.into() }
    }
}

/// The name stands in the place of the step's own.
impl<R: Runnable> Runnable for Named<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.step.call(input, config)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        self.step.call_stream(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        let kind = self.step.label().map_or(Kind::SEQUENCE, |label| label.kind);
        Some(Label::new(kind, self.name.as_str()))
    }

    fn describe(&self) -> Description {
        self.step.describe().named(&self.name)
    }
}

pipe_operator!(impl<R> for Named<R> where R: Runnable);
