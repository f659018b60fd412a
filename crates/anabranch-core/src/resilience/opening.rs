//! Streams that may be begun more than once: until the first chunk is there, nothing was handed on, and another
//! attempt can take the place of one that failed.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::run::config::RunConfig;
use crate::runnable::Runnable;
use crate::stream::chunks::{Chunks, WholeSource};
use crate::stream::merge::Merge;

/// How the stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Chunk by chunk: an attempt has succeeded with its first chunk (or its end without one).
    Chunks,
    /// Collected: an attempt has succeeded with the whole, as in `invoke`.
    Whole,
}

/// What an attempt that succeeded gives.
pub(crate) enum Opened<'a, T> {
    Chunks(Chunks<'a, T>),
    Whole(T),
}

/// One attempt at the stream of a step.
pub(crate) async fn open<'a, R: Runnable>(
    step: &'a R,
    input: R::Input,
    config: &'a RunConfig,
    read: Read,
) -> Result<Opened<'a, R::Output>> {
    let chunks = config.stream(step, Chunks::once(input));
    Ok(match read {
        Read::Chunks => Opened::Chunks(chunks.begun().await?),
        Read::Whole => Opened::Whole(chunks.collect().await?),
    })
}

/// Chunks of the attempt that succeeds; `attempts` is called when the stream is first read.
pub(crate) fn opening<'a, T, Fut>(attempts: impl FnOnce(Read) -> Fut + Send + 'a) -> Chunks<'a, T>
where
    T: Send + 'static,
    Fut: Future<Output = Result<Opened<'a, T>>> + Send + 'a,
{
    let law: Arc<OnceLock<Merge<T>>> = Arc::default();
    let state = State::Waiting(Box::new(move |read| Box::pin(attempts(read))));
    let opening = Opening { state, law: law.clone() };
    Chunks::from_whole(opening, Merge::late(move || law.get().cloned()))
}

struct Opening<'a, T> {
    state: State<'a, T>,
    law: Arc<OnceLock<Merge<T>>>,
}

type Attempting<'a, T> = BoxFuture<'a, Result<Opened<'a, T>>>;

enum State<'a, T> {
    Waiting(Box<dyn FnOnce(Read) -> Attempting<'a, T> + Send + 'a>),
    Attempting(Attempting<'a, T>),
    Open(Chunks<'a, T>),
    Done,
}

impl<T: Send + 'static> WholeSource<T> for Opening<'_, T> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Open(chunks) => return Pin::new(chunks).poll_next(cx),
                State::Waiting(_) => {
                    if let State::Waiting(attempts) = std::mem::replace(&mut self.state, State::Done) {
                        self.state = State::Attempting(attempts(Read::Chunks));
                    }
                }
                State::Attempting(attempts) => match attempts.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(opened) => {
                        self.state = State::Done;
                        let chunks = match opened {
                            Err(error) => return Poll::Ready(Some(Err(error))),
                            Ok(Opened::Chunks(chunks)) => chunks,
                            Ok(Opened::Whole(whole)) => Chunks::once(whole),
                        };
                        // Set once: there is one stream.
                        let _ = self.law.set(chunks.merge().clone());
                        self.state = State::Open(chunks);
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
            let opened = match self.state {
                State::Waiting(attempts) => attempts(Read::Whole).await?,
                State::Attempting(attempts) => attempts.await?,
                State::Open(chunks) => Opened::Chunks(chunks),
                State::Done => Opened::Chunks(Chunks::from_values([], Merge::last())),
            };
            match opened {
                Opened::Whole(whole) => Ok(whole),
                Opened::Chunks(chunks) => chunks.collect().await,
            }
        })
    }
}
