//! [`RunnableResult`]: a step whose failure is a value.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::description::{Composed, Description, Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::work::panics::Caught;

/// See [`RunnableExt::result`](crate::RunnableExt::result).
#[derive(Debug, Clone)]
pub struct RunnableResult<R> {
    step: R,
}

impl<R> RunnableResult<R> {
    pub(crate) fn new(step: R) -> Self {
        Self { step }
    }
}

/// Streaming, it gives one chunk; what came in with the input is no failure of the step.
impl<R: Runnable> Runnable for RunnableResult<R> {
    type Input = R::Input;
    type Output = Result<R::Output>;

    fn call<'a>(
        &'a self,
        input: R::Input,
        config: &'a RunConfig,
    ) -> impl Future<Output = Result<Result<R::Output>>> + Send {
        Outcome { running: Caught::starting(|| run(config, &self.step, input)) }
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let inner = self.step.describe();
        Description::new(Kind::RESULT, inner.name.as_str()).transparent().with_children(Composed::MayFail, [inner])
    }
}

pipe_operator!(impl<R> for RunnableResult<R> where R: Runnable);

pin_project! {
    struct Outcome<F> {
        #[pin]
        running: F,
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Outcome<F> {
    type Output = Result<Result<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx).map(Ok)
    }
}
