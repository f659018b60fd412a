//! [`InTime`]: work that is stopped at the run's deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::work::drop_reason::drop_because;
use crate::work::task::after_drop;
use crate::work::timer::{poll_timer, sleep_until};

pin_project! {
    /// Work that is stopped at the run's deadline, if there is one. What is done too late is not done.
    ///
    /// A future of its own and not an async block: it stands around each step of a chain, and those nest so deep that
    /// the compiler gives up.
    pub(crate) struct InTime<F> {
        // `None` when it was stopped.
        #[pin]
        running: Option<F>,
        deadline: Option<Instant>,
        // Made when there is something to wait for.
        timer: Option<Pin<Box<Sleep>>>,
        // After the deadline: ready when the tasks of what ran are gone.
        leaving: Option<BoxFuture<'static, ()>>,
    }
}

impl<F> InTime<F> {
    pub(crate) fn new(deadline: Option<Instant>, running: F) -> Self {
        Self { running: Some(running), deadline, timer: None, leaving: None }
    }
}

impl<T, F: Future<Output = Result<T>>> Future for InTime<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut this = self.project();
        if let Some(running) = this.running.as_mut().as_pin_mut() {
            let done = running.poll(cx);
            let Some(deadline) = *this.deadline else { return done };
            match done {
                Poll::Ready(Ok(_)) if Instant::now() > deadline => return Poll::Ready(Err(deadline_exceeded())),
                Poll::Ready(done) => return Poll::Ready(done),
                Poll::Pending => {}
            }
            let timer = match this.timer {
                Some(timer) => timer,
                None => this.timer.insert(Box::pin(sleep_until(deadline)?)),
            };
            ready!(poll_timer(timer.as_mut(), cx));
            *this.leaving = after_drop(|| drop_because(&deadline_exceeded(), || this.running.set(None)));
        }
        if let Some(leaving) = this.leaving {
            ready!(leaving.as_mut().poll(cx));
        }
        Poll::Ready(Err(deadline_exceeded()))
    }
}

#[cold]
pub(crate) fn deadline_exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the run's deadline passed before the step was done")
}
