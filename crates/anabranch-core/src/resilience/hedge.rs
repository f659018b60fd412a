//! [`Hedged`]: a second attempt beside one that is slow.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Attempts;
use crate::error::{Error, Result};
use crate::pipe_operator;
use crate::resilience::opening::{Read, open, opening};
use crate::resilience::retry_budget::RetryBudget;
use crate::resilience::timer::{let_go, until};
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::run::observe;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

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
            self.find(percentile);
        }
    }

    fn find(&self, percentile: f64) {
        let mut times = [NONE; WINDOW];
        let mut known = 0;
        // A call that is recorded at this moment may not have written its time.
        for time in self.times.iter().map(|time| time.load(Ordering::Relaxed)).filter(|time| *time != NONE) {
            times[known] = time;
            known += 1;
        }
        if known > 0 {
            // From 0 to the last place: the percentile is at most 1.
            let place = ((known - 1) as f64 * percentile).round() as usize;
            self.found.store(*times[..known].select_nth_unstable(place).1, Ordering::Relaxed);
        }
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

/// See [`Runnable::hedged`].
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

    fn latencies(&self, read: Read) -> &Latencies {
        match read {
            Read::Whole => &self.wholes,
            Read::Chunks => &self.firsts,
        }
    }

    fn delay(&self, read: Read) -> Option<Duration> {
        match self.after {
            After::Fixed(delay) => Some(delay),
            After::Percentile { .. } => self.latencies(read).percentile(),
        }
    }

    fn record(&self, read: Read, began: Instant) {
        if let After::Percentile { percentile, min_samples } = self.after {
            self.latencies(read).record(began.elapsed(), percentile, min_samples);
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

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, TryStreamExt};

    use super::*;
    use crate::{ErrorKind, Merge, generator, lambda};

    const SECOND: Duration = Duration::from_secs(1);

    #[derive(Default)]
    struct Seen {
        calls: AtomicUsize,
        running: AtomicUsize,
    }

    struct Running(Arc<Seen>);

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The n-th call takes the n-th time and gives n, or fails where the time is negative.
    fn calls(times: &'static [i64]) -> (impl Runnable<Input = (), Output = usize>, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let counter = seen.clone();
        let step = lambda(move |()| {
            let call = counter.calls.fetch_add(1, Ordering::Relaxed);
            counter.running.fetch_add(1, Ordering::Relaxed);
            let running = Running(counter.clone());
            async move {
                let _running = running;
                let time = times[call % times.len()];
                tokio::time::sleep(Duration::from_secs(time.unsigned_abs())).await;
                if time < 0 { Err(Error::new(ErrorKind::Server, format!("call {call}"))) } else { Ok(call) }
            }
        });
        (step, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_answer_is_not_hedged() {
        let (step, seen) = calls(&[1]);
        let step = step.hedged(2 * SECOND);
        assert_eq!(step.invoke(()).await.unwrap(), 0);
        assert_eq!(step.stream(()).collect().await.unwrap(), 1);
        assert_eq!(seen.calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_wins_and_the_other_is_gone() {
        const CASES: [(&[i64], usize, u32); 4] =
            [(&[60, 1], 1, 3), (&[5, 60], 0, 5), (&[5, -1], 0, 5), (&[-3, 9], 1, 11)];
        for (times, winner, after) in CASES {
            let (step, seen) = calls(times);
            let began = Instant::now();
            assert_eq!(step.hedged(2 * SECOND).invoke(()).await.unwrap(), winner);
            assert_eq!(began.elapsed(), after * SECOND);
            assert_eq!(seen.running.load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_loser_on_a_task_of_its_own_is_gone_too() {
        let (step, seen) = calls(&[60, 1]);
        let step = step.boxed().spawned().hedged(SECOND);
        assert_eq!(step.invoke(()).await.unwrap(), 1);
        assert_eq!(seen.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_told_in_the_order_of_the_attempts() {
        for times in [&[-9, -1], &[-3, -9]] {
            let (step, _) = calls(times);
            let error = step.hedged(2 * SECOND).invoke(()).await.unwrap_err();
            assert_eq!(error.to_string(), "lambda: server error: call 0 (after 2 attempts) (and 1 more failure)");
            assert_eq!(error.related()[0].message(), "call 1");
        }
        let (step, seen) = calls(&[-1]);
        assert_eq!(step.hedged(2 * SECOND).invoke(()).await.unwrap_err().attempts().len(), 0);
        assert_eq!(seen.calls.load(Ordering::Relaxed), 1, "an early failure is passed on");
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_bounds_second_attempts() {
        let (step, seen) = calls(&[5]);
        let budget = RetryBudget::new().reserve(1).share(0.0).per_second(0.0);
        let step = step.hedged(Hedge::after(SECOND).budget(&budget));
        for _ in 0..3 {
            step.invoke(()).await.unwrap();
        }
        assert_eq!(seen.calls.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_percentile_needs_samples() {
        let (step, seen) = calls(&[1]);
        let step = step.hedged(Hedge::percentile(0.9).min_samples(5));
        for _ in 0..20 {
            step.invoke(()).await.unwrap();
        }
        assert_eq!(seen.calls.load(Ordering::Relaxed), 20, "none is slower than the others");

        let slow_at_last = calls(&[1, 1, 1, 1, 1, 60, 2]);
        let step = slow_at_last.0.hedged(Hedge::percentile(0.9).min_samples(5));
        for _ in 0..5 {
            step.invoke(()).await.unwrap();
        }
        let began = Instant::now();
        assert_eq!(step.invoke(()).await.unwrap(), 6);
        assert_eq!(began.elapsed(), 3 * SECOND);
    }

    #[test]
    fn the_percentile_is_that_of_the_last_calls() {
        let latencies = Latencies::default();
        let record = |times: std::ops::RangeInclusive<u64>| {
            times.for_each(|time| latencies.record(Duration::from_millis(time), 0.5, 20));
        };
        record(1..=19);
        assert_eq!(latencies.percentile(), None);
        record(20..=20);
        assert_eq!(latencies.percentile(), Some(Duration::from_millis(11)));
        record(21..=35);
        assert_eq!(latencies.percentile(), Some(Duration::from_millis(11)), "looked for again after 16 calls");
        record(36..=36);
        assert_eq!(latencies.percentile(), Some(Duration::from_millis(19)));
        record(1_001..=1_272);
        assert_eq!(latencies.percentile(), Some(Duration::from_millis(1_209)), "of 1,145 to 1,272");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_hedged_until_its_first_chunk() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        // The first waits long before its first chunk, the second before its second.
        let step = generator(move |_: Chunks<'_, ()>| {
            let call = counter.fetch_add(1, Ordering::Relaxed);
            let pauses = if call == 0 { [60, 0] } else { [1, 60] };
            let chunks = futures_util::stream::iter(pauses);
            let chunks = futures_util::StreamExt::then(chunks, move |pause| async move {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                Ok(call.to_string())
            });
            Chunks::new(chunks, Merge::append())
        });
        let step = step.hedged(2 * SECOND);
        let began = Instant::now();
        let mut stream = step.stream(());
        assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("1"));
        assert_eq!(began.elapsed(), 3 * SECOND);
        assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("1"));
        assert_eq!(stream.try_next().await.unwrap(), None);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_it_leaves_nothing() {
        let (step, seen) = calls(&[60, 60]);
        let step = step.hedged(SECOND);
        let mut running = Box::pin(step.invoke(()));
        assert!(running.as_mut().now_or_never().is_none());
        tokio::time::advance(2 * SECOND).await;
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(seen.running.load(Ordering::Relaxed), 2);
        drop(running);
        assert_eq!(seen.running.load(Ordering::Relaxed), 0);
    }
}
