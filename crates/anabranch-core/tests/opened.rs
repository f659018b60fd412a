//! Steps that open a stream by themselves and call other steps while they read it: they do not wait for themselves,
//! either.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::*;
use futures::StreamExt;
use futures::future::{BoxFuture, join, join_all};
use tokio::time::Instant;

/// When there was work under way. A stream whose work is done and that is not read yet does nothing.
#[derive(Clone, Default)]
struct AtWork {
    pieces: Arc<Mutex<Vec<(Instant, Instant)>>>,
}

impl AtWork {
    async fn works(&self) {
        let (begin, end) = (Instant::now(), Instant::now() + Duration::from_millis(10));
        self.pieces.lock().unwrap().push((begin, end));
        tokio::time::sleep_until(end).await;
    }

    /// How many pieces were under way at once.
    fn most(&self) -> usize {
        let pieces = self.pieces.lock().unwrap();
        let at = |moment| pieces.iter().filter(|(begin, end)| (*begin..*end).contains(&moment)).count();
        pieces.iter().map(|(begin, _)| at(*begin)).max().unwrap_or(0)
    }
}

/// Gives its words one by one, as a model does.
#[derive(Clone)]
struct Model {
    words: &'static str,
    at_work: AtWork,
}

impl Runnable for Model {
    type Input = String;
    type Output = String;

    async fn call(&self, _: String, config: &RunConfig) -> Result<String> {
        config.permit().await.during(self.at_work.works()).await;
        Ok(self.words.to_string())
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, String>, config: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            input.collect().await?;
            let permit = config.permit().await;
            let words = futures::stream::iter(self.words.split_inclusive(' ')).then(async |word| {
                self.at_work.works().await;
                Ok(word.to_string())
            });
            Ok(Chunks::new(permit.hold(Box::pin(words)), Merge::append()))
        })
    }
}

pipe_operator!(impl for Model);

type Steps = [BoxRunnable<String, String>];
type Work = for<'a> fn(&'a Steps, String, &'a RunConfig) -> BoxFuture<'a, Result<String>>;

/// A step of a user's own around others, written as an async function.
#[derive(Clone)]
struct Own {
    steps: Vec<BoxRunnable<String, String>>,
    work: Work,
}

impl Runnable for Own {
    type Input = String;
    type Output = String;

    async fn call(&self, input: String, config: &RunConfig) -> Result<String> {
        (self.work)(&self.steps, input, config).await
    }
}

pipe_operator!(impl for Own);

/// Reads one, and asks the other for each of its chunks.
fn for_each_chunk<'a>(steps: &'a Steps, input: String, config: &'a RunConfig) -> BoxFuture<'a, Result<String>> {
    Box::pin(async move {
        let mut chunks = config.stream(&steps[0], Chunks::once(input));
        let mut all = String::new();
        while let Some(chunk) = chunks.next().await {
            all += &config.run(&steps[1], chunk?).await?;
        }
        Ok(all)
    })
}

/// The same with the methods that a program uses.
fn as_a_program_does<'a>(steps: &'a Steps, input: String, config: &'a RunConfig) -> BoxFuture<'a, Result<String>> {
    Box::pin(async move {
        let mut chunks = steps[0].stream_with(input, config);
        let mut all = String::new();
        while let Some(chunk) = chunks.next().await {
            all += &steps[1].invoke_with(chunk?, config).await?;
        }
        Ok(all)
    })
}

/// Reads both at once.
fn zipped<'a>(steps: &'a Steps, input: String, config: &'a RunConfig) -> BoxFuture<'a, Result<String>> {
    Box::pin(async move {
        let one = config.stream(&steps[0], Chunks::once(input.clone()));
        let pairs = one.zip(config.stream(&steps[1], Chunks::once(input)));
        pairs.map(|(one, other)| Ok(one? + &other?)).collect::<Vec<_>>().await.into_iter().collect()
    })
}

/// Asks the other if nothing comes in time, and keeps the stream.
fn impatient<'a>(steps: &'a Steps, input: String, config: &'a RunConfig) -> BoxFuture<'a, Result<String>> {
    Box::pin(async move {
        let mut chunks = config.stream(&steps[0], Chunks::once(input.clone()));
        let mut all = String::new();
        if let Ok(Some(chunk)) = tokio::time::timeout(Duration::from_millis(1), chunks.next()).await {
            all += &chunk?;
        }
        all += &config.run(&steps[1], input).await?;
        while let Some(chunk) = chunks.next().await {
            all += &chunk?;
        }
        Ok(all)
    })
}

/// Begins calls before it reads, and reads meanwhile.
fn beside_calls<'a>(steps: &'a Steps, input: String, config: &'a RunConfig) -> BoxFuture<'a, Result<String>> {
    Box::pin(async move {
        let calls = join_all((0..3).map(|_| config.run(&steps[1], input.clone())));
        let chunks = config.stream(&steps[0], Chunks::once(input.clone()));
        let (calls, chunks) = join(calls, read(chunks)).await;
        calls.into_iter().chain([chunks]).collect()
    })
}

fn ways() -> [(&'static str, Work); 5] {
    [
        ("for each chunk", for_each_chunk),
        ("as a program does", as_a_program_does),
        ("zipped", zipped),
        ("impatient", impatient),
        ("beside calls", beside_calls),
    ]
}

async fn in_time<T>(what: &str, run: impl Future<Output = T>) -> T {
    let run = tokio::time::timeout(Duration::from_secs(60), run).await;
    run.unwrap_or_else(|_| panic!("{what} waits for itself"))
}

async fn read(mut chunks: Chunks<'_, String>) -> Result<String> {
    let mut whole = String::new();
    while let Some(chunk) = chunks.next().await {
        whole += &chunk?;
    }
    Ok(whole)
}

fn unused(config: &RunConfig) -> bool {
    let now = config.concurrency().unwrap();
    (now.in_use, now.waiting) == (0, 0)
}

/// Each way with a model and another, and with own steps inside of own steps.
async fn under(config: &RunConfig, bound: Option<&RunConfig>) {
    let at_work = AtWork::default();
    let model = |words| {
        let model = Model { words, at_work: at_work.clone() };
        match bound {
            Some(bound) => model.with_config(bound.clone()).boxed(),
            None => model.boxed(),
        }
    };
    let limit = bound.unwrap_or(config);
    for (what, work) in ways() {
        let own = Own { steps: vec![model("a b c "), model("x ")], work };
        let whole = in_time(what, own.invoke_with("?", config)).await.unwrap();
        assert!(!whole.is_empty());
        assert_eq!(in_time(what, read(own.stream_with("?", config))).await.unwrap(), whole, "{what}");
        for (_, inner) in ways() {
            let inner = Own { steps: vec![model("d e "), model("y ")], work: inner };
            for steps in [vec![inner.clone().boxed(), model("x ")], vec![model("a b "), inner.boxed()]] {
                let own = Own { steps, work };
                let read_by = Own { steps: vec![own.clone().boxed(), model("z ")], work };
                in_time(what, own.invoke_with("?", config)).await.unwrap();
                in_time(what, read(own.stream_with("?", config))).await.unwrap();
                in_time(what, read_by.invoke_with("?", config)).await.unwrap();
                let piped = model("a b ").pipe(own.clone()).pipe(model("b c "));
                in_time(what, read(piped.stream_with("?", config))).await.unwrap();
                let both = parallel! { "one": own.clone(), "two": own.spawned() };
                in_time(what, both.invoke_with("?", config)).await.unwrap();
                in_time(what, both.batch_with(["?", "!", "?"], config)).await.unwrap();
                let mut chunks = both.stream_with("?", config);
                while let Some(chunk) = in_time(what, chunks.next()).await {
                    chunk.unwrap();
                }
                drop(chunks);
                assert!(unused(limit), "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_limit() {
    for limit in 1..4 {
        under(&RunConfig::new().max_concurrency(limit), None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_limit_that_the_models_bring_along() {
    let bound = RunConfig::new().max_concurrency(1);
    under(&RunConfig::new(), Some(&bound)).await;
    under(&RunConfig::new().max_concurrency(1), Some(&bound)).await;
}

#[tokio::test(start_paused = true)]
async fn many_such_runs_under_one_limit() {
    for (what, work) in ways() {
        let at_work = AtWork::default();
        let model = |words| Model { words, at_work: at_work.clone() }.boxed();
        let own = Own { steps: vec![model("a b c "), model("x ")], work };
        let config = RunConfig::new().max_concurrency(3);
        let runs = join_all((0..40).map(|_| own.invoke_with("?", &config)));
        assert!(in_time(what, runs).await.iter().all(Result::is_ok));
        assert!(unused(&config), "{what}");
        assert_eq!(at_work.most(), 3, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_anywhere_all_permits_are_there() {
    let at_work = AtWork::default();
    let model = |words| Model { words, at_work: at_work.clone() }.boxed();
    for (what, work) in ways() {
        let inner = Own { steps: vec![model("d e "), model("y ")], work };
        let own = Own { steps: vec![inner.boxed(), model("x ")], work };
        for polls in 0..80 {
            let config = RunConfig::new().max_concurrency(1);
            let mut run = Box::pin(own.invoke_with("?", &config));
            for _ in 0..polls {
                if futures::poll!(&mut run).is_ready() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            drop(run);
            assert!(unused(&config), "{what}, dropped after {polls} polls");
        }
    }
}
