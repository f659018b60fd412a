//! The limit by itself: nothing here is lent.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::join_all;
use futures::task::noop_waker_ref;
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::Barrier;

use super::*;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(noop_waker_ref()))
}

fn now(limit: &Limit) -> (usize, usize) {
    let Concurrency { in_use, waiting, .. } = limit.snapshot();
    (in_use, waiting)
}

fn asking(limit: &Limit) -> Pin<Box<impl Future<Output = (Permit, bool)> + use<>>> {
    let limits = [limit.clone()];
    Box::pin(async move { acquire(&limits).await })
}

fn unused(limit: &Limit) -> bool {
    now(limit) == (0, 0) && limit.is_unused()
}

#[test]
fn it_goes_everywhere() {
    fn check<T: Send + Sync + Unpin + fmt::Debug + 'static>(_: &T) {}
    fn sends<T: Send>(value: T) -> T {
        value
    }
    let limit = Limit::new(2);
    let permit = sends(asking(&limit)).now_or_never().unwrap().0;
    check(&limit);
    check(&permit);
    check(&limit.snapshot());
    assert!(format!("{permit:?}").contains("in_use: 1"), "{permit:?}");
    assert_eq!(format!("{:?}", const { Permit::free() }), "[]");
    drop(sends(permit.hold(stream::empty::<Result<(), ()>>())));
    drop(sends(Permit::free().during(async {})));
}

#[test]
fn as_many_as_it_has_permits() {
    let limit = Limit::new(2);
    assert_eq!(limit.snapshot(), Concurrency { limit: 2, in_use: 0, waiting: 0 });
    let (one, waited) = asking(&limit).now_or_never().unwrap();
    assert!(!waited);
    let two = asking(&limit).now_or_never().unwrap();
    let mut three = asking(&limit);
    assert!(poll(&mut three).is_pending());
    assert_eq!(limit.snapshot(), Concurrency { limit: 2, in_use: 2, waiting: 1 });
    drop(one);
    assert_eq!(limit.snapshot(), Concurrency { limit: 2, in_use: 2, waiting: 1 });
    let (three, waited) = three.now_or_never().unwrap();
    assert!(waited);
    assert_eq!(now(&limit), (2, 0));
    drop((two, three));
    assert!(unused(&limit));
}

#[test]
fn a_huge_one_and_none_at_all() {
    assert!(asking(&Limit::new(usize::MAX)).now_or_never().is_some());
    assert!(!acquire(&[]).now_or_never().unwrap().1);
}

#[test]
fn a_limit_that_is_met_twice_counts_once() {
    let (a, b) = (Limit::new(1), Limit::new(1));
    assert!(a.id() < b.id());
    let all = merge(&[b.clone(), a.clone()], &[a.clone(), b.clone(), b.clone()]);
    assert_eq!(all.iter().map(Limit::id).collect::<Vec<_>>(), [a.id(), b.id()]);
    let permit = acquire(&all).now_or_never().unwrap().0;
    assert_eq!((now(&a), now(&b)), ((1, 0), (1, 0)));
    drop(permit);
    assert!(unused(&a) && unused(&b));
    assert!(merge(&[], &[]).is_empty());
}

#[test]
fn more_limits_than_fit_in_line() {
    let limits: Vec<_> = (0..5).map(|_| Limit::new(1)).collect();
    let permit = acquire(&limits).now_or_never().unwrap().0;
    let mut next = Box::pin(acquire(&limits));
    assert!(poll(&mut next).is_pending());
    assert!(limits.iter().all(|limit| now(limit).0 == 1));
    drop(permit);
    drop(next.now_or_never().unwrap());
    assert!(limits.iter().all(unused));
}

#[test]
fn first_come_first_served() {
    let limit = Limit::new(1);
    let mut held = Some(asking(&limit).now_or_never().unwrap().0);
    let mut waiting: Vec<_> = (0..5).map(|_| asking(&limit)).collect();
    for ask in &mut waiting {
        assert!(poll(ask).is_pending());
    }
    // One of them goes away, and nobody overtakes the rest, though a permit is free for a moment.
    drop(waiting.remove(2));
    for mut ask in waiting {
        drop(held.take());
        assert!(poll(&mut asking(&limit)).is_pending(), "overtaken");
        let Poll::Ready((permit, true)) = poll(&mut ask) else { panic!("not its turn") };
        held = Some(permit);
    }
    drop(held);
    assert!(unused(&limit));
}

#[test]
fn what_was_given_to_somebody_who_left_goes_to_the_next() {
    let limit = Limit::new(1);
    let held = asking(&limit).now_or_never().unwrap();
    let (mut gone, mut next) = (asking(&limit), asking(&limit));
    assert!(poll(&mut gone).is_pending() && poll(&mut next).is_pending());
    drop(held);
    assert!(poll(&mut next).is_pending());
    drop(gone);
    drop(next.now_or_never().unwrap());
    assert!(unused(&limit));
}

#[test]
fn a_panic_gives_it_back() {
    let limit = Limit::new(1);
    let inner = limit.clone();
    let work = async move {
        let _permit = acquire(&[inner]).await;
        panic!("on purpose");
    };
    assert!(std::panic::AssertUnwindSafe(work).catch_unwind().now_or_never().unwrap().is_err());
    assert!(unused(&limit));
}

#[test]
fn who_waits_for_several_keeps_none() {
    let (a, b) = (Limit::new(1), Limit::new(1));
    let held = asking(&b).now_or_never().unwrap();
    let both = [a.clone(), b.clone()];
    let mut waiting = Box::pin(acquire(&both));
    assert!(poll(&mut waiting).is_pending());
    assert_eq!((now(&a), now(&b)), ((0, 0), (1, 1)));
    let a_only = asking(&a).now_or_never().unwrap();
    drop(held);
    // Now it is the other one that is missing.
    assert!(poll(&mut waiting).is_pending());
    assert_eq!((now(&a), now(&b)), ((1, 1), (0, 0)));
    drop(a_only);
    let (permit, waited) = waiting.now_or_never().unwrap();
    assert!(waited);
    drop(permit);
    assert!(unused(&a) && unused(&b));
}

#[tokio::test(start_paused = true)]
async fn opposite_orders() {
    let (a, b) = (Limit::new(1), Limit::new(1));
    let orders = [[a.clone(), b.clone()], [b.clone(), a.clone()], [a.clone(), a.clone()], [b.clone(), b.clone()]];
    let calls = (0..100).map(|index| {
        let limits = merge(&orders[index % 4], &[]);
        async move {
            for _ in 0..3 {
                let _permit = acquire(&limits).await;
                tokio::task::yield_now().await;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(1), join_all(calls)).await.unwrap();
    assert!(unused(&a) && unused(&b));
}

#[test]
fn a_stream_holds_its_permit_to_its_end() {
    let limit = Limit::new(1);
    let held = |items: Vec<Result<u8, u8>>| {
        // Not `Unpin`.
        let items = stream::iter(items).then(async |item| item);
        asking(&limit).now_or_never().unwrap().0.hold(items)
    };
    let mut stream = held(vec![Ok(1), Ok(2)]);
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(1))));
    assert_eq!(now(&limit), (1, 0));
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(2))));
    assert_eq!(stream.next().now_or_never(), Some(None));
    assert!(unused(&limit));
    assert_eq!(stream.next().now_or_never(), Some(None));

    let mut stream = held(vec![Ok(1), Err(2), Ok(3)]);
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(1))));
    assert_eq!(stream.next().now_or_never(), Some(Some(Err(2))));
    assert!(unused(&limit));
    assert_eq!(stream.next().now_or_never(), Some(None));

    let mut stream = held(vec![Ok(1)]);
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(1))));
    drop(stream);
    assert!(unused(&limit));
}

/// Says when it is dropped.
struct Dropped(Limit, Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.1.store(now(&self.0).0 == 1, Ordering::Relaxed);
    }
}

#[test]
fn the_work_goes_before_the_permit() {
    let (limit, in_time) = (Limit::new(1), Arc::new(AtomicBool::new(false)));
    let work = || Dropped(limit.clone(), in_time.clone());
    let permit = || asking(&limit).now_or_never().unwrap().0;

    let mut call = Box::pin(permit().during({
        let work = work();
        async move {
            let _work = work;
            std::future::pending::<()>().await;
        }
    }));
    assert!(poll(&mut call).is_pending());
    drop(call);
    assert!(in_time.swap(false, Ordering::Relaxed) && unused(&limit));

    let mut stream = permit().hold(stream::repeat(work()).map(|_| Ok::<_, ()>(())).take(0));
    assert_eq!(stream.next().now_or_never(), Some(None));
    assert!(in_time.load(Ordering::Relaxed) && unused(&limit));
}

impl Clone for Dropped {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

#[tokio::test]
async fn ten_thousand_wait() {
    let limit = Limit::new(64);
    let polls = AtomicUsize::new(0);
    let began = Instant::now();
    let calls = (0..10_000).map(|_| {
        let mut ask = asking(&limit);
        let polls = &polls;
        async move {
            let permit = poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                ask.poll_unpin(cx)
            });
            let _permit = permit.await;
            tokio::task::yield_now().await;
        }
    });
    let mut calls: stream::FuturesUnordered<_> = calls.collect();
    while calls.next().await.is_some() {}
    // Once to stand in the line, and once to be served.
    assert_eq!(polls.load(Ordering::Relaxed), 2 * 10_000 - 64);
    assert!(unused(&limit));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn ten_thousand_that_give_up() {
    let limit = Limit::new(1);
    let held = asking(&limit).await;
    let mut waiting: Vec<_> = (0..10_000).map(|_| asking(&limit)).collect();
    assert!(waiting.iter_mut().all(|ask| poll(ask).is_pending()));
    assert_eq!(now(&limit), (1, 10_000));
    drop(held);
    drop(waiting);
    assert!(unused(&limit));
}

/// Threads that take, hold, give up, and never exceed the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads() {
    for size in [1, 3, 64] {
        let (limit, other) = (Limit::new(size), Limit::new(2));
        let busy = Arc::new(AtomicUsize::new(0));
        let barrier = Arc::new(Barrier::new(8));
        let tasks = (0..8).map(|task| {
            let (limit, other, busy, barrier) = (limit.clone(), other.clone(), busy.clone(), barrier.clone());
            tokio::spawn(async move {
                let limits = merge(&[limit], &if task % 4 == 0 { vec![other] } else { vec![] });
                barrier.wait().await;
                for round in 0..2_000 {
                    if (round + task) % 5 == 0 {
                        // Gives up after one poll, whatever came of it.
                        drop(poll(&mut Box::pin(acquire(&limits))));
                        continue;
                    }
                    let permit = acquire(&limits).await;
                    assert!(busy.fetch_add(1, Ordering::SeqCst) < size, "exceeded");
                    if round % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                    busy.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            })
        });
        let done = tokio::time::timeout(Duration::from_secs(60), join_all(tasks)).await;
        done.expect("it hangs").into_iter().for_each(|task| task.unwrap());
        assert!(unused(&limit) && unused(&other));
    }
}

/// A waker that comes back at once must find nothing locked.
#[test]
fn wakers_run_outside_the_lock() {
    struct Comes(Limit, AtomicBool);
    impl std::task::Wake for Comes {
        fn wake(self: Arc<Self>) {
            self.1.store(asking(&self.0).now_or_never().is_none() && now(&self.0).1 == 1, Ordering::Relaxed);
        }
    }
    let limit = Limit::new(1);
    let held = asking(&limit).now_or_never();
    let comes = Arc::new(Comes(limit.clone(), AtomicBool::new(false)));
    let mut waits = asking(&limit);
    assert!(waits.poll_unpin(&mut Context::from_waker(&Waker::from(comes.clone()))).is_pending());
    drop(held);
    assert!(comes.1.load(Ordering::Relaxed));
    drop(waits);
    assert!(unused(&limit));
}

/// The same for what is dropped with a waker: here, somebody who holds a permit.
#[test]
fn wakers_are_dropped_outside_the_lock() {
    struct Holds(#[expect(dead_code, reason = "dropped")] Permit);
    impl std::task::Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    let limit = Limit::new(2);
    let permit = || asking(&limit).now_or_never().unwrap().0;
    let waker = Waker::from(Arc::new(Holds(permit())));
    let held = permit();
    let mut waits = asking(&limit);
    assert!(waits.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    // Only the waker that is replaced here keeps the permit.
    assert!(poll(&mut waits).is_pending());
    drop(waits.now_or_never().unwrap());
    drop(held);
    assert!(unused(&limit));
}

#[tokio::test]
async fn waiting_from_another_thread() {
    let limit = Limit::new(1);
    let held = asking(&limit).await;
    let (begun, begins) = oneshot::channel();
    let waiting = tokio::spawn({
        let mut ask = asking(&limit);
        async move {
            assert!(poll(&mut ask).is_pending());
            begun.send(()).unwrap();
            ask.await.1
        }
    });
    begins.await.unwrap();
    drop(held);
    assert!(waiting.await.unwrap());
    assert!(unused(&limit));
}
