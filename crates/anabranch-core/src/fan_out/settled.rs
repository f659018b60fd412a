//! [`SettledParallel`]: a fan-out whose branches may fail.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::description::{Checked, Composed, Description, Gives, Kind, Label, listed};
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::join::Window;
use crate::fan_out::outcome::Outcome;
use crate::fan_out::parallel::{BranchRuns, RunnableParallel, branch_name};
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::work::task::drop_and_wait;
use crate::work::timer::sleep_until;

use self::outcome_law::outcome_law;
use self::settled_stream::settled_stream;
use self::tally::Tally;

mod outcome_law;
mod settled_stream;
mod tally;

/// See [`RunnableParallel::settled`] and [`RunnableParallel::at_least`].
pub struct SettledParallel<I = Value> {
    parallel: RunnableParallel<I>,
    needed: usize,
    /// Keys of branches that must come through.
    required: Arc<[String]>,
    grace: Option<Duration>,
    checked: Checked,
}

impl<I: Clone + Send + 'static> RunnableParallel<I> {
    /// Waits for all branches, whatever becomes of them, and gives every [`Outcome`] in declaration order.
    ///
    /// ```
    /// use anabranch_core::{Error, RunnableExt, lambda, parallel};
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let panel = parallel! {
    ///     "good": lambda(async |input: Value| Ok(input)),
    ///     "bad": lambda(async |_: Value| Err::<Value, _>(Error::other("no luck"))),
    /// };
    /// let outcome = panel.settled().invoke("x").await?;
    ///
    /// assert_eq!(outcome.successes().collect::<Vec<_>>(), [("good", &json!("x"))]);
    /// let (key, error) = outcome.failures().next().unwrap();
    /// assert_eq!((key, error.to_string().as_str()), ("bad", "parallel \"bad\" > lambda: error: no luck"));
    /// # Ok(()) }
    /// ```
    ///
    /// Streaming, every chunk is the outcome of the one branch that grew or failed.
    #[must_use]
    #[doc(alias = "return_exceptions")]
    pub fn settled(self) -> SettledParallel<I> {
        SettledParallel {
            parallel: self,
            needed: 0,
            required: Arc::default(),
            grace: None,
            checked: Checked::not_yet(),
        }
    }

    /// Goes on with what is there if at least `needed` branches came through; else fails, with all failures
    /// [related](Error::related) to the error, and as soon as too many have failed.
    ///
    /// It waits for the other branches, too, unless a [`grace`](SettledParallel::grace) period ends the wait.
    #[must_use]
    pub fn at_least(self, needed: usize) -> SettledParallel<I> {
        SettledParallel { parallel: self, needed, required: Arc::default(), grace: None, checked: Checked::not_yet() }
    }
}

impl<I: Clone + Send + 'static> SettledParallel<I> {
    /// Stops waiting for stragglers this long after enough branches came through. They are cancelled, and their
    /// outcome is a failure of kind [`Timeout`](ErrorKind::Timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use anabranch_core::{RunnableExt, lambda, parallel};
    /// use serde_json::Value;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let panel = parallel! {
    ///     "quick": lambda(async |input: Value| Ok(input)),
    ///     "hangs": lambda(async |_: Value| std::future::pending::<anabranch_core::Result<Value>>().await),
    /// };
    /// let outcome = panel.at_least(1).grace(Duration::from_millis(20)).invoke("x").await?;
    /// assert_eq!(outcome.absent().collect::<Vec<_>>(), ["hangs"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Branches that must come through, whatever becomes of the others: a failure of one of them is the failure of the
    /// whole, at once. Their keys are certainly in the object that a prompt behind sees.
    ///
    /// ```
    /// use anabranch_core::{Error, RunnableExt, RunnablePassthrough, lambda, parallel};
    /// use serde_json::Value;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let panel = parallel! {
    ///     "topic": RunnablePassthrough,
    ///     "news": lambda(async |_: Value| Err::<Value, _>(Error::other("no luck"))),
    /// };
    /// assert!(panel.clone().settled().require(["topic"]).invoke("x").await.is_ok());
    /// assert!(panel.settled().require(["news"]).invoke("x").await.is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn require<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.required = self.required.iter().cloned().chain(keys.into_iter().map(Into::into)).collect();
        self.checked = Checked::not_yet();
        self
    }

    /// What can be known before a branch runs.
    fn check_before(&self, config: &RunConfig) -> Result<()> {
        if self.grace.is_some() {
            drop(sleep_until(Instant::now())?);
        }
        self.checked.once(|| self.describe())?;
        watch::warn(config, self.checked.warnings());
        Ok(())
    }

    fn requires(&self, key: &str) -> bool {
        self.required.iter().any(|required| required == key)
    }

    fn tally(&self) -> Tally {
        Tally::new(self.needed, self.parallel.len(), self.grace)
    }

    /// The outcome, unless a branch that must come through was late.
    fn decided(&self, outcome: Outcome) -> Result<Outcome> {
        let late = outcome.failures().any(|(key, _)| self.requires(key));
        if !late {
            return Ok(outcome);
        }
        let succeeded = outcome.successes().count();
        Err(self.fail(outcome.into_branches().into_iter().filter_map(|(_, branch)| branch.err()), succeeded))
    }

    fn fail(&self, outcomes: impl IntoIterator<Item = Error>, succeeded: usize) -> Error {
        let failures: Vec<Error> = outcomes.into_iter().collect();
        let kind = failures.first().map_or(ErrorKind::InvalidChain, Error::kind);
        let retryable = failures.iter().any(Error::is_retryable);
        let mut message =
            format!("{succeeded} of {} branches came through, {} were needed", self.parallel.len(), self.needed);
        if !self.required.is_empty() {
            message += &format!(", among them {}", listed(&self.required));
        }
        let error = Error::new(kind, message).with_retryable(retryable);
        match failures.iter().filter_map(Error::retry_after).max() {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        }
        .with_related(failures)
    }
}

fn straggler(key: &str) -> Error {
    Error::new(ErrorKind::Timeout, "enough other branches came through, and the grace period is over")
        .at(branch_name(key))
}

impl<I: Clone + Send + 'static> Runnable for SettledParallel<I> {
    type Input = I;
    type Output = Outcome;

    async fn call(&self, input: I, config: &RunConfig) -> Result<Outcome> {
        self.check_before(config)?;
        let running = BranchRuns::new(&self.parallel, input, config);
        let mut window = Window::new(running, self.parallel.limit(config));
        let mut outcomes: Vec<Option<Result<Value>>> =
            std::iter::repeat_with(|| None).take(self.parallel.len()).collect();
        let keys: Vec<&str> = self.parallel.keys().collect();
        let mut tally = self.tally();
        std::future::poll_fn(|cx| {
            loop {
                if tally.is_lost() || tally.is_over(cx) {
                    return Poll::Ready(());
                }
                match window.poll_next(cx) {
                    Poll::Ready(Some((index, outcome))) => {
                        match &outcome {
                            Ok(_) => tally.succeed(),
                            Err(_) => tally.fail(self.requires(keys[index])),
                        }
                        outcomes[index] = Some(outcome);
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        drop_and_wait(window).await;
        if tally.is_lost() {
            return Err(self.fail(outcomes.into_iter().flatten().filter_map(Result::err), tally.succeeded));
        }
        let branches = keys.into_iter().zip(outcomes).map(|(key, outcome)| {
            let outcome = outcome.unwrap_or_else(|| Err(straggler(key)));
            (key.to_string(), outcome)
        });
        self.decided(Outcome::new(branches.collect()))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, Outcome> {
        if let Err(error) = self.check_before(config) {
            return Chunks::failed(error);
        }
        if self.parallel.len() == 0 {
            // Nobody else would read the input, and what fails in it would be lost.
            return Chunks::from_future(async move { self.call(input.collect().await?, config).await });
        }
        let (branches, laws) = self.parallel.branch_streams(input, config);
        Chunks::new(settled_stream(self, branches, config), outcome_law(laws))
    }

    /// The branches are named; the fan-out itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        // Where no branch can be spared, none is absent.
        let certain = |key: &String| self.needed >= self.parallel.len() || self.requires(key);
        let (keys, optional) = self.parallel.keys().map(str::to_string).partition(certain);
        let composed = Composed::Enough { needed: self.needed, required: self.required.to_vec() };
        Description::new(Kind::SETTLED, if self.needed == 0 { "settled" } else { "at_least" })
            .gives(Gives::Keys { keys, optional })
            .with_children(composed, self.parallel.describe().take_children())
            .keyed()
            .with_checked(&self.checked)
    }
}

impl<I> Clone for SettledParallel<I> {
    fn clone(&self) -> Self {
        Self {
            parallel: self.parallel.clone(),
            needed: self.needed,
            required: self.required.clone(),
            grace: self.grace,
            checked: self.checked.clone(),
        }
    }
}

impl<I> fmt::Debug for SettledParallel<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettledParallel")
            .field("parallel", &self.parallel)
            .field("needed", &self.needed)
            .field("grace", &self.grace)
            .finish()
    }
}

pipe_operator!(impl<I> for SettledParallel<I> where I: Clone + Send + 'static);
