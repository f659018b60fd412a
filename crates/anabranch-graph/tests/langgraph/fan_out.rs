//! Parallel fan-out and fan-in: LG-09 to LG-13, LG-19 to LG-21. The retrieval graphs are in `retrieval`.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{RunnableExt, lambda};
use anabranch_graph::{CompiledGraph, END, MemoryStore, Progress, START, State, StateGraph, step};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::common::{Record, build_errors};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Numbers {
    input: u32,
    items: Vec<u32>,
    #[reduce(append)]
    inbox: Vec<u32>,
    output: u32,
    outputs: Vec<u32>,
    #[reduce(add)]
    counter: u32,
    #[reduce(append)]
    words: Vec<String>,
}

/// Two writers of a channel without a reducer fail when both have run, in the run in which they meet. Ours fail when the
/// graph is built, and only if they can meet.
#[tokio::test(start_paused = true)]
async fn lg_09_two_writers_of_one_field_are_refused() {
    let two = || {
        let add_one = async |state: Arc<Numbers>| Ok(Numbers::output(state.input + 1));
        StateGraph::<Numbers>::new().node("one", add_one).node("two", add_one).edge(["one", "two"], END)
    };
    assert_eq!(build_errors(two().edge(START, ["one", "two"])), ["Conflict(one, two; output)"]);
    let any = two().route_many(START, |_| ["one", "two"], ["one", "two"]);
    assert_eq!(build_errors(any), ["Conflict(one, two; output)"]);

    let either = two().route(START, |state| if state.input > 4 { "one" } else { "two" }, ["one", "two"]);
    let done = either.compile().unwrap().invoke(Numbers { input: 5, ..Default::default() }).await.unwrap();
    assert_eq!(done.output, 6);
}

/// Two writers of a `Topic` are both heard: as of a list with `append`.
#[tokio::test(start_paused = true)]
async fn lg_10_two_writers_of_a_list_are_both_heard() {
    let add_one = async |state: Arc<Numbers>| Ok(Numbers::inbox([state.input + 1]));
    let graph = StateGraph::<Numbers>::new()
        .node("one", add_one)
        .node("two", add_one)
        .edge(START, ["one", "two"])
        .edge(["one", "two"], END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Numbers { input: 2, ..Default::default() }).await.unwrap().inbox, [3, 3]);
}

/// What reads an inbox of two runs once, with both, a hundred times one after the other and a hundred times at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lg_11_a_reader_of_two_runs_once_with_both() {
    let record = Record::new();
    let add_one = async |state: Arc<Numbers>| Ok(Numbers::inbox([state.input + 1]));
    let add_ten = |state: &Arc<Numbers>| Numbers::outputs(state.inbox.iter().map(|number| number + 10).collect());
    let graph = StateGraph::<Numbers>::new()
        .node("one", add_one)
        .node("two", add_one)
        .node("each", record.step("each", 0, add_ten))
        .edge(START, ["one", "two"])
        .edge(["one", "two"], "each")
        .edge("each", END)
        .compile()
        .unwrap();
    let initial = || Numbers { input: 2, ..Default::default() };
    for _ in 0..100 {
        assert_eq!(graph.invoke(initial()).await.unwrap().outputs, [13, 13]);
    }
    let at_once = (0..100).map(|_| {
        let graph = graph.clone();
        tokio::spawn(async move { graph.invoke(initial()).await })
    });
    for done in futures::future::join_all(at_once).await {
        assert_eq!(done.unwrap().unwrap().outputs, [13, 13]);
    }
    assert_eq!(record.count("each"), 200);
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct One {
    value: u32,
}

fn ten_to_each_then_the_sum() -> CompiledGraph<Numbers> {
    let inner = StateGraph::<One>::new()
        .node("one", async |state: Arc<One>| Ok(One::value(state.value + 1)))
        .edge(START, "one")
        .edge("one", END)
        .compile()
        .unwrap();
    StateGraph::<Numbers>::new()
        .node("ten", async |state: Arc<Numbers>| {
            Ok(Numbers::items(state.items.iter().map(|number| number + 10).collect()))
        })
        .map(
            "two",
            |state: &Numbers| state.items.clone(),
            step(|value: &u32| One { value: *value }, inner, |one: One| Numbers::inbox([one.value])),
        )
        .node("sum", async |state: Arc<Numbers>| Ok(Numbers::output(state.inbox.iter().sum())))
        .edge(START, "ten")
        .edge("ten", "two")
        .edge("two", "sum")
        .edge("sum", END)
        .compile()
        .unwrap()
}

/// An app is mapped over a list inside of a node. Ours is a `map` over a graph: from ten threads at once, too, and with
/// a store, where the log has each of its runs under a path of its own.
#[tokio::test(start_paused = true)]
async fn lg_12_a_graph_is_run_for_each_element() {
    let graph = ten_to_each_then_the_sum();
    let initial = || Numbers { items: vec![2, 3], ..Default::default() };
    for _ in 0..10 {
        assert_eq!(graph.invoke(initial()).await.unwrap().output, 27);
    }
    let threads: Vec<_> = (0..10)
        .map(|_| {
            let graph = graph.clone();
            std::thread::spawn(move || futures::executor::block_on(graph.invoke(initial())))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap().output, 27);
    }
    let thread = graph.with_store(MemoryStore::new()).thread("1");
    let Progress::Done(done) = thread.start(initial()).await.unwrap() else { panic!("it asks nothing") };
    assert_eq!(done.output, 27);
    let mut log: Vec<_> = thread.history().await.unwrap().iter().map(|entry| entry.path().to_string()).collect();
    log.sort();
    assert_eq!(log, ["sum", "ten", "two", "two[0]", "two[0]/one", "two[1]", "two[1]/one"]);
}

/// Parallel nodes take the time of the longest. Their writes come in the order of their names; ours in that of their
/// declaration, so that a new name changes nothing.
#[tokio::test(start_paused = true)]
async fn lg_13_parallel_nodes_take_the_time_of_the_longest() {
    for (slow, fast) in [(1_000, 2_000), (2_000, 1_000)] {
        let record = Record::new();
        let graph = StateGraph::<Numbers>::new()
            .node("slow", record.step("slow", slow, |_: &Arc<Numbers>| Numbers::words(["slow"])))
            .node("fast", record.step("fast", fast, |_: &Arc<Numbers>| Numbers::words(["fast"])))
            .edge(START, ["slow", "fast"])
            .edge(["slow", "fast"], END)
            .compile()
            .unwrap();
        let done = graph.invoke(Numbers::default()).await.unwrap();
        assert_eq!(record.elapsed(), 2_000);
        assert_eq!(record.done(), if slow < fast { ["slow", "fast"] } else { ["fast", "slow"] });
        // LangGraph: `fast` is the first by name.
        assert_eq!(done.words, ["slow", "fast"]);
    }
}

/// The edge of an earlier node counts in a join. What stands beside a join is seen by it if it happened to be in an
/// earlier superstep; ours never sees it, and a node that leads nowhere is refused.
#[tokio::test(start_paused = true)]
async fn lg_19_an_edge_of_an_earlier_node_counts() {
    for (side, other) in [(20, 10), (10, 20)] {
        let record = Record::new();
        let adds = |word: &'static str| move |_: &Arc<Numbers>| Numbers::words([word]);
        let counts = |state: &Arc<Numbers>| Numbers::output(state.words.len() as u32);
        let graph = || {
            StateGraph::<Numbers>::new()
                .node("up", record.step("up", 0, |_: &Arc<Numbers>| ()))
                .node("side", record.step("side", side, |_: &Arc<Numbers>| ()))
                .node("other", record.step("other", other, adds("more")))
                .node("down", record.step("down", 0, counts))
                .edge(START, "up")
                .edge("up", ["side", "other"])
                .edge(["up", "side"], "down")
                .edge("down", END)
        };
        assert_eq!(build_errors(graph()), ["NoWayToEnd(other)"]);

        let graph = graph().edge("other", END).compile().unwrap();
        let done = graph.invoke(Numbers { words: vec!["value".into()], ..Default::default() }).await.unwrap();
        assert_eq!(done.words, ["value", "more"]);
        assert_eq!((record.began("down"), done.output), (u128::from(side), 1));
    }
}

/// A list of edges into END is as good as one into a node.
#[tokio::test(start_paused = true)]
async fn lg_20_end_waits_for_all() {
    let record = Record::new();
    let graph = StateGraph::<Numbers>::new()
        .node("A", record.step("A", 20, |_: &Arc<Numbers>| Numbers::words(["A"])))
        .node("B", record.step("B", 10, |_: &Arc<Numbers>| Numbers::words(["B"])))
        .edge(START, "A")
        .edge(START, "B")
        .edge(["A", "B"], END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Numbers::default()).await.unwrap().words, ["A", "B"]);
    assert_eq!((record.done(), record.elapsed()), (vec!["B", "A"], 20));
}

/// One graph, invoked by ten threads at once: none has anything of another.
#[test]
fn lg_21_one_graph_in_ten_threads() {
    let all_ten = Arc::new(Barrier::new(10));
    let node = lambda(move |state: Arc<Numbers>| {
        let all_ten = all_ten.clone();
        async move {
            // All ten are in the node at the same time.
            tokio::time::timeout(Duration::from_secs(60), all_ten.wait()).await.expect("the others are not here");
            Ok((Numbers::counter(1), Numbers::inbox([state.input])))
        }
    });
    let graph =
        StateGraph::<Numbers>::new().node("node", node).edge(START, "node").edge("node", END).compile().unwrap();
    let threads: Vec<_> = (0..10)
        .map(|input| {
            let graph = graph.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(graph.invoke(Numbers { input, ..Default::default() }))
            })
        })
        .collect();
    for (input, thread) in (0..).zip(threads) {
        let done = thread.join().unwrap().unwrap();
        assert_eq!((done.counter, done.inbox), (1, vec![input]));
    }
}
