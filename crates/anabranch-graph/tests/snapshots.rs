//! The chunks of a graph: its state after each node that wrote something.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph, step};
use futures::StreamExt;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Notes {
    #[reduce(append)]
    lines: Vec<String>,
    #[reduce(add)]
    count: u64,
    last: String,
    yes: bool,
}

macro_rules! line {
    ($name:literal, $millis:literal) => {
        async |_: Arc<Notes>| {
            sleep(Duration::from_millis($millis)).await;
            Ok((Notes::lines([$name]), Notes::count(1_u64)))
        }
    };
}

async fn chunks(graph: &CompiledGraph<Notes>) -> Vec<Result<Notes>> {
    let mut chunks = graph.stream(Notes::default());
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.push(chunk);
    }
    all
}

async fn lines(graph: &CompiledGraph<Notes>) -> Vec<String> {
    let chunks = chunks(graph).await;
    let last = chunks.last().unwrap().as_ref().unwrap();
    assert_eq!(*last, graph.invoke(Notes::default()).await.unwrap());
    assert_eq!(*last, graph.stream(Notes::default()).collect().await.unwrap());
    chunks.into_iter().map(|chunk| chunk.unwrap().lines.join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_chunk_is_the_state_of_what_is_done_in_the_order_of_the_graph() {
    let graph = StateGraph::<Notes>::new()
        .node("slow", line!("slow", 50))
        .node("quiet", async |_: Arc<Notes>| Ok(None::<anabranch_graph::Write<Notes, 0>>))
        .node("fast", line!("fast", 10))
        .node("next", line!("next", 10))
        .node("join", line!("join", 10))
        .edge(START, ["slow", "fast", "quiet"])
        .edge("fast", "next")
        .edge(["slow", "next", "quiet"], "join")
        .edge("join", END)
        .compile()
        .unwrap();
    let wanted = ["fast", "fast next", "slow fast next", "slow fast next join"];
    assert_eq!(lines(&graph).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_there_when_the_node_is_done() {
    let graph = StateGraph::<Notes>::new()
        .node("a", line!("a", 10))
        .node("b", line!("b", 90))
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let began = Instant::now();
    let mut chunks = graph.stream(Notes::default());
    let mut times = Vec::new();
    while let Some(chunk) = chunks.next().await {
        times.push((began.elapsed().as_millis(), chunk.unwrap().count));
    }
    assert_eq!(times, [(10, 1), (90, 2)]);
}

#[tokio::test(start_paused = true)]
async fn lists_and_graphs_are_one_node_each() {
    let inner = StateGraph::<Notes>::new()
        .node("one", line!("one", 1))
        .node("two", line!("two", 1))
        .edge(START, "one")
        .edge("one", "two")
        .edge("two", END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .map("list", |_| ["x", "y"], async |item: &'static str| Ok(Notes::lines([item])))
        .map("empty", |_| [""; 0], async |item: &'static str| Ok(Notes::lines([item])))
        .node("inner", step(|_: &Notes| Notes::default(), inner, |done: Notes| Notes::lines(done.lines)))
        .edge(START, "list")
        .edge("list", "empty")
        .edge("empty", "inner")
        .edge("inner", END)
        .compile()
        .unwrap();
    assert_eq!(lines(&graph).await, ["x y", "x y one two"]);
}

#[tokio::test]
async fn a_graph_that_writes_nothing_gives_its_state_once() {
    let graph = StateGraph::<Notes>::new()
        .node("a", async |_: Arc<Notes>| Ok(()))
        .edge(START, "a")
        .edge("a", END)
        .compile()
        .unwrap();
    assert_eq!(lines(&graph).await, [""]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_comes_behind_what_was_done() {
    let graph = StateGraph::<Notes>::new()
        .node("a", line!("a", 1))
        .node("b", async |_: Arc<Notes>| {
            sleep(Duration::from_millis(5)).await;
            Err::<(), _>(Error::new(ErrorKind::Overloaded, "busy"))
        })
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let mut chunks = chunks(&graph).await;
    let error = chunks.pop().unwrap().unwrap_err();
    assert_eq!(error.to_string(), graph.invoke(Notes::default()).await.unwrap_err().to_string());
    assert_eq!(chunks.pop().unwrap().unwrap().lines, ["a"]);
    assert!(chunks.is_empty());

    let asks = StateGraph::<Notes>::new()
        .ask("may I", |_| "?", Notes::yes)
        .edge(START, "may I")
        .edge("may I", END)
        .compile()
        .unwrap();
    let mut chunks = Box::pin(asks.stream(Notes::default()));
    let error = StreamExt::next(&mut chunks).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), asks.invoke(Notes::default()).await.unwrap_err().to_string());
    assert!(StreamExt::next(&mut chunks).await.is_none());
}

/// Loops side by side, each of one node that takes a time by chance.
fn side_by_side(seed: u64, rounds: [usize; 4]) -> CompiledGraph<Notes> {
    let mut graph = StateGraph::<Notes>::new();
    for (place, (name, rounds)) in ["a", "b", "c", "d"].into_iter().zip(rounds).enumerate() {
        let count = move |notes: &Notes| notes.lines.iter().filter(|line| line.starts_with(name)).count();
        let node = move |notes: Arc<Notes>| async move {
            let round = count(&notes);
            let by_chance = (seed ^ (place as u64) << 32 ^ round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
            sleep(Duration::from_millis(by_chance)).await;
            Ok(Notes::lines([format!("{name}{round:02}")]))
        };
        let again = move |notes: &Notes| if count(notes) < rounds { name } else { END };
        graph = graph.node(name, node).edge(START, name).route(name, again, [name, END]);
    }
    graph.compile().unwrap()
}

proptest! {
    #[test]
    fn whatever_is_done_first_stands_at_its_place(seed: u64, rounds in [1_usize..9, 1..9, 1..9, 1..9]) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let chunks = runtime.block_on(chunks(&side_by_side(seed, rounds)));
        let mut before = Vec::new();
        for chunk in chunks {
            let lines = chunk.unwrap().lines;
            prop_assert!(lines.is_sorted(), "{lines:?}");
            prop_assert!(lines.len() == before.len() + 1 && before.iter().all(|line| lines.contains(line)));
            before = lines;
        }
        prop_assert_eq!(before.len(), rounds.iter().sum::<usize>());
    }
}

/// A loop around two branches, of which the first takes longer, beside a node that takes longer than all.
fn uneven(iterations: u64) -> CompiledGraph<Notes> {
    StateGraph::<Notes>::new()
        .node("beside", async |_: Arc<Notes>| {
            sleep(Duration::from_secs(1_000_000)).await;
            Ok(Notes::last("beside"))
        })
        .node("begin", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .node("slow", async |_: Arc<Notes>| {
            sleep(Duration::from_millis(2)).await;
            Ok(Notes::count(1_u64))
        })
        .node("fast", async |_: Arc<Notes>| {
            sleep(Duration::from_millis(1)).await;
            Ok(Notes::count(1_u64))
        })
        .node("end", async |_: Arc<Notes>| Ok(()))
        .edge(START, ["beside", "begin"])
        .edge("begin", ["slow", "fast"])
        .edge(["slow", "fast"], "end")
        .route("end", move |notes| if notes.count < 3 * iterations { "begin" } else { END }, ["begin", END])
        .edge("beside", END)
        .step_limit(1_000_000)
        .compile()
        .unwrap()
}

#[test]
fn a_loop_of_10_000_iterations_costs_ten_times_one_of_1_000() {
    let cost = |iterations: u64| -> AllocationInfo {
        let graph = uneven(iterations);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        measure(|| {
            runtime.block_on(async {
                let mut chunks = graph.stream(Notes::default());
                let (mut seen, mut last) = (0, Notes::default());
                while let Some(chunk) = chunks.next().await {
                    (seen, last) = (seen + 1, chunk.unwrap());
                }
                assert_eq!((seen, last.count, last.last.as_str()), (3 * iterations + 1, 3 * iterations, "beside"));
            });
        })
    };
    let (some, more) = (cost(1_000), cost(10_000));
    println!("1,000 iterations: {some:?}\n10,000 iterations: {more:?}");
    assert!(more.count_total < 11 * some.count_total, "{some:?} became {more:?}");
    assert!(more.bytes_total < 12 * some.bytes_total, "{some:?} became {more:?}");
}
