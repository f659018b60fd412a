//! [`WithConfig`]: a step that brings a configuration along.

use std::future::Future;

use crate::description::{Description, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::or_boxed::OrBoxed;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::{stream, stream_owned};
use crate::stream::chunks::Chunks;

/// See [`RunnableExt::with_config`](crate::RunnableExt::with_config).
#[derive(Debug, Clone)]
pub struct WithConfig<R> {
    step: R,
    config: RunConfig,
}

impl<R> WithConfig<R> {
    pub(crate) fn new(step: R, config: RunConfig) -> Self {
        Self { step, config }
    }

    /// What holds for a call: nothing more than what the step brings along, or a configuration of its own.
    fn merged(&self, call: &RunConfig) -> Option<RunConfig> {
        if call.is_empty() { self.config.started() } else { Some(call.merged_with(&self.config)) }
    }
}

impl<R: Runnable> Runnable for WithConfig<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        if config.is_empty() && !self.config.has_timeout() {
            return OrBoxed::InPlace { running: run(&self.config, &self.step, input) };
        }
        let running = async move {
            match self.merged(config) {
                Some(merged) => run(&merged, &self.step, input).await,
                None => run(&self.config, &self.step, input).await,
            }
        };
        OrBoxed::Boxed { running: Box::pin(running) }
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        match self.merged(config) {
            Some(merged) => stream_owned(merged, &self.step, input),
            None => stream(&self.config, &self.step, input),
        }
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

pipe_operator!(impl<R> for WithConfig<R> where R: Runnable);
