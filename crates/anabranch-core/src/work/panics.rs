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
    /// A future whose panic is its error.
    #[project = CaughtProjection]
    pub(crate) enum Caught<F> {
        Running { #[pin] running: F },
        Panicked { error: Option<Error> },
    }
}

impl<F> Caught<F> {
    /// The future that `start` gives. A step may do something, and panic, before its future is polled.
    pub(crate) fn starting(start: impl FnOnce() -> F) -> Self {
        match caught_in(|| Ok(start())) {
            Ok(running) => Self::Running { running },
            Err(error) => Self::Panicked { error: Some(error) },
        }
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Caught<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project() {
            CaughtProjection::Running { running } => poll_caught(running, cx),
            CaughtProjection::Panicked { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
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
pub(crate) fn poll_caught<T>(
    running: Pin<&mut (impl Future<Output = Result<T>> + ?Sized)>,
    cx: &mut Context<'_>,
) -> Poll<Result<T>> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| running.poll(cx))) {
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
