//! A look at how a stream ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::stream::chunks::Chunks;

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// The same chunks; `end` is called with their error, or with nothing after the last one, and dropped uncalled with
    /// a stream that is dropped before its end.
    pub(crate) fn inspect_end(self, end: impl FnOnce(Option<&Error>) + Send + 'a) -> Self {
        self.through(|chunks| InspectEnd { chunks, end: Some(end) })
    }
}

struct InspectEnd<S, F> {
    chunks: S,
    end: Option<F>,
}

/// The function is called where it is and never pinned.
impl<S: Unpin, F> Unpin for InspectEnd<S, F> {}

impl<T, S, F> Stream for InspectEnd<S, F>
where
    S: Stream<Item = Result<T>> + Unpin,
    F: FnOnce(Option<&Error>),
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.chunks).poll_next(cx));
        let error = match &next {
            Some(Ok(_)) => return Poll::Ready(next),
            Some(Err(error)) => Some(error),
            None => None,
        };
        if let Some(end) = self.end.take() {
            end(error);
        }
        Poll::Ready(next)
    }
}
