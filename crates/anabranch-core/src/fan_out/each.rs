//! [`RunnableEach`]: a step over a list.

use futures_util::StreamExt;

use crate::description::{Composed, Description, Gives, Kind, Label};
use crate::error::Result;
use crate::fan_out::batch::{self, Element};
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::stream::coroutine::coroutine;
use crate::stream::merge::Merge;

/// See [`RunnableExt::each`](crate::RunnableExt::each).
#[derive(Debug, Clone)]
pub struct RunnableEach<R> {
    step: R,
    max_concurrency: Option<usize>,
}

impl<R> RunnableEach<R> {
    pub(crate) fn new(step: R) -> Self {
        Self { step, max_concurrency: None }
    }

    /// At most this many elements at once in this list. Zero counts as one.
    #[must_use]
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        self.max_concurrency = Some(limit.max(1));
        self
    }

    fn window(&self, config: &RunConfig) -> usize {
        self.max_concurrency.map_or(batch::window(config), |own| own.min(batch::window(config)))
    }
}

impl<R: Runnable> Runnable for RunnableEach<R> {
    type Input = Vec<R::Input>;
    type Output = Vec<R::Output>;

    async fn call(&self, inputs: Vec<R::Input>, config: &RunConfig) -> Result<Vec<R::Output>> {
        let inputs = inputs.into_iter().map(Ok);
        batch::run(&self.step, Element::EACH, inputs, config.clone(), self.window(config)).await
    }

    /// Every chunk is a list with the next element, in input order.
    fn call_stream<'a>(
        &'a self,
        input: Chunks<'a, Vec<R::Input>>,
        config: &'a RunConfig,
    ) -> Chunks<'a, Vec<R::Output>> {
        let elements = coroutine(|mut yielder| async move {
            let inputs = match input.collect().await {
                Ok(inputs) => inputs,
                Err(error) => return yielder.give(Err(error)).await,
            };
            let inputs = inputs.into_iter().map(Ok);
            let mut done = batch::in_order(&self.step, Element::EACH, inputs, config, self.window(config));
            while let Some(output) = done.next().await {
                yielder.give(output.map(|output| vec![output])).await;
            }
        });
        Chunks::new(elements, Merge::extend())
    }

    /// The elements are named; the step itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new(Kind::EACH, "each")
            .gives(Gives::Bare)
            .with_children(Composed::PerElement, [self.step.describe()])
    }
}

pipe_operator!(impl<R> for RunnableEach<R> where R: Runnable);
