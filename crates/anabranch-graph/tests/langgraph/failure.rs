//! Errors and cancellation: LG-31 to LG-35, LG-41 and LG-43.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result, Retry, RunConfig, RunnableExt, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, EventKind, LogConflict, MemoryStore, START, State, StateGraph};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::watch::{Count, asks, done, paths};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
pub(crate) struct Sum {
    #[reduce(add)]
    pub(crate) value: i64,
    pub(crate) input: Option<i64>,
    pub(crate) text: String,
    #[reduce(append)]
    pub(crate) lines: Vec<String>,
}

pub(crate) const MILLI: Duration = Duration::from_millis(1);

pub(crate) fn fails<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, "broken"))
}

/// LangGraph (async): the sibling is cancelled, and the node's own error is raised, not that of the deadline. The same.
#[tokio::test(start_paused = true)]
async fn lg_31_a_failure_cancels_the_sleeper_beside_it_and_is_the_error() {
    let cancelled = Count::default();
    let graph = StateGraph::new()
        .node(
            "sleeps",
            lambda_with_state(cancelled.clone(), async |cancelled, _: Arc<Sum>| {
                let unfinished = cancelled.if_dropped();
                sleep(MILLI * 60_000).await;
                unfinished.done();
                Ok(Sum::value(1))
            }),
        )
        .node("bad", async |_: Arc<Sum>| fails::<()>(ErrorKind::Connection))
        .edge(START, ["sleeps", "bad"])
        .edge(["sleeps", "bad"], END)
        .compile()
        .unwrap();
    let began = Instant::now();
    let error = graph.invoke_with(Sum::default(), &RunConfig::new().timeout(MILLI * 500)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.path().collect::<Vec<_>>()[..2], ["graph", "node \"bad\""]);
    assert_eq!((cancelled.get(), began.elapsed()), (1, Duration::ZERO));
}

/// Two nodes, of which the second cannot work until it is told.
#[derive(Default)]
struct Two {
    one: Count,
    two: Count,
    works: AtomicBool,
}

fn one_and_two(shared: &Arc<Two>) -> CompiledGraph<Sum> {
    let two = lambda_with_state(shared.clone(), async |shared, _: Arc<Sum>| {
        shared.two.up();
        sleep(MILLI * 200).await;
        if shared.works.load(Ordering::SeqCst) { Ok(Sum::value(3)) } else { fails(ErrorKind::Connection) }
    });
    StateGraph::new()
        .node(
            "one",
            lambda_with_state(shared.clone(), async |shared, _: Arc<Sum>| {
                sleep(MILLI * 100).await;
                shared.one.up();
                Ok(Sum::value(2))
            }),
        )
        .node("two", two.with_retry(Retry::attempts(2)))
        .edge(START, ["one", "two"])
        .edge(["one", "two"], END)
        .compile()
        .unwrap()
}

/// LangGraph: what the finished sibling wrote stays as a pending write; `get_state` shows it, the bare checkpoint does
/// not. The same: it is an entry of the log, and position 0 is before it.
#[tokio::test(start_paused = true)]
async fn lg_32_what_a_finished_sibling_wrote_outlives_the_failure() {
    let shared = Arc::<Two>::default();
    let thread = one_and_two(&shared).with_store(MemoryStore::new()).thread("t");
    let error = thread.start(Sum { value: 1, ..Sum::default() }).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Connection, 2));
    assert_eq!((shared.one.get(), shared.two.get()), (1, 2));
    assert_eq!(thread.state().await.unwrap().value, 3);
    assert_eq!(thread.state_at(0).await.unwrap().value, 1);
    assert_eq!(paths(&thread.history().await.unwrap()), ["one"]);
}

/// LangGraph: a resume runs the failed node alone, with fresh attempts; a second failure makes no new checkpoint. The
/// same.
#[tokio::test(start_paused = true)]
async fn lg_33_a_resume_runs_the_failed_node_alone_with_fresh_attempts() {
    let shared = Arc::<Two>::default();
    let thread = one_and_two(&shared).with_store(MemoryStore::new()).thread("t");
    thread.start(Sum { value: 1, ..Sum::default() }).await.unwrap_err();
    let before = thread.history().await.unwrap();
    let error = thread.resume().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.path().collect::<Vec<_>>()[..2], ["graph", "node \"two\""]);
    assert_eq!((shared.one.get(), shared.two.get()), (1, 4));
    assert_eq!(thread.history().await.unwrap(), before);
    shared.works.store(true, Ordering::SeqCst);
    assert_eq!(done(thread.resume().await.unwrap()).value, 1 + 2 + 3);
    assert_eq!((shared.one.get(), shared.two.get()), (1, 5));
    // A run that is done gives its state once more.
    assert_eq!(done(thread.resume().await.unwrap()).value, 6);
    assert_eq!((shared.one.get(), shared.two.get()), (1, 5));
}

/// LangGraph: each `invoke` on a thread is a new input into the same state; an error is recorded in the checkpoint. Ours:
/// a thread is one run, so inputs that come one after the other are answers to a question in a loop; a failure that stops
/// the run is given to the caller and not recorded. Totals are the same.
#[tokio::test(start_paused = true)]
async fn lg_34_inputs_one_after_the_other_are_answers_and_a_failure_leaves_the_total() {
    let tries = Count::default();
    let add = lambda_with_state(tries.clone(), async |tries, state: Arc<Sum>| {
        let sum = state.value + state.input.unwrap_or(0);
        match (tries.up(), sum) {
            (2, _) => fails(ErrorKind::Connection),
            (_, 11) => fails(ErrorKind::Other),
            _ => Ok(Sum::value(sum)),
        }
    });
    let graph = StateGraph::new()
        .ask("next", |state: &Sum| state.value, Sum::input)
        .node("add", add.with_retry(Retry::attempts(2)))
        .edge(START, "next")
        .route("next", |state| if state.input.is_some() { "add" } else { END }, ["add", END])
        .edge("add", "next")
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let thread = graph.thread("1");
    asks(thread.start(Sum::default()).await.unwrap());
    assert_eq!(asks(thread.answer("next", 2).await.unwrap())[0].question(), 2);
    assert_eq!(asks(thread.answer("next", 3).await.unwrap())[0].question(), 7);
    assert_eq!(tries.get(), 3, "the connection failed once");
    let error = thread.answer("next", 4).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Other, 0), "not worth a retry");
    assert_eq!(thread.state().await.unwrap().value, 7);
    let history = thread.history().await.unwrap();
    assert_eq!(paths(&history), ["add#0", "add#1", "next#0", "next#1", "next#2"]);
    let other = graph.thread("2");
    asks(other.start(Sum::default()).await.unwrap());
    assert_eq!(asks(other.answer("next", 5).await.unwrap())[0].question(), 5);
    // The answer is in the log. Another one is given to a fork from before it.
    let before = history.last().unwrap().position() - 1;
    let fork = thread.fork(before).await.unwrap();
    assert_eq!(asks(fork.answer("next", 1).await.unwrap())[0].question(), 15);
    assert_eq!(done(fork.answer("next", None::<i64>).await.unwrap()).value, 15);
}

/// LangGraph: a new input on a thread whose run failed drops what was left of it and starts anew. Ours: `start` on a
/// thread that has begun is an error that says so, since nobody should lose a run by a slip: `resume` it, or `delete` it
/// first.
#[tokio::test]
async fn lg_35_a_failed_run_is_resumed_or_deleted_but_not_overrun() {
    let graph = StateGraph::new()
        .node("node1", async |state: Arc<Sum>| match state.input {
            Some(1) => fails(ErrorKind::Other),
            _ => Ok(Sum::lines(["1"])),
        })
        .node("node2", async |_: Arc<Sum>| Ok(Sum::lines(["2"])))
        .edge(START, "node1")
        .edge("node1", "node2")
        .edge("node2", END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let attempt = |number| Sum { input: Some(number), ..Sum::default() };
    let thread = graph.thread("t");
    thread.start(attempt(1)).await.unwrap_err();
    assert!(thread.history().await.unwrap().is_empty());
    assert_eq!(thread.state().await.unwrap(), attempt(1));
    let error = thread.start(attempt(2)).await.unwrap_err();
    assert!(error.downcast_ref::<LogConflict>().is_some(), "{error}");
    assert!(error.to_string().contains("`resume` it, or `delete` it"), "{error}");
    thread.delete().await.unwrap();
    assert_eq!(done(thread.start(attempt(2)).await.unwrap()).lines, ["1", "2"]);
    assert_eq!(paths(&thread.history().await.unwrap()), ["node1", "node2"]);
    thread.delete().await.unwrap();
    assert_eq!(thread.state().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(graph.threads().await.unwrap().is_empty());
}

/// LangGraph: as the consumer of the stream stops after the first update, the sibling is cancelled and no successor
/// starts; the finished write is kept. Ours: to stop is to drop the run.
#[tokio::test(start_paused = true)]
async fn lg_41_a_dropped_run_keeps_the_finished_write_and_cancels_the_sibling() {
    let (slow, cancelled, after) = (Count::default(), Count::default(), Count::default());
    let first = Arc::new(Notify::new());
    let heard = first.clone();
    let graph = StateGraph::new()
        .node("quick", async |_: Arc<Sum>| Ok(Sum::value(2)))
        .node(
            "slow",
            lambda_with_state((slow.clone(), cancelled.clone()), async |counts, _: Arc<Sum>| {
                counts.0.up();
                let unfinished = counts.1.if_dropped();
                sleep(MILLI * 500).await;
                unfinished.done();
                Ok(Sum::value(10))
            }),
        )
        .node(
            "after",
            lambda_with_state(after.clone(), async |after, _: Arc<Sum>| {
                after.up();
                Ok(Sum::value(100))
            }),
        )
        .edge(START, ["quick", "slow"])
        .edge(["quick", "slow"], "after")
        .edge("after", END)
        .compile()
        .unwrap()
        .on_event(move |event| {
            if event.kind == EventKind::Done {
                heard.notify_one();
            }
        });
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    tokio::select! {
        _ = thread.start(Sum { value: 1, ..Sum::default() }) => panic!("the slow one is not done"),
        () = first.notified() => {}
    }
    assert_eq!((slow.get(), cancelled.get(), after.get()), (1, 1, 0));
    assert_eq!(thread.state().await.unwrap().value, 3);
    assert_eq!(paths(&thread.history().await.unwrap()), ["quick"]);
    assert_eq!(done(thread.resume().await.unwrap()).value, 113);
    assert_eq!((slow.get(), after.get()), (2, 1));
}

/// LangGraph: a node that raises the runtime's own `CancelledError` makes the run fail, and is not taken for a
/// cancellation from outside. The same: that a task of a node's own was aborted is an error as others are.
#[tokio::test]
async fn lg_43_the_runtimes_own_cancellation_in_a_node_is_a_failure() {
    let graph = StateGraph::new()
        .node("bad", async |_: Arc<Sum>| {
            let task = tokio::spawn(std::future::pending::<()>());
            task.abort();
            task.await?;
            Ok(Sum::value(1))
        })
        .edge(START, "bad")
        .edge("bad", END)
        .compile()
        .unwrap();
    let error = graph.invoke(Sum::default()).await.unwrap_err();
    assert_eq!(error.path().collect::<Vec<_>>()[..2], ["graph", "node \"bad\""]);
    assert!(error.downcast_ref::<tokio::task::JoinError>().unwrap().is_cancelled(), "{error}");
}

/// LangGraph: whatever a node raises is its failure. The same: a panic is an error that names the node, keeps what it
/// says out of the text, and takes a fallback as any other does.
#[tokio::test]
async fn lg_43_a_panic_in_a_node_is_a_failure() {
    let graph = || {
        StateGraph::new()
            .node("bad", async |state: Arc<Sum>| {
                assert!(state.value > 0, "secret");
                Ok(Sum::value(1))
            })
            .map(
                "items",
                |_: &Sum| [1_i64, 0],
                async |item: i64| {
                    assert!(item > 0, "secret");
                    Ok(Sum::value(item))
                },
            )
            .node("manual", async |_: Arc<Sum>| Ok(Sum::text("by hand")))
            .edge(START, ["bad", "items"])
            .edge(["bad", "items", "manual"], END)
            .fallback("bad", "manual")
    };
    let state = graph().settled("items").compile().unwrap().invoke(Sum::default()).await.unwrap();
    assert_eq!((state.value, state.text.as_str()), (1, "by hand"));
    let error = graph().compile().unwrap().invoke(Sum::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panic);
    assert_eq!(error.path().collect::<Vec<_>>(), ["graph", "node \"items\"", "item 1"]);
    assert_eq!(error.partial::<String>().unwrap(), "secret");
    assert!(!format!("{error} {error:?}").contains("secret"));
}
