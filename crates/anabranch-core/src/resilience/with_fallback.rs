//! [`WithFallbacks`]: other steps to take the place of one that fails.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::description::{Composed, Description, Gives, Kind, Label};
use crate::error::{Attempts, Error, ErrorKind, Result};
use crate::resilience::retry_budget::RetryBudget;
use crate::run::config::RunConfig;
use crate::step::attempt::Attempt;
use crate::step::boxed::BoxRunnable;
use crate::step::or_else::attempt_or_else;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// See [`RunnableExt::with_fallback`](crate::RunnableExt::with_fallback).
pub struct WithFallbacks<R: Runnable> {
    step: R,
    others: Vec<BoxRunnable<R::Input, R::Output>>,
    predicate: Option<Predicate>,
    budget: Option<RetryBudget>,
}

impl<R: Runnable> WithFallbacks<R> {
    pub(crate) fn new(step: R, others: Vec<BoxRunnable<R::Input, R::Output>>) -> Self {
        Self { step, others, predicate: None, budget: None }
    }

    /// Adds one more alternative, after those there are.
    #[must_use]
    pub fn with_fallback(mut self, other: impl Runnable<Input = R::Input, Output = R::Output> + 'static) -> Self {
        self.others.push(BoxRunnable::new(other));
        self
    }

    /// Goes to the next alternative on errors this function accepts, instead of on all but
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`InvalidChain`](ErrorKind::InvalidChain).
    #[must_use]
    pub fn fallback_if(mut self, predicate: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Takes every alternative that is tried out of this budget, shared with retries; without one they are free.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    fn accepts(&self, error: &Error) -> bool {
        match &self.predicate {
            Some(accepts) => accepts(error),
            None => !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidChain),
        }
    }
}

impl<R: Runnable<Input: Clone>> WithFallbacks<R> {
    /// The one loop, whatever an attempt is: a call, or a stream up to its first chunk. The first step has failed.
    async fn others<T, Fut>(
        &self,
        mut spare: Option<R::Input>,
        config: &RunConfig,
        failed: (Attempt, Error),
        try_it: impl Fn(Attempt, usize, R::Input) -> Fut + Send,
    ) -> Result<T>
    where
        T: Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        let (mut attempt, mut error) = failed;
        let mut earlier = Vec::new();
        let mut attempts = Attempts::default();
        for index in 0..self.others.len() {
            if !self.accepts(&error) || config.time_left().is_some_and(|left| left.is_zero()) {
                break;
            }
            if self.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
                error = error.with_note("no fallback: the retry budget is used up");
                break;
            }
            attempt.tell(|observer, step| observer.fell_back(step, index + 1, &error));
            let last = index + 1 == self.others.len();
            let Some(input) = (if last { spare.take() } else { spare.clone() }) else { break };
            attempt = Attempt::at(config, &self.others[index]);
            match try_it(attempt.clone(), index, input).await {
                Ok(done) => return Ok(done),
                Err(next) => {
                    attempts.failed(&error, None);
                    earlier.push(std::mem::replace(&mut error, next));
                }
            }
        }
        if earlier.is_empty() {
            return Err(error);
        }
        let exhausted = earlier.iter().any(Error::is_exhausted);
        let error = attempts.into_error(error).with_earlier(earlier);
        Err(if exhausted { error.with_exhausted() } else { error })
    }

    async fn call_others(
        &self,
        spare: Option<R::Input>,
        config: &RunConfig,
        failed: (Attempt, Error),
    ) -> Result<R::Output> {
        let try_it =
            async |attempt: Attempt, index: usize, input| attempt.run(config, &self.others[index], input).await;
        self.others(spare, config, failed, try_it).await
    }
}

impl<R: Runnable<Input: Clone>> Runnable for WithFallbacks<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        let spare = (!self.others.is_empty()).then(|| input.clone());
        attempt_or_else(config, &self.step, input, move |attempt, error| {
            Box::pin(self.call_others(spare, config, (attempt, error)))
        })
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let spare = (!self.others.is_empty()).then(|| input.clone());
            let attempt = Attempt::at(config, &self.step);
            match attempt.open(config, &self.step, input).await {
                Ok(chunks) => Ok(chunks),
                Err(error) => {
                    let try_it = async |attempt: Attempt, index: usize, input| {
                        attempt.open(config, &self.others[index], input).await
                    };
                    self.others(spare, config, (attempt, error), try_it).await
                }
            }
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let step = self.step.describe();
        let others = self.others.iter().map(Runnable::describe);
        Description::new(Kind::FALLBACK, step.name.as_str())
            .transparent()
            .gives(Gives::Children)
            .with_children(Composed::OneOf, [step])
            .with_children(Composed::OneOf, others)
    }
}

impl<R: Runnable + Clone> Clone for WithFallbacks<R> {
    fn clone(&self) -> Self {
        Self {
            step: self.step.clone(),
            others: self.others.clone(),
            predicate: self.predicate.clone(),
            budget: self.budget.clone(),
        }
    }
}

impl<R: Runnable + fmt::Debug> fmt::Debug for WithFallbacks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithFallbacks").field("step", &self.step).field("others", &self.others).finish_non_exhaustive()
    }
}

pipe_operator!(impl<R> for WithFallbacks<R> where R: Runnable<Input: Clone>);

#[cfg(test)]
mod tests;
