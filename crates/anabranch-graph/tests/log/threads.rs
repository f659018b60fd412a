//! A run by its name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_graph::{
    BadChoice, CompiledGraph, DamagedRecord, END, GraphStore, LogConflict, LogMismatch, MemoryStore, Progress, START,
    ShapeChanged, StateGraph, StepLimit, step,
};
use serde_json::json;

use super::graphs::{Run, Works, asks, broken, initial, loops, wide};
use super::prefixes::records;

fn done(progress: Progress<Run>) -> Run {
    match progress {
        Progress::Done(state) => state,
        Progress::Asks(questions) => panic!("it asks {questions:?}"),
    }
}

/// The neutral case `failure_in_a_loop_then_resume`.
#[tokio::test]
async fn failure_in_a_loop_then_resume() {
    let works = Works::default();
    let tries = works.clone();
    // The first try of each iteration fails.
    let body = works.step("b", move |state: &Arc<Run>| match tries.count(&format!("b#{}", state.x - 1)) {
        1 => broken(),
        _ => Ok(Run::log(["b"])),
    });
    let graph = StateGraph::new()
        .node("h", works.step("h", |state: &Arc<Run>| Ok((Run::log(["h"]), Run::x(state.x + 1)))))
        .node("b", body)
        .edge(START, "h")
        .edge("h", "b")
        .route("b", |state: &Run| if state.x < 3 { "h" } else { END }, ["h", END])
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    let error = thread.start(Run::default()).await.unwrap_err();
    assert!(error.to_string().contains("node \"b\""), "{error}");
    let mut resumed = 0;
    let state = loop {
        match thread.resume().await {
            Ok(progress) => break done(progress),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Server, "{error}"),
        }
        resumed += 1;
    };
    assert_eq!(resumed, 2);
    assert_eq!((state.x, state.log.join(" ")), (3, "h b h b h b".to_string()));
    let mut log: Vec<_> = thread.history().await.unwrap().iter().map(|entry| entry.path().to_string()).collect();
    log.sort();
    assert_eq!(log, ["b#0", "b#1", "b#2", "h#0", "h#1", "h#2"]);
    let tries = works.get();
    assert_eq!((tries["h"], tries["b"]), (3, 6));
    assert_eq!((tries["b#0"], tries["b#1"], tries["b#2"]), (2, 2, 2));
}

#[tokio::test]
async fn of_two_on_one_thread_one_goes_on() {
    let store = MemoryStore::new();
    let works = Works::default();
    let thread = loops(&works).with_store(store.clone()).thread("t");
    let again = thread.clone();
    let (one, other) = tokio::join!(thread.start(initial()), again.start(initial()));
    done(one.unwrap());
    let error = other.unwrap_err();
    assert!(error.downcast_ref::<LogConflict>().is_some(), "{error:?}");
    assert!(error.to_string().contains("`resume` it"), "{error}");

    let fork = thread.fork(3).await.unwrap();
    assert_eq!(fork.id(), "t@3");
    assert_eq!(thread.fork(3).await.unwrap().id(), "t@3.2");
    let (one, other) = tokio::join!(fork.resume(), fork.resume());
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(done(won.unwrap()), thread.state().await.unwrap());
    let conflict = lost.unwrap_err();
    let conflict = conflict.downcast_ref::<LogConflict>().unwrap();
    assert_eq!((&*conflict.thread, conflict.expected), ("t@3", 4));
    // Each of them once.
    let count = thread.history().await.unwrap().len();
    assert_eq!(fork.history().await.unwrap().len(), count);
}

#[tokio::test]
async fn a_quiet_node_does_not_hide_that_the_log_is_lost() {
    let store = MemoryStore::new();
    let stored = store.clone();
    let graph = StateGraph::new()
        .node("a", move |_: Arc<Run>| {
            let stored = stored.clone();
            async move {
                let (log, _) = stored.read("t", Some(1)).await?.unwrap();
                stored.append("t", &log, 1, vec!["{}".into()]).await?;
                Ok(Run::x(1))
            }
        })
        .node("b", async |_: Arc<Run>| Ok(Run::x(2)))
        .fallback("a", "b")
        .edge(START, "a")
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let error = graph.with_store(store).thread("t").start(initial()).await.unwrap_err();
    assert!(error.downcast_ref::<LogConflict>().is_some(), "{error:?}");
}

#[tokio::test]
async fn a_damaged_last_record_is_found_and_led_round() {
    let store = MemoryStore::new();
    let works = Works::default();
    let graph = loops(&works).with_store(store.clone());
    let thread = graph.thread("t");
    let state = done(thread.start(initial()).await.unwrap());
    let mut records = records(&store, "t").await;
    let last = records.len() as u64 - 1;
    let text = records.last_mut().unwrap();
    text.truncate(text.len() / 2);
    store.append("torn", "log", 0, records).await.unwrap();
    let torn = graph.thread("torn");
    for error in [torn.resume().await.unwrap_err(), torn.state().await.unwrap_err()] {
        assert_eq!(error.downcast_ref::<DamagedRecord>().unwrap().position, last);
    }
    let whole = torn.fork(last - 1).await.unwrap();
    let before = works.get()["last"];
    assert_eq!(done(whole.resume().await.unwrap()), state);
    assert_eq!(works.get()["last"], before + 1, "only the last node ran");
}

#[tokio::test]
async fn another_shape_is_refused_and_can_be_led_over() {
    let graph = |name: &'static str, works: &Works| -> CompiledGraph<Run> {
        StateGraph::new()
            .node(name, works.step("first", |_: &Arc<Run>| Ok(Run::x(5))))
            .node(
                "second",
                works.step("second", |state: &Arc<Run>| if state.y == 0 { broken() } else { Ok(Run::sum(state.x)) }),
            )
            .edge(START, name)
            .edge(name, "second")
            .edge("second", END)
            .compile()
            .unwrap()
    };
    let (store, works) = (MemoryStore::new(), Works::default());
    graph("first", &works).with_store(store.clone()).thread("t").start(initial()).await.unwrap_err();

    let renamed = graph("renamed", &works).with_store(store.clone());
    for error in [renamed.thread("t").resume().await.unwrap_err(), renamed.thread("t").state().await.unwrap_err()] {
        let changes = &error.downcast_ref::<ShapeChanged>().unwrap().changes;
        assert!(changes.contains("\"first\" is gone") && changes.contains("\"renamed\" is new"), "{changes}");
        assert!(error.to_string().contains("`migrate`"), "{error}");
    }

    // Only the entry has another name then; the node does not work again.
    let led = renamed.migrate(|log| {
        log.initial["y"] = json!(1);
        let renamed = |entry: anabranch_graph::Entry| match entry.path() {
            "first" => entry.with_path("renamed"),
            _ => entry,
        };
        log.entries = log.entries.drain(..).map(renamed).collect();
        Ok(())
    });
    let state = done(led.thread("t").resume().await.unwrap());
    assert_eq!((state.x, state.y, state.sum), (5, 1, 5));
    assert_eq!(works.get()["first"], 1);
    // It is led over for good.
    let after = graph("renamed", &works).with_store(store).thread("t");
    assert_eq!(done(after.resume().await.unwrap()), state);
    assert_eq!(after.state().await.unwrap(), state);
}

#[tokio::test]
async fn an_entry_nobody_comes_to_is_named() {
    let store = MemoryStore::new();
    let works = Works::default();
    let graph = wide(&works).with_store(store.clone());
    graph.thread("t").start(initial()).await.map(done).unwrap();
    let mut records = records(&store, "t").await;
    records.push(r#"{"entry":{"path":"dd","update":[]}}"#.into());
    store.append("more", "log", 0, records).await.unwrap();
    let error = graph.thread("more").resume().await.unwrap_err();
    assert_eq!(error.downcast_ref::<LogMismatch>().unwrap().path, "dd");
}

#[tokio::test]
async fn the_work_of_a_node_is_kept_whose_route_chooses_wrongly() {
    let (works, good) = (Works::default(), Arc::new(AtomicUsize::new(0)));
    let chosen = good.clone();
    let graph = StateGraph::new()
        .node("a", works.step("a", |_: &Arc<Run>| Ok(Run::x(1))))
        .edge(START, "a")
        .route("a", move |_: &Run| if chosen.load(Ordering::Relaxed) == 0 { "nowhere" } else { END }, END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    assert!(thread.start(initial()).await.unwrap_err().downcast_ref::<BadChoice>().is_some());
    assert_eq!(thread.state().await.unwrap().x, 1);
    good.store(1, Ordering::Relaxed);
    assert_eq!(done(thread.resume().await.unwrap()).x, 1);
    assert_eq!(works.get()["a"], 1);
}

#[tokio::test]
async fn what_is_done_beside_a_failure_is_kept() {
    let works = Works::default();
    let graph = StateGraph::new()
        .node("good", works.step("good", |_: &Arc<Run>| Ok(Run::x(1))))
        .node("evil", works.step("evil", |_: &Arc<Run>| broken::<()>()))
        .edge(START, ["good", "evil"])
        .edge(["good", "evil"], END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    thread.start(initial()).await.unwrap_err();
    thread.resume().await.unwrap_err();
    assert_eq!((works.get()["good"], works.get()["evil"]), (1, 2));
}

#[tokio::test]
async fn answers_from_another_process() -> Result<()> {
    let store = MemoryStore::new();
    let works = Works::default();
    let thread = || asks(&works).with_store(store.clone()).thread("t");
    assert_eq!(thread().resume().await.unwrap_err().kind(), ErrorKind::NotFound);
    let Progress::Asks(questions) = thread().start(initial()).await? else { panic!() };
    assert_eq!(questions[0].path(), "approve#0");
    assert!(thread().start(initial()).await.unwrap_err().downcast_ref::<LogConflict>().is_some());
    let entered = thread().history().await?.len();
    for (node, answer) in [("approve", json!("yes")), ("draft", json!(true))] {
        assert_eq!(thread().answer(node, answer).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(thread().history().await?.len(), entered, "nothing changes");
    let Progress::Asks(questions) = thread().answer("approve", false).await? else { panic!() };
    assert_eq!(questions[0].path(), "approve#1");
    let state = done(thread().answer("approve#1", true).await?);
    assert_eq!((state.x, state.sum), (2, 2));
    assert_eq!(works.get()["draft"], 2);
    assert_eq!(thread().answer("approve", true).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let all = asks(&works).with_store(store.clone());
    assert_eq!(all.threads().await?, ["t"]);
    thread().delete().await?;
    assert!(all.threads().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_step_limit_counts_what_is_logged_since_the_latest_answer() {
    let works = Works::default();
    let graph = StateGraph::new()
        .node("h", works.step("h", |state: &Arc<Run>| Ok(Run::x(state.x + 1))))
        .ask("more", |state: &Run| state.x, Run::approved)
        .node("b", works.step("b", |state: &Arc<Run>| if state.x == 2 && state.y == 0 { broken() } else { Ok(()) }))
        .edge(START, "h")
        .edge("h", "more")
        .edge("more", "b")
        .route("b", |state: &Run| if state.approved { "h" } else { END }, ["h", END])
        .step_limit(3)
        .compile()
        .unwrap();
    // Six activations, and never more than three since an answer.
    let store = MemoryStore::new();
    let thread = graph.with_store(store.clone()).thread("t");
    thread.start(Run { y: 1, ..Run::default() }).await.unwrap();
    thread.answer("more", true).await.unwrap();
    let state = done(thread.answer("more", false).await.unwrap());
    assert_eq!((state.x, state.y), (2, 1));
    assert_eq!(done(thread.resume().await.unwrap()), state);

    // Endless, whether one resumes or not.
    let endless = StateGraph::new()
        .node("h", works.step("h", |state: &Arc<Run>| if state.y == 0 { broken() } else { Ok(Run::x(state.x + 1)) }))
        .edge(START, "h")
        .route("h", |_: &Run| "h", ["h", END])
        .step_limit(5)
        .compile()
        .unwrap();
    let thread = endless.with_store(store).thread("endless");
    for run in 0..3 {
        let came = if run == 0 { thread.start(Run { y: 1, ..Run::default() }).await } else { thread.resume().await };
        let error = came.unwrap_err();
        assert_eq!(error.downcast_ref::<StepLimit>().unwrap().node, "h#5");
        assert_eq!(thread.history().await.unwrap().len(), 5);
    }
}

/// A store that takes its time, and fails where it is told to.
#[derive(Clone, Default)]
struct Slow {
    store: MemoryStore,
    fails_at: Option<u64>,
}

#[async_trait::async_trait]
impl GraphStore for Slow {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        for _ in 0..7 {
            tokio::task::yield_now().await;
        }
        if self.fails_at.is_some_and(|position| at >= position) {
            return Err(Error::new(ErrorKind::Connection, "the disk is full"));
        }
        self.store.append(thread, log, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        self.store.read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.store.list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.store.delete(thread).await
    }
}

#[tokio::test]
async fn an_update_is_in_the_log_before_a_successor_starts() {
    let slow = Slow::default();
    let sees = |paths: &'static [&'static str]| {
        let store = slow.store.clone();
        move |_: Arc<Run>| {
            let store = store.clone();
            async move {
                let log = records(&store, "t").await.join("\n");
                for path in paths {
                    assert!(log.contains(&format!("\"path\":\"{path}\"")), "{path} is not in the log: {log}");
                }
                Ok(Run::sum(1))
            }
        }
    };
    let inner = StateGraph::new()
        .node("p", sees(&["a"]))
        .node("q", sees(&["graph/p"]))
        .edge(START, "p")
        .edge("p", "q")
        .edge("q", END)
        .compile()
        .unwrap();
    let graph = StateGraph::new()
        .node("a", sees(&[]))
        .node("graph", step(|state: &Run| state.clone(), inner, |_: Run| Run::sum(1)))
        .map("each", |_: &Run| [1_u32, 2], async |_: u32| Ok(Run::sum(1)))
        .node("fails", async |_: Arc<Run>| broken::<()>())
        .ask("ask", |_: &Run| 0, Run::approved)
        .node("join", sees(&["graph", "graph/q", "each", "each[0]", "each[1]", "fails", "ask"]))
        .optional("fails")
        .edge(START, "a")
        .edge("a", ["graph", "each", "fails", "ask"])
        .edge(["graph", "each", "fails", "ask"], "join")
        .edge("join", END)
        .compile()
        .unwrap();
    let Progress::Asks(questions) = graph.with_store(slow.clone()).thread("t").start(initial()).await.unwrap() else {
        panic!()
    };
    // A pause is in the log as a whole, too.
    assert_eq!(records(&slow.store, "t").await.len(), 1 + 8);
    assert_eq!(done(questions.answer("ask", true).await.unwrap()).sum, 5);
}

#[tokio::test]
async fn a_store_that_fails_stops_the_run_with_its_error() {
    for fails_at in 0..12 {
        let works = Works::default();
        let store = MemoryStore::new();
        let slow = Slow { store: store.clone(), fails_at: Some(fails_at) };
        let error = super::graphs::quiet(&works).with_store(slow).thread("t").start(initial()).await;
        match error {
            Ok(_) => assert!(fails_at as usize >= records(&store, "t").await.len()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Connection, "at {fails_at}: {error}"),
        }
        let thread = super::graphs::quiet(&works).with_store(store).thread("t");
        let came = if fails_at == 0 { thread.start(initial()).await } else { thread.resume().await };
        assert_eq!(done(came.unwrap()).log.len(), 2);
    }
}

#[tokio::test]
async fn items_beyond_the_end_of_a_list_are_named() {
    let store = MemoryStore::new();
    let graph = StateGraph::new()
        .map(
            "each",
            |state: &Run| state.items.clone(),
            async |item: u32| if item == 3 { broken() } else { Ok(Run::sum(item)) },
        )
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap()
        .with_store(store.clone());
    graph.thread("t").start(initial()).await.unwrap_err();
    let records = records(&store, "t").await;
    assert_eq!(records.len(), 3, "two items are kept");
    assert_eq!(graph.thread("t").state().await.unwrap().sum, 3);
    let shorter = records.iter().map(|record| record.replace("\"items\":[1,2,3]", "\"items\":[1]")).collect();
    store.append("shorter", "log", 0, shorter).await.unwrap();
    let error = graph.thread("shorter").resume().await.unwrap_err();
    assert_eq!(error.downcast_ref::<LogMismatch>().unwrap().path, "each[1]");
}

#[tokio::test]
async fn a_log_of_a_later_version_is_refused() {
    let store = MemoryStore::new();
    let graph = wide(&Works::default()).with_store(store.clone());
    graph.thread("t").start(initial()).await.unwrap();
    let records = records(&store, "t").await;
    let later = records.iter().map(|record| record.replace("\"version\":1", "\"version\":2")).collect();
    store.append("later", "log", 0, later).await.unwrap();
    let error = graph.thread("later").resume().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[tokio::test]
async fn history_shows_what_was_done_and_no_text() {
    let graph = wide(&Works::default()).with_store(MemoryStore::new());
    let thread = graph.thread("t");
    let state = done(thread.start(initial()).await.unwrap());
    let history = thread.history().await.unwrap();
    assert_eq!(history[0].path(), "a");
    assert_eq!(history[0].position(), 1);
    assert_eq!(history[0].chosen().unwrap(), ["b", "cc"]);
    assert_eq!(history[0].update().unwrap(), &json!([{"x": 4}]));
    assert_eq!(thread.state_at(0).await.unwrap(), initial());
    assert_eq!(thread.state_at(1).await.unwrap().x, 4);
    let last = history.len() as u64;
    assert_eq!(thread.state_at(last).await.unwrap(), state);
    assert_eq!(thread.state_at(last + 1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(thread.fork(last + 1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let shown = format!("{history:?} {thread:?} {graph:?}");
    assert!(shown.contains("cc") && !shown.contains("cc:4"), "{shown}");
}
