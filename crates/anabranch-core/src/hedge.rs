//! [`Hedged`]: a second attempt beside one that is slow.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Attempts;
use crate::chunks::Chunks;
use crate::config::RunConfig;
use crate::describe::Description;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::observe;
use crate::opening::{Read, open, opening};
use crate::pipe_operator;
use crate::retry_budget::RetryBudget;
use crate::runnable::Runnable;
use crate::timer::{let_go, until};

/// When a second attempt is started beside the first: see [`Runnable::hedged`]. A [`Duration`] is one, too.
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

/// How long the last calls took.
#[derive(Debug, Default)]
struct Latencies {
    times: Vec<Duration>,
    next: usize,
}

impl Latencies {
    fn record(&mut self, time: Duration) {
        if self.times.len() < WINDOW {
            return self.times.push(time);
        }
        self.times[self.next] = time;
        self.next = (self.next + 1) % WINDOW;
    }

    fn percentile(&self, percentile: f64, min_samples: usize) -> Option<Duration> {
        if self.times.len() < min_samples {
            return None;
        }
        let mut times = self.times.clone();
        // From 0 to the last place: the percentile is at most 1.
        let place = ((times.len() - 1) as f64 * percentile).round() as usize;
        Some(*times.select_nth_unstable(place).1)
    }
}

/// See [`Runnable::hedged`].
#[derive(Debug, Clone)]
pub struct Hedged<R> {
    step: R,
    after: After,
    budget: RetryBudget,
    own_budget: bool,
    /// A whole answer and a first chunk take different times.
    wholes: Arc<Mutex<Latencies>>,
    firsts: Arc<Mutex<Latencies>>,
}

impl<R> Hedged<R> {
    pub(crate) fn new(step: R, hedge: Hedge) -> Self {
        let own_budget = hedge.budget.is_none();
        let budget = hedge.budget.unwrap_or_default();
        Self { step, after: hedge.after, budget, own_budget, wholes: Arc::default(), firsts: Arc::default() }
    }

    fn latencies(&self, read: Read) -> &Mutex<Latencies> {
        match read {
            Read::Whole => &self.wholes,
            Read::Chunks => &self.firsts,
        }
    }

    fn delay(&self, read: Read) -> Option<Duration> {
        match self.after {
            After::Fixed(delay) => Some(delay),
            After::Percentile { percentile, min_samples } => {
                let latencies = self.latencies(read).lock().unwrap_or_else(PoisonError::into_inner);
                latencies.percentile(percentile, min_samples)
            }
        }
    }

    fn record(&self, read: Read, began: Instant) {
        if let After::Percentile { .. } = self.after {
            self.latencies(read).lock().unwrap_or_else(PoisonError::into_inner).record(began.elapsed());
        }
    }
}

impl<R: Runnable<Input: Clone>> Hedged<R> {
    /// The first success of up to two attempts, whatever an attempt is.
    async fn race<T, Fut>(
        &self,
        input: R::Input,
        config: &RunConfig,
        read: Read,
        attempt: impl Fn(R::Input) -> Fut + Send,
    ) -> Result<T>
    where
        T: Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        if self.own_budget {
            self.budget.deposit();
        }
        let began = Instant::now();
        let Some(moment) = self.delay(read).and_then(|delay| began.checked_add(delay)) else {
            return attempt(input).await.inspect(|_| self.record(read, began));
        };
        let spare = input.clone();
        let mut first = pin!(Some(attempt(input)));
        let early = match first.as_mut().as_pin_mut() {
            Some(first) => until(moment, first).await?,
            None => None,
        };
        if let Some(done) = early {
            return done.inspect(|_| self.record(read, began));
        }
        let mut second = pin!(None);
        if self.budget.withdraw() {
            observe::tell(config, &self.step, Some(began), |observer, step| observer.hedged(step));
            second.set(Some(attempt(spare)));
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
                self.record(read, began);
                let_go(first).await;
                let_go(second).await;
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
        [None, None] => Error::new(crate::ErrorKind::Other, "a hedged step failed without an error"),
    }
}

impl<R: Runnable<Input: Clone>> Runnable for Hedged<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        self.race(input, config, Read::Whole, |input| config.run(&self.step, input))
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        opening(move |read| async move {
            let input = input.collect().await?;
            self.race(input, config, read, |input| open(&self.step, input, config, read)).await
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around("hedge", self.step.describe())
    }
}

pipe_operator!(impl<R> for Hedged<R> where R: Runnable<Input: Clone>);
