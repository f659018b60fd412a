//! What composition costs: chains of prompt, in-process model and parser against the hand-written program that does
//! the same with `join!` and `format!` and nothing else.
//!
//! `cargo bench --bench chain` runs the benchmarks and then prints the tables, each row measured in turns with its
//! yardstick in one run. `cargo bench --bench chain -- --table` prints the tables alone.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod programs;
mod table;

use std::hint::black_box;

use anabranch::prelude::*;
use divan::Bencher;
use serde_json::{Value, json};

use programs::{InProcess, TOPIC, by_hand, read, ready, story, three_branches, three_branches_typed};

#[divan::bench]
fn three_branch_chain(bencher: Bencher<'_, '_>) {
    let chain = three_branches();
    bencher.bench_local(|| ready(chain.invoke(black_box(TOPIC))).unwrap());
}

#[divan::bench]
fn three_branch_chain_typed(bencher: Bencher<'_, '_>) {
    let chain = three_branches_typed();
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

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--table") {
        divan::main();
    }
    // `--test` and filters ask for less.
    if arguments.iter().all(|argument| argument == "--bench" || argument == "--table") {
        table::print();
    }
}
