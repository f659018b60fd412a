//! A log that does not fit the graph is refused before anything of the graph runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_graph::{
    CompiledGraph, END, GraphStore, LogMismatch, MemoryStore, START, State, StateGraph, Write, step,
};
use futures::future::{BoxFuture, FutureExt};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Run {
    #[reduce(append)]
    log: Vec<String>,
    items: Vec<u32>,
}

type Log = Write<Run, 0>;

/// Counts the calls that would have to be paid for, of which some fail.
#[derive(Clone, Default)]
struct Calls {
    count: Arc<AtomicUsize>,
    fail: Arc<Mutex<Vec<&'static str>>>,
}

impl Calls {
    fn failing(names: &[&'static str]) -> Self {
        Self { fail: Arc::new(Mutex::new(names.to_vec())), ..Self::default() }
    }

    fn node(&self, name: &'static str) -> impl Fn(Arc<Run>) -> BoxFuture<'static, Result<Log>> + use<> {
        self.of(name)
    }

    fn of<I: Send + 'static>(&self, name: &'static str) -> impl Fn(I) -> BoxFuture<'static, Result<Log>> + use<I> {
        let calls = self.clone();
        move |_: I| {
            let calls = calls.clone();
            async move {
                calls.count.fetch_add(1, Ordering::Relaxed);
                match calls.fail.lock().unwrap().contains(&name) {
                    true => Err(Error::new(ErrorKind::Server, "down")),
                    false => Ok(Run::log([name])),
                }
            }
            .boxed()
        }
    }
}

type Build = fn(&Calls) -> CompiledGraph<Run>;

fn initial() -> Run {
    Run { items: vec![1, 2, 3], ..Run::default() }
}

/// Of a run's log some records are left, and it gets an entry that the graph does not come to.
async fn refuses(build: Build, left: usize, entries: &[(&str, bool)]) {
    let store = MemoryStore::new();
    let thread = |calls: &Calls, id: &str| build(calls).with_store(store.clone()).thread(id);
    thread(&Calls::default(), "whole").start(initial()).await.unwrap();
    let (_, records) = store.read("whole", Some(left as u64)).await.unwrap().unwrap();
    store.append("t", "log", 0, records.clone()).await.unwrap();
    for (number, (path, has_failed)) in entries.iter().enumerate() {
        let what = if *has_failed { r#""failed":"server""# } else { r#""update":[]"# };
        let mut records = records.clone();
        records.push(format!(r#"{{"entry":{{"path":"{path}",{what}}}}}"#));
        store.append(&format!("more {number}"), "log", 0, records.clone()).await.unwrap();
        let calls = Calls::default();
        let Err(error) = thread(&calls, &format!("more {number}")).resume().await else { panic!("{path}") };
        let mismatch = error.downcast_ref::<LogMismatch>().unwrap_or_else(|| panic!("{path}: {error}"));
        assert_eq!(&mismatch.path, path);
        assert_eq!(calls.count.load(Ordering::Relaxed), 0, "{path}: nothing ran");
        let (_, found) = store.read(&format!("more {number}"), None).await.unwrap().unwrap();
        assert_eq!(found, records, "{path}: nothing was entered");
    }
    // Without it the run goes on.
    let calls = Calls::default();
    thread(&calls, "t").resume().await.unwrap();
    assert!(calls.count.load(Ordering::Relaxed) > 0);
}

fn wide(calls: &Calls) -> CompiledGraph<Run> {
    StateGraph::new()
        .node("a", calls.node("a"))
        .node("b", calls.node("b"))
        .node("c", calls.node("c"))
        .edge(START, ["a", "b"])
        .edge(["a", "b"], "c")
        .edge("c", END)
        .compile()
        .unwrap()
}

#[tokio::test]
async fn an_entry_of_no_node_or_of_one_that_is_not_come_to() {
    // Of `c` that stands behind `b`, whose work is missing; and with a mark of a failure that is not quiet.
    refuses(wide, 2, &[("d", false), ("c", false), ("a#1", false), ("a[0]", false), ("b", true)]).await;
}

#[tokio::test]
async fn an_item_beyond_the_list() {
    let list: Build = |calls| {
        StateGraph::<Run>::new()
            .map("each", |run| run.items.clone(), calls.of::<u32>("each"))
            .node("beside", calls.node("beside"))
            .node("last", calls.node("last"))
            .edge(START, ["each", "beside"])
            .edge(["each", "beside"], "last")
            .edge("last", END)
            .compile()
            .unwrap()
    };
    refuses(list, 6, &[("each[3]", false)]).await;
    refuses(list, 1, &[("each[3]", false), ("each[1]/x", false), ("each[2]", true)]).await;
}

fn inner(calls: &Calls) -> CompiledGraph<Run> {
    let step = step(Run::clone, wide(calls), |run: Run| Run::log(run.log));
    let graph = StateGraph::new().node("deep", step).node("more", calls.node("more"));
    graph.edge(START, "deep").edge("deep", "more").edge("more", END).compile().unwrap()
}

#[tokio::test]
async fn an_entry_in_a_graph_inside() {
    // Even where a failure of the graph would not stop the run.
    let graphs: Build = |calls| {
        StateGraph::new()
            .node("graph", step(Run::clone, inner(calls), |run: Run| Run::log(run.log)))
            .node("instead", calls.node("instead"))
            .node("beside", calls.node("beside"))
            .node("last", calls.node("last"))
            .fallback("graph", "instead")
            .edge(START, ["graph", "beside"])
            .edge(["graph", "instead", "beside"], "last")
            .edge("last", END)
            .compile()
            .unwrap()
    };
    let inside = [("graph/none", false), ("graph/deep/none", false), ("graph/more", false), ("graph/deep/c", true)];
    for left in 1..4 {
        refuses(graphs, left, &inside).await;
    }
    let listed: Build = |calls| {
        let of_item = |_: &u32| Run::default();
        StateGraph::<Run>::new()
            .map("each", |run| run.items.clone(), step(of_item, inner(calls), |run: Run| Run::log(run.log)))
            .node("beside", calls.node("beside"))
            .edge(START, ["each", "beside"])
            .edge(["each", "beside"], END)
            .optional("each")
            .compile()
            .unwrap()
    };
    let inside = [("each[0]/none", false), ("each[2]/deep/none", false), ("each[3]/deep/a", false)];
    for left in 1..4 {
        refuses(listed, left, &inside).await;
    }
}

/// A node is new before others that are done: they are come to when it is.
#[tokio::test]
async fn a_log_that_was_led_over_is_come_to_in_the_end() {
    let graph = |calls: &Calls, is_new: bool| {
        let graph = StateGraph::new().node("a", calls.node("a")).node("b", calls.node("b")).node("c", calls.node("c"));
        let graph = graph.edge("b", "c").edge("c", END).edge(START, "a");
        match is_new {
            true => graph.node("new", calls.node("new")).edge("a", "new").edge("new", "b"),
            false => graph.edge("a", "b"),
        }
        .compile()
        .unwrap()
    };
    let store = MemoryStore::new();
    let calls = Calls::failing(&["c"]);
    graph(&calls, false).with_store(store.clone()).thread("t").start(initial()).await.unwrap_err();
    // The new node fails at first: then the log is resumed as it was led over.
    for (fails, count) in [(&["new"][..], 1), (&[], 2)] {
        let calls = Calls::failing(fails);
        let thread = graph(&calls, true).with_store(store.clone()).migrate(|_| Ok(())).thread("t");
        assert_eq!(thread.resume().await.is_err(), count == 1);
        assert_eq!(calls.count.load(Ordering::Relaxed), count, "`new` and `c`");
    }
    let state = graph(&Calls::default(), true).with_store(store.clone()).thread("t").state().await.unwrap();
    assert_eq!(state.log, ["a", "new", "b", "c"]);
    // What is never come to is still found.
    let (_, mut records) = store.read("t", None).await.unwrap().unwrap();
    records.push(r#"{"entry":{"path":"d","update":[]}}"#.into());
    store.append("more", "log", 0, records).await.unwrap();
    let error = graph(&Calls::default(), true).with_store(store).thread("more").resume().await.unwrap_err();
    assert_eq!(error.downcast_ref::<LogMismatch>().unwrap().path, "d");
}

/// What `migrate` forgot to lead over shows before anything is written, so that it can be mended.
#[tokio::test]
async fn a_log_is_led_over_only_to_what_the_graph_can_read() {
    let calls = Calls::default();
    let graph = |name: &'static str| {
        let graph = StateGraph::<Run>::new().node(name, calls.node(name));
        graph.edge(START, name).edge(name, END).compile().unwrap()
    };
    let store = MemoryStore::new();
    graph("old").with_store(store.clone()).thread("t").start(initial()).await.unwrap();
    let forgets_entry = graph("new").with_store(store.clone()).migrate(|_| Ok(()));
    let forgets_state = graph("new").with_store(store.clone()).migrate(|log| {
        log.entries.clear();
        log.initial = serde_json::json!({"items": "none"});
        Ok(())
    });
    for (forgets, said) in
        [(forgets_entry, "the entry of `old`"), (forgets_state, "the state with which the log begins")]
    {
        let error = forgets.thread("t").resume().await.unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.message().starts_with(said), "{error}");
    }
    assert_eq!((calls.count.load(Ordering::Relaxed), store.read("t", None).await.unwrap().unwrap().1.len()), (1, 2));
    let right = graph("new").with_store(store).migrate(|log| {
        log.entries.clear();
        Ok(())
    });
    right.thread("t").resume().await.unwrap();
    assert_eq!(right.thread("t").state().await.unwrap().log, ["new"]);
}
