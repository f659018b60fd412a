//! The stream of a fan-out whose branches may fail.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::fan_out::outcome::Outcome;
use crate::fan_out::parallel::BranchStream;
use crate::fan_out::parallel_stream::ParallelStream;
use crate::fan_out::settled::tally::Tally;
use crate::fan_out::settled::{SettledParallel, straggler};
use crate::run::config::RunConfig;
use crate::work::task::drop_and_wait;

/// The outcomes of a fan-out as its branches grow and end.
pub(super) fn settled_stream<'a, I: Clone + Send + 'static>(
    settled: &'a SettledParallel<I>,
    branches: Vec<BranchStream<'a>>,
    config: &RunConfig,
) -> impl Stream<Item = Result<Outcome>> + Send + 'a {
    let branches = branches.into_iter().map(|branch| BranchEnd { branch: Some(branch) });
    let limit = settled.parallel.limit(config);
    let growing = ParallelStream::new(branches.collect(), limit, |index, step| (index, step));
    SettledStream {
        settled,
        tally: settled.tally(),
        ended: vec![false; settled.parallel.len()],
        failures: Vec::new(),
        state: State::Growing(growing),
    }
}

/// What a branch's stream does next.
enum BranchStep {
    Chunk(Value),
    Failed(Error),
    Done,
}

/// A branch's stream, whose failure and end are items.
struct BranchEnd<'a> {
    branch: Option<BranchStream<'a>>,
}

impl Stream for BranchEnd<'_> {
    type Item = Result<BranchStep>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(branch) = &mut self.branch else { return Poll::Ready(None) };
        let step = match Pin::new(branch).poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => return Poll::Ready(Some(Ok(BranchStep::Chunk(chunk)))),
            // What came in with the input is no failure of the branch.
            Poll::Ready(Some(Err(error))) if error.is_passing() => Err(error),
            Poll::Ready(Some(Err(error))) => Ok(BranchStep::Failed(error)),
            Poll::Ready(None) => Ok(BranchStep::Done),
        };
        self.branch = None;
        Poll::Ready(Some(step))
    }
}

struct SettledStream<'a, I, F> {
    settled: &'a SettledParallel<I>,
    tally: Tally,
    ended: Vec<bool>,
    failures: Vec<(usize, Error)>,
    state: State<'a, F>,
}

enum State<'a, F> {
    Growing(ParallelStream<'a, BranchEnd<'a>, F>),
    /// The rest is on its way out; then comes this, and nothing more.
    Ending(BoxFuture<'a, Result<Outcome>>),
    Done,
}

impl<'a, I: Clone + Send + 'static, F> SettledStream<'a, I, F>
where
    F: Fn(usize, BranchStep) -> (usize, BranchStep) + Send + Unpin + 'a,
{
    fn key(&self, index: usize) -> &'a str {
        self.settled.parallel.keys().nth(index).unwrap_or_default()
    }

    fn end_with(&mut self, last: Result<Outcome>) {
        let rest = std::mem::replace(&mut self.state, State::Done);
        self.state = State::Ending(Box::pin(async move {
            drop_and_wait(rest).await;
            last
        }));
    }

    /// A branch is over.
    fn count(&mut self, index: usize, success: bool) {
        self.ended[index] = true;
        if success {
            self.tally.succeed();
        } else {
            self.tally.fail(self.settled.requires(self.key(index)));
        }
        if self.tally.is_lost() {
            self.failures.sort_by_key(|(index, _)| *index);
            let failures: Vec<_> = std::mem::take(&mut self.failures).into_iter().map(|(_, error)| error).collect();
            let error = self.settled.fail(failures, self.tally.succeeded);
            self.end_with(Err(error));
        }
    }

    /// The wait for stragglers is over.
    fn leave_stragglers(&mut self) {
        let late = self.settled.parallel.keys().zip(&self.ended).filter(|(_, ended)| !**ended);
        let late = Outcome::new(late.map(|(key, _)| (key.to_string(), Err(straggler(key)))).collect());
        self.end_with(self.settled.decided(late));
    }
}

impl<'a, I: Clone + Send + 'static, F> Stream for SettledStream<'a, I, F>
where
    F: Fn(usize, BranchStep) -> (usize, BranchStep) + Send + Unpin + 'a,
{
    type Item = Result<Outcome>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.tally.is_lost() && matches!(this.state, State::Growing(_)) {
            // More are needed than there are branches.
            let error = this.settled.fail([], 0);
            this.end_with(Err(error));
        }
        loop {
            if matches!(this.state, State::Growing(_)) && this.tally.is_over(cx) {
                this.leave_stragglers();
            }
            let next = match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Ending(gone) => {
                    return gone.as_mut().poll(cx).map(|last| {
                        this.state = State::Done;
                        Some(last)
                    });
                }
                State::Growing(growing) => Pin::new(growing).poll_next(cx),
            };
            match next {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => this.state = State::Done,
                Poll::Ready(Some(Ok((index, BranchStep::Chunk(chunk))))) => {
                    return Poll::Ready(Some(Ok(Outcome::new(vec![(this.key(index).to_string(), Ok(chunk))]))));
                }
                Poll::Ready(Some(Ok((index, BranchStep::Done)))) => this.count(index, true),
                Poll::Ready(Some(Ok((index, BranchStep::Failed(error))))) => {
                    this.failures.push((index, error.clone()));
                    this.count(index, false);
                    if matches!(this.state, State::Growing(_)) {
                        return Poll::Ready(Some(Ok(Outcome::new(vec![(this.key(index).to_string(), Err(error))]))));
                    }
                }
            }
        }
    }
}
