//! [`late_stream`]: a stream that a future gives.

use std::task::{Poll, ready};

use anabranch_core::Result;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};

/// The stream that a future gives, or the error that it gives instead. When it is there, nothing of the future is left,
/// and an item passes through without being moved about: `once(future).try_flatten()` has room for both all the time.
pub(crate) fn late_stream<'a, T, S>(
    future: impl Future<Output = Result<S>> + Send + 'a,
) -> impl Stream<Item = Result<T>> + Send + Unpin + 'a
where
    S: Stream<Item = Result<T>> + Send + Unpin + 'a,
{
    enum Late<'a, S> {
        Future(BoxFuture<'a, Result<S>>),
        Stream(S),
        Over,
    }
    let mut late = Late::Future::<S>(future.boxed());
    futures_util::stream::poll_fn(move |context| {
        loop {
            late = match &mut late {
                Late::Stream(stream) => return stream.poll_next_unpin(context),
                Late::Over => return Poll::Ready(None),
                Late::Future(future) => match ready!(future.poll_unpin(context)) {
                    Ok(stream) => Late::Stream(stream),
                    Err(error) => {
                        late = Late::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            };
        }
    })
}
