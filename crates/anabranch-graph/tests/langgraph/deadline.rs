//! The time that a run has: LG-40.

use std::sync::{Arc, Mutex};

use anabranch_core::{ErrorKind, RunConfig, RunnableExt, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, EventKind, MemoryStore, START, StateGraph};
use tokio::time::{Instant, sleep};

use super::failure::{MILLI, Sum};
use super::watch::{Count, asks, done, paths};

fn fast_and_slow(cancelled: &Count) -> CompiledGraph<Sum> {
    let slow = lambda_with_state(cancelled.clone(), async |cancelled, _: Arc<Sum>| {
        let unfinished = cancelled.if_dropped();
        sleep(MILLI * 1500).await;
        unfinished.done();
        Ok(Sum::lines(["slow"]))
    });
    let after = async |_: Arc<Sum>| {
        sleep(MILLI * 600).await;
        Ok(Sum::lines(["after"]))
    };
    StateGraph::new()
        .node("fast", async |_: Arc<Sum>| {
            sleep(MILLI * 600).await;
            Ok(Sum::lines(["fast"]))
        })
        .node("after", after)
        .node("slow", slow)
        .edge(START, ["fast", "slow"])
        .edge("fast", "after")
        .edge(["after", "slow"], END)
        .compile()
        .unwrap()
}

/// LangGraph: `step_timeout` is for a superstep; the fast node's update is delivered, then the slow one is cancelled.
/// Ours has no supersteps: a timeout is for a node, or for the whole run, as here. What was done by then is kept.
#[tokio::test(start_paused = true)]
async fn lg_40_a_timeout_of_the_run_keeps_what_was_done_and_cancels_the_rest() {
    let cancelled = Count::default();
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let (sink, began) = (heard.clone(), Instant::now());
    let graph = fast_and_slow(&cancelled).on_event(move |event| {
        if event.kind == EventKind::Done {
            sink.lock().unwrap().push((event.path, began.elapsed()));
        }
    });
    let stored = graph.with_store(MemoryStore::new());
    let thread = stored.thread("t").with_config(RunConfig::new().timeout(MILLI * 1000));
    let error = thread.start(Sum::default()).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (ErrorKind::DeadlineExceeded, MILLI * 1000));
    assert_eq!(*heard.lock().unwrap(), [("fast".to_string(), MILLI * 600)]);
    assert_eq!(cancelled.get(), 1);
    assert_eq!(thread.state().await.unwrap().lines, ["fast"]);
    let state = done(stored.thread("t").resume().await.unwrap());
    assert_eq!(state.lines, ["fast", "after", "slow"]);
}

/// What LangGraph's `step_timeout` is not for: the run as a whole. The time begins with each call of `start`, `answer` or
/// `resume`, as the step limit does; what a person takes to answer does not count.
#[tokio::test(start_paused = true)]
async fn lg_40_a_timeout_is_for_the_run_and_begins_anew_with_an_answer() {
    let works = async |_: Arc<Sum>| {
        sleep(MILLI * 600).await;
        Ok(Sum::value(1))
    };
    let graph = |asks: bool| {
        let graph = StateGraph::new().node("first", works).node("second", works).edge(START, "first");
        let graph = match asks {
            true => graph.ask("sure", |_| "Sure?", Sum::input).edge("first", "sure").edge("sure", "second"),
            false => graph.edge("first", "second"),
        };
        graph.edge("second", END).compile().unwrap()
    };
    let config = RunConfig::new().timeout(MILLI * 1000);
    let began = Instant::now();
    let failures = [
        graph(false).invoke_with(Sum::default(), &config).await.unwrap_err(),
        graph(false).start_with(Sum::default(), &config).await.unwrap_err(),
        graph(false)
            .with_store(MemoryStore::new())
            .thread("t")
            .with_config(config.clone())
            .start(Sum::default())
            .await
            .unwrap_err(),
    ];
    assert_eq!(failures.map(|error| error.kind()), [ErrorKind::DeadlineExceeded; 3]);
    assert_eq!(began.elapsed(), MILLI * 3000);

    let questions = asks(graph(true).start_with(Sum::default(), &config).await.unwrap());
    sleep(MILLI * 60_000).await;
    assert_eq!(done(questions.answer("sure", 1).await.unwrap()).value, 2);
    let thread = graph(true).with_store(MemoryStore::new()).thread("t").with_config(config);
    asks(thread.start(Sum::default()).await.unwrap());
    sleep(MILLI * 60_000).await;
    assert_eq!(done(thread.answer("sure", 1).await.unwrap()).value, 2);
}

/// That the time of the run was up says nothing of a node: also one that may fail is run again by a resume.
#[tokio::test(start_paused = true)]
async fn lg_40_a_deadline_of_the_run_is_no_failure_of_a_node_that_may_fail() {
    let slow = async |_: Arc<Sum>| {
        sleep(MILLI * 1500).await;
        Ok(Sum::lines(["slow"]))
    };
    let graph = StateGraph::new()
        .node("news", slow)
        .node("lawyer", slow)
        .node("manual", async |_: Arc<Sum>| Ok(Sum::lines(["manual"])))
        .map(
            "feeds",
            |_: &Sum| [500_u32, 1500],
            async |pause: u32| {
                sleep(MILLI * pause).await;
                Ok(Sum::lines([format!("feed {pause}")]))
            },
        )
        .optional("news")
        .fallback("lawyer", "manual")
        .settled("feeds")
        .edge(START, ["news", "lawyer", "feeds"])
        .edge(["news", "lawyer", "manual", "feeds"], END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let thread = graph.thread("t");
    let timed = thread.clone().with_config(RunConfig::new().timeout(MILLI * 1000));
    let error = timed.start(Sum::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(paths(&thread.history().await.unwrap()), ["feeds[0]"]);
    assert_eq!(done(thread.resume().await.unwrap()).lines, ["slow", "slow", "feed 500", "feed 1500"]);
}
