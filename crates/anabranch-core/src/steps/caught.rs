//! [`Caught`]: a step whose failure is a value.

use crate::error::Result;
use crate::panics::caught;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::{Composed, Description, Gives};
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// See [`Runnable::outcome`].
#[derive(Debug, Clone)]
pub struct Caught<R> {
    step: R,
}

impl<R> Caught<R> {
    pub(crate) fn new(step: R) -> Self {
        Self { step }
    }
}

impl<R: Runnable> Runnable for Caught<R> {
    type Input = R::Input;
    type Output = Result<R::Output>;

    async fn invoke_with(&self, input: R::Input, config: &RunConfig) -> Result<Result<R::Output>> {
        Ok(caught(config.run(&self.step, input)).await)
    }

    fn transform_with<'a>(
        &'a self,
        input: Chunks<'a, R::Input>,
        config: &'a RunConfig,
    ) -> Chunks<'a, Result<R::Output>> {
        // What came in with the input is no failure of the step.
        Chunks::from_future(async move { self.invoke_with(input.collect().await?, config).await })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let inner = self.step.describe();
        Description::new("outcome", inner.name.clone())
            .gives(Gives::Unknown)
            .with_children(Composed::InSequence, [inner])
    }
}

pipe_operator!(impl<R> for Caught<R> where R: Runnable);
