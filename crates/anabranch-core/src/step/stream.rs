//! Streaming a step: every way to its chunks leads through here.

use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::run::config::RunConfig;
use crate::run::{flow, limit};
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::watched;
use crate::stream::chunks::{Chunks, Unread};
use crate::stream::coroutine::coroutine;
use crate::stream::late::LateLaw;

/// The stream of a step. How it is read decides what runs: read chunk by chunk, the step streams; collected, it is
/// called with the whole of its input, as `invoke` does.
pub(crate) fn stream<'a, R: Runnable>(
    config: &'a RunConfig,
    step: &'a R,
    input: Chunks<'a, R::Input>,
) -> Chunks<'a, R::Output> {
    let chunks = Chunks::unread(StepStream { config, step, input: input.entering() });
    // What a step gives out of its input as it is has been through it.
    chunks.named(step).leaving()
}

struct StepStream<'a, R: Runnable> {
    config: &'a RunConfig,
    step: &'a R,
    input: Chunks<'a, R::Input>,
}

impl<'a, R: Runnable> Unread<R::Output> for StepStream<'a, R> {
    fn begin<'s>(self: Box<Self>, _: bool) -> Chunks<'s, R::Output>
    where
        Self: 's,
    {
        let Self { config, step, input } = *self;
        let begin = |input| {
            let mut chunks =
                if config.watches() { watched::stream(config, step, input) } else { step.call_stream(input, config) };
            chunks.make_output();
            chunks
        };
        // A step may bring a limit along, so it does not matter whether this configuration has one.
        if !limit::exists() || input.is_ready() {
            return begin(input);
        }
        // What the step reads from lends it its permits.
        let (up, down) = flow::joint();
        begin(Chunks::unread(Lender { chunks: input, up })).through(|output| down.wrap(output))
    }

    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<R::Output>>
    where
        Self: 's,
    {
        let Self { config, step, input } = *self;
        Box::pin(async move {
            let input = input.collect().await?;
            // It is named where the chunks leave it.
            if config.watches() { watched::call(config, step, input).await } else { step.call(input, config).await }
        })
    }
}

/// The input of a step that lends the step the permits of those who make it.
struct Lender<'a, T> {
    chunks: Chunks<'a, T>,
    up: flow::Up,
}

impl<'a, T: Send + 'static> Unread<T> for Lender<'a, T> {
    fn begin<'s>(self: Box<Self>, lawful: bool) -> Chunks<'s, T>
    where
        Self: 's,
    {
        let Self { mut chunks, up } = *self;
        if lawful {
            chunks.make_lawful();
        } else {
            chunks.begin();
        }
        chunks.through(|chunks| up.wrap(chunks))
    }

    /// Who waits for the whole of its input does nothing meanwhile for which it would need a permit.
    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's,
    {
        Box::pin(self.chunks.collect())
    }
}

/// [`stream`] under a configuration that the stream owns.
pub(crate) fn stream_owned<'a, R: Runnable>(
    config: RunConfig,
    step: &'a R,
    input: Chunks<'a, R::Input>,
) -> Chunks<'a, R::Output> {
    if config.is_empty() {
        return stream(RunConfig::empty(), step, input);
    }
    Chunks::unread(OwnedStream { config, step, input })
}

struct OwnedStream<'a, S, I> {
    config: RunConfig,
    step: S,
    input: Chunks<'a, I>,
}

impl<'a, S, R> Unread<R::Output> for OwnedStream<'a, S, R::Input>
where
    S: std::ops::Deref<Target = R> + Send + 'a,
    R: Runnable + 'a,
{
    fn begin<'s>(self: Box<Self>, _: bool) -> Chunks<'s, R::Output>
    where
        Self: 's,
    {
        let law = LateLaw::new();
        let found = law.clone();
        let chunks = coroutine(|mut yielder| async move {
            let Self { config, step, input } = *self;
            let mut chunks = stream(&config, &*step, input);
            chunks.tell_law(&found);
            yielder.give_all(chunks).await;
        });
        Chunks::with_late_law(chunks, law)
    }

    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<R::Output>>
    where
        Self: 's,
    {
        Box::pin(async move {
            let Self { config, step, input } = *self;
            run(&config, &*step, input.collect().await?).await
        })
    }
}

/// A stream that owns its step and its configuration.
pub(crate) fn stream_of<R: Runnable + 'static>(
    config: RunConfig,
    step: std::sync::Arc<R>,
    input: Chunks<'static, R::Input>,
) -> Chunks<'static, R::Output> {
    Chunks::unread(OwnedStream { config, step, input })
}

/// A stream that somebody opens to read it himself, and calls other steps meanwhile: a program, or a step of its own.
pub(crate) fn opened<T: Send + 'static>(chunks: Chunks<'_, T>) -> Chunks<'_, T> {
    if limit::exists() { Chunks::unread(Opened { chunks }) } else { chunks }
}

struct Opened<'a, T> {
    chunks: Chunks<'a, T>,
}

impl<T: Send + 'static> Unread<T> for Opened<'_, T> {
    fn begin<'s>(self: Box<Self>, lawful: bool) -> Chunks<'s, T>
    where
        Self: 's,
    {
        let Self { mut chunks } = *self;
        if lawful {
            chunks.make_lawful();
        } else {
            chunks.begin();
        }
        chunks.through(flow::opened)
    }

    fn whole<'s>(self: Box<Self>) -> BoxFuture<'s, Result<T>>
    where
        Self: 's,
    {
        Box::pin(flow::in_run(self.chunks.collect()))
    }
}

impl RunConfig {
    /// [`run`](Self::run) for streams. Nothing runs until the stream is read; read as a whole
    /// ([`Chunks::collect`]), it is the same as `run`.
    pub fn stream<'a, R: Runnable>(&'a self, step: &'a R, input: Chunks<'a, R::Input>) -> Chunks<'a, R::Output> {
        opened(match self.started() {
            None => stream(self, step, input),
            Some(started) => stream_owned(started, step, input),
        })
    }
}
