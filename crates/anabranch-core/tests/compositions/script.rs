//! What a leaf does, event by event.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anabranch_core::{Chunks, Error, ErrorKind, Merge, Result, RunConfig, Runnable, describe::Kind, describe::Label};
use futures::{FutureExt, Stream};
use tokio::time::{Sleep, sleep};

use crate::joint::Joint;
use crate::random::mix;
use crate::world::{Limit, Working, World};

/// The message of panics that belong to the experiment.
pub const PLANNED: &str = "a panic that belongs to the experiment";

/// The message of failures that belong to the experiment.
pub const FAILED: &str = "a leaf failed";

#[derive(Debug, Clone, Copy)]
pub struct Failure {
    pub kind: ErrorKind,
    pub retry_after: Option<u64>,
}

impl Failure {
    pub fn error(self) -> Error {
        let error = Error::new(self.kind, FAILED);
        match self.retry_after {
            Some(millis) => error.with_retry_after(Duration::from_millis(millis)),
            None => error,
        }
    }
}

/// What a leaf does. Times are in milliseconds; those of a stream are between two chunks.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    Gives {
        after: u64,
    },
    Streams {
        pieces: usize,
        every: u64,
    },
    Nothing {
        after: u64,
        fails: bool,
    },
    Fails {
        after: u64,
        failure: Failure,
    },
    FailsMidway {
        pieces: usize,
        every: u64,
        failure: Failure,
    },
    /// Only the first call in a run fails.
    FailsOnce {
        pieces: usize,
        every: u64,
        failure: Failure,
    },
    Hangs {
        pieces: usize,
    },
    Panics {
        pieces: usize,
    },
    /// Before there is a future or a stream.
    PanicsAtOnce,
    PanicsInItsLaw,
    /// Keeps the thread for itself.
    Blocks {
        after: u64,
    },
    /// Never rests.
    AlwaysReady {
        pieces: usize,
    },
    /// Always has a chunk and never rests, while the clock goes on.
    Endless,
}

enum Event<T> {
    Wait(u64),
    Chunk(T),
    Fail(Failure),
    Hang,
    Panic,
    Block,
    Endless(T),
}

/// A leaf: a step of a user's own.
pub struct Leaf<I, O> {
    pub id: u32,
    pub plan: Plan,
    pub world: Arc<World>,
    /// The concurrency limits it is under, if it takes a permit.
    pub permits: Option<Vec<Arc<Limit>>>,
    pub types: std::marker::PhantomData<fn(I) -> O>,
}

impl<I: Joint, O: Joint> Leaf<I, O> {
    pub fn panics_at_once(&self) {
        if matches!(self.plan, Plan::PanicsAtOnce) {
            panic!("{PLANNED}");
        }
    }

    fn play(&self, input: &I) -> (Play<O>, Merge<O>) {
        let (events, law) = self.events(input);
        let limits = self.permits.as_deref().unwrap_or_default();
        let playing = Play { events, sleep: None, working: Some(self.world.enter(self.id, limits)) };
        (playing, law)
    }

    pub fn result(&self, input: &I) -> u64 {
        mix(input.digest() ^ u64::from(self.id).wrapping_mul(0x9E37_79B9))
    }

    fn events(&self, input: &I) -> (VecDeque<Event<O>>, Merge<O>) {
        let n = self.result(input);
        let call = self.world.call(self.id);
        let paced = |count: usize, every: u64| {
            let (pieces, law) = O::pieces(n, self.id, count);
            let events = pieces.into_iter().flat_map(|piece| [Event::Wait(every), Event::Chunk(piece)]);
            (events.collect::<VecDeque<_>>(), law)
        };
        let midway = |count: usize, every: u64, last: Event<O>| {
            let (mut events, law) = paced(count + 1, every);
            events.truncate(2 * count + 1);
            events.push_back(last);
            (events, law)
        };
        match self.plan {
            Plan::Gives { after } => ([Event::Wait(after), Event::Chunk(O::make(n, self.id))].into(), Merge::last()),
            Plan::Streams { pieces, every } => paced(pieces, every),
            Plan::Nothing { after, fails } => ([Event::Wait(after)].into(), O::law_of_nothing(fails)),
            Plan::Fails { after, failure } => ([Event::Wait(after), Event::Fail(failure)].into(), Merge::last()),
            Plan::FailsMidway { pieces, every, failure } => midway(pieces, every, Event::Fail(failure)),
            Plan::FailsOnce { pieces, every, failure } if call == 0 => midway(pieces, every, Event::Fail(failure)),
            Plan::FailsOnce { pieces, every, .. } => paced(pieces + 1, every),
            Plan::Hangs { pieces } => midway(pieces, 1, Event::Hang),
            Plan::Panics { pieces } => midway(pieces, 1, Event::Panic),
            Plan::PanicsAtOnce => ([Event::Panic].into(), Merge::last()),
            Plan::PanicsInItsLaw => {
                let (events, _) = paced(2, 1);
                (events, Merge::fold(|_, _| panic!("{PLANNED}")))
            }
            Plan::Blocks { after } => {
                let (mut events, law) = paced(1, after);
                events.push_front(Event::Block);
                (events, law)
            }
            Plan::AlwaysReady { pieces } => paced(pieces, 0),
            Plan::Endless => ([Event::Endless(O::make(n, self.id))].into(), Merge::last()),
        }
    }

    /// The whole, as a function computes it.
    pub async fn whole(&self, input: &I) -> Result<O> {
        let (playing, law) = self.play(input);
        Chunks::new(playing, law).collect().await
    }

    /// The chunks, as a generator makes them.
    pub fn chunks<'a>(self: &Arc<Self>, input: Chunks<'a, I>) -> Chunks<'a, O> {
        self.panics_at_once();
        let this = self.clone();
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let (playing, law) = this.play(&input);
            Ok(Chunks::new(playing, law))
        })
    }
}

impl<I: Joint, O: Joint> Runnable for Leaf<I, O> {
    type Input = I;
    type Output = O;

    fn call<'a>(&'a self, input: I, config: &'a RunConfig) -> impl Future<Output = Result<O>> + Send {
        self.panics_at_once();
        async move {
            match &self.permits {
                Some(_) => config.permit().await.during(self.whole(&input)).await,
                None => self.whole(&input).await,
            }
        }
    }

    /// As a model does it: a permit is taken when the input is there, and goes with the stream.
    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        self.panics_at_once();
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let Some(_) = &self.permits else {
                let (playing, law) = self.play(&input);
                return Ok(Chunks::new(playing, law));
            };
            let permit = config.permit().await;
            let (playing, law) = self.play(&input);
            Ok(Chunks::new(permit.hold(playing), law))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::STEP, format!("leaf {}", self.id)))
    }
}

struct Play<T> {
    events: VecDeque<Event<T>>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// `None` after the end.
    working: Option<Working>,
}

impl<T: Joint> Play<T> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            match self.events.front() {
                None => return Poll::Ready(None),
                Some(Event::Wait(0)) => {}
                Some(Event::Wait(millis)) => {
                    let millis = Duration::from_millis(*millis);
                    let waiting = self.sleep.get_or_insert_with(|| Box::pin(sleep(millis)));
                    ready!(waiting.as_mut().poll(cx));
                    self.sleep = None;
                }
                Some(Event::Hang) => return Poll::Pending,
                Some(Event::Block) => std::thread::sleep(Duration::from_micros(20)),
                Some(Event::Panic) => panic!("{PLANNED}"),
                Some(Event::Chunk(_) | Event::Fail(_)) => {}
                Some(Event::Endless(chunk)) => {
                    // Sets the clock forward at once; what it does beside that is to let others run, and this never does.
                    let _ = tokio::time::advance(Duration::from_micros(200)).now_or_never();
                    return Poll::Ready(Some(Ok(chunk.clone())));
                }
            }
            match self.events.pop_front() {
                Some(Event::Chunk(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Some(Event::Fail(failure)) => return Poll::Ready(Some(Err(failure.error()))),
                _ => {}
            }
        }
    }
}

impl<T: Joint> Stream for Play<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(working) = &mut this.working else { return Poll::Ready(None) };
        working.resume();
        let next = this.poll_chunk(cx);
        match &next {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => this.working.iter_mut().for_each(Working::pause),
            Poll::Ready(_) => this.working = None,
        }
        next
    }
}

/// Nothing of it is pinned in place.
impl<T> Unpin for Play<T> {}
