//! [`quorum`]: an answer that enough voters agree on.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use futures_core::future::BoxFuture;

use crate::description::{Checked, Composed, Description, Gives, Kind, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::join::Window;
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::work::panics::Caught;
use crate::work::task::drop_and_wait;

/// Runs all voters at once and gives the answer that `needed` of them agree on, with the votes. The other voters are
/// cancelled as soon as that is decided, either way.
///
/// ```
/// use anabranch_core::{RunnableExt, lambda, quorum};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let yes = lambda(async |_: String| Ok("yes")).boxed();
/// let no = lambda(async |_: String| Ok("no")).boxed();
///
/// let vote = quorum(2, [yes.clone(), no, yes]).invoke("Is water wet?").await?;
/// assert_eq!((vote.answer, vote.votes), ("yes", 2));
/// # Ok(()) }
/// ```
///
/// To ask the same model several times, vote with clones of one chain: `quorum(2, vec![chain.boxed(); 3])`.
#[doc(alias = "self_consistency")]
pub fn quorum<I, O>(needed: usize, voters: impl IntoIterator<Item = BoxRunnable<I, O>>) -> Quorum<I, O> {
    Quorum { needed: needed.max(1), voters: voters.into_iter().collect(), checked: Checked::not_yet() }
}

/// See [`quorum`].
pub struct Quorum<I, O> {
    needed: usize,
    voters: Arc<[BoxRunnable<I, O>]>,
    checked: Checked,
}

/// What a [`quorum`] decided.
#[derive(Clone, PartialEq, Eq)]
pub struct Vote<O> {
    /// The answer enough voters agree on.
    pub answer: O,
    /// How many of them gave it before it was decided.
    pub votes: usize,
    /// The other answers that had come by then, with their votes, in the order they first came.
    pub others: Vec<(O, usize)>,
    /// How many voters had failed by then.
    pub failed: usize,
}

/// Shows the counts, not the answers.
impl<O> fmt::Debug for Vote<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<usize> = self.others.iter().map(|(_, votes)| *votes).collect();
        f.debug_struct("Vote")
            .field("votes", &self.votes)
            .field("others", &others)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// One voter: its place is its name.
struct Voter<'a, I, O> {
    step: &'a BoxRunnable<I, O>,
    index: usize,
}

impl<I: Send + 'static, O: Send + 'static> Runnable for Voter<'_, I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        Caught::starting(|| run(config, self.step, input)).await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BRANCH, format!("voter {}", self.index)))
    }
}

impl<I: Clone + Send + 'static, O: PartialEq + Send + 'static> Runnable for Quorum<I, O> {
    type Input = I;
    type Output = Vote<O>;

    async fn call(&self, input: I, config: &RunConfig) -> Result<Vote<O>> {
        self.checked.once(|| self.describe())?;
        watch::warn(config, self.checked.warnings());
        let voters = self.voters.len();
        let mut running: Vec<BoxFuture<'_, Result<O>>> = Vec::with_capacity(voters);
        for (index, (step, input)) in self.voters.iter().zip(std::iter::repeat_n(input, voters)).enumerate() {
            running.push(Box::pin(async move { run(config, &Voter { step, index }, input).await }));
        }
        let limit = config.concurrency_limit().unwrap_or(usize::MAX);
        let mut window = Window::new(running.into_iter(), limit);
        let mut tally: Vec<(O, usize)> = Vec::new();
        let mut failures: Vec<(usize, Error)> = Vec::new();
        let mut heard = 0;
        let winner = std::future::poll_fn(|cx| {
            loop {
                let most = tally.iter().map(|(_, votes)| *votes).max().unwrap_or(0);
                if most + (voters - heard) < self.needed {
                    return Poll::Ready(None);
                }
                match window.poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some((index, Err(error)))) => failures.push((index, error)),
                    Poll::Ready(Some((_, Ok(answer)))) => {
                        let place = match tally.iter().position(|(known, _)| *known == answer) {
                            Some(place) => place,
                            None => {
                                tally.push((answer, 0));
                                tally.len() - 1
                            }
                        };
                        tally[place].1 += 1;
                        if tally[place].1 >= self.needed {
                            return Poll::Ready(Some(place));
                        }
                    }
                }
                heard += 1;
            }
        })
        .await;
        drop_and_wait(window).await;
        match winner {
            Some(place) => {
                let (answer, votes) = tally.remove(place);
                Ok(Vote { answer, votes, others: tally, failed: failures.len() })
            }
            None => Err(undecided(self.needed, voters, tally.iter().map(|(_, votes)| *votes).collect(), failures)),
        }
    }

    /// The voters are named; the vote itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new(Kind::QUORUM, "quorum")
            .gives(Gives::Unknown)
            .with_children(
                Composed::Enough { needed: self.needed, required: Vec::new() },
                self.voters.iter().map(Runnable::describe),
            )
            .with_checked(&self.checked)
    }
}

fn undecided(needed: usize, voters: usize, mut votes: Vec<usize>, mut failures: Vec<(usize, Error)>) -> Error {
    votes.sort_unstable_by(|a, b| b.cmp(a));
    failures.sort_by_key(|(index, _)| *index);
    // Disagreement is an answer; only where voters failed is there something to try again.
    let kind = failures.first().map_or(ErrorKind::Other, |(_, error)| error.kind());
    let message = format!(
        "no answer got {needed} of {voters} votes: votes by answer {votes:?}, {} voters failed",
        failures.len()
    );
    Error::new(kind, message).with_related(failures.into_iter().map(|(_, error)| error))
}

impl<I, O> Clone for Quorum<I, O> {
    fn clone(&self) -> Self {
        Self { needed: self.needed, voters: self.voters.clone(), checked: self.checked.clone() }
    }
}

impl<I, O> fmt::Debug for Quorum<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quorum").field("needed", &self.needed).field("voters", &self.voters.len()).finish()
    }
}

pipe_operator!(impl<I, O> for Quorum<I, O> where I: Clone + Send + 'static, O: PartialEq + Send + 'static);
