//! Limits and time-outs of a run, through graphs in lists in chains in branches.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, RunConfig, Runnable, RunnableExt, lambda};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph, step};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Work {
    #[reduce(add)]
    count: u64,
    rounds: u64,
}

/// How many are at work at once, and the most there were.
#[derive(Clone, Default)]
struct Crowd(Arc<[AtomicUsize; 2]>);

impl Crowd {
    /// A step under the limit of the run.
    fn one(&self) -> impl Runnable<Input = u64, Output = u64> + Clone + 'static {
        let Self(crowd) = self.clone();
        let one = move |number: u64| {
            let crowd = crowd.clone();
            async move {
                crowd[1].fetch_max(crowd[0].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(number % 3)).await;
                crowd[0].fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Error>(1)
            }
        };
        Arc::new(lambda(one).limited())
    }

    /// A list of limited steps, behind it a loop of them.
    fn graph(&self) -> CompiledGraph<Work> {
        let again = |work: &Work| if work.rounds < 3 { "again" } else { END };
        StateGraph::<Work>::new()
            .map("list", |_| 0..4_u64, step(|item: &u64| *item, self.one(), Work::count))
            .node("again", step(|work: &Work| work.rounds, self.one(), Work::count))
            .node("round", async |work: Arc<Work>| Ok(Work::rounds(work.rounds + 1)))
            .edge(START, "list")
            .edge("list", "again")
            .edge("again", "round")
            .route("round", again, ["again", END])
            .compile()
            .unwrap()
    }

    /// Such a graph as a node, as the step of a list, and in a chain, side by side.
    fn nested(&self, inner: &CompiledGraph<Work>) -> CompiledGraph<Work> {
        let count = |done: Work| Work::count(done.count);
        let chain = lambda(async |work: Work| Ok(work)) | inner.clone() | lambda(async |done: Work| Ok(done.count));
        StateGraph::<Work>::new()
            .node("graph", step(|_: &Work| Work::default(), inner.clone(), count))
            .map("graphs", |_| 0..3_u64, step(|_: &u64| Work::default(), inner.clone(), count))
            .node("chain", step(|_: &Work| Work::default(), chain, Work::count))
            .node("plain", step(|_: &Work| 2_u64, self.one(), Work::count))
            .node("join", async |_: Arc<Work>| Ok(()))
            .join_all("join")
            .edge(START, ["graph", "graphs", "chain", "plain"])
            .edge(["graph", "graphs", "chain", "plain"], "join")
            .edge("join", END)
            .compile()
            .unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn one_limit_holds_through_everything_and_nothing_waits_for_ever() {
    for limit in [1, 2, 5] {
        let crowd = Crowd::default();
        let graph = crowd.nested(&crowd.nested(&crowd.graph()));
        let config = RunConfig::new().max_concurrency(limit).timeout(Duration::from_secs(100));
        // Seven, and of those in which five of these are, one more.
        let inner = 5 * 7 + 1;
        let done = graph.invoke_with(Work::default(), &config).await.unwrap();
        assert_eq!((done.count, crowd.0[1].load(Ordering::SeqCst)), (5 * inner + 1, limit));
        let all = graph.batch_with(vec![Work::default(); 2], &config).await.unwrap();
        assert!(all.iter().all(|done| done.count == 5 * inner + 1));
        assert_eq!((crowd.0[1].load(Ordering::SeqCst), crowd.0[0].load(Ordering::SeqCst)), (limit, 0));
    }
}

fn sleeps(millis: u64) -> impl Runnable<Input = Arc<Work>, Output = anabranch_graph::Write<Work, 0>> + 'static {
    lambda(move |_: Arc<Work>| async move {
        sleep(Duration::from_millis(millis)).await;
        Ok(Work::count(1))
    })
}

/// Whose time is up makes the difference: that of a node is its failure, that of the run is the run's.
#[tokio::test(start_paused = true)]
async fn a_time_out_of_a_node_is_its_failure_and_that_of_the_run_the_end() {
    let inner = StateGraph::<Work>::new().node("long", sleeps(500)).edge(START, "long").edge("long", END);
    let inner = inner.compile().unwrap();
    let graph = StateGraph::<Work>::new()
        .node("late", sleeps(500).with_timeout(Duration::from_millis(10)))
        .node("instead", sleeps(5))
        .node("graph", step(|_: &Work| Work::default(), inner, |done: Work| Work::count(done.count)))
        .node(
            "never",
            lambda(async |_: Arc<Work>| std::future::pending::<anabranch_core::Result<()>>().await)
                .with_timeout(Duration::from_millis(20)),
        )
        .node("join", sleeps(1))
        .fallback("late", "instead")
        .optional("never")
        .optional("graph")
        .edge(START, ["late", "graph", "never"])
        .edge(["late", "instead", "graph", "never"], "join")
        .edge("join", END)
        .compile()
        .unwrap();
    let began = Instant::now();
    assert_eq!(graph.invoke(Work::default()).await.unwrap().count, 3);
    assert_eq!(began.elapsed(), Duration::from_millis(501));
    for millis in [5, 10, 12, 20, 300, 500] {
        let began = Instant::now();
        let config = RunConfig::new().timeout(Duration::from_millis(millis));
        let error = graph.invoke_with(Work::default(), &config).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (ErrorKind::DeadlineExceeded, Duration::from_millis(millis)));
    }
}
