//! [`Task`]: work on a task or thread of its own, which ends with its owner.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::work::drop_reason::{drop_because, drop_reason};
use crate::work::panics::panicked;
use crate::work::timer::until;

/// A task that is aborted when it is dropped.
pub(crate) struct Task<T: Send + 'static> {
    /// Taken on drop.
    handle: Option<JoinHandle<T>>,
    /// Whether it ends soon after it is aborted. A thread that runs a synchronous function does not, and nobody waits
    /// for it.
    ends: bool,
    fate: Arc<Mutex<Fate>>,
}

/// What the task and its owner tell each other when it is dropped.
#[derive(Default)]
struct Fate {
    /// Why its owner drops it: its steps are dropped somewhere else, and their observers are to hear of it.
    reason: Option<Error>,
    /// Tasks of its own that are on their way out.
    left: Vec<BoxFuture<'static, ()>>,
}

fn lock(fate: &Mutex<Fate>) -> MutexGuard<'_, Fate> {
    fate.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Result<Self> {
        let fate = Arc::<Mutex<Fate>>::default();
        let work = Owning { work: Some(work), fate: fate.clone() };
        Ok(Self { handle: Some(runtime()?.spawn(work)), ends: true, fate })
    }

    pub(crate) fn spawn_blocking(work: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        Ok(Self { handle: Some(runtime()?.spawn_blocking(work)), ends: false, fate: Arc::default() })
    }
}

pin_project! {
    /// The work of a task. Where the runtime drops it, nobody waits for the tasks it owns, so they are handed to whoever
    /// waits for this one.
    struct Owning<F> {
        #[pin]
        work: Option<F>,
        fate: Arc<Mutex<Fate>>,
    }

    impl<F> PinnedDrop for Owning<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let reason = lock(this.fate).reason.take();
            let gone = after_drop(|| match &reason {
                Some(error) => drop_because(error, || this.work.set(None)),
                None => this.work.set(None),
            });
            lock(this.fate).left.extend(gone);
        }
    }
}

impl<F: Future> Future for Owning<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().work.as_pin_mut() {
            Some(work) => work.poll(cx),
            None => Poll::Pending,
        }
    }
}

fn runtime() -> Result<tokio::runtime::Handle> {
    tokio::runtime::Handle::try_current().map_err(|_| {
        Error::new(
            ErrorKind::Unsupported,
            "a step on a task or thread of its own needs a tokio runtime: run the chain under `#[tokio::main]`, or \
             with `invoke_blocking`",
        )
    })
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Some(handle) = &mut self.handle else { return Poll::Pending };
        Pin::new(handle).poll(cx).map(|done| {
            done.map_err(|error| match error.try_into_panic() {
                Ok(panic) => panicked(panic),
                Err(_) => Error::new(ErrorKind::Other, "the task was stopped: its runtime is shutting down"),
            })
        })
    }
}

impl<T: Send + 'static> Drop for Task<T> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take().filter(|handle| !handle.is_finished()) else { return };
        if !self.ends {
            return handle.abort();
        }
        lock(&self.fate).reason = drop_reason();
        handle.abort();
        let fate = std::mem::take(&mut self.fate);
        ABORTED.with_borrow_mut(|aborted| {
            if let Some(aborted) = aborted {
                aborted.push(Box::pin(async move {
                    // Gone is gone: by abort, panic or its own end.
                    let _ = handle.await;
                    let left = std::mem::take(&mut lock(&fate).left);
                    for gone in left {
                        gone.await;
                    }
                }));
            }
        });
    }
}

thread_local! {
    /// Tasks aborted by the drop that `drop_and_wait` is doing on this thread.
    static ABORTED: RefCell<Option<Vec<BoxFuture<'static, ()>>>> = const { RefCell::new(None) };
}

/// How long an abandoned task may take to notice. One that never awaits cannot be stopped and is not waited for.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// Drops something and returns when the tasks it owned are gone, too, or after a short while if one cannot be stopped.
///
/// An aborted task may be in the middle of a poll on another thread. Whoever stops a part of a run and goes on waits
/// for that, so that nothing of it runs beside what comes next. (Who drops a future cannot wait; there the task ends
/// at its next await.)
pub(crate) async fn drop_and_wait<T>(owner: T) {
    if let Some(gone) = after_drop(|| drop(owner)) {
        gone.await;
    }
}

/// [`drop_and_wait`] in two parts: what is dropped is gone when this returns, and the tasks it owned are when the future
/// is ready.
pub(crate) fn after_drop(work: impl FnOnce()) -> Option<BoxFuture<'static, ()>> {
    let mut aborted = {
        let outer = ABORTED.replace(Some(Vec::new()));
        work();
        Aborted(ABORTED.replace(outer).unwrap_or_default())
    };
    if aborted.0.is_empty() {
        return None;
    }
    Some(Box::pin(async move {
        let gone = std::future::poll_fn(|cx| {
            while let Some(task) = aborted.0.last_mut() {
                if task.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                aborted.0.pop();
            }
            Poll::Ready(())
        });
        // Where there are tasks there is a runtime, and so a timer.
        let _ = until(Instant::now() + GRACE, pin!(gone)).await;
    }))
}

/// A future that is dropped where it is pinned.
pub(crate) struct InPlace<'p, F>(pub(crate) Pin<&'p mut Option<F>>);

impl<F> Drop for InPlace<'_, F> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// [`drop_and_wait`] for something whose steps have failed with `error`, such as a time-out.
pub(crate) async fn stop<T>(owner: T, error: &Error) {
    drop_and_wait(Stopped { owner: Some(owner), error }).await;
}

struct Stopped<'e, T> {
    owner: Option<T>,
    error: &'e Error,
}

impl<T> Drop for Stopped<'_, T> {
    fn drop(&mut self) {
        drop_because(self.error, || self.owner = None);
    }
}

/// Aborted tasks that are being waited for.
struct Aborted(Vec<BoxFuture<'static, ()>>);

/// Who drops the wait takes it over.
impl Drop for Aborted {
    fn drop(&mut self) {
        ABORTED.with_borrow_mut(|aborted| {
            if let Some(aborted) = aborted {
                aborted.append(&mut self.0);
            }
        });
    }
}
