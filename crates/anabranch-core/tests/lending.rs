//! A stream that is not read lends its permit to the step that works on its chunk: no chain waits for itself.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
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

/// A call that takes its time.
fn call() -> impl Runnable<Input = String, Output = String> + Clone + 'static {
    lambda(async |text: String| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(text)
    })
    .limited()
}

#[tokio::test(start_paused = true)]
async fn streams_under_two_limits_whose_readers_need_the_other() {
    let (a, b) = (RunConfig::new().max_concurrency(1), RunConfig::new().max_concurrency(1));
    let one = Model("a b c ").with_config(a.clone()).pipe(EachAsks(Model("x").with_config(b.clone())));
    let two = Model("a b c ").with_config(b.clone()).pipe(EachAsks(Model("y").with_config(a.clone())));
    // A limit of its own that is never reached: without any, nothing is lent at all.
    let config = RunConfig::new().max_concurrency(100);
    let runs = futures::future::join(read(one.stream_with("?", &config)), read(two.stream_with("?", &config)));
    let (one, two) = in_time(runs).await;
    assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("xxx", "yyy"));
    assert!(unused(&a) && unused(&b) && unused(&config));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_limit_whose_steps_bring_theirs_along() {
    let config = RunConfig::new().max_concurrency(1);
    let asks = EachAsks(Model("x").with_config(config.clone()));
    let chain = Model("a b c ").with_config(config.clone()).pipe(asks);
    assert_eq!(in_time(read(chain.stream("?"))).await.unwrap(), "xxx");
    assert!(unused(&config));
}

/// Waits a short while for a chunk, and asks `model` when none comes in time.
struct LooksIn<R>(R);

impl<R: Runnable<Input = String, Output = String>> Runnable for LooksIn<R> {
    type Input = String;
    type Output = String;

    async fn call(&self, input: String, config: &RunConfig) -> Result<String> {
        config.run(&self.0, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, String>, config: &'a RunConfig) -> Chunks<'a, String> {
        let answers = futures::stream::unfold(input, async move |mut input| {
            match tokio::time::timeout(Duration::from_micros(10), input.next()).await {
                Ok(chunk) => Some((chunk?, input)),
                Err(_) => Some((config.run(&self.0, "?".to_string()).await, input)),
            }
        });
        Chunks::new(Box::pin(answers), Merge::append())
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_asks_because_nothing_is_there_to_read() {
    let config = RunConfig::new().max_concurrency(1);
    let chain = Model("a b ").pipe(LooksIn(call()));
    let answer = in_time(read(chain.stream_with("?", &config))).await.unwrap();
    assert_eq!(answer.matches(['a', 'b']).count(), 2, "{answer}");
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_while_another_waits() {
    let config = RunConfig::new().max_concurrency(1);
    // The first is at the stream when its time is over; the second works on a chunk, and waits for a permit.
    let leaves = passthrough::<String>()
        .pipe(generator(|text: Chunks<'_, String>| text.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append())));
    let leaves = leaves.with_timeout(Duration::from_micros(1_500));
    let branches = RunnableParallel::new().branch("leaves", leaves).branch("stays", EachAsks(Model("x")));
    let chain = Model("a b c ").pipe(branches.settled());
    let config = &config;
    let answer = in_time(async {
        let mut chunks = chain.stream_with("?", config);
        while let Some(chunk) = chunks.next().await {
            chunk?;
        }
        Ok::<_, Error>(())
    });
    answer.await.unwrap();
    assert!(unused(config));
}

/// Asks a model for the first chunk, and reads on meanwhile.
struct ReadsOn<R>(R);

impl<R: Runnable<Input = String, Output = String>> Runnable for ReadsOn<R> {
    type Input = serde_json::Value;
    type Output = String;

    async fn call(&self, input: serde_json::Value, config: &RunConfig) -> Result<String> {
        config.run(&self.0, input.to_string()).await
    }

    fn call_stream<'a>(
        &'a self,
        mut input: Chunks<'a, serde_json::Value>,
        config: &'a RunConfig,
    ) -> Chunks<'a, String> {
        Chunks::from_future(async move {
            let Some(first) = input.next().await.transpose()? else { return Ok(String::new()) };
            let mut answer = Box::pin(config.run(&self.0, first.to_string()));
            // It begins before anything more is read.
            if let std::task::Poll::Ready(answer) = futures::poll!(&mut answer) {
                return answer;
            }
            let rest = input.for_each(async |_| {});
            futures::future::join(answer, rest).await.0
        })
    }
}

/// What happened, in its order.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// A call that takes its time, and tells when it is done.
fn takes(millis: u64, name: &'static str, log: &Log) -> impl Runnable<Input = String, Output = String> + 'static {
    let log = log.clone();
    lambda(move |text: String| {
        let log = log.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            log.lock().unwrap().push(name);
            Ok(text)
        }
    })
    .limited()
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_permit_is_lent_does_not_go_on() {
    let log = Log::default();
    let config = RunConfig::new().max_concurrency(2);
    // Two branches may run, and one permit is left for them.
    let held = config.permit().await;
    let branches = parallel! { "call": takes(5, "branch", &log), "at once": passthrough::<String>() };
    let chain = branches.pipe(ReadsOn(takes(10, "reader", &log)));
    in_time(read(chain.stream_with("?", &config))).await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["reader", "branch"]);
    drop(held);
    assert!(unused(&config));
}

#[tokio::test]
async fn a_function_on_a_thread_goes_on_and_lends_nothing() {
    let log = Log::default();
    let config = RunConfig::new().max_concurrency(2);
    let held = config.permit().await;
    let seen = log.clone();
    let thread = blocking(move |text: String| {
        std::thread::sleep(Duration::from_millis(50));
        seen.lock().unwrap().push("thread");
        Ok(text)
    });
    let chain =
        parallel! { "thread": thread, "at once": passthrough::<String>() }.pipe(ReadsOn(takes(0, "reader", &log)));
    in_time(read(chain.stream_with("?", &config))).await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["thread", "reader"]);
    drop(held);
    assert!(unused(&config));
}

#[tokio::test(start_paused = true)]
async fn a_permit_goes_back_to_the_stream_it_was_lent_by() {
    let log = Log::default();
    let config = RunConfig::new().max_concurrency(1);
    // After its call the reader does something else before it reads on.
    let idles = lambda(async |text: String| {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(text)
    });
    let chain = Model("a b ").pipe(EachAsks(takes(1, "reader", &log).pipe(idles)));
    let stranger = takes(1, "stranger", &log);
    let both = futures::future::join(read(chain.stream_with("?", &config)), stranger.invoke_with("?", &config));
    let (one, other) = in_time(both).await;
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(*log.lock().unwrap(), ["reader", "reader", "stranger"]);
    assert!(unused(&config));
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
