//! The joint of two steps: the output of one converted into the input of the next.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use typewit::{TypeEq, type_fn};

use crate::error::Result;
use crate::stream::accepts::Accepts;
use crate::stream::chunks::{Chunks, Unread};
use crate::stream::late::LateLaw;

type_fn! {
    struct ChunksOf<'a>;

    impl<T> T => Chunks<'a, T>
}

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// Chunks converted one by one for a step that streams, the whole converted for one that does not.
    pub(crate) fn convert<U: Accepts<T> + Send + 'static>(self) -> Chunks<'a, U> {
        // Nearly always the two are the same, and there is nothing to convert.
        if let Some(same) = TypeEq::<T, U>::with_any() {
            return same.project::<ChunksOf<'a>>().to_right(self);
        }
        match self.into_ready() {
            Ok(Ok(value)) => Chunks::once(U::accept(value)),
            Ok(Err(error)) => Chunks::failed(error),
            Err(chunks) => Chunks::unread(ToConvert { chunks }),
        }
    }
}

struct ToConvert<'a, T> {
    chunks: Chunks<'a, T>,
}

impl<'a, T: Send + 'static, U: Accepts<T> + Send + 'static> Unread<U> for ToConvert<'a, T> {
    fn begin<'s>(self: Box<Self>, lawful: bool) -> Chunks<'s, U>
    where
        Self: 's,
    {
        let mut chunks = self.chunks;
        chunks.begin();
        if !lawful {
            return chunks.converted_by(|chunks, law| Converted { chunks, law });
        }
        if chunks.late_law().is_none() {
            return converted_lawfully(chunks);
        }
        Chunks::deferred(async move { Ok(converted_lawfully(chunks.with_law_known().await?)) })
    }

    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<U>>
    where
        Self: 's,
    {
        Box::pin(async move { self.chunks.collect().await.map(U::accept) })
    }
}

/// Chunks converted one by one if they add up after that; else the whole.
fn converted_lawfully<T, U>(chunks: Chunks<'_, T>) -> Chunks<'_, U>
where
    T: Send + 'static,
    U: Accepts<T> + Send + 'static,
{
    match chunks.known_law().and_then(|merge| merge.converted()) {
        Some(merge) => chunks.map_chunks(|chunk| Ok(U::accept(chunk)), merge),
        None => Chunks::from_future(async move { chunks.collect().await.map(U::accept) }),
    }
}

/// Chunks converted one by one.
pub(crate) struct Converted<'a, T, U> {
    chunks: Chunks<'a, T>,
    /// To be told what the law is, once that is known.
    law: Option<LateLaw<U>>,
}

impl<T, U> Unpin for Converted<'_, T, U> {}

impl<T: Send + 'static, U: Accepts<T> + Send + 'static> Stream for Converted<'_, T, U> {
    type Item = Result<U>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<U>>> {
        let next = std::task::ready!(Pin::new(&mut self.chunks).poll_next(cx));
        if let Some(law) = self.law.take() {
            law.set(self.chunks.known_law().and_then(|merge| merge.converted()));
        }
        Poll::Ready(next.map(|chunk| chunk.map(U::accept)))
    }
}
