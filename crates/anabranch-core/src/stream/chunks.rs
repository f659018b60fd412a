//! [`Chunks`]: a stream that knows how its chunks add up.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::stream::exit::{Exit, Names};
use crate::stream::late::{LateLaw, do_not_add_up};
use crate::stream::merge::{Collector, Merge};
use crate::stream::yielding::Turns;
use crate::work::task::after_drop;

use self::law::Law;
use self::source::{Source, finding};

pub(crate) use self::source::Unread;

mod law;
mod mapped;
mod source;

/// The stream of a step's output, as chunks that are values of the same type: a chunk of a `String` is a `String`.
///
/// It is a `Stream<Item = Result<T>>` that also knows how its chunks add up ([`Merge`]), so
/// [`collect`](Self::collect) gives the value that `invoke` would have given. After an error it ends. Nothing runs
/// until it is polled, and dropping it stops the work behind it.
///
/// ```
/// use anabranch_core::{Chunks, Merge};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let pieces = || Chunks::from_values(["ana".to_string(), "branch".to_string()], Merge::append());
///
/// assert_eq!(pieces().collect().await?, "anabranch");
///
/// let mut pieces = pieces();
/// while let Some(piece) = pieces.next().await {
///     assert!(!piece?.is_empty());
/// }
/// # Ok(()) }
/// ```
///
/// Who reads chunk by chunk has each as it is made; what was handed on cannot be taken back, so a failure after the
/// first chunk is final. Who [collects](Self::collect) a stream from its beginning gets what `invoke` gives: each step
/// gets the whole of its input, and a retry inside begins anew after a failure at any chunk.
#[must_use = "a stream does nothing until it is polled"]
pub struct Chunks<'a, T> {
    source: Source<'a, T>,
    law: Law<T>,
    /// Whether somebody wants to add the chunks up.
    asked: Cell<bool>,
    /// Whether an end without a chunk is an error where the law has no value for that. There was no chunk yet.
    needs_a_chunk: bool,
    exit: Exit<'a>,
}

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// Chunks from a stream and the law by which they add up.
    pub fn new(stream: impl Stream<Item = Result<T>> + Send + 'a, merge: Merge<T>) -> Self {
        Self::from_source(Source::Stream(Box::pin(stream)), Law::Known(merge))
    }

    /// One value, which is the whole.
    pub fn once(value: T) -> Self {
        Self::from_source(Source::Ready(Some(Ok(value))), Law::Known(Merge::last()))
    }

    /// Nothing but an error.
    pub fn failed(error: Error) -> Self {
        Self::from_source(Source::Ready(Some(Err(error))), Law::Known(Merge::last()))
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
        Self::from_source(finding(future), Law::Late(LateLaw::new()))
    }

    /// Chunks of which it is not decided yet how they are read.
    pub(crate) fn unread(source: impl Unread<T> + 'a) -> Self {
        Self::from_source(Source::Unread(Box::new(source)), Law::Late(LateLaw::new()))
    }

    /// [`new`](Self::new), where somebody fills the cell.
    pub(crate) fn with_late_law(stream: impl Stream<Item = Result<T>> + Send + 'a, law: LateLaw<T>) -> Self {
        Self::from_source(Source::Stream(Box::pin(stream)), Law::Late(law))
    }

    fn from_source(source: Source<'a, T>, law: Law<T>) -> Self {
        Self { source, law, asked: Cell::new(false), needs_a_chunk: false, exit: Exit::default() }
    }

    /// The next chunk; `None` at the end. The same as `StreamExt::next`, without that trait.
    ///
    /// # Errors
    /// The error of the step that failed. Nothing comes after it.
    #[expect(clippy::should_implement_trait, reason = "it is the `next` of `StreamExt`")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<T>>> + Send + Unpin {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// The whole: the same value that `invoke` gives.
    ///
    /// # Errors
    /// The error of the stream, or [`ErrorKind::EmptyStream`](crate::ErrorKind::EmptyStream) where there was no chunk
    /// and the values have no empty form.
    pub async fn collect(self) -> Result<T> {
        self.collect_by(Self::add_up).await
    }

    /// [`collect`](Self::collect), where chunks that are there only one by one are added up by `add_up`.
    pub(crate) async fn collect_by<F>(mut self, add_up: impl FnOnce(Self) -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let exit = std::mem::take(&mut self.exit);
        let whole = match self.source {
            Source::Ready(Some(ready)) => ready,
            Source::Unread(unread) => unread.whole().await,
            Source::Deferred(mut found) => match std::future::poll_fn(|cx| found.as_mut().poll_find(cx)).await {
                Ok(chunks) => Box::pin(chunks.collect_by(add_up)).await,
                Err(error) => Err(error),
            },
            Source::Ready(None) | Source::Stream(_) | Source::Begun(..) | Source::Leaving { .. } => add_up(self).await,
        };
        whole.map_err(|error| exit.apply(error))
    }

    /// The chunks that are left, added up one by one.
    pub(crate) async fn add_up(mut self) -> Result<T> {
        let mut collector: Option<Collector<T>> = None;
        let mut turns = Turns::default();
        loop {
            let next = std::future::poll_fn(|cx| {
                ready!(turns.poll_next(cx));
                let next = Pin::new(&mut self).poll_next(cx);
                if next.is_pending() {
                    turns.rested();
                }
                next
            });
            let Some(chunk) = next.await.transpose()? else { break };
            let collector = match &mut collector {
                Some(collector) => collector,
                // With its first chunk a stream knows its law.
                None => collector.insert(self.known_law().ok_or_else(do_not_add_up)?.collector()),
            };
            collector.push(chunk)?;
        }
        collector.unwrap_or_else(|| self.known_law().unwrap_or(Merge::last()).collector()).finish()
    }

    /// [`begun`](Self::begun), for whoever may want the whole of them after that.
    pub(crate) async fn begun_lawfully(mut self) -> Result<Self> {
        self.make_lawful();
        self.begun().await
    }

    /// The same chunks once the first is there, or the stream has ended well without one. Then it is known
    /// [how they add up](Self::merge): for steps that do different things with snapshots and with pieces.
    ///
    /// # Errors
    /// The error that came in place of a first chunk.
    pub async fn begun(mut self) -> Result<Self> {
        if let Some(first) = self.next().await.transpose()? {
            let rest = std::mem::replace(&mut self.source, Source::Ready(None));
            self.source = Source::Begun(Some(first), Box::new(rest));
        }
        Ok(self)
    }

    /// The value, if the stream is one value that is there already.
    pub(crate) fn into_ready(mut self) -> std::result::Result<Result<T>, Self> {
        match &mut self.source {
            Source::Ready(ready) => match ready.take() {
                Some(ready) => Ok(ready.map_err(|error| self.exit.apply(error))),
                None => Err(self),
            },
            _ => Err(self),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.source, Source::Ready(_))
    }

    // Through the steps

    /// These chunks are the input of a step: what fails in them did not happen in it.
    pub(crate) fn entering(mut self) -> Self {
        self.exit.enter();
        self
    }

    /// These chunks leave the step they are the output of.
    pub(crate) fn leaving(mut self) -> Self {
        self.exit.leave();
        self
    }

    /// Names the step in errors that happen in it.
    pub(crate) fn named(mut self, step: &'a dyn Names) -> Self {
        self.exit.name(step);
        self
    }

    /// Reads it chunk by chunk from here on.
    pub(crate) fn begin(&mut self) {
        while let Source::Unread(_) = &self.source {
            if let Source::Unread(unread) = std::mem::replace(&mut self.source, Source::Ready(None)) {
                self.adopt(unread.begin(self.asked.get()));
            }
        }
    }

    /// The chunks are those of `found`.
    fn adopt(&mut self, mut found: Self) {
        if self.asked.get() {
            found.asked.set(true);
        }
        found.begin();
        if let Some(cell) = self.late_law() {
            found.tell_law(cell);
        }
        self.source = found.source;
        self.law = found.law;
        self.needs_a_chunk |= found.needs_a_chunk;
        self.exit.after(found.exit);
    }
}

impl<T: Send + 'static> Stream for Chunks<'_, T> {
    type Item = Result<T>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match &mut this.source {
            // To move a chunk once more costs as much as all the rest.
            Source::Stream(stream) if !this.needs_a_chunk => match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => Poll::Ready(Some(Ok(chunk))),
                Poll::Pending => Poll::Pending,
                end => this.end(end, cx),
            },
            _ => this.poll_first(cx),
        }
    }
}

impl<T: Send + 'static> Chunks<'_, T> {
    /// Until there is a stream, and it has given a chunk.
    #[inline(never)]
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let next = loop {
            break match &mut self.source {
                Source::Stream(stream) => ready!(stream.as_mut().poll_next(cx)),
                Source::Ready(ready) => ready.take(),
                _ => match ready!(self.prepare(cx)) {
                    Some(next) => next,
                    None => continue,
                },
            };
        };
        if let None | Some(Err(_)) = &next {
            return self.end(Poll::Ready(next), cx);
        }
        self.needs_a_chunk = false;
        Poll::Ready(next)
    }
}

impl<T: Send + 'static> Chunks<'_, T> {
    /// What stands before the stream itself: an item, or nothing where the stream is there now.
    #[cold]
    #[expect(clippy::option_option, reason = "an item may be the end of the stream")]
    fn prepare(&mut self, cx: &mut Context<'_>) -> Poll<Option<Option<Result<T>>>> {
        match &mut self.source {
            Source::Deferred(found) => match ready!(found.as_mut().poll_find(cx)) {
                Ok(found) => self.adopt(found),
                Err(error) => return Poll::Ready(Some(Some(Err(error)))),
            },
            Source::Begun(first, rest) => {
                let first = first.take();
                self.source = std::mem::replace(rest, Source::Ready(None));
                if let Some(first) = first {
                    return Poll::Ready(Some(Some(Ok(first))));
                }
            }
            Source::Leaving { gone, .. } => {
                ready!(gone.as_mut().poll(cx));
                if let Source::Leaving { error, .. } = std::mem::replace(&mut self.source, Source::Ready(None)) {
                    return Poll::Ready(Some(error.map(Err)));
                }
            }
            _ => self.begin(),
        }
        Poll::Ready(None)
    }
}

impl<T: 'static> Chunks<'_, T> {
    /// The end, good or bad: what is behind the stream is let go at once, and it is told when that is gone, too. (A step
    /// may end or fail while what it reads from still runs.)
    #[cold]
    fn end(&mut self, end: Poll<Option<Result<T>>>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let gone = after_drop(|| self.source = Source::Ready(None));
        let error = match end {
            Poll::Ready(Some(Err(error))) => Some(error),
            _ if self.needs_a_chunk => self.known_law().and_then(|law| law.accept_nothing().err()),
            _ => None,
        };
        self.needs_a_chunk = false;
        // It is named once, however often it is looked at whether all is gone.
        let exit = std::mem::take(&mut self.exit);
        let error = error.map(|error| exit.apply(error));
        let Some(mut gone) = gone else { return Poll::Ready(error.map(Err)) };
        match gone.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(error.map(Err)),
            Poll::Pending => {
                self.source = Source::Leaving { gone, error };
                Poll::Pending
            }
        }
    }
}

/// Nothing of it is ever pinned in place: streams are boxed, ready values are moved.
impl<T> Unpin for Chunks<'_, T> {}

impl<T> fmt::Debug for Chunks<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Chunks");
        if let Law::Known(merge) = &self.law {
            shown.field("merge", merge);
        }
        shown.finish_non_exhaustive()
    }
}
