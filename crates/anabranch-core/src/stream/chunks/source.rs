//! Where the chunks of a stream come from.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::error::{Error, Result};
use crate::stream::chunks::Chunks;

pub(super) enum Source<'a, T> {
    /// One value or error that is there already; `None` when it was taken.
    Ready(Option<Result<T>>),
    Stream(Pin<Box<dyn Stream<Item = Result<T>> + Send + 'a>>),
    /// Not begun: how it is read decides what runs.
    Unread(Box<dyn Unread<T> + 'a>),
    /// The chunks are those of a stream that has to be found first.
    Deferred(Pin<Box<dyn Find<T> + 'a>>),
    /// A chunk that was taken already, and the rest.
    Begun(Option<T>, Box<Source<'a, T>>),
    /// It is over, with this error if there is one, as soon as the tasks that were behind it are gone.
    Leaving {
        gone: BoxFuture<'static, ()>,
        error: Option<Error>,
    },
}

/// A source that was not read yet. (It has no lifetime of its own, so that chunks may be taken for shorter-lived ones.)
pub(crate) trait Unread<T>: Send {
    /// It is read chunk by chunk; `lawful` says that the chunks must add up.
    fn begin<'s>(self: Box<Self>, lawful: bool) -> Chunks<'s, T>
    where
        Self: 's;

    /// The whole of it is wanted, and nothing else.
    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's;
}

/// A future that finds chunks.
pub(super) trait Find<T>: Send {
    fn poll_find<'s>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Chunks<'s, T>>>
    where
        Self: 's;
}

/// What a future finds.
pub(super) fn finding<'a, T: Send + 'static>(
    future: impl Future<Output = Result<Chunks<'a, T>>> + Send + 'a,
) -> Source<'a, T> {
    Source::Deferred(Box::pin(Finding { future, found: PhantomData }))
}

pin_project! {
    struct Finding<'a, T, F> {
        #[pin]
        future: F,
        found: PhantomData<fn() -> Chunks<'a, T>>,
    }
}

impl<'a, T, F: Future<Output = Result<Chunks<'a, T>>> + Send> Find<T> for Finding<'a, T, F> {
    fn poll_find<'s>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Chunks<'s, T>>>
    where
        Self: 's,
    {
        self.project().future.poll(cx).map(|found| found.map(|chunks| chunks as Chunks<'s, T>))
    }
}
