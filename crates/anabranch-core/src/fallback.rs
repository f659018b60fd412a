//! [`WithFallbacks`]: other steps to take the place of one that fails.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::attempt::Attempts;
use crate::boxed::BoxRunnable;
use crate::chunks::Chunks;
use crate::config::RunConfig;
use crate::describe::{Composed, Description, Gives};
use crate::error::{Error, ErrorKind, Result};
use crate::label::Label;
use crate::observe;
use crate::opening::{open, opening};
use crate::pipe_operator;
use crate::retry_budget::RetryBudget;
use crate::runnable::Runnable;

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// See [`Runnable::with_fallback`].
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
        self.others.push(other.boxed());
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
    /// The one loop, whatever an attempt is: a call, a stream up to its first chunk, a stream collected.
    async fn first_that_works<T, First, Other>(
        &self,
        input: R::Input,
        config: &RunConfig,
        first: impl FnOnce(R::Input) -> First + Send,
        other: impl Fn(usize, R::Input) -> Other + Send,
    ) -> Result<T>
    where
        T: Send,
        First: Future<Output = Result<T>> + Send,
        Other: Future<Output = Result<T>> + Send,
    {
        let began = (!config.observers().is_empty()).then(Instant::now);
        let mut spare = (!self.others.is_empty()).then(|| input.clone());
        let mut error = match first(input).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
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
            observe::tell(config, &self.step, began, |observer, step| observer.fell_back(step, index + 1, &error));
            let last = index + 1 == self.others.len();
            let Some(input) = (if last { spare.take() } else { spare.clone() }) else { break };
            match other(index, input).await {
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
}

impl<R: Runnable<Input: Clone>> Runnable for WithFallbacks<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.first_that_works(
            input,
            config,
            |input| config.run(&self.step, input),
            |index, input| config.run(&self.others[index], input),
        )
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        opening(move |read| async move {
            let input = input.collect().await?;
            self.first_that_works(
                input,
                config,
                |input| open(&self.step, input, config, read),
                |index, input| open(&self.others[index], input, config, read),
            )
            .await
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let step = self.step.describe();
        let children = self.others.iter().map(Runnable::describe);
        Description::new("fallback", step.name.clone())
            .gives(Gives::Children)
            .with_children(Composed::OneOf, std::iter::once(step.clone()).chain(children))
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
