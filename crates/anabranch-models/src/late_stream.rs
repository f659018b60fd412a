//! [`late_stream`]: a stream that a future gives.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anabranch_core::Result;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};

/// The stream that a future gives, or the error that it gives instead. When it is there, nothing of the future is left,
/// and an item passes through without being moved about: `once(future).try_flatten()` has room for both all the time.
pub(crate) fn late_stream<'a, S>(future: impl Future<Output = Result<S>> + Send + 'a) -> LateStream<'a, S> {
    LateStream::Future(future.boxed())
}

/// See [`late_stream`].
pub(crate) enum LateStream<'a, S> {
    Future(BoxFuture<'a, Result<S>>),
    Stream(S),
    Over,
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Stream for LateStream<'_, S> {
    type Item = Result<T>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        match &mut *self {
            Self::Stream(stream) => Pin::new(stream).poll_next(context),
            _ => self.poll_first(context),
        }
    }
}

impl<T, S: Stream<Item = Result<T>> + Unpin> LateStream<'_, S> {
    /// Until the stream is there.
    #[cold]
    fn poll_first(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            *self = match self {
                Self::Stream(stream) => return stream.poll_next_unpin(context),
                Self::Over => return Poll::Ready(None),
                Self::Future(future) => match ready!(future.poll_unpin(context)) {
                    Ok(stream) => Self::Stream(stream),
                    Err(error) => {
                        *self = Self::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            };
        }
    }
}
