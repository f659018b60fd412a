//! What LangGraph gets wrong or has no case of: joins, state, errors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, RunnableExt, lambda_with_state};
use anabranch_graph::{
    BuildErrorKind, BuildErrors, CompiledGraph, END, EndNotReached, MemoryStore, START, State, StateGraph,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use tokio::time::sleep;

use super::watch::{Count, done, paths};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
pub(crate) struct Notes {
    #[reduce(append)]
    pub(crate) lines: Vec<String>,
    pub(crate) targets: Vec<String>,
    pub(crate) verdict: String,
    pub(crate) approved: bool,
    #[reduce(with = below_ten)]
    pub(crate) small: u32,
}

/// A reducer that does not take everything, which it should.
fn below_ten(sum: u32, new: u32) -> u32 {
    assert!(sum + new < 10, "too much");
    sum + new
}

macro_rules! says {
    ($name:literal) => {
        async |_: Arc<Notes>| Ok(Notes::lines([$name]))
    };
}

/// LangGraph: by single edges, a join behind branches of unequal length runs once for each step in which something
/// arrives. Ours runs once, when all edges into it are decided.
#[tokio::test]
async fn e1_a_join_behind_unequal_branches_runs_once() {
    let graph = StateGraph::new()
        .node("a", says!("a"))
        .node("b", says!("b"))
        .node("b2", says!("b2"))
        .node("join", async |state: Arc<Notes>| Ok(Notes::lines([format!("join of {}", state.lines.join(" "))])))
        .edge(START, ["a", "b"])
        .edge("b", "b2")
        .edge("a", "join")
        .edge("b2", "join")
        .edge("join", END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Notes::default()).await.unwrap().lines, ["a", "b", "b2", "join of a b b2"]);
}

fn kinds(error: &Error) -> Vec<(BuildErrorKind, Vec<String>)> {
    let errors = error.downcast_ref::<BuildErrors>().unwrap();
    errors.iter().map(|one| (one.kind(), one.nodes().iter().map(ToString::to_string).collect())).collect()
}

/// `a` goes to one of two, and both lead to the join.
fn one_of_two() -> StateGraph<Notes> {
    StateGraph::new()
        .node("a", says!("a"))
        .node("x", says!("x"))
        .node("y", says!("y"))
        .node("join", says!("join"))
        .edge(START, "a")
        .route("a", |state: &Notes| state.targets[0].clone(), ["x", "y"])
        .edge(["x", "y"], "join")
        .edge("join", END)
}

/// LangGraph: a list edge of which one source was routed away never fires, and the run ends as if all were well. Ours: an
/// edge that is not taken is decided, so the join runs; to ask for all of them is refused where that can never be, and
/// a run that does not reach the end is an error.
#[tokio::test]
async fn e13_a_join_with_a_skipped_source_runs_or_is_refused() {
    let graph = one_of_two().compile().unwrap();
    for target in ["x", "y"] {
        let state = Notes { targets: vec![target.to_string()], ..Notes::default() };
        assert_eq!(graph.invoke(state).await.unwrap().lines, ["a", target, "join"]);
    }
    let error = one_of_two().join_all("join").compile().unwrap_err();
    assert_eq!(kinds(&error), [(BuildErrorKind::JoinAllNeverRuns, vec!["join".to_string()])]);

    // What may or may not come together cannot be refused; that it did not is heard of.
    let graph = any_of_two(false);
    let state = Notes { targets: vec!["x".into()], ..Notes::default() };
    let error = graph.invoke(state).await.unwrap_err();
    assert!(error.downcast_ref::<EndNotReached>().is_some(), "{error}");
}

/// Any of two, whose join asks for both of them; with a way past the join, if wanted.
fn any_of_two(past: bool) -> CompiledGraph<Notes> {
    let graph = StateGraph::new()
        .node("a", says!("a"))
        .node("x", says!("x"))
        .node("y", says!("y"))
        .node("join", says!("join"))
        .join_all("join")
        .edge(START, "a")
        .route_many("a", |state: &Notes| state.targets.clone(), ["x", "y"])
        .edge(["x", "y"], "join")
        .edge("join", END);
    if past { graph.edge("a", END) } else { graph }.compile().unwrap()
}

/// LangGraph: a half-filled barrier is stored, and the next invocation on the thread fills the other half. Ours: a join
/// belongs to one run; another run, a resumed one, or a fork fills nothing in.
#[tokio::test]
async fn e14_a_join_is_not_completed_by_another_run() {
    let graph = any_of_two(true).with_store(MemoryStore::new());
    let targets =
        |targets: &[&str]| Notes { targets: targets.iter().map(ToString::to_string).collect(), ..Notes::default() };
    let thread = graph.thread("t");
    assert_eq!(done(thread.start(targets(&["x"])).await.unwrap()).lines, ["a", "x"]);
    assert_eq!(done(thread.resume().await.unwrap()).lines, ["a", "x"]);
    thread.start(targets(&["y"])).await.unwrap_err();
    assert_eq!(done(graph.thread("other").start(targets(&["y"])).await.unwrap()).lines, ["a", "y"]);
    thread.delete().await.unwrap();
    assert_eq!(done(thread.start(targets(&["y"])).await.unwrap()).lines, ["a", "y"]);
    assert_eq!(done(graph.thread("both").start(targets(&["x", "y"])).await.unwrap()).lines, ["a", "x", "y", "join"]);
}

/// LangGraph: what a node changes in place is seen by its sibling, in the final state and by the caller. Ours: a node has
/// an `Arc` of the state; what it changes is a copy of its own.
#[tokio::test]
async fn e10_a_change_in_place_is_seen_by_nobody() {
    let changed = Arc::new(Barrier::new(2));
    let graph = StateGraph::new()
        .node(
            "changes",
            lambda_with_state(changed.clone(), async |changed, mut state: Arc<Notes>| {
                Arc::make_mut(&mut state).lines.push("in place".to_string());
                changed.wait().await;
                Ok(())
            }),
        )
        .node(
            "looks",
            lambda_with_state(changed, async |changed, state: Arc<Notes>| {
                changed.wait().await;
                Ok(Notes::verdict(state.lines.join(" ")))
            }),
        )
        .edge(START, ["changes", "looks"])
        .edge(["changes", "looks"], END)
        .compile()
        .unwrap();
    let state = Notes { lines: vec!["given".to_string()], ..Notes::default() };
    let came = graph.invoke(state.clone()).await.unwrap();
    assert_eq!((came.lines, came.verdict.as_str()), (state.lines, "given"));
}

/// LangGraph: of two failures at the same moment, which is raised is left to chance. Ours: the one that is first in the
/// order of the graph, which is no matter of names; the other is attached.
#[tokio::test]
async fn e15_of_two_failures_at_once_the_first_in_order_is_the_error() {
    for names in [["a", "b"], ["b", "a"]] {
        let barrier = Arc::new(Barrier::new(2));
        let fails = |name: &'static str| {
            lambda_with_state((barrier.clone(), name), async |shared, _: Arc<Notes>| {
                shared.0.wait().await;
                Err::<(), _>(Error::new(ErrorKind::Server, shared.1))
            })
        };
        let graph = StateGraph::new()
            .node(names[0], fails(names[0]))
            .node(names[1], fails(names[1]))
            .edge(START, names)
            .edge(names, END)
            .compile()
            .unwrap();
        for _ in 0..50 {
            // Or tokio would, at some time, let one of them wait for its turn.
            tokio::task::yield_now().await;
            let error = graph.invoke(Notes::default()).await.unwrap_err();
            assert_eq!(error.message(), names[0]);
            let others: Vec<_> = error.related().iter().map(Error::message).collect();
            assert_eq!(others, [names[1]]);
        }
    }
}

/// LangGraph: two parallel writers of one key are found when they meet, after both have worked; with a checkpointer the
/// thread is unreadable from then on. Ours: the graph is not built.
#[tokio::test]
async fn e8_a_conflict_is_found_before_anything_runs() {
    let error = StateGraph::new()
        .node("a", async |_: Arc<Notes>| Ok(Notes::verdict("a")))
        .node("b", async |_: Arc<Notes>| Ok(Notes::verdict("b")))
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap_err();
    assert_eq!(kinds(&error), [(BuildErrorKind::Conflict, vec!["a".to_string(), "b".to_string()])]);
    assert!(error.message().contains("\"verdict\""), "{error}");
}

/// LangGraph: a reducer that raises does so on each resume and in `get_state`, too. Ours cannot fail by its type, so that
/// it panics is a bug of the program. It is an error that names the node and the field; the log is whole, what stands
/// before is read, a fork from there goes on, and the thread itself does when the reducer is mended.
#[tokio::test]
async fn e23_a_reducer_that_panics_loses_no_log() {
    let calls = Count::default();
    let graph = |large: u32| {
        let adds = |number: u32| {
            lambda_with_state((calls.clone(), number), async |shared, _: Arc<Notes>| {
                shared.0.up();
                Ok(Notes::small(shared.1))
            })
        };
        StateGraph::new()
            .node("small", adds(4))
            .node("large", adds(large))
            .edge(START, ["small", "large"])
            .edge(["small", "large"], END)
            .compile()
            .unwrap()
    };
    let store = MemoryStore::new();
    let thread = graph(40).with_store(store.clone()).thread("t");
    let error = thread.start(Notes::default()).await.unwrap_err();
    assert!(error.to_string().contains("node \"large\" > reducer of Write { field: \"small\", .. }"), "{error}");
    assert_eq!(paths(&thread.history().await.unwrap()), ["large", "small"]);
    for error in [thread.resume().await.map(|_| ()), thread.state().await.map(|_| ())] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Panic);
    }
    assert_eq!(thread.state_at(1).await.unwrap().small, 4);
    let fork = graph(2).with_store(store).thread(thread.fork(1).await.unwrap().id());
    assert_eq!(done(fork.resume().await.unwrap()).small, 6);
    assert_eq!(calls.get(), 3);
}

/// LangGraph: the router of a conditional edge sees its node's writes, and not those of parallel siblings. The same,
/// however late it is asked.
#[tokio::test(start_paused = true)]
async fn f8_a_route_sees_its_own_nodes_writes_and_no_siblings() {
    let seen = Arc::<Mutex<Vec<(&str, Vec<String>)>>>::default();
    let looks = |name: &'static str| {
        let seen = seen.clone();
        move |state: &Notes| {
            seen.lock().unwrap().push((name, state.lines.clone()));
            END
        }
    };
    let graph = StateGraph::new()
        .node("before", says!("before"))
        .node("quick", says!("quick"))
        .node("slow", async |_: Arc<Notes>| {
            sleep(Duration::from_secs(60)).await;
            Ok(Notes::lines(["slow"]))
        })
        .edge(START, "before")
        .edge("before", ["quick", "slow"])
        .route("quick", looks("quick"), [END])
        .route("slow", looks("slow"), [END])
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Notes::default()).await.unwrap().lines, ["before", "quick", "slow"]);
    let own = |name: &'static str| (name, vec!["before".to_string(), name.to_string()]);
    assert_eq!(*seen.lock().unwrap(), [own("quick"), own("slow")]);
}
