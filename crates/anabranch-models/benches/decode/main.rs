//! What it costs to read a stream from memory, through the door that users use, beside a loop that splits lines and
//! parses each event with serde into the few fields it needs.
//!
//! `cargo bench -p anabranch-models --all-features --bench decode` prints the table, each row measured in turns with its
//! yardstick in one run. `-- --test` reads each stream once. `-- --count openai ours piece` (or `by-hand`, and `event`)
//! reads one stream within a function of the name `counted`, so that instructions can be counted:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*counted*' target/release/deps/decode-… --count openai ours piece
//! ```

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod by_hand;
mod streams;

use std::hint::black_box;
use std::time::Instant;

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::AiMessage;
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use anabranch_models::{Anthropic, ChatModel, Gemini, Ollama, OpenAi};
use futures::StreamExt;
use futures::executor::block_on;

use streams::TOKENS;

const PROVIDERS: [&str; 5] = ["openai", "responses", "anthropic", "gemini", "ollama"];

/// Gives every request the same pieces of a body.
struct Memory(Vec<Bytes>);

#[async_trait::async_trait]
impl Transport for Memory {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<ByteStream>> {
        let pieces: Vec<_> = self.0.iter().cloned().map(Ok).collect();
        Ok(Response::new(futures::stream::iter(pieces).boxed()))
    }
}

fn model(provider: &str, pieces: &[Bytes]) -> ChatModel {
    let memory = Memory(pieces.to_vec());
    match provider {
        "openai" => OpenAi::new("any").base_url("http://localhost/v1").transport(memory).build(),
        "responses" => OpenAi::new("any").base_url("http://localhost/v1").responses().transport(memory).build(),
        "anthropic" => Anthropic::new("any").base_url("http://localhost").transport(memory).build(),
        "gemini" => Gemini::new("any").base_url("http://localhost/v1beta").transport(memory).build(),
        _ => Ollama::new("any").base_url("http://localhost").transport(memory).build(),
    }
    .unwrap()
}

fn ours(llm: &ChatModel) {
    block_on(async {
        let mut finish = None;
        let mut chunks = llm.stream("What is an anabranch?");
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            finish = chunk.finish_reason().cloned().or(finish);
            drop(black_box(chunk.into_text()));
        }
        assert!(black_box(finish).is_some());
    });
}

fn theirs(provider: &str, pieces: &[Bytes]) {
    let finish = by_hand::stream(provider, pieces, &mut |text| drop(black_box(text)));
    assert!(black_box(finish).is_some());
}

/// The whole body in one piece, and an event in each.
fn cuts(provider: &str) -> [(&'static str, Vec<Bytes>); 2] {
    let events = streams::events(provider);
    [("one piece", vec![events.concat().into()]), ("a piece per event", events)]
}

/// Median nanoseconds of both, measured in turns, and the median of their ratios.
fn in_turns(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64, f64) {
    fn time(work: &mut impl FnMut()) -> f64 {
        const RUNS: u32 = 5;
        let start = Instant::now();
        (0..RUNS).for_each(|_| work());
        start.elapsed().as_nanos() as f64 / f64::from(RUNS)
    }
    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
    let rounds: Vec<_> = (0..101).map(|_| (time(&mut ours), time(&mut theirs))).collect();
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    (median(rounds.iter().map(|round| round.0).collect()), median(rounds.iter().map(|round| round.1).collect()), ratio)
}

fn table() {
    let allocations =
        |mut work: Box<dyn FnMut()>| allocation_counter::measure(&mut work).count_total as f64 / TOKENS as f64;
    println!("{:<34}{:>10} {:>5}{:>14} {:>5}{:>9}", "per token", "anabranch", "alloc", "by hand", "alloc", "ratio");
    for provider in PROVIDERS {
        for (cut, pieces) in cuts(provider) {
            let llm = model(provider, &pieces);
            let (took, yardstick, ratio) = in_turns(|| ours(&llm), || theirs(provider, &pieces));
            let per = TOKENS as f64;
            let by_hand = pieces.clone();
            println!(
                "{:<34}{:>7.0} ns {:>5.1}{:>11.0} ns {:>5.1}{ratio:>8.2}x",
                format!("{provider}, {cut}"),
                took / per,
                allocations(Box::new(move || ours(&llm))),
                yardstick / per,
                allocations(Box::new(move || theirs(provider, &by_hand))),
            );
        }
    }
}

/// Both read what was written.
fn check() {
    for provider in PROVIDERS {
        for (cut, pieces) in cuts(provider) {
            let mut text = String::new();
            by_hand::stream(provider, &pieces, &mut |more| text.push_str(&more));
            assert_eq!(text, streams::text(), "{provider}, {cut}, by hand");
            let llm = model(provider, &pieces);
            let whole = block_on(async {
                let mut whole = AiMessage::default();
                let mut chunks = llm.stream("What is an anabranch?");
                while let Some(chunk) = chunks.next().await {
                    whole.append(chunk.unwrap());
                }
                whole
            });
            assert_eq!(whole.text(), streams::text(), "{provider}, {cut}");
            assert_eq!(whole.usage().and_then(|usage| usage.output_tokens()), Some(TOKENS as u64), "{provider}, {cut}");
        }
    }
}

#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--count", provider, who, cut, ref times @ ..] => {
            let (_, pieces) = cuts(provider).into_iter().find(|(name, _)| name.ends_with(cut)).unwrap();
            let llm = model(provider, &pieces);
            let mut work: Box<dyn FnMut()> = match who {
                "ours" => Box::new(|| ours(&llm)),
                _ => Box::new(|| theirs(provider, &pieces)),
            };
            work();
            for _ in 0..times.first().map_or(1, |times| times.parse().unwrap()) {
                counted(&mut *work);
            }
        }
        ["--test"] => check(),
        _ => {
            check();
            table();
        }
    }
}
