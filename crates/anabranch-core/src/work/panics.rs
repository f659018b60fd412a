//! A panic in a branch, element or task becomes an error.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::error::{Error, Result};

pin_project! {
    /// A future whose panic is its error. The step may do something, and panic, before there is a future.
    #[project = CaughtProjection]
    pub(crate) enum Caught<S, F> {
        Waiting { start: Option<S> },
        Running { #[pin] running: F },
    }
}

impl<S: FnOnce() -> F, F> Caught<S, F> {
    /// The future that `start` gives, which is called when this is polled.
    pub(crate) fn starting(start: S) -> Self {
        Self::Waiting { start: Some(start) }
    }
}

impl<T, S: FnOnce() -> F, F: Future<Output = Result<T>>> Future for Caught<S, F> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        poll_caught(|| {
            if let CaughtProjection::Waiting { start } = self.as_mut().project() {
                let Some(start) = start.take() else { return Poll::Pending };
                self.set(Self::Running { running: start() });
            }
            match self.as_mut().project() {
                CaughtProjection::Running { running } => running.poll(cx),
                CaughtProjection::Waiting { .. } => Poll::Pending,
            }
        })
    }
}

/// A stream whose panic is its error, and its end.
pub(crate) struct CaughtStream<S> {
    /// `None` after a panic.
    stream: Option<S>,
}

impl<S> CaughtStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: Some(stream) }
    }
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Stream for CaughtStream<S> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        match std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(stream).poll_next(cx))) {
            Ok(next) => next,
            Err(panic) => {
                self.stream = None;
                Poll::Ready(Some(Err(panicked(panic))))
            }
        }
    }
}

/// One poll of a future that may panic. It must not be polled again after that.
pub(crate) fn poll_caught<T>(poll: impl FnOnce() -> Poll<Result<T>>) -> Poll<Result<T>> {
    match std::panic::catch_unwind(AssertUnwindSafe(poll)) {
        Ok(poll) => poll,
        Err(panic) => Poll::Ready(Err(panicked(panic))),
    }
}

pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Error {
    Error::from_panic(panic)
}

/// The value of a function that may panic.
pub(crate) fn caught_in<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic)))
}
