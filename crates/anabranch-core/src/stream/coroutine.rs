//! [`coroutine`]: a stream written as an async block, which may own what its items borrow from.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

/// Turns an async block into the stream of what it gives through its [`Yielder`].
pub(crate) fn coroutine<'a, T, F>(block: impl FnOnce(Yielder<T>) -> F) -> Coroutine<'a, T>
where
    F: Future<Output = ()> + Send + 'a,
{
    let slot = Slot::default();
    Coroutine { block: Some(Box::pin(block(Yielder { slot: slot.clone() }))), slot }
}

type Slot<T> = Arc<Mutex<Option<T>>>;

pub(crate) struct Yielder<T> {
    slot: Slot<T>,
}

impl<T> Yielder<T> {
    fn put(&self, item: T) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
    }

    /// Hands out one item and goes on when it was taken.
    pub(crate) async fn give(&mut self, item: T) {
        self.put(item);
        let mut taken = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut taken, true) {
            true => Poll::Ready(()),
            // No waker is needed: the consumer takes the item as this poll returns, and polls again for the next.
            false => Poll::Pending,
        })
        .await;
    }

    /// Hands out all items of a stream.
    pub(crate) async fn give_all(&mut self, mut stream: impl Stream<Item = T> + Unpin) {
        std::future::poll_fn(|cx| match Pin::new(&mut stream).poll_next(cx) {
            Poll::Ready(Some(item)) => {
                self.put(item);
                Poll::Pending
            }
            Poll::Ready(None) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }
}

pub(crate) struct Coroutine<'a, T> {
    block: Option<BoxFuture<'a, ()>>,
    slot: Slot<T>,
}

impl<T> Stream for Coroutine<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(block) = &mut self.block else { return Poll::Ready(None) };
        if block.as_mut().poll(cx).is_ready() {
            self.block = None;
            return Poll::Ready(None);
        }
        match self.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(item) => Poll::Ready(Some(item)),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn gives_item_by_item_and_borrows_from_what_it_owns() {
        let mut given = coroutine(|mut yielder| async move {
            let owner = String::from("a b c");
            for word in owner.split(' ') {
                yielder.give(word.to_string()).await;
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(given.next().await.as_deref(), Some("a"));
        assert_eq!(given.collect::<Vec<_>>().await, ["b", "c"]);
    }
}
