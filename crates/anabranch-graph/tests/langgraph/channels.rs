//! Channels and reducers: LG-01 to LG-08.

use std::future::{Ready, ready};
use std::sync::Arc;

use anabranch_core::{Result, RunnableExt};
use anabranch_graph::{END, MemoryStore, Overwrite, Progress, START, State, StateGraph, Thread, Update, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::common::{Record, build_errors};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Channels {
    value: u32,
    #[reduce(append)]
    list: Vec<String>,
    #[reduce(add)]
    sum: u32,
    #[reduce(with = with_commas)]
    foo: String,
    #[reduce(with = behind)]
    text: String,
    /// What readers found.
    #[reduce(append)]
    seen: Vec<String>,
}

fn with_commas(current: String, new: String) -> String {
    if current.is_empty() { new } else { format!("{current}, {new}") }
}

fn behind(current: String, new: String) -> String {
    current + &new
}

/// A node that adds words to the list.
fn puts(words: &'static [&'static str]) -> impl Fn(Arc<Channels>) -> Ready<Result<Write<Channels, 1>>> + Send + Sync {
    |_| ready(Ok(Channels::list(words.iter().copied())))
}

/// A node that replaces the list.
fn replaces(word: &'static str) -> impl Fn(Arc<Channels>) -> Ready<Result<Overwrite<Channels, 1>>> + Send + Sync {
    move |_| ready(Ok(Channels::list([word]).overwrite()))
}

fn adds(number: u32) -> impl Fn(Arc<Channels>) -> Ready<Result<Write<Channels, 2>>> + Send + Sync {
    move |_| ready(Ok(Channels::sum(number)))
}

/// Runs to its end on a thread of its own.
async fn run_on_thread(graph: StateGraph<Channels>, initial: Channels) -> (Channels, Thread<Channels>) {
    let thread = graph.compile().unwrap().with_store(MemoryStore::new()).thread("t");
    match thread.start(initial).await.unwrap() {
        Progress::Done(state) => (state, thread),
        Progress::Asks(questions) => panic!("it asks {questions:?}"),
    }
}

/// A channel without a reducer is empty at first, which is an error to read, and takes one value a step, which is an
/// error of the run. Ours begins with the field's default, and two writers at a time are an error of `compile`.
#[tokio::test(start_paused = true)]
async fn lg_01_a_field_without_a_reducer_holds_the_last_write() {
    fn sees(state: Arc<Channels>) -> impl Update<Channels> {
        Channels::seen([state.value.to_string()])
    }
    let graph = StateGraph::<Channels>::new()
        .node("three", async |state: Arc<Channels>| Ok((Channels::value(3), sees(state))))
        .node("four", async |state: Arc<Channels>| Ok((Channels::value(4), sees(state))))
        .edge(START, "three")
        .edge("three", "four")
        .edge("four", END);
    let (done, thread) = run_on_thread(graph, Channels::default()).await;
    assert_eq!((done.value, &done.seen[..]), (4, &["0".to_string(), "3".to_string()][..]));
    assert_eq!(thread.state().await.unwrap(), done);
    assert_eq!(thread.state_at(1).await.unwrap().value, 3);

    let at_once = StateGraph::<Channels>::new()
        .node("five", async |_: Arc<Channels>| Ok(Channels::value(5)))
        .node("six", async |_: Arc<Channels>| Ok(Channels::value(6)))
        .edge(START, ["five", "six"])
        .edge(["five", "six"], END);
    assert_eq!(build_errors(at_once), ["Conflict(five, six; value)"]);

    // One node says in which order it writes.
    let in_order = StateGraph::<Channels>::new()
        .node("both", async |_: Arc<Channels>| Ok([Channels::value(5), Channels::value(6)]))
        .edge(START, "both")
        .edge("both", END);
    assert_eq!(run_on_thread(in_order, Channels::default()).await.0.value, 6);
}

/// A `Topic` is emptied at each step. There are no steps here: who takes what is in a list empties it.
#[tokio::test(start_paused = true)]
async fn lg_02_a_topic_is_a_list_that_its_reader_empties() {
    let takes =
        async |state: Arc<Channels>| Ok((Channels::seen([state.list.join(" ")]), Channels::list([""; 0]).overwrite()));
    let graph = StateGraph::<Channels>::new()
        .node("a", puts(&["a"]))
        .node("b", puts(&["b"]))
        .node("first", takes)
        .node("c d", puts(&["c", "d"]))
        .node("d", puts(&["d"]))
        .node("second", takes)
        .node("third", takes)
        .node("e", puts(&["e"]))
        .node("fourth", takes)
        .edge(START, ["a", "b"])
        .edge(["a", "b"], "first")
        .edge("first", ["c d", "d"])
        .edge(["c d", "d"], "second")
        .edge("second", "third")
        .edge("third", "e")
        .edge("e", "fourth")
        .edge("fourth", END)
        .compile()
        .unwrap();
    let done = graph.invoke(Channels::default()).await.unwrap();
    assert_eq!(done.seen, ["a b", "c d d", "", "e"]);
    assert!(done.list.is_empty());
}

/// A `Topic` that accumulates keeps growing, and is the same when it was stored: as a list with `append`.
#[tokio::test(start_paused = true)]
async fn lg_03_a_topic_that_accumulates_is_a_list_with_append() {
    let record = Record::new();
    let graph = StateGraph::<Channels>::new()
        .node("one", puts(&["a"]))
        .node("two", puts(&["b"]))
        .node("three", puts(&["b"]))
        .node("four", puts(&["c", "d"]))
        .node("five", puts(&["d"]))
        .node("nothing", record.step("nothing", 0, |_: &Arc<Channels>| ()))
        .node("six", record.step("six", 0, |_: &Arc<Channels>| Channels::list(["e"])))
        .edge(START, ["one", "two"])
        .edge(["one", "two"], ["three", "four", "five"])
        .edge(["three", "four", "five"], "nothing")
        .edge("nothing", "six")
        .edge("six", END);
    let (done, thread) = run_on_thread(graph, Channels::default()).await;
    assert_eq!(done.list.concat(), "abbcdde");
    for (position, list) in [(0, ""), (2, "ab"), (5, "abbcdd"), (6, "abbcdd"), (7, "abbcdde")] {
        assert_eq!(thread.state_at(position).await.unwrap().list.concat(), list, "at {position}");
    }
    // A copy of what was stored takes more, and the one that it was made of has nothing of it.
    let fork = thread.fork(6).await.unwrap();
    let Progress::Done(copied) = fork.resume().await.unwrap() else { panic!("it asks nothing") };
    assert_eq!(copied, done);
    assert_eq!(thread.state().await.unwrap(), done);
    assert_eq!((record.count("nothing"), record.count("six")), (1, 2));
}

/// A number with `add` begins with 0, and a restored copy reads the same.
#[tokio::test(start_paused = true)]
async fn lg_04_a_sum_begins_with_zero() {
    let graph = StateGraph::<Channels>::new()
        .node("one", adds(1))
        .node("two", adds(2))
        .node("three", adds(3))
        .node("four", adds(4))
        .edge(START, ["one", "two", "three"])
        .edge(["one", "two", "three"], "four")
        .edge("four", END);
    let (done, thread) = run_on_thread(graph, Channels::default()).await;
    assert_eq!(done.sum, 10);
    for (position, sum) in [(0, 0), (3, 6), (4, 10)] {
        assert_eq!(thread.state_at(position).await.unwrap().sum, sum, "at {position}");
    }
    let Progress::Done(again) = thread.resume().await.unwrap() else { panic!("it asks nothing") };
    assert_eq!(again.sum, 10);
}

/// The nodes of LG-05 and LG-06.
fn overwritten() -> StateGraph<Channels> {
    StateGraph::new()
        .node("a", puts(&["a"]))
        .node("b", replaces("b"))
        .node("c", puts(&["c"]))
        .node("d", puts(&["d"]))
        .edge(START, "a")
        .edge("d", END)
}

/// An overwrite drops every plain write of the same superstep, whoever was first. Ours is refused beside a plain write
/// and has to be before it or behind it: nothing that a node did is lost without the graph saying so.
#[tokio::test(start_paused = true)]
async fn lg_05_an_overwrite_beside_a_write_is_refused() {
    let beside = overwritten().edge("a", ["b", "c"]).edge(["b", "c"], "d");
    assert_eq!(build_errors(beside), ["Conflict(b, c; list)"]);

    let behind = overwritten().edge("a", "c").edge("c", "b").edge("b", "d").compile().unwrap();
    let initial = Channels { list: vec!["START".into()], ..Default::default() };
    assert_eq!(behind.invoke(initial.clone()).await.unwrap().list, ["b", "d"]);
    let before = overwritten().edge("a", "b").edge("b", "c").edge("c", "d").compile().unwrap();
    assert_eq!(before.invoke(initial).await.unwrap().list, ["b", "c", "d"]);
}

/// Two overwrites in one superstep are an error of the run. Ours are one of `compile`.
#[test]
fn lg_06_two_overwrites_at_a_time_are_refused() {
    let graph = StateGraph::<Channels>::new()
        .node("a", puts(&["a"]))
        .node("b", replaces("b"))
        .node("c", replaces("c"))
        .edge(START, "a")
        .edge("a", ["b", "c"])
        .edge(["b", "c"], END);
    assert_eq!(build_errors(graph), ["Conflict(b, c; list)"]);
}

/// Two writes of one node go through the reducer one by one, in their order, and the record shows both.
#[tokio::test(start_paused = true)]
async fn lg_07_two_writes_of_one_node_are_reduced_in_their_order() {
    let graph = StateGraph::<Channels>::new()
        .node("one", async |_: Arc<Channels>| Ok([Channels::foo("one.0"), Channels::foo("one.1")]))
        .node("two", async |_: Arc<Channels>| Ok(Channels::foo("two")))
        .edge(START, "one")
        .edge("one", "two")
        .edge("two", END);
    let (done, thread) = run_on_thread(graph, Channels { foo: "input".into(), ..Default::default() }).await;
    assert_eq!(done.foo, "input, one.0, one.1, two");
    let history = thread.history().await.unwrap();
    assert_eq!(history[0].update(), Some(&json!([{"foo": "one.0"}, {"foo": "one.1"}])));
    let mut states = Vec::new();
    for position in 0..=2 {
        states.push(thread.state_at(position).await.unwrap().foo);
    }
    assert_eq!(states, ["input", "input, one.0, one.1", "input, one.0, one.1, two"]);
}

/// Two commands of one node are two updates. Ours are a list, or a tuple, of writes.
#[tokio::test(start_paused = true)]
async fn lg_08_a_node_gives_several_updates() {
    let graph = StateGraph::<Channels>::new()
        .node("a", async |_: Arc<Channels>| Ok(vec![Channels::text("a1"), Channels::text("a2")]))
        .node("b", async |_: Arc<Channels>| Ok(Channels::text("b")))
        .edge(START, "a")
        .edge("a", "b")
        .edge("b", END);
    let (done, thread) = run_on_thread(graph, Channels::default()).await;
    assert_eq!(done.text, "a1a2b");
    let updates: Vec<_> =
        thread.history().await.unwrap().iter().map(|entry| entry.update().cloned().unwrap()).collect();
    assert_eq!(updates, [json!([{"text": "a1"}, {"text": "a2"}]), json!([{"text": "b"}])]);
}
