//! A stream that is not read lends its permit to the step that works on its chunk: no chain waits for itself.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::*;
use futures::StreamExt;
use futures::future::join_all;

/// Gives its words one by one and holds a permit meanwhile, as a model does.
struct Model(&'static str);

impl Runnable for Model {
    type Input = String;
    type Output = String;

    async fn call(&self, _: String, config: &RunConfig) -> Result<String> {
        let _permit = config.permit().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(self.0.to_string())
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, String>, config: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            input.collect().await?;
            let permit = config.permit().await;
            let words = futures::stream::iter(self.0.split_inclusive(' ')).then(async |word| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(word.to_string())
            });
            Ok(Chunks::new(permit.hold(Box::pin(words)), Merge::append()))
        })
    }
}

pipe_operator!(impl for Model);

/// Asks `model` for each chunk, and reads on when it has the answer.
struct EachAsks<R>(R);

impl<R: Runnable<Input = String, Output = String>> Runnable for EachAsks<R> {
    type Input = String;
    type Output = String;

    async fn call(&self, input: String, config: &RunConfig) -> Result<String> {
        config.run(&self.0, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, String>, config: &'a RunConfig) -> Chunks<'a, String> {
        let answers = input.then(async move |chunk| config.run(&self.0, chunk?).await);
        Chunks::new(Box::pin(answers), Merge::append())
    }
}

pipe_operator!(impl<R> for EachAsks<R> where R: Runnable<Input = String, Output = String>);

async fn read(mut chunks: Chunks<'_, String>) -> Result<String> {
    let mut whole = String::new();
    while let Some(chunk) = chunks.next().await {
        whole += &chunk?;
    }
    Ok(whole)
}

async fn in_time<T>(run: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), run).await.expect("it waits for itself")
}

fn unused(config: &RunConfig) -> bool {
    let now = config.concurrency().unwrap();
    (now.in_use, now.waiting) == (0, 0)
}

#[tokio::test(start_paused = true)]
async fn a_step_that_asks_for_each_chunk_of_a_model() {
    let chain = Model("a b c ") | EachAsks(Model("x"));
    let config = RunConfig::new().max_concurrency(1);
    assert_eq!(in_time(read(chain.stream_with("?", &config))).await.unwrap(), "xxx");
    assert!(unused(&config));
    // Three deep.
    let chain = Model("a b ") | EachAsks(Model("c d ") | EachAsks(Model("x"))) | EachAsks(Model("y"));
    assert_eq!(in_time(read(chain.stream_with("?", &config))).await.unwrap(), "yy");
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn four_such_streams_under_a_shared_limit_of_four() {
    let chain = Model("a b c ") | EachAsks(Model("x"));
    let config = RunConfig::new().max_concurrency(4);
    let all = join_all((0..4).map(|_| read(chain.stream_with("?", &config))));
    for answer in in_time(all).await {
        assert_eq!(answer.unwrap(), "xxx");
    }
    let many = join_all((0..40).map(|_| read(chain.stream_with("?", &config))));
    assert!(in_time(many).await.iter().all(|answer| answer.as_deref().unwrap() == "xxx"));
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn branches_that_wait_while_their_reader_works() {
    let config = RunConfig::new().max_concurrency(1);
    let chain = parallel! { "a": Model("a b "), "b": Model("c d ") }
        .pipe(generator(|values: Chunks<'_, serde_json::Value>| {
            values.map_chunks(|value| Ok(value.to_string()), Merge::append())
        }))
        .pipe(EachAsks(Model("x")));
    let busy = lambda(async |n: u8| {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(n)
    })
    .limited();
    let (other, answer) =
        in_time(futures::future::join(busy.invoke_with(1, &config), read(chain.stream_with("?", &config)))).await;
    assert_eq!((other.unwrap(), answer.unwrap().as_str()), (1, "xxxx"));
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn a_spawned_producer_and_a_limit_met_twice() {
    let config = RunConfig::new().max_concurrency(1);
    let chain = Model("a b c ").spawned().pipe(EachAsks(Model("x")));
    assert_eq!(in_time(read(chain.stream_with("?", &config))).await.unwrap(), "xxx");
    let step = lambda(async |n: u8| Ok(n)).limited().with_config(config.clone());
    assert_eq!(in_time(step.invoke_with(1, &config)).await.unwrap(), 1);
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn two_limits_in_opposite_orders() {
    let (a, b) = (RunConfig::new().max_concurrency(1), RunConfig::new().max_concurrency(1));
    let slow = || {
        lambda(async |n: u8| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(n)
        })
        .limited()
    };
    let (one, two) = (slow().with_config(a.clone()), slow().with_config(b.clone()));
    let runs = (0..10).map(|n| {
        let (one, two, a, b) = (&one, &two, &a, &b);
        async move { if n % 2 == 0 { one.invoke_with(n, b).await } else { two.invoke_with(n, a).await } }
    });
    assert!(in_time(join_all(runs)).await.iter().all(Result::is_ok));
    assert!(unused(&a) && unused(&b));
}

#[tokio::test(start_paused = true)]
async fn whatever_is_dropped_gives_its_permits_back() {
    let chain = Model("a b c ") | EachAsks(Model("c d ") | EachAsks(Model("x")));
    for polls in 0..60 {
        let config = RunConfig::new().max_concurrency(1);
        let seen = Arc::new(AtomicUsize::new(0));
        let mut run = Box::pin(read(chain.stream_with("?", &config)));
        for _ in 0..polls {
            if futures::poll!(&mut run).is_ready() {
                break;
            }
            seen.fetch_add(1, Ordering::Relaxed);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        drop(run);
        assert!(unused(&config), "after {polls} polls: {:?}", config.concurrency());
    }
}
