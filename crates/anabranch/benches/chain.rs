//! What composition costs: chains of prompt, in-process model and parser against the hand-written program that does
//! the same with `join!` and `format!` and nothing else.
//!
//! `cargo bench --bench chain` runs the benchmarks and then prints the ratios, each measured in turns in one run.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::task::Poll;
use std::time::{Duration, Instant};

use anabranch::prelude::*;
use divan::Bencher;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

const CHUNKS: usize = 1_000;

/// A model in this process: answers at once, or word by word.
#[derive(Clone)]
struct InProcess;

fn answer(messages: &Messages) -> String {
    let asked = messages.last().map_or(0, |message| match message {
        Message::User(user) => user.text().len(),
        _ => 0,
    });
    format!("an answer to {asked} bytes")
}

impl Runnable for InProcess {
    type Input = Messages;
    type Output = AiMessage;

    async fn invoke_with(&self, messages: Messages, _: &RunConfig) -> anabranch::Result<AiMessage> {
        Ok(AiMessage::new(answer(&messages)))
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, Messages>, _: &'a RunConfig) -> Chunks<'a, AiMessage> {
        let mut asked = Some(Box::pin(input.collect()));
        let mut left = CHUNKS;
        let words = futures::stream::poll_fn(move |cx| {
            if let Some(asking) = &mut asked {
                black_box(std::task::ready!(asking.poll_unpin(cx)).unwrap());
                asked = None;
            }
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            Poll::Ready(Some(Ok(AiMessage::new("word "))))
        });
        Chunks::new(words, AiMessage::merge())
    }
}

pipe_operator!(impl for InProcess);

/// Three chains over one topic at the same time, then one synthesis: the program of the README.
fn three_branches() -> impl Runnable<Input = Value, Output = String> {
    let chain = |system: &str| {
        ChatPromptTemplate::from_messages([("system", system), ("user", "{topic}")]).unwrap()
            | InProcess
            | StrOutputParser
    };
    let map = parallel! {
        "summary": chain("Summarize the following topic concisely:"),
        "questions": chain("Generate three interesting questions about the following topic:"),
        "key_terms": chain("Identify 5-10 key terms from the following topic, separated by commas:"),
        "topic": RunnablePassthrough,
    };
    let synthesis = ChatPromptTemplate::from_messages([
        (
            "system",
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {key_terms}\nSynthesize a comprehensive answer.",
        ),
        ("user", "Original topic: {topic}"),
    ])
    .unwrap();
    map | synthesis | InProcess | StrOutputParser
}

/// The same by hand.
mod by_hand {
    use super::*;

    type Conversation = Vec<(&'static str, String)>;

    async fn model(messages: Conversation) -> Result<String, std::io::Error> {
        let asked = messages.last().map_or(0, |(_, text)| text.len());
        Ok(format!("an answer to {asked} bytes"))
    }

    pub(super) async fn three_branches(topic: String) -> Result<String, std::io::Error> {
        let ask = |system: &str| model(vec![("system", system.to_string()), ("user", topic.clone())]);
        let (summary, questions, key_terms) = futures::join!(
            ask("Summarize the following topic concisely:"),
            ask("Generate three interesting questions about the following topic:"),
            ask("Identify 5-10 key terms from the following topic, separated by commas:"),
        );
        let (summary, questions, key_terms) = (summary?, questions?, key_terms?);
        let synthesis = format!(
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {key_terms}\nSynthesize a comprehensive answer."
        );
        model(vec![("system", synthesis), ("user", format!("Original topic: {topic}"))]).await
    }

    /// A client's stream is boxed, here as everywhere.
    pub(super) fn stream(subject: &str) -> futures::stream::BoxStream<'static, Result<String, std::io::Error>> {
        let messages: Conversation = vec![("user", format!("Tell a short story about {subject}."))];
        futures::stream::iter((0..CHUNKS).map(move |_| {
            black_box(&messages);
            Ok("word ".to_string())
        }))
        .boxed()
    }
}

const TOPIC: &str = "The history of space exploration";

fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

async fn read<T, E>(mut stream: impl futures::Stream<Item = Result<T, E>> + Unpin) -> usize {
    let mut chunks = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        black_box(chunk);
        chunks += 1;
    }
    chunks
}

fn story() -> impl Runnable<Input = Value, Output = String> {
    ChatPromptTemplate::from_template("Tell a short story about {subject}.").unwrap() | InProcess | StrOutputParser
}

#[divan::bench]
fn three_branch_chain(bencher: Bencher<'_, '_>) {
    let chain = three_branches();
    bencher.bench_local(|| ready(chain.invoke(black_box(TOPIC))).unwrap());
}

#[divan::bench]
fn three_branch_chain_by_hand(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| ready(by_hand::three_branches(black_box(TOPIC).to_string())).unwrap());
}

#[divan::bench]
fn thousand_chunks(bencher: Bencher<'_, '_>) {
    let chain = story();
    bencher.bench_local(|| ready(read(chain.stream(black_box("a delta")))));
}

#[divan::bench]
fn thousand_chunks_by_hand(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| ready(read(by_hand::stream(black_box("a delta")))));
}

#[divan::bench]
fn prompt_alone(bencher: Bencher<'_, '_>) {
    let prompt = ChatPromptTemplate::from_template("Tell a short story about {subject}.").unwrap();
    bencher.bench_local(|| ready(prompt.invoke(json!({"subject": black_box("a delta")}))).unwrap());
}

/// What the chain's fan-out costs without the chains in it.
#[divan::bench]
fn fan_out_alone(bencher: Bencher<'_, '_>) {
    let same = || lambda(|value: Value| async move { Ok(value) });
    let map = parallel! { "summary": same(), "questions": same(), "key_terms": same(), "topic": RunnablePassthrough };
    bencher.bench_local(|| ready(map.invoke(black_box(TOPIC))).unwrap());
}

/// One of its three chains.
#[divan::bench]
fn one_branch_alone(bencher: Bencher<'_, '_>) {
    let prompt = ChatPromptTemplate::from_messages([
        ("system", "Summarize the following topic concisely:"),
        ("user", "{topic}"),
    ])
    .unwrap();
    let chain = prompt | InProcess | StrOutputParser;
    bencher.bench_local(|| ready(chain.invoke(black_box(TOPIC))).unwrap());
}

/// Median nanoseconds of both, measured in turns, and the median of their ratios.
fn in_turns(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64, f64) {
    fn time(work: &mut impl FnMut(), runs: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..runs {
            work();
        }
        start.elapsed().as_nanos() as f64 / f64::from(runs)
    }
    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
    let once = time(&mut ours, 20).max(1.0);
    let runs = (2_000_000.0 / once).clamp(1.0, 20_000.0) as u32;
    let rounds: Vec<(f64, f64)> = (0..101).map(|_| (time(&mut ours, runs), time(&mut theirs, runs))).collect();
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    (median(rounds.iter().map(|r| r.0).collect()), median(rounds.iter().map(|r| r.1).collect()), ratio)
}

fn ratios() {
    let chain = three_branches();
    let (ours, theirs, ratio) = in_turns(
        || drop(black_box(ready(chain.invoke(black_box(TOPIC))))),
        || drop(black_box(ready(by_hand::three_branches(black_box(TOPIC).to_string())))),
    );
    println!("\n{:<44}{:>12}{:>12}{:>9}", "", "anabranch", "by hand", "ratio");
    println!("{:<44}{:>9.0} ns{:>9.0} ns{:>8.2}x", "three-branch chain, per invoke", ours, theirs, ratio);
    let chain = story();
    let (ours, theirs, ratio) = in_turns(
        || assert_eq!(ready(read(chain.stream(black_box("a delta")))), CHUNKS),
        || assert_eq!(ready(read(by_hand::stream(black_box("a delta")))), CHUNKS),
    );
    let per = CHUNKS as f64;
    println!(
        "{:<44}{:>9.1} ns{:>9.1} ns{:>8.2}x",
        "prompt, model, parser, per streamed chunk",
        ours / per,
        theirs / per,
        ratio
    );
}

fn wall() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("\n{:<44}{:>12}", "fan-out of sleeping branches", "over slowest");
    for branches in [10, 1_000, 10_000] {
        let mut map = RunnableParallel::new();
        for index in 0..branches {
            map = map.branch(index.to_string(), |_: Value| async move {
                let start = Instant::now();
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(start.elapsed().as_secs_f64())
            });
        }
        let mut took: Vec<_> = (0..5)
            .map(|_| {
                let start = Instant::now();
                let slept = runtime.block_on(map.invoke(1)).unwrap();
                let slowest = slept.as_object().unwrap().values().filter_map(Value::as_f64).fold(0.0, f64::max);
                start.elapsed().saturating_sub(Duration::from_secs_f64(slowest))
            })
            .collect();
        took.sort();
        println!("{:<44}{:>9.1} ms", format!("{branches} branches"), took[2].as_secs_f64() * 1e3);
    }
    let step = lambda(|n: u64| async move {
        tokio::task::yield_now().await;
        Ok(n)
    });
    let config = RunConfig::new().max_concurrency(64);
    let start = Instant::now();
    let done = runtime.block_on(step.batch_with(0..100_000_u64, &config)).unwrap();
    println!("{:<44}{:>9.1} ms", format!("batch of {} at 64", done.len()), start.elapsed().as_secs_f64() * 1e3);
}

fn main() {
    divan::main();
    // `--test` and filters ask for less.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        ratios();
        wall();
    }
}
