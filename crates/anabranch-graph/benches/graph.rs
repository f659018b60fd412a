//! What a graph costs beside the same work by hand: `cargo bench -p anabranch-graph --bench graph`.
//!
//! By hand is `futures::try_join!` and `try_join_all`. The least of several rounds counts. With `-- --test` everything runs
//! once.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anabranch_core::{Error, Result, RunnableExt};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph};
use futures::FutureExt;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Work {
    topic: u64,
    a: u64,
    b: u64,
    c: u64,
    sum: u64,
    items: u64,
    #[reduce(append)]
    squares: Vec<u64>,
}

/// One node, three side by side, one that joins them.
fn diamond() -> CompiledGraph<Work> {
    StateGraph::<Work>::new()
        .node("topic", async |state: Arc<Work>| Ok(Work::topic(state.topic + 1)))
        .node("a", async |state: Arc<Work>| Ok(Work::a(state.topic + 1)))
        .node("b", async |state: Arc<Work>| Ok(Work::b(state.topic + 2)))
        .node("c", async |state: Arc<Work>| Ok(Work::c(state.topic + 3)))
        .node("sum", async |state: Arc<Work>| Ok(Work::sum(state.a + state.b + state.c)))
        .edge(START, "topic")
        .edge("topic", ["a", "b", "c"])
        .edge(["a", "b", "c"], "sum")
        .edge("sum", END)
        .compile()
        .unwrap()
}

async fn by_hand(mut state: Work) -> Result<Work> {
    async fn plus(state: &Work, more: u64) -> Result<u64> {
        Ok(state.topic + more)
    }
    state.topic = plus(&state, 1).await?;
    let (a, b, c) = futures::try_join!(plus(&state, 1), plus(&state, 2), plus(&state, 3))?;
    (state.a, state.b, state.c) = (a, b, c);
    state.sum = a + b + c;
    Ok(state)
}

fn list() -> CompiledGraph<Work> {
    StateGraph::<Work>::new()
        .map("each", |state: &Work| 0..state.items, async |item: u64| Ok(Work::squares([item * item])))
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap()
}

/// The least time of one call, in nanoseconds.
fn least(rounds: usize, calls: usize, mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let began = Instant::now();
        (0..calls).for_each(|_| call());
        began.elapsed().as_nanos() as f64 / calls as f64
    };
    (0..rounds).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min)
}

fn main() {
    let once = std::env::args().any(|argument| argument == "--test");
    let (rounds, calls) = if once { (1, 1) } else { (50, 2000) };
    let graph = diamond();
    let run = || graph.invoke(Work::default()).now_or_never().unwrap().unwrap();
    assert_eq!(run(), by_hand(Work::default()).now_or_never().unwrap().unwrap());
    let allocations = allocation_counter::measure(|| _ = black_box(run())).count_total;
    let ours = least(rounds, calls, || _ = black_box(run()));
    let hand = least(rounds, calls, || _ = black_box(by_hand(black_box(Work::default())).now_or_never()));
    println!("1 -> 3 -> 1, ready nodes      {ours:8.0} ns  {allocations:3} allocations   by hand {hand:6.0} ns");

    let graph = list();
    let items = 10_000;
    let run = || graph.invoke(Work { items, ..Work::default() }).now_or_never();
    let done = run().map(|done| done.unwrap().squares.len());
    // More than one poll may be needed: the run lets others have their turn.
    if let Some(squares) = done {
        assert_eq!(squares as u64, items);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (rounds, calls) = if once { (1, 1) } else { (10, 5) };
    let ours = least(rounds, calls, || {
        let done = runtime.block_on(async { graph.invoke(Work { items, ..Work::default() }).await }).unwrap();
        assert_eq!(black_box(done).squares.len() as u64, items);
    });
    let hand = least(rounds, calls, || {
        let square = async |item: u64| Ok::<_, Error>(item * item);
        let done = runtime.block_on(futures::future::try_join_all((0..items).map(square))).unwrap();
        assert_eq!(black_box(done).len() as u64, items);
    });
    let (ours, hand) = (ours / items as f64, hand / items as f64);
    println!("a list of {items} ready items, each {ours:5.0} ns                    by hand {hand:6.0} ns");
}
