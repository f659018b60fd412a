//! [`Named`]: a step under a name of its own.

use crate::error::Result;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// See [`Runnable::with_name`].
#[derive(Debug, Clone)]
pub struct Named<R> {
    step: Relabelled<R>,
}

impl<R> Named<R> {
    pub(crate) fn new(step: R, name: impl Into<String>) -> Self {
        Self { step: Relabelled { step, name: name.into() } }
    }
}

/// Reports itself, wherever it stands, so that a named chain is named when it is the whole run, too.
impl<R: Runnable> Runnable for Named<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        config.run(&self.step, input)
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        config.stream(&self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

#[derive(Debug, Clone)]
struct Relabelled<R> {
    step: R,
    name: String,
}

impl<R: Runnable> Runnable for Relabelled<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.step.invoke_with(input, config)
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        self.step.transform_with(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        let kind = self.step.label().map_or("sequence", |label| label.kind);
        Some(Label::new(kind, self.name.as_str()))
    }

    fn describe(&self) -> Description {
        let mut description = self.step.describe();
        description.name.clone_from(&self.name);
        description
    }
}

pipe_operator!(impl<R> for Named<R> where R: Runnable);
