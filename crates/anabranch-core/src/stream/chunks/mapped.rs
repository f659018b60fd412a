//! Chunks turned into others, one by one.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::error::Result;
use crate::stream::chunks::Chunks;
use crate::stream::chunks::source::Source;
use crate::stream::merge::Merge;
use crate::stream::yielding::Turns;

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// Turns each chunk into another; the new ones add up by `merge`. The first error ends the stream.
    pub fn map_chunks<U: Send + 'static>(
        self,
        mut step: impl FnMut(T) -> Result<U> + Send + 'a,
        merge: Merge<U>,
    ) -> Chunks<'a, U> {
        self.filter_map_to_end(move |chunk| chunk.map(&mut step).transpose(), merge)
    }

    /// [`map_chunks`](Self::map_chunks), where a chunk may turn into nothing.
    pub fn filter_map_chunks<U: Send + 'static>(
        self,
        mut step: impl FnMut(T) -> Result<Option<U>> + Send + 'a,
        merge: Merge<U>,
    ) -> Chunks<'a, U> {
        self.filter_map_to_end(move |chunk| chunk.map_or(Ok(None), &mut step), merge)
    }

    /// [`filter_map_chunks`](Self::filter_map_chunks) for who has a last chunk to give, or an error, when all is read:
    /// after the last chunk the function is called once with nothing.
    ///
    /// ```
    /// use anabranch_core::{Chunks, Error, Merge};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let words = Chunks::from_values(["ana", "branch"].map(String::from), Merge::append());
    /// let mut letters = 0;
    /// let counted = words.filter_map_to_end(
    ///     move |word| match word {
    ///         Some(word) => {
    ///             letters += word.len();
    ///             Ok(Some(word))
    ///         }
    ///         None if letters == 0 => Err(Error::other("no word came")),
    ///         None => Ok(Some(format!(" has {letters} letters"))),
    ///     },
    ///     Merge::append(),
    /// );
    /// assert_eq!(counted.collect().await?, "anabranch has 9 letters");
    /// # Ok(()) }
    /// ```
    pub fn filter_map_to_end<U: Send + 'static>(
        self,
        step: impl FnMut(Option<T>) -> Result<Option<U>> + Send + 'a,
        merge: Merge<U>,
    ) -> Chunks<'a, U> {
        Chunks::new(Mapped { chunks: self, step, is_over: false, dropped: Turns::default() }, merge)
    }
}

struct Mapped<'a, T, F> {
    chunks: Chunks<'a, T>,
    step: F,
    /// All is read, and the step knows.
    is_over: bool,
    /// Chunks that turned into nothing, one after the other: a stream of which nothing is left must not keep its thread.
    dropped: Turns,
}

/// The step is called where it is and never pinned.
impl<T, F> Unpin for Mapped<'_, T, F> {}

impl<T: Send + 'static, U, F: FnMut(Option<T>) -> Result<Option<U>>> Stream for Mapped<'_, T, F> {
    type Item = Result<U>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let chunks = &mut this.chunks;
        loop {
            // Straight from the stream, where there is one: a chunk is used where it lies, for to move it costs more.
            let next = match &mut chunks.source {
                Source::Stream(stream) if !chunks.needs_a_chunk => match stream.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(chunk))) => match (this.step)(Some(chunk)) {
                        Ok(Some(mapped)) => return Poll::Ready(Some(Ok(mapped))),
                        Ok(None) => {
                            ready!(this.dropped.poll_next(cx));
                            continue;
                        }
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    },
                    Poll::Pending => return Poll::Pending,
                    end => chunks.end(end, cx),
                },
                _ => chunks.poll_first(cx),
            };
            let chunk = match next {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) if std::mem::replace(&mut this.is_over, true) => return Poll::Ready(None),
                Poll::Ready(None) => return Poll::Ready((this.step)(None).transpose()),
                Poll::Ready(Some(Err(error))) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Ok(chunk))) => chunk,
            };
            match (this.step)(Some(chunk)).transpose() {
                Some(mapped) => return Poll::Ready(Some(mapped)),
                None => ready!(this.dropped.poll_next(cx)),
            }
        }
    }
}
