//! [`TokenBucket`]: the rate limiter of one process.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::meter::Meter;
use crate::rate_limiter::{Cost, LimiterSnapshot, RateLimiter, ServerLimits};
use crate::timer::{poll_timer, sleep_until};

/// A [`RateLimiter`] for one process. Clones share it.
///
/// Requests, units or both are limited, each to an amount per interval. The bucket starts full, so that a whole
/// interval's worth may go at once (or the [burst](Self::request_burst), where that is set lower), and fills
/// continuously from there. Who has to wait stands in a queue and waits exactly as long as needed; there is one timer,
/// for the first in the queue. A call that costs more units than the burst is admitted when the bucket is full, and
/// those behind it wait until that is paid off.
///
/// ```
/// use std::time::Duration;
/// use anabranch_core::{Cost, RateLimiter, TokenBucket};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anabranch_core::Result<()> {
/// const MINUTE: Duration = Duration::from_secs(60);
/// let bucket = TokenBucket::new().requests(500, MINUTE).units(30_000, MINUTE);
///
/// bucket.acquire(Cost::units(30_000), None).await?;
/// let began = tokio::time::Instant::now();
/// bucket.acquire(Cost::units(1000), None).await?;
/// assert_eq!(began.elapsed(), Duration::from_secs(2));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct TokenBucket {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: Option<Meter>,
    units: Option<Meter>,
    paused_until: Option<Instant>,
    /// By the order they came in.
    queue: BTreeMap<u64, Waiter>,
    /// What all in the queue want.
    queued: Wanted,
    next_ticket: u64,
    admitted: u64,
    waited: Duration,
}

struct Waiter {
    cost: Cost,
    waker: Waker,
}

#[derive(Default)]
struct Wanted {
    requests: u64,
    units: u64,
}

impl TokenBucket {
    /// No limit yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many requests in each interval. Zero counts as one; an interval of zero is no limit.
    #[must_use]
    pub fn requests(self, amount: u64, interval: Duration) -> Self {
        self.set_requests(amount, interval);
        self
    }

    /// At most so many units in each interval. Zero counts as one; an interval of zero is no limit.
    #[must_use]
    pub fn units(self, amount: u64, interval: Duration) -> Self {
        self.set_units(amount, interval);
        self
    }

    /// At most so many requests at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn request_burst(self, burst: u64) -> Self {
        self.change(|state| state.requests.iter_mut().for_each(|meter| meter.set_burst(burst)));
        self
    }

    /// At most so many units at one moment, to spread them more evenly over the interval.
    #[must_use]
    pub fn unit_burst(self, burst: u64) -> Self {
        self.change(|state| state.units.iter_mut().for_each(|meter| meter.set_burst(burst)));
        self
    }

    /// Changes the rate of requests while it is in use. Those who wait go on waiting, at the new rate; the burst is
    /// the new amount.
    pub fn set_requests(&self, amount: u64, interval: Duration) {
        self.change(|state| state.requests = with_rate(state.requests.take(), amount, interval));
    }

    /// Changes the rate of units while it is in use. Those who wait go on waiting, at the new rate; the burst is the
    /// new amount.
    pub fn set_units(&self, amount: u64, interval: Duration) {
        self.change(|state| state.units = with_rate(state.units.take(), amount, interval));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, after which the first in the queue looks again how long it has to wait.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if !state.queue.is_empty() || state.admitted > 0 {
            state.refill(Instant::now());
        }
        change(&mut state);
        let first = state.first_waker();
        drop(state);
        wake(first);
    }
}

fn with_rate(meter: Option<Meter>, amount: u64, interval: Duration) -> Option<Meter> {
    match meter {
        Some(meter) => meter.at_rate(amount, interval),
        None => Meter::new(amount, interval),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl State {
    fn refill(&mut self, now: Instant) {
        self.meters().for_each(|meter| meter.refill(now));
        self.paused_until = self.paused_until.filter(|until| *until > now);
    }

    fn meters(&mut self) -> impl Iterator<Item = &mut Meter> {
        self.requests.iter_mut().chain(&mut self.units)
    }

    /// How long `cost` has to wait if `before` is taken before it.
    fn wait(&self, before: &Wanted, cost: Cost, now: Instant) -> Duration {
        let requests = self.requests.as_ref().map(|meter| meter.wait(before.requests, cost.requests));
        let units = self.units.as_ref().map(|meter| meter.wait(before.units, cost.units));
        let pause = self.paused_until.map(|until| until.saturating_duration_since(now));
        requests.max(units).max(pause).unwrap_or_default()
    }

    fn take(&mut self, cost: Cost) {
        self.admitted += 1;
        self.requests.iter_mut().for_each(|meter| meter.take(cost.requests));
        self.units.iter_mut().for_each(|meter| meter.take(cost.units));
    }

    /// Takes `cost` if nobody waits and nothing has to be waited for; otherwise says how long.
    fn take_now(&mut self, cost: Cost, now: Instant) -> std::result::Result<(), Duration> {
        self.refill(now);
        let wait = self.wait(&self.queued, cost, now);
        if !self.queue.is_empty() || !wait.is_zero() {
            return Err(wait);
        }
        self.take(cost);
        Ok(())
    }

    fn join_queue(&mut self, cost: Cost, waker: Waker) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queued.requests = self.queued.requests.saturating_add(cost.requests);
        self.queued.units = self.queued.units.saturating_add(cost.units);
        self.queue.insert(ticket, Waiter { cost, waker });
        ticket
    }

    /// Whoever is first after that is to be woken, if that is another one.
    fn leave_queue(&mut self, ticket: u64) -> Option<Waker> {
        let was_first = self.is_first(ticket);
        if let Some(waiter) = self.queue.remove(&ticket) {
            self.queued.requests = self.queued.requests.saturating_sub(waiter.cost.requests);
            self.queued.units = self.queued.units.saturating_sub(waiter.cost.units);
        }
        if was_first { self.first_waker() } else { None }
    }

    fn is_first(&self, ticket: u64) -> bool {
        self.queue.first_key_value().is_some_and(|(first, _)| *first == ticket)
    }

    fn first_waker(&self) -> Option<Waker> {
        self.queue.first_key_value().map(|(_, waiter)| waiter.waker.clone())
    }
}

impl RateLimiter for TokenBucket {
    fn try_acquire(&self, cost: Cost) -> bool {
        self.lock().take_now(cost, Instant::now()).is_ok()
    }

    fn acquire(&self, cost: Cost, deadline: Option<Instant>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(Turn { bucket: self, cost, deadline, ticket: None, since: None, timer: None })
    }

    fn settle(&self, charged: Cost, actual: Cost) {
        self.change(|state| {
            if let Some(requests) = &mut state.requests {
                requests.give_back(charged.requests);
                requests.take(actual.requests);
            }
            if let Some(units) = &mut state.units {
                units.give_back(charged.units);
                units.take(actual.units);
            }
        });
    }

    /// Only ever lowers: what the server says counts the calls of others too, but not those that are on their way.
    fn update(&self, seen: &ServerLimits) {
        let until = seen.retry_after.and_then(|wait| Instant::now().checked_add(wait));
        self.change(|state| {
            for (meter, limit, left) in [
                (&mut state.requests, seen.request_limit, seen.requests_left),
                (&mut state.units, seen.unit_limit, seen.units_left),
            ] {
                if let Some(meter) = meter {
                    limit.into_iter().for_each(|limit| meter.lower_to(limit));
                    left.into_iter().for_each(|left| meter.lower_level_to(left));
                }
            }
            state.paused_until = state.paused_until.max(until);
        });
    }

    fn snapshot(&self) -> LimiterSnapshot {
        let mut state = self.lock();
        state.refill(Instant::now());
        LimiterSnapshot {
            waiting: state.queue.len(),
            requests_left: state.requests.as_ref().map(Meter::left),
            units_left: state.units.as_ref().map(Meter::left),
            admitted: state.admitted,
            waited: state.waited,
        }
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenBucket").field(&self.snapshot()).finish()
    }
}

/// One who wants to be admitted. Leaves the queue when it is dropped.
struct Turn<'a> {
    bucket: &'a TokenBucket,
    cost: Cost,
    deadline: Option<Instant>,
    /// Its place in the queue, once it had to wait.
    ticket: Option<u64>,
    since: Option<Instant>,
    /// Only the first in the queue has one.
    timer: Option<Pin<Box<Sleep>>>,
}

enum Look {
    Admitted,
    /// It is the first, and must wait until then.
    Again(Instant),
}

impl Turn<'_> {
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<Result<Look>> {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let bucket = self.bucket;
        let mut state = bucket.lock();
        let Some(ticket) = self.ticket else {
            let Err(wait) = state.take_now(self.cost, now) else { return Poll::Ready(Ok(Look::Admitted)) };
            self.check_deadline(wait, now)?;
            let ticket = state.join_queue(self.cost, cx.waker().clone());
            self.ticket = Some(ticket);
            return if state.is_first(ticket) { Poll::Ready(Ok(Look::after(wait, now))) } else { Poll::Pending };
        };
        let first = state.is_first(ticket);
        if let Some(waiter) = state.queue.get_mut(&ticket) {
            waiter.waker.clone_from(cx.waker());
        }
        if !first {
            return Poll::Pending;
        }
        state.refill(now);
        let wait = state.wait(&Wanted::default(), self.cost, now);
        if !wait.is_zero() {
            self.check_deadline(wait, now)?;
            return Poll::Ready(Ok(Look::after(wait, now)));
        }
        state.take(self.cost);
        state.waited += now.saturating_duration_since(since);
        let next = state.leave_queue(ticket);
        self.ticket = None;
        drop(state);
        wake(next);
        Poll::Ready(Ok(Look::Admitted))
    }

    fn check_deadline(&self, wait: Duration, now: Instant) -> Result<()> {
        let Some(left) = self.deadline.map(|deadline| deadline.saturating_duration_since(now)) else { return Ok(()) };
        if wait <= left {
            return Ok(());
        }
        let message = format!("the rate limiter has a turn in {wait:.1?}, and there is {left:.1?} left");
        Err(Error::new(ErrorKind::RateLimited, message).with_retry_after(wait))
    }
}

impl Look {
    fn after(wait: Duration, now: Instant) -> Self {
        const FAR: Duration = Duration::from_secs(24 * 3600);
        Self::Again(now.checked_add(wait).unwrap_or_else(|| now + FAR))
    }
}

impl Future for Turn<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let moment = match self.look(cx)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Look::Admitted) => return Poll::Ready(Ok(())),
                Poll::Ready(Look::Again(moment)) => moment,
            };
            let timer = match self.timer.take() {
                Some(mut timer) => {
                    timer.as_mut().reset(moment);
                    timer
                }
                None => Box::pin(sleep_until(moment)?),
            };
            if poll_timer(self.timer.insert(timer).as_mut(), cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let next = self.bucket.lock().leave_queue(ticket);
            wake(next);
        }
    }
}
