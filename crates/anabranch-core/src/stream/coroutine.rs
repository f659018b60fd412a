//! [`coroutine`]: a stream written as an async block, which may own what its items borrow from.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

/// Turns an async block into the stream of what it gives through its [`Yielder`].
pub(crate) fn coroutine<'a, T, F>(block: impl FnOnce(Yielder<T>) -> F) -> Coroutine<'a, T>
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'a,
{
    let block = Box::pin(block(Yielder { item: PhantomData }));
    Coroutine { block: Some(block), slot: Some(Box::new(None::<T>)), item: PhantomData }
}

/// Where an item lies while it is handed out. It is with the [`Coroutine`] between two polls and on the thread during
/// one, so that the block finds it there without a lock.
type Slot = Box<dyn Any + Send>;

thread_local! {
    static SLOT: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

pub(crate) struct Yielder<T> {
    item: PhantomData<fn(T)>,
}

impl<T: Send + 'static> Yielder<T> {
    /// Only while the coroutine is polled, which is when its block runs.
    fn put(&self, item: T) {
        SLOT.with_borrow_mut(|slot| {
            if let Some(slot) = slot.as_mut().and_then(|slot| slot.downcast_mut::<Option<T>>()) {
                *slot = Some(item);
            }
        });
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
    /// `None` while it is polled.
    slot: Option<Slot>,
    item: PhantomData<fn() -> T>,
}

/// Puts the slot of whoever polls this coroutine back, also after a panic.
struct Entered {
    before: Option<Slot>,
}

impl Entered {
    fn leave(mut self) -> Option<Slot> {
        let slot = SLOT.replace(self.before.take());
        std::mem::forget(self);
        slot
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        SLOT.replace(self.before.take());
    }
}

impl<T: Send + 'static> Stream for Coroutine<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let Some(block) = &mut this.block else { return Poll::Ready(None) };
        let entered = Entered { before: SLOT.replace(this.slot.take()) };
        let done = block.as_mut().poll(cx);
        this.slot = entered.leave();
        if done.is_ready() {
            this.block = None;
            return Poll::Ready(None);
        }
        match this.slot.as_mut().and_then(|slot| slot.downcast_mut::<Option<T>>()).and_then(Option::take) {
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
