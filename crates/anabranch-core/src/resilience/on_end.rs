//! A look at how a stream ends.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::error::{Error, Result};
use crate::stream::chunks::{Chunks, WholeSource};

/// The same chunks; `end` is called with their error, or with nothing after the last one, and dropped uncalled with a
/// stream that is dropped before its end.
pub(crate) fn on_end<'a, T: Send + 'static>(
    chunks: Chunks<'a, T>,
    end: impl FnOnce(Option<&Error>) + Send + 'a,
) -> Chunks<'a, T> {
    let merge = chunks.merge().clone();
    Chunks::from_whole(OnEnd { chunks, end: Some(end) }, merge)
}

struct OnEnd<'a, T, F> {
    chunks: Chunks<'a, T>,
    end: Option<F>,
}

impl<T: Send + 'static, F: FnOnce(Option<&Error>) + Send> WholeSource<T> for OnEnd<'_, T, F> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let next = Pin::new(&mut self.chunks).poll_next(cx);
        let error = match &next {
            Poll::Pending | Poll::Ready(Some(Ok(_))) => return next,
            Poll::Ready(Some(Err(error))) => Some(error),
            Poll::Ready(None) => None,
        };
        if let Some(end) = self.end.take() {
            end(error);
        }
        next
    }

    fn collect<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's,
    {
        Box::pin(async move {
            let Self { chunks, end } = *self;
            let whole = chunks.collect().await;
            if let Some(end) = end {
                end(whole.as_ref().err());
            }
            whole
        })
    }
}
