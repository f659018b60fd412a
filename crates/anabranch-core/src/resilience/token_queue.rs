//! The queue of a [`TokenBucket`](crate::TokenBucket): who waits for a turn, and for how long.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::resilience::meter::Meter;
use crate::resilience::rate_limiter::Cost;
use crate::work::timer::{poll_timer, sleep_until};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) requests: Option<Meter>,
    pub(crate) units: Option<Meter>,
    pub(crate) paused_until: Option<Instant>,
    /// By the order they came in.
    queue: BTreeMap<u64, Waiter>,
    /// What all in the queue want.
    queued: Wanted,
    next_ticket: u64,
    pub(crate) admitted: u64,
    pub(crate) waited: Duration,
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

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl State {
    pub(crate) fn refill(&mut self, now: Instant) {
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
    pub(crate) fn take_now(&mut self, cost: Cost, now: Instant) -> std::result::Result<(), Duration> {
        self.refill(now);
        let wait = self.wait(&self.queued, cost, now);
        if !self.queue.is_empty() || !wait.is_zero() {
            return Err(wait);
        }
        self.take(cost);
        Ok(())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
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

    pub(crate) fn first_waker(&self) -> Option<Waker> {
        self.queue.first_key_value().map(|(_, waiter)| waiter.waker.clone())
    }
}

/// One who wants to be admitted. Leaves the queue when it is dropped.
pub(crate) struct Turn<'a> {
    state: &'a Mutex<State>,
    cost: Cost,
    deadline: Option<Instant>,
    /// Its place in the queue, once it had to wait.
    ticket: Option<u64>,
    since: Option<Instant>,
    /// Only the first in the queue has one.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(state: &'a Mutex<State>, cost: Cost, deadline: Option<Instant>) -> Self {
        Self { state, cost, deadline, ticket: None, since: None, timer: None }
    }
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
        let shared = self.state;
        let mut state = lock(shared);
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
            let next = lock(self.state).leave_queue(ticket);
            wake(next);
        }
    }
}
