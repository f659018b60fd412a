//! [`Hedged`]: a second attempt beside one that is slow.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::time::Instant;

use crate::description::{Description, Kind, Label};
use crate::error::{Attempts, Error, ErrorKind, Result};
use crate::resilience::retry_budget::RetryBudget;
use crate::run::config::RunConfig;
use crate::step::attempt::Attempt;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;
use crate::work::task::{InPlace, drop_and_wait};
use crate::work::timer::until;

/// When a second attempt is started beside the first: see [`RunnableExt::hedged`](crate::RunnableExt::hedged). A
/// [`Duration`] is one, too.
#[derive(Debug, Clone)]
pub struct Hedge {
    after: After,
    /// `None` for one of its own.
    budget: Option<RetryBudget>,
}

#[derive(Debug, Clone, Copy)]
enum After {
    Fixed(Duration),
    Percentile { percentile: f64, min_samples: usize },
}

/// How many of the last calls are remembered.
const WINDOW: usize = 128;

/// After so many calls the percentile is looked for again.
const STALE: usize = 16;

impl Hedge {
    /// After this time.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self { after: After::Fixed(delay), budget: None }
    }

    /// When the first takes longer than this share of the last 128 calls did: `0.95` starts a second for about one call
    /// in twenty. Nothing is started before there are [20 calls](Self::min_samples) to compare with.
    #[must_use]
    pub fn percentile(percentile: f64) -> Self {
        Self { after: After::Percentile { percentile: percentile.clamp(0.0, 1.0), min_samples: 20 }, budget: None }
    }

    /// How many calls must be known before a percentile is one: at most 128.
    #[must_use]
    pub fn min_samples(mut self, samples: usize) -> Self {
        if let After::Percentile { min_samples, .. } = &mut self.after {
            *min_samples = samples.clamp(1, WINDOW);
        }
        self
    }

    /// Takes second attempts out of this budget, shared with retries, instead of one of its own.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }
}

impl From<Duration> for Hedge {
    fn from(delay: Duration) -> Self {
        Self::after(delay)
    }
}

/// How long the last calls took, and what their percentile is. In nanoseconds, and without a lock: every call looks at
/// it and adds to it.
struct Latencies {
    found: AtomicU64,
    calls: AtomicUsize,
    times: [AtomicU64; WINDOW],
}

/// Nothing is known yet.
const NONE: u64 = u64::MAX;

impl Latencies {
    fn percentile(&self) -> Option<Duration> {
        Some(self.found.load(Ordering::Relaxed)).filter(|found| *found != NONE).map(Duration::from_nanos)
    }

    fn record(&self, time: Duration, percentile: f64, min_samples: usize) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(NONE - 1);
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        self.times[before % WINDOW].store(time, Ordering::Relaxed);
        let calls = before.wrapping_add(1);
        if calls >= min_samples && (calls - min_samples) % STALE == 0 {
            self.find(percentile, calls.min(WINDOW));
        }
    }

    /// Of so many calls, one at least.
    fn find(&self, percentile: f64, known: usize) {
        // A call that is recorded at this moment may not have written its time; then it counts as a slow one.
        let mut times: [u64; WINDOW] = std::array::from_fn(|place| self.times[place].load(Ordering::Relaxed));
        // From 0 to the last place: the percentile is at most 1.
        let place = ((known - 1) as f64 * percentile).round() as usize;
        self.found.store(*times[..known].select_nth_unstable(place).1, Ordering::Relaxed);
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            found: AtomicU64::new(NONE),
            calls: AtomicUsize::new(0),
            times: [const { AtomicU64::new(NONE) }; WINDOW],
        }
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies").field("percentile", &self.percentile()).finish_non_exhaustive()
    }
}

/// See [`RunnableExt::hedged`](crate::RunnableExt::hedged).
#[derive(Debug, Clone)]
pub struct Hedged<R> {
    step: R,
    after: After,
    budget: RetryBudget,
    own_budget: bool,
    /// A whole answer and a first chunk take different times.
    wholes: Arc<Latencies>,
    firsts: Arc<Latencies>,
}

impl<R> Hedged<R> {
    pub(crate) fn new(step: R, hedge: Hedge) -> Self {
        let own_budget = hedge.budget.is_none();
        let budget = hedge.budget.unwrap_or_default();
        Self { step, after: hedge.after, budget, own_budget, wholes: Arc::default(), firsts: Arc::default() }
    }

    fn delay(&self, known: &Latencies) -> Option<Duration> {
        match self.after {
            After::Fixed(delay) => Some(delay),
            After::Percentile { .. } => known.percentile(),
        }
    }

    fn record(&self, known: &Latencies, began: Instant) {
        if let After::Percentile { percentile, min_samples } = self.after {
            known.record(began.elapsed(), percentile, min_samples);
        }
    }
}

impl<R: Runnable<Input: Clone>> Hedged<R> {
    /// The first success of up to two attempts, whatever an attempt is.
    async fn race<T, Fut>(
        &self,
        input: R::Input,
        config: &RunConfig,
        known: &Latencies,
        try_it: impl Fn(Attempt, R::Input) -> Fut + Send,
    ) -> Result<T>
    where
        T: Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        if self.own_budget {
            self.budget.deposit();
        }
        let began = Instant::now();
        let attempt = Attempt::at(config, &self.step);
        let Some(moment) = self.delay(known).and_then(|delay| began.checked_add(delay)) else {
            return try_it(attempt, input).await.inspect(|_| self.record(known, began));
        };
        let spare = input.clone();
        let mut first = pin!(Some(try_it(attempt.clone(), input)));
        let early = match first.as_mut().as_pin_mut() {
            Some(first) => until(moment, first).await?,
            None => None,
        };
        if let Some(done) = early {
            return done.inspect(|_| self.record(known, began));
        }
        let mut second = pin!(None);
        if self.budget.withdraw() {
            attempt.tell(|observer, step| observer.hedged(step));
            second.set(Some(try_it(Attempt::at(config, &self.step), spare)));
        }
        let mut failures = [None, None];
        let won = std::future::poll_fn(|cx| {
            for (place, failure) in [first.as_mut(), second.as_mut()].into_iter().zip(&mut failures) {
                if let Poll::Ready(Some(done)) = poll_place(place, cx) {
                    match done {
                        Ok(done) => return Poll::Ready(Some(done)),
                        Err(error) => *failure = Some(error),
                    }
                }
            }
            // Both are gone.
            if first.is_none() && second.is_none() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        match won {
            Some(done) => {
                self.record(known, began);
                drop_and_wait(InPlace(first)).await;
                drop_and_wait(InPlace(second)).await;
                Ok(done)
            }
            None => Err(both_failed(failures)),
        }
    }
}

/// Polls what stands in a place and empties it when it is done.
fn poll_place<F: Future>(mut place: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
    let Some(running) = place.as_mut().as_pin_mut() else { return Poll::Ready(None) };
    running.poll(cx).map(|done| {
        place.set(None);
        Some(done)
    })
}

/// The failure of the first attempt, that of the second attached.
#[cold]
fn both_failed(failures: [Option<Error>; 2]) -> Error {
    match failures {
        [Some(first), Some(second)] => {
            let mut attempts = Attempts::default();
            attempts.failed(&second, None);
            attempts.into_error(first).with_related([second])
        }
        [Some(error), None] | [None, Some(error)] => error,
        [None, None] => Error::new(ErrorKind::Other, "a hedged step failed without an error"),
    }
}

impl<R: Runnable<Input: Clone>> Runnable for Hedged<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        let try_it = async |attempt: Attempt, input| attempt.run(config, &self.step, input).await;
        let running: BoxFuture<'a, _> = Box::pin(async move { self.race(input, config, &self.wholes, try_it).await });
        running
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let try_it = async |attempt: Attempt, input| attempt.open(config, &self.step, input).await;
            self.race(input, config, &self.firsts, try_it).await
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::HEDGE, self.step.describe())
    }
}

pipe_operator!(impl<R> for Hedged<R> where R: Runnable<Input: Clone>);

#[cfg(test)]
mod tests;
