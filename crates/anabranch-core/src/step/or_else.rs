//! [`OrElse`]: a future, and what happens when it fails.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::error::{Error, Result};

pin_project! {
    /// The first attempt stands in its place and allocates nothing; what happens after a failure is boxed.
    #[project = OrElseProjection]
    pub(crate) enum OrElse<'a, F, G, T> {
        First { #[pin] running: F, or_else: Option<G> },
        Rest { running: BoxFuture<'a, Result<T>> },
    }
}

impl<'a, T, F, G> Future for OrElse<'a, F, G, T>
where
    F: Future<Output = Result<T>>,
    G: FnOnce(Error) -> BoxFuture<'a, Result<T>>,
{
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        loop {
            let running = match self.as_mut().project() {
                OrElseProjection::First { running, or_else } => match ready!(running.poll(cx)) {
                    Ok(done) => return Poll::Ready(Ok(done)),
                    Err(error) => match or_else.take() {
                        Some(or_else) => or_else(error),
                        None => return Poll::Ready(Err(error)),
                    },
                },
                OrElseProjection::Rest { running } => return running.as_mut().poll(cx),
            };
            self.set(Self::Rest { running });
        }
    }
}
