//! Forks, what is not done twice, and runs that are stopped: LG-52 to LG-57.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result, RunnableExt, lambda, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, EventKind, MemoryStore, START, StateGraph, Thread, step};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::failure::Sum;
use super::questions::Talk;
use super::watch::{Count, asks, done, paths};

/// LangGraph: `update_state(…, as_node="a")` on an earlier checkpoint writes what `a` should have written; what `a` wrote
/// itself is not applied. Ours has no `update_state`: a fork goes on from before `a`, and a graph of the same shape, whose
/// `a` is another, runs on it.
#[tokio::test]
async fn lg_52_a_fork_from_before_a_node_has_nothing_of_what_it_wrote() {
    let graph = |a: i64| {
        StateGraph::new()
            .node("a", lambda_with_state(a, async |a, _: Arc<Sum>| Ok(Sum::value(*a))))
            .node("b", async |_: Arc<Sum>| Ok(Sum::value(100)))
            .edge(START, "a")
            .edge("a", "b")
            .edge("b", END)
            .compile()
            .unwrap()
    };
    let store = MemoryStore::new();
    let thread = graph(10).with_store(store.clone()).thread("t");
    assert_eq!(done(thread.start(Sum { value: 1, ..Sum::default() }).await.unwrap()).value, 111);
    let fork = thread.fork(0).await.unwrap();
    assert_eq!(fork.state().await.unwrap().value, 1);
    let other = graph(20).with_store(store.clone()).thread(fork.id());
    assert_eq!(done(other.resume().await.unwrap()).value, 121);
    assert_eq!(fork.state().await.unwrap().value, 121);
    assert_eq!(thread.state().await.unwrap().value, 111);
    // From behind `a` it counts, whatever `a` would write now.
    let behind = thread.fork(1).await.unwrap();
    assert_eq!(behind.state().await.unwrap().value, 11);
    let other = graph(20).with_store(store).thread(behind.id());
    assert_eq!(done(other.resume().await.unwrap()).value, 111);
}

/// LangGraph (functional API): tasks that are done are not run again when the entrypoint does. Ours: a list and a question
/// behind it; nothing runs again.
#[tokio::test]
async fn lg_53_what_a_list_did_is_not_done_again_after_an_answer() {
    let mapped = Count::default();
    let mapper = lambda_with_state(mapped.clone(), async |mapped, item: u32| {
        mapped.up();
        Ok(Talk::lines([format!("{item}{item}")]))
    });
    let graph = StateGraph::new()
        .map("mapper", |_: &Talk| [0_u32, 1], mapper)
        .ask("question", |state| state.lines.join(" "), |answer: String| Talk::answer(answer))
        .node("combine", async |state: Arc<Talk>| {
            Ok(Talk::items(state.lines.iter().map(|line| format!("{line}{}", state.answer)).collect::<Vec<_>>()))
        })
        .edge(START, "mapper")
        .edge("mapper", "question")
        .edge("question", "combine")
        .edge("combine", END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let questions = asks(graph.thread("t").start(Talk::default()).await.unwrap());
    assert_eq!(questions[0].text(), Some("00 11"));
    let state = done(graph.thread("t").answer("question", "answer").await.unwrap());
    assert_eq!(state.items, ["00answer", "11answer"]);
    assert_eq!(mapped.get(), 2);
}

/// LangGraph (functional API): a task that was cancelled is not memoised, so it runs again after the answer. Ours: that it
/// failed, and that the run went on without it, is in the log; it stays so, or what came behind it would be of another
/// past. A fork from before it tries again.
#[tokio::test]
async fn lg_54_a_failure_that_the_run_passed_is_not_tried_again() {
    let (calls, cancels) = (Count::default(), Count::default());
    let counted = |cancelled: bool| {
        lambda_with_state((calls.clone(), cancels.clone(), cancelled), async |counts, _: Arc<Sum>| {
            counts.0.up();
            if counts.2 {
                counts.1.up();
                let task = tokio::spawn(std::future::pending::<()>());
                task.abort();
                task.await?;
            }
            Ok(Sum::value(1))
        })
    };
    let graph = StateGraph::new()
        .node("works", counted(false))
        .node("cancelled", counted(true))
        .ask("sure", |state: &Sum| state.value, |answer: String| Sum::text(answer))
        .optional("cancelled")
        .edge(START, ["works", "cancelled"])
        .edge(["works", "cancelled"], "sure")
        .edge("sure", END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let thread = graph.thread("t");
    assert_eq!(asks(thread.start(Sum::default()).await.unwrap())[0].question(), 1);
    assert_eq!((calls.get(), cancels.get()), (2, 1));
    assert_eq!(done(thread.answer("sure", "yes").await.unwrap()).value, 1);
    assert_eq!((calls.get(), cancels.get()), (2, 1));
    let history = thread.history().await.unwrap();
    let failed = history.iter().find(|entry| entry.failure().is_some()).unwrap();
    assert_eq!(failed.path(), "cancelled");
    let fork = thread.fork(failed.position() - 1).await.unwrap();
    asks(fork.resume().await.unwrap());
    assert_eq!(cancels.get(), 2);
}

/// Doubles of six numbers, one after the other, with a question behind each.
fn doubles(double: impl Fn(i64) -> i64 + Send + Sync + 'static) -> CompiledGraph<Talk> {
    let double = lambda_with_state(double, async |double, state: Arc<Talk>| {
        Ok(Talk::lines([format!("{}", double(state.number % 3))]))
    });
    StateGraph::new()
        .node("double", double)
        .ask_with(
            "next",
            |state: &Talk| state.number,
            |state: &Talk, answer: String| (Talk::number(state.number + 1), Talk::lines([answer])),
        )
        .edge(START, "double")
        .edge("double", "next")
        .route("next", |state| if state.number < 6 { "double" } else { END }, ["double", END])
        .compile()
        .unwrap()
}

async fn answers_six(thread: &Thread<Talk>) -> Vec<String> {
    let mut progress = thread.start(Talk::default()).await.unwrap();
    for answer in ["a", "b", "c", "d", "e", "f"] {
        asks(progress);
        progress = thread.answer("next", answer).await.unwrap();
    }
    done(progress).lines
}

/// LangGraph: with a cache policy each distinct double is computed once, on another thread too, and anew after the cache
/// is cleared. Ours has no cache of nodes: within a thread each activation runs once, over all its resumes; what is to be
/// shared by threads is a cache of the program's own.
#[tokio::test]
async fn lg_55_a_cache_is_the_programs_own() {
    let computed = Count::default();
    let counted = computed.clone();
    let plain = doubles(move |number| {
        counted.up();
        number * 2
    });
    let plain = plain.with_store(MemoryStore::new());
    let expected = ["0", "a", "2", "b", "4", "c", "0", "d", "2", "e", "4", "f"];
    assert_eq!(answers_six(&plain.thread("1")).await, expected);
    assert_eq!(computed.get(), 6, "each once, though the run was resumed six times");
    assert_eq!(answers_six(&plain.thread("2")).await, expected);
    assert_eq!(computed.get(), 12);

    let (computed, cache) = (Count::default(), Arc::<Mutex<HashMap<i64, i64>>>::default());
    let (counted, shared) = (computed.clone(), cache.clone());
    let cached = doubles(move |number| {
        *shared.lock().unwrap().entry(number).or_insert_with(|| {
            counted.up();
            number * 2
        })
    });
    let cached = cached.with_store(MemoryStore::new());
    for (thread, so_far) in [("1", 3), ("2", 3)] {
        assert_eq!(answers_six(&cached.thread(thread)).await, expected);
        assert_eq!(computed.get(), so_far);
    }
    cache.lock().unwrap().clear();
    assert_eq!(answers_six(&cached.thread("3")).await, expected);
    assert_eq!(computed.get(), 6);
}

/// LangGraph (functional API): a task raises, the caller catches it; the task emits no update. The same, by `.result()`.
#[tokio::test]
async fn lg_56_a_failure_that_is_caught_writes_nothing() {
    let task = lambda(async |_: i64| Err::<i64, _>(Error::new(ErrorKind::Other, "broken"))).result();
    let write = |came: Result<i64>| came.ok().map(Sum::value);
    let graph = StateGraph::new()
        .node("task", step(|state: &Sum| state.value, task, write))
        .node("caller", async |_: Arc<Sum>| Ok(Sum::text("done")))
        .edge(START, "task")
        .edge("task", "caller")
        .edge("caller", END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    let state = done(thread.start(Sum { value: 1, ..Sum::default() }).await.unwrap());
    assert_eq!((state.value, state.text.as_str()), (1, "done"));
    let history = thread.history().await.unwrap();
    assert_eq!(paths(&history), ["caller", "task"]);
    assert_eq!(history[0].update().unwrap(), &serde_json::json!([]));
}

/// Two steps, and whether their work was done.
fn two_steps(one: &Count, two: &Count) -> CompiledGraph<Sum> {
    let step = |count: &Count, line: &'static str| {
        lambda_with_state((count.clone(), line), async |step, _: Arc<Sum>| {
            sleep(Duration::from_secs(1)).await;
            step.0.up();
            Ok(Sum::lines([step.1]))
        })
    };
    StateGraph::new()
        .node("one", step(one, "one"))
        .node("two", step(two, "two"))
        .edge(START, "one")
        .edge("one", "two")
        .edge("two", END)
        .compile()
        .unwrap()
}

/// Runs until it is done, or until the node is.
async fn drains_after(graph: &CompiledGraph<Sum>, store: &MemoryStore, node: &'static str) -> Option<Sum> {
    let asked = Arc::new(Notify::new());
    let heard = asked.clone();
    let graph = graph.on_event(move |event| {
        if event.path == node && event.kind == EventKind::Done {
            heard.notify_one();
        }
    });
    let thread = graph.with_store(store.clone()).thread("t");
    tokio::select! {
        biased;
        progress = thread.start(Sum::default()) => Some(done(progress.unwrap())),
        () = asked.notified() => None,
    }
}

/// LangGraph: a run can be asked to drain: it stops at the end of the superstep and can be resumed; asked in the last
/// step, it ends as usual. Ours has no such request, since a run can be dropped at any moment: what is done is in the
/// log, and what was at work is done again. Who wants no work lost drops it when a node is done.
#[tokio::test(start_paused = true)]
async fn lg_57_a_run_is_drained_by_dropping_it() {
    let (one, two, store) = (Count::default(), Count::default(), MemoryStore::new());
    let graph = two_steps(&one, &two);
    assert_eq!(drains_after(&graph, &store, "one").await, None);
    sleep(Duration::from_secs(60)).await;
    assert_eq!((one.get(), two.get()), (1, 0), "nothing goes on behind one's back");
    let thread = graph.with_store(store).thread("t");
    assert_eq!(paths(&thread.history().await.unwrap()), ["one"]);
    assert_eq!(done(thread.resume().await.unwrap()).lines, ["one", "two"]);
    assert_eq!((one.get(), two.get()), (1, 1));

    let (one, two) = (Count::default(), Count::default());
    let state = drains_after(&two_steps(&one, &two), &MemoryStore::new(), "two").await.unwrap();
    assert_eq!(state.lines, ["one", "two"]);
    assert_eq!((one.get(), two.get()), (1, 1));
}
