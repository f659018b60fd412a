//! What LangGraph gets wrong or has no case of: limits, timeouts, retries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Retry, RunConfig, RunnableExt, blocking, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, START, StateGraph, step};
use tokio::sync::oneshot;
use tokio::time::{Instant, advance, sleep};

use super::failure::{MILLI, Sum, fails};
use super::watch::{Count, Peak};

/// A piece of work of 10 ms that counts on the run's limit.
fn limited(peak: &Peak) -> impl anabranch_core::Runnable<Input = i64, Output = i64> + Clone + use<> {
    let work = lambda_with_state(peak.clone(), async |peak, number: i64| {
        let _inside = peak.enter();
        sleep(MILLI * 10).await;
        Ok(number)
    });
    work.limited()
}

fn sum(numbers: Vec<i64>) -> anabranch_graph::Write<Sum, 0> {
    Sum::value(numbers.iter().sum::<i64>())
}

/// Ten pieces of work, each a node of a list.
fn list_of_ten(peak: &Peak) -> CompiledGraph<Sum> {
    StateGraph::new()
        .map("work", |_: &Sum| 1..=10_i64, step(|number: &i64| *number, limited(peak), Sum::value))
        .edge(START, "work")
        .edge("work", END)
        .compile()
        .unwrap()
}

/// LangGraph: a node that waits for tasks of its own keeps its permit, so that a limit of 1, and two such nodes under a
/// limit of 2, wait for ever. Ours: a permit is held by what calls a model or a tool, and by nothing that waits for it.
#[tokio::test(start_paused = true)]
async fn e12_what_waits_holds_no_permit() {
    for limit in [1, 2] {
        let peak = Peak::default();
        let chain = || step(|_: &Sum| vec![1, 2, 3], limited(&peak).each(), sum);
        let graph = StateGraph::new()
            .node("a", chain())
            .node("b", chain())
            .node("graph", step(|_: &Sum| Sum::default(), list_of_ten(&peak), |done: Sum| Sum::value(done.value)))
            .edge(START, ["a", "b", "graph"])
            .edge(["a", "b", "graph"], END)
            .compile()
            .unwrap();
        let config = RunConfig::new().max_concurrency(limit);
        assert_eq!(graph.invoke_with(Sum::default(), &config).await.unwrap().value, 6 + 6 + 55);
        assert_eq!(peak.most(), limit);
    }
}

/// LangGraph: each sub-graph has a semaphore of its own, so that a limit of 3 is 9 one level down. Ours: one limit for the
/// run, which is used up.
#[tokio::test(start_paused = true)]
async fn g1_one_limit_for_all_graphs_inside() {
    let peak = Peak::default();
    let inner = step(|_: &i64| Sum::default(), list_of_ten(&peak), |done: Sum| Sum::value(done.value));
    let graph = StateGraph::new()
        .map("graphs", |_: &Sum| 1..=10_i64, inner)
        .edge(START, "graphs")
        .edge("graphs", END)
        .compile()
        .unwrap();
    let began = Instant::now();
    let config = RunConfig::new().max_concurrency(3);
    assert_eq!(graph.invoke_with(Sum::default(), &config).await.unwrap().value, 550);
    assert_eq!(peak.most(), 3);
    assert_eq!(began.elapsed(), MILLI * 10 * 34);
}

/// LangGraph: who waits to try again keeps the permit. Ours: meanwhile somebody else works.
#[tokio::test(start_paused = true)]
async fn e16_a_back_off_holds_no_permit() {
    let (calls, began) = (Count::default(), Instant::now());
    let worked_at = Arc::<Mutex<Option<Duration>>>::default();
    let shaky = lambda_with_state(calls.clone(), async |calls, _: Arc<Sum>| match calls.up() {
        1 => fails::<()>(ErrorKind::RateLimited).map_err(|error| error.with_retry_after(MILLI * 5000)),
        _ => Ok(()),
    });
    let other = lambda_with_state((worked_at.clone(), began), async |shared, _: Arc<Sum>| {
        *shared.0.lock().unwrap() = Some(shared.1.elapsed());
        Ok(())
    });
    let graph = StateGraph::new()
        .node("shaky", shaky.limited().with_retry(Retry::attempts(2)))
        .node("other", other.limited())
        .edge(START, ["shaky", "other"])
        .edge(["shaky", "other"], END)
        .compile()
        .unwrap();
    graph.invoke_with(Sum::default(), &RunConfig::new().max_concurrency(1)).await.unwrap();
    assert_eq!((calls.get(), *worked_at.lock().unwrap()), (2, Some(Duration::ZERO)));
    assert!(began.elapsed() >= MILLI * 5000);
}

/// LangGraph: status 429 is not among what is retried by default, and `retry-after` is not looked at. Ours: it is, and it
/// is waited for as long as the server asked.
#[tokio::test(start_paused = true)]
async fn g3_a_rate_limit_is_waited_out() {
    let (calls, began) = (Count::default(), Instant::now());
    let busy = lambda_with_state(calls.clone(), async |calls, _: Arc<Sum>| match calls.up() {
        1 => Err(Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(MILLI * 7000)),
        _ => Ok(Sum::value(1)),
    });
    let graph = StateGraph::new()
        .node("busy", busy.with_retry(Retry::attempts(2)))
        .edge(START, "busy")
        .edge("busy", END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Sum::default()).await.unwrap().value, 1);
    let waited = began.elapsed();
    assert!(MILLI * 7000 <= waited && waited <= MILLI * 7702, "{waited:?}");
}

/// LangGraph: a synchronous node cannot be stopped, and the timeout is raised only when it has ended. Ours: a function
/// that blocks cannot be stopped either, but the run is told in time, and what the function gives is thrown away.
#[tokio::test(start_paused = true)]
async fn e17_a_timeout_does_not_wait_for_a_function_that_blocks() {
    let (started, starts) = oneshot::channel();
    let (goes_on, may_go_on) = mpsc::channel::<()>();
    let (ended, ends) = oneshot::channel();
    let inner = Mutex::new(Some((started, may_go_on, ended)));
    let has_ended = Arc::new(AtomicBool::new(false));
    let sees = has_ended.clone();
    let blocks = blocking(move |_: Arc<Sum>| {
        let (started, may_go_on, ended) = inner.lock().unwrap().take().unwrap();
        started.send(()).unwrap();
        may_go_on.recv().unwrap();
        sees.store(true, Ordering::SeqCst);
        ended.send(()).unwrap();
        Ok(Sum::value(1))
    });
    let graph = StateGraph::new()
        .node("blocks", blocks.with_timeout(MILLI * 300))
        .node("manual", async |_: Arc<Sum>| Ok(Sum::value(2)))
        .fallback("blocks", "manual")
        .edge(START, "blocks")
        .edge(["blocks", "manual"], END)
        .compile()
        .unwrap();
    let run = graph.invoke(Sum::default());
    let time_passes = async {
        starts.await.unwrap();
        advance(MILLI * 300).await;
    };
    let (state, ()) = tokio::join!(run, time_passes);
    assert!(!has_ended.load(Ordering::SeqCst));
    assert_eq!(state.unwrap().value, 2);
    goes_on.send(()).unwrap();
    ends.await.unwrap();
}

/// LangGraph: a list of retry policies has one counter, so that a `KeyError` and then a `ValueError`, with two attempts
/// for each, fail. Ours: each retry counts its own.
#[tokio::test(start_paused = true)]
async fn e27_each_retry_counts_its_own() {
    let only = |kind| Retry::attempts(2).retry_if(move |error| error.kind() == kind);
    let graph = |kinds: &'static [ErrorKind]| {
        let calls = Count::default();
        let shaky = lambda_with_state(calls.clone(), async |calls, _: Arc<Sum>| match kinds.get(calls.up() - 1) {
            Some(kind) => fails(*kind),
            None => Ok(Sum::value(1)),
        });
        let node = shaky.with_retry(only(ErrorKind::NotFound)).with_retry(only(ErrorKind::Parse));
        let graph = StateGraph::new().node("shaky", node).edge(START, "shaky").edge("shaky", END).compile();
        (calls, graph.unwrap())
    };
    let (calls, mixed) = graph(&[ErrorKind::NotFound, ErrorKind::Parse]);
    assert_eq!(mixed.invoke(Sum::default()).await.unwrap().value, 1);
    assert_eq!(calls.get(), 3);
    let (calls, twice) = graph(&[ErrorKind::Parse, ErrorKind::Parse]);
    assert_eq!(twice.invoke(Sum::default()).await.unwrap_err().kind(), ErrorKind::Parse);
    assert_eq!(calls.get(), 2);
}
