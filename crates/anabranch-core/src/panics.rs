//! A panic in a branch, element or task becomes an error.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::FutureExt;

use crate::error::{Error, ErrorKind, Result};
use crate::stream::chunks::Chunks;

pub(crate) async fn caught<T>(running: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(running).catch_unwind().await {
        Ok(done) => done,
        Err(panic) => Err(panicked(panic)),
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

/// The text of a panic may quote anything, so it is kept out of the message.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Error {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&'static str>().map(|text| text.to_string()).unwrap_or_default(),
    };
    Error::new(ErrorKind::Panic, "the step panicked; its message is in `Error::partial::<String>()`").with_partial(text)
}

/// Chunks whose source may panic.
pub(crate) struct CatchChunks<'a, T>(pub(crate) Chunks<'a, T>);

impl<T: Send + 'static> Stream for CatchChunks<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll_next(cx))) {
            Ok(next) => next,
            Err(panic) => {
                // What panicked is not touched again.
                self.0 = Chunks::failed(panicked(panic));
                Pin::new(&mut self.0).poll_next(cx)
            }
        }
    }
}
