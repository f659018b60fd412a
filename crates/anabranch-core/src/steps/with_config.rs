//! [`WithConfig`]: a step that brings a configuration along.

use crate::error::Result;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// See [`Runnable::with_config`].
#[derive(Debug, Clone)]
pub struct WithConfig<R> {
    step: R,
    config: RunConfig,
}

impl<R> WithConfig<R> {
    pub(crate) fn new(step: R, config: RunConfig) -> Self {
        Self { step, config }
    }
}

impl<R: Runnable> Runnable for WithConfig<R> {
    type Input = R::Input;
    type Output = R::Output;

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<R::Output> {
        let config = config.merged_with(&self.config);
        config.run(&self.step, input).await
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        if config.is_empty() {
            return self.config.stream(&self.step, input);
        }
        config.merged_with(&self.config).stream_owned(&self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

pipe_operator!(impl<R> for WithConfig<R> where R: Runnable);
