//! The laws, for one runnable.

use std::fmt::Debug;

use anabranch::{Chunks, Error, Result, Runnable, RunnableExt};
use futures::poll;
use serde::Serialize;

use crate::world::{MARKER, World};

/// How a runnable streams where everything works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Streams {
    Pieces,
    Whole,
}

/// One row of the table: how the runnable is made, its input, and how it streams.
pub(crate) struct Case<'a, M, I, S> {
    pub(crate) name: &'a str,
    pub(crate) make: M,
    pub(crate) input: I,
    pub(crate) streams: Streams,
    /// The output as text, to compare.
    pub(crate) show: S,
}

pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

impl<R, M, I, S> Case<'_, M, I, S>
where
    R: Runnable + Debug,
    R::Input: Clone,
    M: Fn(&World) -> R,
    I: Fn(&World) -> R::Input,
    S: Fn(&R::Output) -> String,
{
    pub(crate) async fn keeps_the_laws(&self) {
        let pieces = self.a_stream_is_what_invoke_gives(false).await.unwrap_or_else(|error| {
            panic!("{}: it should work, but: {error}", self.name);
        });
        assert_eq!(pieces > 1, self.streams == Streams::Pieces, "{}: {pieces} chunks", self.name);
        self.a_failure_is_the_same_streamed().await;
        self.a_batch_is_what_invoke_gives().await;
        for after in 0..=pieces {
            self.a_dropped_stream_leaves_nothing(after).await;
        }
        self.a_dropped_call_leaves_nothing().await;
        self.it_describes_itself();
        self.it_shows_no_text();
    }

    fn surroundings(&self, fails: bool) -> (World, R, R::Input) {
        let world = World::new(fails);
        let (runnable, input) = ((self.make)(&world), (self.input)(&world));
        (world, runnable, input)
    }

    /// Law 6, collected and chunk by chunk; the number of chunks.
    async fn a_stream_is_what_invoke_gives(&self, fails: bool) -> Result<usize> {
        let (world, runnable, input) = self.surroundings(fails);
        let invoked = runnable.invoke(input).await;
        assert_eq!(world.at_work(), 0, "{}: at work after invoke", self.name);

        let (world, runnable, input) = self.surroundings(fails);
        let collected = runnable.stream(input).collect().await;
        assert_eq!(world.at_work(), 0, "{}: at work after collect", self.name);

        let (world, runnable, input) = self.surroundings(fails);
        let (added_up, count) = add_up(runnable.stream(input)).await;
        assert_eq!(world.at_work(), 0, "{}: at work after the last chunk", self.name);

        let expected = self.outcome(&invoked);
        assert_eq!(self.outcome(&collected), expected, "{}: collected", self.name);
        assert_eq!(self.outcome(&added_up), expected, "{}: added up", self.name);
        invoked.map(|_| count)
    }

    /// The whole of an output, and of an error its rendering, with the path.
    fn outcome(&self, done: &Result<R::Output>) -> String {
        match done {
            Ok(output) => (self.show)(output),
            Err(error) => {
                self.hides_the_marker("an error", error);
                format!("{error}")
            }
        }
    }

    async fn a_failure_is_the_same_streamed(&self) {
        if let Err(error) = self.a_stream_is_what_invoke_gives(true).await {
            // What fails because several steps did keeps their errors.
            let named = |error: &Error| error.path().len() > 0;
            let cause = named(&error) || (!error.related().is_empty() && error.related().iter().all(named));
            assert!(cause, "{}: {error} names no step", self.name);
        }
    }

    async fn a_batch_is_what_invoke_gives(&self) {
        let (_, runnable, input) = self.surroundings(false);
        let alone = self.outcome(&runnable.invoke(input).await);
        let (world, runnable, input) = self.surroundings(false);
        let outputs = runnable.batch([input.clone(), input]).await.unwrap();
        let outputs: Vec<_> = outputs.iter().map(&self.show).collect();
        assert_eq!(outputs, [alone.clone(), alone], "{}: batch", self.name);
        assert_eq!(world.at_work(), 0, "{}: at work after the batch", self.name);
    }

    /// Law 2: dropped after so many chunks, while the next one is being made.
    async fn a_dropped_stream_leaves_nothing(&self, after: usize) {
        let (world, runnable, input) = self.surroundings(false);
        let mut chunks = runnable.stream(input);
        for _ in 0..after {
            chunks.next().await.unwrap().unwrap();
        }
        let _ = poll!(chunks.next());
        drop(chunks);
        self.is_idle(&world, &format!("dropped after {after} chunks")).await;
    }

    async fn a_dropped_call_leaves_nothing(&self) {
        let (world, runnable, input) = self.surroundings(false);
        let mut call = Box::pin(runnable.invoke(input));
        let _ = poll!(&mut call);
        drop(call);
        self.is_idle(&world, "invoke dropped").await;
    }

    async fn is_idle(&self, world: &World, when: &str) {
        // A task that was aborted is gone when the scheduler came by.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!((world.at_work(), tasks), (0, 0), "{}: at work and tasks, {when}", self.name);
        let requests = world.requests();
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(world.requests(), requests, "{}: it went on asking, {when}", self.name);
    }

    fn it_describes_itself(&self) {
        let (_, runnable, _) = self.surroundings(false);
        let description = runnable.describe();
        assert!(
            !description.name.is_empty() && !description.kind.as_str().is_empty(),
            "{}: {description:?}",
            self.name
        );
        runnable.check().unwrap();
    }

    fn it_shows_no_text(&self) {
        let (_, runnable, _) = self.surroundings(false);
        self.hides_the_marker("the runnable", &runnable);
        self.hides_the_marker("its description", &runnable.describe());
    }

    fn hides_the_marker(&self, what: &str, shown: &dyn Debug) {
        for shown in [format!("{shown:?}"), format!("{shown:#?}")] {
            assert!(!shown.contains(MARKER), "{}: {what} shows text: {shown}", self.name);
        }
    }
}

async fn add_up<T: Send + 'static>(mut chunks: Chunks<'_, T>) -> (Result<T>, usize) {
    let mut whole = chunks.merge().collector();
    let mut count = 0;
    while let Some(chunk) = chunks.next().await {
        if let Err(error) = chunk.and_then(|chunk: T| whole.push(chunk)) {
            return (Err::<T, Error>(error), count);
        }
        count += 1;
    }
    (whole.finish(), count)
}
