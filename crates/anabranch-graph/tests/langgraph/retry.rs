//! Retry, timeouts of a node, error handlers: LG-36 to LG-39 and LG-42.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{
    Attempt, BoxRunnable, Chunks, Error, ErrorKind, Merge, Observer, Result, Retry, RunConfig, Runnable, RunnableExt,
    StepEvent, generator, lambda, lambda_with_state,
};
use anabranch_graph::{CompiledGraph, END, START, StateGraph, step};
use futures::stream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::failure::{MILLI, Sum, fails};
use super::watch::Count;

/// The waits before attempts.
#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

impl Observer for Waits {
    fn retrying(&self, _: &StepEvent<'_>, attempt: &Attempt, _: &Error) {
        self.0.lock().unwrap().push(attempt.wait().unwrap());
    }
}

/// LangGraph: without jitter it sleeps 0.01 s and 0.02 s; its jitter comes on top of the longest back-off. Ours always has
/// jitter, inside of the back-off: these are the longest waits, so that those who failed together do not come back
/// together.
#[tokio::test(start_paused = true)]
async fn lg_36_the_back_off_doubles_and_the_third_attempt_counts() {
    let calls = Count::default();
    let shaky = lambda_with_state(calls.clone(), async |calls, _: Arc<Sum>| match calls.up() {
        1 | 2 => fails(ErrorKind::Connection),
        _ => Ok(Sum::value(1)),
    });
    let graph = StateGraph::new()
        .node("shaky", shaky.with_retry(Retry::attempts(3).base(MILLI * 10)))
        .edge(START, "shaky")
        .edge("shaky", END)
        .compile()
        .unwrap();
    let waits = Arc::<Waits>::default();
    let began = Instant::now();
    let config = RunConfig::new().observer(waits.clone());
    assert_eq!(graph.invoke_with(Sum::default(), &config).await.unwrap().value, 1);
    assert_eq!(calls.get(), 3);
    let waits = waits.0.lock().unwrap();
    let [first, second] = waits[..] else { panic!("{waits:?}") };
    assert!(first < MILLI * 10 && second < MILLI * 20, "{waits:?}");
    let slept = began.elapsed();
    assert!(first + second <= slept && slept <= MILLI * 30 + MILLI * 2, "{slept:?} for {waits:?}");
}

/// A node whose calls fail in these ways, and then work, with a policy for each of two kinds.
fn two_policies(kinds: &'static [ErrorKind]) -> (Count, CompiledGraph<Sum>) {
    let calls = Count::default();
    let shaky = lambda_with_state(calls.clone(), async |calls, _: Arc<Sum>| match kinds.get(calls.up() - 1) {
        Some(kind) => fails(*kind),
        None => Ok(Sum::value(1)),
    });
    let only = |attempts, kind| Retry::attempts(attempts).retry_if(move |error| error.kind() == kind);
    let graph = StateGraph::new()
        .node("shaky", shaky.with_retry(only(2, ErrorKind::Parse)).with_retry(only(3, ErrorKind::NotFound)))
        .edge(START, "shaky")
        .edge("shaky", END)
        .compile()
        .unwrap();
    (calls, graph)
}

/// LangGraph: a list of policies, of which the first that matches decides. Ours: one retry around the other, each with a
/// condition of its own. (Kinds mixed in one run: `extra_e27`.)
#[tokio::test(start_paused = true)]
async fn lg_37_each_kind_of_error_has_its_policy() {
    let (calls, graph) = two_policies(&[ErrorKind::Parse]);
    graph.invoke(Sum::default()).await.unwrap();
    assert_eq!(calls.get(), 2);
    let (calls, graph) = two_policies(&[ErrorKind::NotFound, ErrorKind::NotFound]);
    graph.invoke(Sum::default()).await.unwrap();
    assert_eq!(calls.get(), 3);
    let (calls, graph) = two_policies(&[ErrorKind::Parse, ErrorKind::Parse]);
    assert_eq!(graph.invoke(Sum::default()).await.unwrap_err().kind(), ErrorKind::Parse);
    assert_eq!(calls.get(), 2);
}

/// LangGraph: a timeout is per attempt, and what the timed-out attempt wrote is discarded. The same: it is dropped, and
/// with it all it had.
#[tokio::test(start_paused = true)]
async fn lg_38_an_attempt_that_timed_out_leaves_nothing() {
    let (calls, cancelled) = (Count::default(), Count::default());
    let slow = lambda_with_state((calls.clone(), cancelled.clone()), async |counts, _: Arc<Sum>| {
        let unfinished = counts.1.if_dropped();
        let call = counts.0.up();
        let update = (Sum::lines([format!("attempt {call}")]), Sum::value(1));
        if call == 1 {
            sleep(MILLI * 60_000).await;
        }
        unfinished.done();
        Ok(update)
    });
    let graph = StateGraph::new()
        .node("slow", slow.with_timeout(MILLI * 1000).with_retry(Retry::attempts(2).base(MILLI)))
        .edge(START, "slow")
        .edge("slow", END)
        .compile()
        .unwrap();
    let began = Instant::now();
    let state = graph.invoke(Sum::default()).await.unwrap();
    assert_eq!((state.lines, state.value), (vec!["attempt 2".to_string()], 1));
    assert_eq!((calls.get(), cancelled.get()), (2, 1));
    assert!(began.elapsed() < MILLI * 1010, "the timer starts anew with each attempt");
}

/// A step that gives a piece of text after each pause.
fn speaks(pause: Duration, pieces: usize) -> impl Runnable<Input = String, Output = String> {
    generator(move |_: Chunks<'_, String>| {
        let said = stream::unfold(0, move |at| async move {
            if at == pieces {
                return None;
            }
            sleep(pause).await;
            Some((Ok(format!("{at} ")), at + 1))
        });
        Chunks::new(said, Merge::append())
    })
}

/// LangGraph: stream events and heartbeats reset the idle clock, and never extend the timeout of the run. The same, of
/// the chunks that a step makes inside a node.
#[tokio::test(start_paused = true)]
async fn lg_39_chunks_reset_the_idle_clock_and_not_the_timeout() {
    let graph = |speaker: BoxRunnable<String, String>| {
        StateGraph::new()
            .node("speaker", step(|state: &Sum| state.text.clone(), speaker, Sum::text))
            .edge(START, "speaker")
            .edge("speaker", END)
            .compile()
            .unwrap()
    };
    let began = Instant::now();
    let talks = graph(speaks(MILLI * 400, 5).with_idle_timeout(MILLI * 500).boxed());
    assert_eq!(talks.invoke(Sum::default()).await.unwrap().text, "0 1 2 3 4 ");
    assert_eq!(began.elapsed(), MILLI * 2000);

    let began = Instant::now();
    let silent = graph(speaks(MILLI * 600, 5).with_idle_timeout(MILLI * 500).boxed());
    assert_eq!(silent.invoke(Sum::default()).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(began.elapsed(), MILLI * 500);

    let began = Instant::now();
    let long = graph(speaks(MILLI * 400, 5).with_idle_timeout(MILLI * 500).with_timeout(MILLI * 1000).boxed());
    assert_eq!(long.invoke(Sum::default()).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(began.elapsed(), MILLI * 1000);
}

/// Charges, which fails, and refunds instead, which waits until it may.
#[derive(Default)]
struct Payment {
    charges: Count,
    refunds: Count,
    may_refund: AtomicBool,
    waits: Notify,
}

fn payment(shared: &Arc<Payment>) -> CompiledGraph<Sum> {
    let charge = lambda_with_state(shared.clone(), async |shared, _: Arc<Sum>| {
        shared.charges.up();
        fails::<()>(ErrorKind::Server)
    });
    StateGraph::new()
        .node("charge", charge.with_retry(Retry::attempts(3)))
        .node(
            "refund",
            lambda_with_state(shared.clone(), async |shared, _: Arc<Sum>| {
                shared.refunds.up();
                if !shared.may_refund.load(Ordering::SeqCst) {
                    shared.waits.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok((Sum::lines(["refunded"]), Sum::input(Some(1))))
            }),
        )
        .node("ship", async |_: Arc<Sum>| Ok(Sum::lines(["shipped"])))
        .node("close", async |_: Arc<Sum>| Ok(Sum::lines(["closed"])))
        .fallback("charge", "refund")
        .edge(START, "charge")
        .edge("charge", "ship")
        .route("refund", |state| if state.input.is_some() { "close" } else { "ship" }, ["close", "ship"])
        .edge(["ship", "close"], END)
        .compile()
        .unwrap()
}

/// LangGraph: the error handler runs when the retries are exhausted, and may route. The same, by a node behind
/// `.fallback`. It sees the state and not the error.
#[tokio::test(start_paused = true)]
async fn lg_42_a_fallback_runs_when_the_retries_are_exhausted_and_may_route() {
    let shared = Arc::new(Payment { may_refund: AtomicBool::new(true), ..Payment::default() });
    let state = payment(&shared).invoke(Sum::default()).await.unwrap();
    assert_eq!(state.lines, ["refunded", "closed"]);
    assert_eq!((shared.charges.get(), shared.refunds.get()), (3, 1));
}

/// LangGraph gives the error to the handler. Ours: who wants the error takes it as a value, by `.result()`, and writes
/// what is to be known of it.
#[tokio::test]
async fn lg_42_the_error_as_a_value() {
    let charge = lambda(async |_: i64| fails::<i64>(ErrorKind::Server)).result();
    let write = |paid: Result<i64>| match paid {
        Ok(amount) => (Some(Sum::value(amount)), Sum::text("")),
        Err(error) => (None, Sum::text(error.kind().as_str())),
    };
    let graph = StateGraph::new()
        .node("charge", step(|state: &Sum| state.value, charge, write))
        .node("handler", async |state: Arc<Sum>| Ok(Sum::lines([format!("handled: {}", state.text)])))
        .edge(START, "charge")
        .route("charge", |state| if state.text.is_empty() { END } else { "handler" }, ["handler", END])
        .edge("handler", END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Sum::default()).await.unwrap().lines, ["handled: server error"]);
}

/// LangGraph: after a crash in the handler only the handler runs again. The same: that the node failed is in the log.
#[cfg(feature = "sqlite")]
#[tokio::test(start_paused = true)]
async fn lg_42_after_a_crash_the_handler_alone_runs_again() {
    let path = super::watch::file("handler");
    let shared = Arc::<Payment>::default();
    let open = async || anabranch_graph::SqliteStore::open(&path).await.unwrap();
    let thread = payment(&shared).with_store(open().await).thread("t");
    tokio::select! {
        _ = thread.start(Sum::default()) => panic!("the refund waits"),
        () = shared.waits.notified() => {}
    }
    drop(thread);
    assert_eq!((shared.charges.get(), shared.refunds.get()), (3, 1));
    shared.may_refund.store(true, Ordering::SeqCst);
    let thread = payment(&shared).with_store(open().await).thread("t");
    assert_eq!(thread.history().await.unwrap()[0].failure(), Some("server error"));
    assert_eq!(super::watch::done(thread.resume().await.unwrap()).lines, ["refunded", "closed"]);
    assert_eq!((shared.charges.get(), shared.refunds.get()), (3, 2));
}
