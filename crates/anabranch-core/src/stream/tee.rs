//! One stream for several readers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::stream::chunks::Chunks;

impl<'a, T: Clone + Send + 'static> Chunks<'a, T> {
    /// The same chunks for `readers` readers. Each may read at its own pace: what the fastest has taken and another
    /// has not is kept for it.
    pub(crate) fn tee(self, readers: usize) -> Vec<Chunks<'a, T>> {
        let mut this = match self.into_ready() {
            Ok(Ok(value)) => return std::iter::repeat_n(value, readers).map(Chunks::once).collect(),
            Ok(Err(error)) => return std::iter::repeat_n(error, readers).map(Chunks::failed).collect(),
            Err(this) => this,
        };
        // What does not add up is collected once, for all.
        this.make_lawful();
        let merge = this.merge();
        let shared = Arc::new(Mutex::new(Shared {
            source: Some(this),
            end: None,
            readers: (0..readers).map(|_| Reader { queue: VecDeque::new(), waker: None, gone: false }).collect(),
        }));
        (0..readers).map(|index| Chunks::new(Tee { shared: shared.clone(), index }, merge.clone())).collect()
    }
}

struct Shared<'a, T> {
    /// `None` after its end.
    source: Option<Chunks<'a, T>>,
    end: Option<Error>,
    readers: Vec<Reader<T>>,
}

struct Reader<T> {
    queue: VecDeque<T>,
    waker: Option<Waker>,
    gone: bool,
}

struct Tee<'a, T> {
    shared: Arc<Mutex<Shared<'a, T>>>,
    index: usize,
}

impl<'a, T> Tee<'a, T> {
    fn lock(&self) -> MutexGuard<'_, Shared<'a, T>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + 'static> Stream for Tee<'_, T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.lock();
        let shared = &mut *shared;
        if let Some(chunk) = shared.readers[self.index].queue.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let Some(source) = &mut shared.source else {
            return Poll::Ready(shared.end.clone().map(Err));
        };
        let next = match Pin::new(source).poll_next(cx) {
            Poll::Pending => {
                shared.readers[self.index].waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(next) => next,
        };
        let others = shared.readers.iter_mut().enumerate().filter(|(index, other)| *index != self.index && !other.gone);
        for (_, other) in others {
            if let Some(Ok(chunk)) = &next {
                other.queue.push_back(chunk.clone());
            }
            if let Some(waker) = other.waker.take() {
                waker.wake();
            }
        }
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                shared.source = None;
                shared.end = Some(error.clone());
            }
            None => shared.source = None,
        }
        Poll::Ready(next)
    }
}

impl<T> Drop for Tee<'_, T> {
    fn drop(&mut self) {
        let mut shared = self.lock();
        let reader = &mut shared.readers[self.index];
        reader.gone = true;
        reader.queue.clear();
        // The source may have kept this reader's waker: another one has to poll it now.
        let wakers: Vec<_> = shared.readers.iter_mut().filter_map(|reader| reader.waker.take()).collect();
        drop(shared);
        for waker in wakers {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::future::join;

    use super::*;
    use crate::stream::merge::Merge;

    fn letters() -> Chunks<'static, String> {
        Chunks::from_values(["a", "b", "c"].map(String::from), Merge::append())
    }

    #[tokio::test]
    async fn every_reader_sees_every_chunk_at_its_own_pace() {
        let mut readers = letters().tee(3);
        let mut fast = readers.remove(0);
        assert_eq!(fast.next().await.unwrap().unwrap(), "a");
        assert_eq!(fast.next().await.unwrap().unwrap(), "b");
        drop(fast);
        let (left, right) = (readers.remove(0), readers.remove(0));
        let (left, right) = join(left.collect(), right.map(|c| c.unwrap()).collect::<Vec<_>>()).await;
        assert_eq!(left.unwrap(), "abc");
        assert_eq!(right, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn an_error_reaches_every_reader() {
        let failing = Chunks::new(
            futures_util::stream::iter([Ok("a".to_string()), Err(Error::other("broken"))]),
            Merge::append(),
        );
        for reader in failing.tee(2) {
            assert_eq!(reader.collect().await.unwrap_err().to_string(), "error: broken");
        }
    }

    #[tokio::test]
    async fn a_reader_that_leaves_does_not_hold_up_the_others() {
        let (tx, rx) = tokio::sync::mpsc::unbounded_channel::<String>();
        let source = futures_util::stream::unfold(rx, |mut rx| async { rx.recv().await.map(|item| (Ok(item), rx)) });
        let mut readers = Chunks::new(source, Merge::append()).tee(2);
        let mut leaving = readers.remove(0);
        let staying = tokio::spawn(readers.remove(0).collect());
        tokio::task::yield_now().await;
        // `leaving` polls last, so the source knows its waker only.
        assert!(futures_util::poll!(leaving.next()).is_pending());
        drop(leaving);
        tx.send("x".into()).unwrap();
        drop(tx);
        assert_eq!(staying.await.unwrap().unwrap(), "x");
    }
}
