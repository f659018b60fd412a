//! [`Limit`]: how many pieces of limited work may go on at once over a whole run.
//!
//! To take a permit that is free and to give it back changes one number and nothing else. Only those who have to wait,
//! and those whose permit may be lent (see [`flow`]), have a ticket at the [`Desk`], behind a lock. The locks of flows are
//! taken inside that one, never the other way round, and nothing foreign (a waker, a drop) runs inside either.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;

use crate::run::flow::{self, Flow, Scope};

use self::desk::{Desk, Table};

mod desk;
#[cfg(test)]
mod tests;

/// A free permit, as it is counted in [`Shared::free`]. The lowest bit is for [`QUEUED`].
const PERMIT: usize = 2;

/// Somebody waits in the line: whoever comes or goes has to look at it.
const QUEUED: usize = 1;

/// At most so many pieces of work at once. Clones are the same limit.
#[derive(Clone)]
pub(crate) struct Limit {
    shared: Arc<Shared>,
    /// Here and not beside what changes, where to read it would be a second way to the same memory.
    size: usize,
}

struct Shared {
    id: u64,
    /// The free permits, and whether somebody waits. In one number, so that nobody overtakes those who wait.
    free: AtomicUsize,
    waiting: AtomicUsize,
    table: Mutex<Table>,
}

/// How many limits there are.
static LIMITS: AtomicUsize = AtomicUsize::new(0);

/// Whether there is any limit, and so anything to lend.
pub(crate) fn exists() -> bool {
    LIMITS.load(Ordering::Relaxed) > 0
}

impl Drop for Shared {
    fn drop(&mut self) {
        LIMITS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a concurrency limit stands at this moment: see [`RunConfig::concurrency`](crate::RunConfig::concurrency).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concurrency {
    /// How many calls may go on at once.
    pub limit: usize,
    /// How many permits are taken. One that is lent counts once.
    pub in_use: usize,
    /// How many wait for their turn.
    pub waiting: usize,
}

/// All limits of both, in the one order in which all take them: met twice, a limit counts once.
pub(crate) fn merge(a: &[Limit], b: &[Limit]) -> Vec<Limit> {
    let mut all: Vec<Limit> = a.iter().chain(b).cloned().collect();
    all.sort_by_key(Limit::id);
    all.dedup_by_key(|limit| limit.id());
    all
}

impl Limit {
    pub(crate) fn new(size: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let size = size.min(usize::MAX / PERMIT);
        LIMITS.fetch_add(1, Ordering::Relaxed);
        let shared = Shared {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            free: AtomicUsize::new(size * PERMIT),
            waiting: AtomicUsize::new(0),
            table: Mutex::default(),
        };
        Self { shared: Arc::new(shared), size }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn id(&self) -> u64 {
        self.shared.id
    }

    pub(crate) fn snapshot(&self) -> Concurrency {
        Concurrency {
            limit: self.size(),
            in_use: self.size().saturating_sub(self.shared.free.load(Ordering::Relaxed) / PERMIT),
            waiting: self.shared.waiting.load(Ordering::Relaxed),
        }
    }

    /// Takes a permit, if one is free and nobody waits for it. It begins with a guess and not with a look: where several
    /// threads take permits, a look would be a second way to the same memory.
    fn try_take(&self) -> bool {
        let mut free = self.size() * PERMIT;
        loop {
            let takable = if free % PERMIT == 0 { free.checked_sub(PERMIT) } else { None };
            let Some(rest) = takable else { return false };
            match self.shared.free.compare_exchange_weak(free, rest, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => free = now,
            }
        }
    }

    fn take(&self) -> Option<Part> {
        self.try_take().then(|| Part { limit: self.clone(), ticket: None })
    }

    fn give_back(&self) {
        if self.shared.free.fetch_add(PERMIT, Ordering::AcqRel) & QUEUED != 0 {
            self.desk().serve();
        }
    }

    /// Nobody is in the table, and nothing is left behind.
    #[cfg(test)]
    pub(crate) fn is_unused(&self) -> bool {
        self.shared.free.load(Ordering::Relaxed) == self.size() * PERMIT && self.desk().is_empty()
    }

    fn desk(&self) -> Desk<'_> {
        Desk::new(self, self.shared.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The flow of a ticket is not read now: what it was given goes to somebody else.
    pub(crate) fn paused(&self, id: u64) {
        self.desk().pause(id);
    }

    /// A flow is read again: the first of those who wait in it is let into the line, which makes way for the next.
    pub(crate) fn resumed(&self, flow: &Flow) {
        self.desk().resume(flow);
    }

    /// Who waits and reads from the work of this ticket may borrow from it, if it rests.
    pub(crate) fn lends(&self, lender: u64) {
        self.desk().lend(lender);
    }

    /// Who reads from the work of this ticket may wait for another limit: what rests gives its permit back then.
    pub(crate) fn yields(&self, id: u64) {
        self.desk().yields(id);
    }
}

fn next_ticket() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One permit of each of the limits, and whether it had to be waited for. They are given in the order they were asked
/// for. Who has to wait keeps nothing meanwhile: it goes on when one of each is free at the same time. So nobody who
/// waits for one limit is in the way of those who need only another, and opposite orders cannot block each other.
pub(crate) async fn acquire(limits: &[Limit]) -> (Permit, bool) {
    let mut permit = Permit::free();
    let missing = limits.iter().position(|limit| limit.take().map(|part| permit.push(part)).is_none());
    let Some(missing) = missing else {
        if flow::is_inside() {
            permit.register(flow::current().as_ref());
        }
        return (permit, false);
    };
    drop(permit);
    let mut turn = Turn { limits, scope: flow::current(), id: next_ticket(), at: missing, waits: false };
    let mut waited = false;
    let permit = poll_fn(|cx| {
        let permit = turn.poll(cx);
        waited |= permit.is_pending();
        permit
    });
    (permit.await, waited)
}

/// Somebody who waits for one permit of each limit: in the line of one of them at a time.
struct Turn<L: AsRef<[Limit]>> {
    limits: L,
    scope: Option<Scope>,
    id: u64,
    at: usize,
    waits: bool,
}

impl<L: AsRef<[Limit]>> Turn<L> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Permit> {
        loop {
            self.waits = true;
            let Some(part) = self.ask(self.at, cx.waker()) else { return Poll::Pending };
            self.waits = false;
            match self.all(part, cx.waker()) {
                Ok(permit) => return Poll::Ready(permit),
                Err(missing) => self.at = missing,
            }
        }
    }

    fn ask(&self, at: usize, waker: &Waker) -> Option<Part> {
        self.limits.as_ref()[at].desk().ask(self.id, self.scope.as_ref(), waker)
    }

    /// With one of the others each; or which of them has none.
    fn all(&self, part: Part, waker: &Waker) -> Result<Permit, usize> {
        let mut permit = Permit::free();
        permit.push(part);
        for other in (0..self.limits.as_ref().len()).filter(|other| *other != self.at) {
            let Some(part) = self.ask(other, waker) else {
                self.limits.as_ref()[other].desk().abandon(self.id);
                return Err(other);
            };
            permit.push(part);
        }
        Ok(permit)
    }
}

impl<L: AsRef<[Limit]>> Drop for Turn<L> {
    fn drop(&mut self) {
        if self.waits {
            self.limits.as_ref()[self.at].desk().abandon(self.id);
        }
    }
}

/// A permit of the only limit, for work that is no part of what somebody reads and so lends it to nobody. It does not
/// count on the limit, which all threads of a program may share.
pub(crate) struct Borrowed<'a> {
    limit: &'a Limit,
}

impl<'a> Borrowed<'a> {
    pub(crate) fn take(limits: &'a [Limit]) -> Option<Self> {
        let [limit] = limits else { return None };
        let lends = flow::is_inside();
        (!lends && limit.try_take()).then(|| Self { limit })
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.limit.give_back();
    }
}

struct Part {
    limit: Limit,
    /// Where it is known to the limit's table.
    ticket: Option<u64>,
}

impl Drop for Part {
    fn drop(&mut self) {
        match self.ticket {
            None => self.limit.give_back(),
            Some(id) => self.limit.desk().release(id),
        }
    }
}

/// A permit of the run's concurrency limit, from [`RunConfig::permit`](crate::RunConfig::permit). It is given back when
/// it is dropped.
///
/// While a step works on a chunk, the permits of what it reads from are lent to that step's own work. Then the work they
/// were for must not go on: [`hold`](Self::hold) sees to that for a stream, [`during`](Self::during) for a call. A
/// permit that is only kept in a variable is lent all the same.
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit {
    /// Few runs have more than two limits, and these need no allocation.
    parts: [Option<Part>; 2],
    more: Vec<Part>,
    /// Some of it was lent when its work was to go on: it waits for all of it again.
    again: Option<Box<Turn<Vec<Limit>>>>,
}

impl Permit {
    /// The permit of a run that has no limit.
    pub(crate) const fn free() -> Self {
        Self { parts: [None, None], more: Vec::new(), again: None }
    }

    fn push(&mut self, part: Part) {
        match self.parts.iter_mut().find(|free| free.is_none()) {
            Some(free) => *free = Some(part),
            None => self.more.push(part),
        }
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.parts.iter_mut().flatten().chain(&mut self.more)
    }

    fn register(&mut self, scope: Option<&Scope>) {
        let id = next_ticket();
        for part in self.iter_mut() {
            part.limit.desk().register(id, scope);
            part.ticket = Some(id);
        }
    }

    /// It is not lent, for work that goes on whether it is polled or not.
    pub(crate) fn keep(mut self) -> Self {
        for part in self.iter_mut() {
            if let Some(id) = part.ticket {
                part.limit.desk().keep(id);
            }
        }
        self
    }

    /// Ready when nothing of it is lent: only then may the work go on. Where something is, it waits for another, in the
    /// turn it had, and keeps nothing meanwhile.
    #[inline]
    pub(crate) fn poll_resume(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The permit of a run without a limit.
        if self.parts[0].is_none() && self.again.is_none() { Poll::Ready(()) } else { self.poll_again(cx) }
    }

    fn poll_again(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.again.is_none() {
            let lent = |part: &Part| part.ticket.filter(|id| !part.limit.desk().has(*id));
            let parts = self.parts.iter().flatten().chain(&self.more);
            let Some((at, id)) = parts.enumerate().find_map(|(at, part)| Some((at, lent(part)?))) else {
                return Poll::Ready(());
            };
            let limits = self.parts.iter().flatten().chain(&self.more).map(|part| part.limit.clone()).collect();
            drop(std::mem::replace(self, Self::free()));
            let scope = flow::current();
            self.again = Some(Box::new(Turn { limits, scope, id, at, waits: false }));
        }
        if let Some(turn) = &mut self.again {
            *self = ready!(turn.poll(cx));
        }
        Poll::Ready(())
    }

    /// A stream that holds the permit, and gives it back at its end, at an error, or when it is dropped. While the
    /// permit is lent to a step that works on a chunk of it, the stream does not go on.
    ///
    /// ```
    /// use anabranch_core::RunConfig;
    /// use futures::{StreamExt, stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let config = RunConfig::new().max_concurrency(1);
    /// let in_use = || config.concurrency().unwrap().in_use;
    ///
    /// let answer = stream::iter(["ana", "branch"]).map(Ok::<_, std::fmt::Error>);
    /// let mut answer = config.permit().await.hold(answer);
    /// assert_eq!(answer.next().await, Some(Ok("ana")));
    /// assert_eq!(in_use(), 1);
    ///
    /// while answer.next().await.is_some() {}
    /// assert_eq!(in_use(), 0);
    /// # }
    /// ```
    pub fn hold<T, E, S>(self, stream: S) -> impl Stream<Item = Result<T, E>> + Unpin + Send
    where
        S: Stream<Item = Result<T, E>> + Send,
    {
        Held { running: Some((Box::pin(stream), self)) }
    }

    /// The output of a future that holds the permit. While the permit is lent to a step that works on a chunk of what
    /// this is a part of, the future does not go on.
    ///
    /// ```
    /// # use anabranch_core::RunConfig;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let config = RunConfig::new().max_concurrency(1);
    /// let answer = config.permit().await.during(async { "anabranch" }).await;
    /// assert_eq!((answer, config.concurrency().unwrap().in_use), ("anabranch", 0));
    /// # }
    /// ```
    pub async fn during<F: Future>(mut self, work: F) -> F::Output {
        // Declared later, and so dropped before the permit.
        let mut work = pin!(work);
        poll_fn(|cx| {
            ready!(self.poll_resume(cx));
            work.as_mut().poll(cx)
        })
        .await
    }
}

/// The stream goes before its permit.
struct Held<S> {
    running: Option<(Pin<Box<S>>, Permit)>,
}

impl<T, E, S: Stream<Item = Result<T, E>>> Stream for Held<S> {
    type Item = Result<T, E>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((stream, permit)) = &mut self.running else { return Poll::Ready(None) };
        ready!(permit.poll_resume(cx));
        let next = stream.as_mut().poll_next(cx);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.running = None;
        }
        next
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("id", &self.id()).field("now", &self.snapshot()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.parts.iter().flatten().chain(&self.more).map(|part| &part.limit);
        f.debug_list().entries(limits).finish()
    }
}
