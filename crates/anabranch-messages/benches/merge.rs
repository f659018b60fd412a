//! What it costs to add up chunks: `cargo bench -p anabranch-messages --bench merge`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints what it measures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anabranch_messages::{AiMessage, ContentPart, Reasoning, ToolCallChunk};

/// The best of some runs, of which each is given chunks of its own.
fn best<C, T>(chunks: impl Fn() -> C, add_up: impl Fn(C) -> T) -> Duration {
    let runs = (0..9).map(|_| {
        let chunks = chunks();
        let start = Instant::now();
        black_box(add_up(chunks));
        start.elapsed()
    });
    runs.min().unwrap_or_default()
}

fn show(what: &str, took: Duration, pieces: usize) {
    println!(
        "{what:<58} {:>9.3} ms {:>8.1} ns each",
        took.as_secs_f64() * 1e3,
        took.as_secs_f64() * 1e9 / pieces as f64
    );
}

fn append(chunks: impl Iterator<Item = AiMessage>) -> AiMessage {
    let mut whole = AiMessage::default();
    chunks.for_each(|chunk| whole.append(chunk));
    whole
}

fn collect(chunks: impl Iterator<Item = AiMessage>) -> AiMessage {
    let mut whole = AiMessage::merge().collector();
    chunks.for_each(|chunk| whole.push(chunk).unwrap());
    whole.finish().unwrap()
}

fn main() {
    const PIECES: usize = 1_000_000;
    // Each piece is made when it is needed, as in a stream: what is measured is no main memory.
    let strings = best(
        || (),
        |()| {
            let mut whole = String::new();
            (0..PIECES).for_each(|_| whole.push_str(&black_box(String::from("x"))));
            whole
        },
    );
    show("1 MB in characters: strings made and pushed", strings, PIECES);
    let messages = || (0..PIECES).map(|_| AiMessage::new(black_box("x")));
    show(
        "1 MB in characters: messages made and dropped",
        best(messages, |messages| messages.for_each(|piece| _ = black_box(piece))),
        PIECES,
    );
    show("1 MB in characters: messages made and appended", best(messages, append), PIECES);
    show("1 MB in characters: by the law", best(messages, collect), PIECES);
    let thoughts = || (0..PIECES).map(|_| AiMessage::new([ContentPart::from(Reasoning::new("x"))]));
    show("1 MB of thoughts in characters", best(thoughts, append), PIECES);

    const CALLS: u64 = 20_000;
    let calls = || {
        let heads = (0..CALLS).map(|n| ToolCallChunk::new().with_index(n).with_id(format!("call_{n}")).with_name("f"));
        let tails = (0..CALLS).map(|n| ToolCallChunk::new().with_index(n).with_arguments("{}"));
        heads.chain(tails).map(AiMessage::from)
    };
    show("20,000 calls side by side, two pieces each", best(calls, append), 2 * CALLS as usize);
    let call = || {
        let head = ToolCallChunk::new().with_index(0).with_id("call").with_name("f");
        let piece = || ToolCallChunk::new().with_index(0).with_arguments("x");
        std::iter::once(head).chain((0..PIECES).map(move |_| piece())).map(AiMessage::from)
    };
    show("one call of 1 MB in characters", best(call, append), PIECES);
}
