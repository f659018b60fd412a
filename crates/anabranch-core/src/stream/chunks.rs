//! [`Chunks`]: a stream that knows how its chunks add up.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use typewit::{TypeEq, type_fn};

use crate::accepts::Accepts;
use crate::error::{Error, Result};
use crate::run::label::Labelled;
use crate::stream::merge::Merge;

/// The stream of a step's output, as chunks that are values of the same type: a chunk of a `String` is a `String`.
///
/// It is a `Stream<Item = Result<T>>` that also knows how its chunks add up ([`Merge`]), so
/// [`collect`](Self::collect) gives the value that `invoke` would have given. After an error it ends. Nothing runs
/// until it is polled, and dropping it stops the work behind it.
///
/// ```
/// use anabranch_core::{Chunks, Merge};
/// use futures::TryStreamExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let pieces = || Chunks::from_values(["ana".to_string(), "branch".to_string()], Merge::append());
///
/// assert_eq!(pieces().collect().await?, "anabranch");
///
/// let mut pieces = pieces();
/// assert_eq!(pieces.try_next().await?.as_deref(), Some("ana"));
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Chunks<'a, T> {
    source: Source<'a, T>,
    merge: Merge<T>,
    on_error: OnError<'a>,
}

enum Source<'a, T> {
    /// One value or error that is there already; `None` when it was taken.
    Ready(Option<Result<T>>),
    Stream(Pin<Box<dyn Stream<Item = Result<T>> + Send + 'a>>),
    Whole(Box<dyn WholeSource<T> + 'a>),
}

/// A source that has a better way to the whole than adding up its chunks.
pub(crate) trait WholeSource<T>: Send {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>>;
    fn collect<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's;
}

/// What to do with an error on its way out: name the step it came from, unless it only passed through it.
#[derive(Default)]
struct OnError<'a> {
    label: Option<&'a dyn Labelled>,
    /// The joints it leaves.
    leaves: u16,
    /// The joints it enters, after that.
    enters: u16,
}

impl OnError<'_> {
    #[cold]
    fn apply(&self, mut error: Error) -> Error {
        if let Some(step) = self.label {
            error = step.name_error(error);
        }
        error.leave_joints(self.leaves);
        error.enter_joints(self.enters);
        error
    }
}

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// Chunks from a stream and the law by which they add up.
    pub fn new(stream: impl Stream<Item = Result<T>> + Send + 'a, merge: Merge<T>) -> Self {
        Self::from_source(Source::Stream(Box::pin(stream)), merge)
    }

    /// One value, which is the whole.
    pub fn once(value: T) -> Self {
        Self::from_source(Source::Ready(Some(Ok(value))), Merge::last())
    }

    /// Nothing but an error.
    pub fn failed(error: Error) -> Self {
        Self::from_source(Source::Ready(Some(Err(error))), Merge::last())
    }

    /// The value of a future as the only chunk.
    pub fn from_future(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Self::new(futures_util::stream::once(future), Merge::last())
    }

    /// Chunks that are there already.
    pub fn from_values<V>(values: V, merge: Merge<T>) -> Self
    where
        V: IntoIterator<Item = T>,
        V::IntoIter: Send + 'a,
    {
        Self::new(futures_util::stream::iter(values.into_iter().map(Ok)), merge)
    }

    /// Chunks of a stream that a future finds first: for steps that decide at run time which step gives the answer.
    pub fn deferred(future: impl Future<Output = Result<Chunks<'a, T>>> + Send + 'a) -> Self {
        let law: Arc<OnceLock<Merge<T>>> = Arc::default();
        let source = Deferred { state: DeferredState::Finding(Box::pin(future)), law: law.clone() };
        Self::from_source(Source::Whole(Box::new(source)), Merge::late(move || law.get().cloned()))
    }

    /// Chunks from a source that has its own way to the whole.
    pub(crate) fn from_whole(source: impl WholeSource<T> + 'a, merge: Merge<T>) -> Self {
        Self::from_source(Source::Whole(Box::new(source)), merge)
    }

    /// The law by which the chunks add up.
    pub fn merge(&self) -> &Merge<T> {
        &self.merge
    }

    /// The whole: the same value that `invoke` gives.
    ///
    /// # Errors
    /// The error of the stream, or [`ErrorKind::EmptyStream`](crate::ErrorKind::EmptyStream) where there was no chunk
    /// and the values have no empty form.
    pub async fn collect(mut self) -> Result<T> {
        let on_error = std::mem::take(&mut self.on_error);
        let whole = match self.source {
            Source::Ready(Some(ready)) => ready,
            Source::Whole(source) => source.collect().await,
            Source::Ready(None) => self.merge.collector().finish(),
            Source::Stream(mut stream) => {
                let mut collector = self.merge.collector();
                loop {
                    match stream.next().await {
                        Some(Ok(chunk)) => match collector.push(chunk) {
                            Ok(()) => {}
                            Err(error) => break Err(error),
                        },
                        Some(Err(error)) => break Err(error),
                        None => break collector.finish(),
                    }
                }
            }
        };
        whole.map_err(|error| on_error.apply(error))
    }

    /// Turns each chunk into another; the new ones add up by `merge`. The first error ends the stream.
    pub fn map_chunks<U: Send + 'static>(
        self,
        mut step: impl FnMut(T) -> Result<U> + Send + 'a,
        merge: Merge<U>,
    ) -> Chunks<'a, U> {
        self.filter_map_chunks(move |chunk| step(chunk).map(Some), merge)
    }

    /// [`map_chunks`](Self::map_chunks), where a chunk may turn into nothing.
    pub fn filter_map_chunks<U: Send + 'static>(
        self,
        step: impl FnMut(T) -> Result<Option<U>> + Send + 'a,
        merge: Merge<U>,
    ) -> Chunks<'a, U> {
        Chunks::new(Mapped { chunks: self, step }, merge)
    }

    /// The joint of two steps: chunks converted one by one for a step that streams, the whole converted for one that
    /// does not.
    pub(crate) fn convert<U: Accepts<T> + Send + 'static>(mut self) -> Chunks<'a, U> {
        self.on_error.enters = self.on_error.enters.saturating_add(1);
        // Nearly always the two are the same, and there is nothing to convert.
        if let Some(same) = TypeEq::<T, U>::with_any() {
            return same.project::<ChunksOf<'a>>().to_right(self);
        }
        if let Source::Ready(ready) = self.source {
            let ready = ready.map(|ready| ready.map(U::accept).map_err(|error| self.on_error.apply(error)));
            return Chunks::from_source(Source::Ready(ready), Merge::last());
        }
        let merge = self.merge.converted();
        Chunks::from_source(Source::Whole(Box::new(Converted { chunks: self })), merge)
    }

    /// Names the step in errors that happen in it.
    pub(crate) fn labelled(mut self, step: &'a dyn Labelled) -> Self {
        if self.on_error.label.is_none() && self.on_error.leaves == 0 && self.on_error.enters == 0 {
            self.on_error.label = Some(step);
            return self;
        }
        let mut outer = self.wrapped();
        outer.on_error.label = Some(step);
        outer
    }

    /// Ends the passage of errors that came in through the joint of a sequence.
    pub(crate) fn leaving_joint(self) -> Self {
        let mut this = if self.on_error.enters == 0 { self } else { self.wrapped() };
        this.on_error.leaves = this.on_error.leaves.saturating_add(1);
        this
    }

    /// The same chunks with nothing to do on an error yet.
    fn wrapped(self) -> Self {
        let merge = self.merge.clone();
        Self::new(self, merge)
    }

    /// The same chunks, if they add up; else the whole as the only one. No step gives chunks that do not add up: they
    /// exist only between a joint and the step behind it.
    pub(crate) fn that_add_up(self) -> Self {
        if self.merge.is_whole() { Self::from_future(self.collect()) } else { self }
    }

    /// The same chunks once their law is known: at once, or with the first chunk.
    pub(crate) async fn with_law_known(self) -> Result<Self> {
        if self.merge.is_known() {
            return Ok(self);
        }
        self.begun().await
    }

    /// The same chunks once the first is there, or the stream has ended well without one.
    pub(crate) async fn begun(mut self) -> Result<Self> {
        match self.next().await.transpose()? {
            Some(first) => Ok(self.with_first(first)),
            None => Ok(self),
        }
    }

    /// The same chunks with one that was taken already in front.
    fn with_first(self, first: T) -> Self {
        let merge = self.merge.clone();
        Self::new(StreamExt::chain(futures_util::stream::iter([Ok(first)]), self), merge)
    }

    /// The value, if the stream is one value that is there already.
    pub(crate) fn into_ready(mut self) -> std::result::Result<Result<T>, Self> {
        match &mut self.source {
            Source::Ready(ready) if ready.is_some() => {
                let on_error = std::mem::take(&mut self.on_error);
                let ready = ready.take().unwrap_or_else(|| self.merge.collector().finish());
                Ok(ready.map_err(|error| on_error.apply(error)))
            }
            _ => Err(self),
        }
    }

    fn from_source(source: Source<'a, T>, merge: Merge<T>) -> Self {
        Self { source, merge, on_error: OnError::default() }
    }
}

impl<T: 'static> Stream for Chunks<'_, T> {
    type Item = Result<T>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = match &mut this.source {
            Source::Ready(ready) => Poll::Ready(ready.take()),
            Source::Stream(stream) => stream.as_mut().poll_next(cx),
            Source::Whole(source) => source.poll_chunk(cx),
        };
        // Chunks are handed on where they lie.
        if let Poll::Ready(None | Some(Err(_))) = &next {
            return Poll::Ready(this.end(next));
        }
        next
    }
}

impl<T> Chunks<'_, T> {
    /// The end, good or bad: what is behind the stream is let go at once.
    #[cold]
    fn end(&mut self, end: Poll<Option<Result<T>>>) -> Option<Result<T>> {
        self.source = Source::Ready(None);
        match end {
            Poll::Ready(Some(Err(error))) => Some(Err(self.on_error.apply(error))),
            _ => None,
        }
    }
}

/// Nothing of it is ever pinned in place: streams are boxed, ready values are moved.
impl<T> Unpin for Chunks<'_, T> {}

impl<T> fmt::Debug for Chunks<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("merge", &self.merge).finish_non_exhaustive()
    }
}

struct Mapped<'a, T, F> {
    chunks: Chunks<'a, T>,
    step: F,
}

/// The step is called where it is and never pinned.
impl<T, F> Unpin for Mapped<'_, T, F> {}

impl<T: 'static, U, F: FnMut(T) -> Result<Option<U>>> Stream for Mapped<'_, T, F> {
    type Item = Result<U>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let chunk = match Pin::new(&mut this.chunks).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(chunk))) => chunk,
            };
            if let Some(mapped) = (this.step)(chunk).transpose() {
                return Poll::Ready(Some(mapped));
            }
        }
    }
}

type_fn! {
    struct ChunksOf<'a>;

    impl<T> T => Chunks<'a, T>
}

/// Chunks converted one by one at a joint.
struct Converted<'a, T> {
    chunks: Chunks<'a, T>,
}

impl<T: Send + 'static, U: Accepts<T> + Send + 'static> WholeSource<U> for Converted<'_, T> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<U>>> {
        Pin::new(&mut self.chunks).poll_next(cx).map(|next| next.map(|chunk| chunk.map(U::accept)))
    }

    fn collect<'s>(self: Box<Self>) -> BoxFuture<'s, Result<U>>
    where
        Self: 's,
    {
        Box::pin(async move { self.chunks.collect().await.map(U::accept) })
    }
}

struct Deferred<'a, T> {
    state: DeferredState<'a, T>,
    law: Arc<OnceLock<Merge<T>>>,
}

enum DeferredState<'a, T> {
    Finding(BoxFuture<'a, Result<Chunks<'a, T>>>),
    Found(Chunks<'a, T>),
}

impl<T: Send + 'static> WholeSource<T> for Deferred<'_, T> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            match &mut self.state {
                DeferredState::Found(chunks) => return Pin::new(chunks).poll_next(cx),
                DeferredState::Finding(future) => match future.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Ok(chunks)) => {
                        // Set once: the state never goes back to `Finding`.
                        let _ = self.law.set(chunks.merge.clone());
                        self.state = DeferredState::Found(chunks);
                    }
                },
            }
        }
    }

    fn collect<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's,
    {
        Box::pin(async move {
            match self.state {
                DeferredState::Finding(future) => future.await?.collect().await,
                DeferredState::Found(chunks) => chunks.collect().await,
            }
        })
    }
}
