//! Forks, at each position, and forks of these.

use anabranch_core::ErrorKind;
use anabranch_graph::{CompiledGraph, END, Entry, MemoryStore, START, ShapeChanged, StateGraph};

use super::graphs::{ALL, Run, Works, broken, initial};
use super::prefixes::{entries, records, to_end};

#[tokio::test]
async fn a_fork_of_a_fork_goes_on_from_where_both_were() {
    for (name, build) in ALL {
        let store = MemoryStore::new();
        let stored = build(&Works::default()).with_store(store.clone());
        let whole = stored.thread("t");
        let state = to_end(whole.start(initial()).await.unwrap()).await.unwrap();
        let (log, kept) = (entries(&whole.history().await.unwrap()), records(&store, "t").await);
        for at in 0..kept.len() as u64 {
            let fork = whole.fork(at).await.unwrap();
            assert_eq!(fork.id(), format!("t@{at}"), "{name}");
            // A name that is taken, by a thread or a fork, is left alone.
            assert_eq!(whole.fork(at).await.unwrap().id(), format!("t@{at}.2"), "{name}");
            assert_eq!(fork.state().await.unwrap(), whole.state_at(at).await.unwrap(), "{name} at {at}");
            assert_eq!(fork.fork(at + 1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
            for earlier in [0, at / 2, at] {
                let id = format!("t@{at}@{earlier}");
                stored.thread(&id).delete().await.unwrap();
                let second = fork.fork(earlier).await.unwrap();
                assert_eq!(second.id(), id, "{name}");
                assert_eq!(
                    second.state().await.unwrap(),
                    whole.state_at(earlier).await.unwrap(),
                    "{name} at {earlier}"
                );
                assert_eq!(to_end(second.resume().await.unwrap()).await.unwrap(), state, "{name} at {earlier}");
                assert_eq!(entries(&second.history().await.unwrap()), log, "{name} at {earlier}");
            }
            assert_eq!(records(&store, fork.id()).await, kept[..=at as usize], "{name}: nothing got into it");
            assert_eq!(to_end(fork.resume().await.unwrap()).await.unwrap(), state, "{name} at {at}");
        }
        assert_eq!(records(&store, "t").await, kept, "{name}");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_left_alone() {
    let store = MemoryStore::new();
    let stored = ALL[0].1(&Works::default()).with_store(store.clone());
    for id in ["a", "a@1", "a@2", "a@1.2"] {
        to_end(stored.thread(id).start(initial()).await.unwrap()).await.unwrap();
    }
    for (of, at, id) in [("a", 1, "a@1.3"), ("a@1", 2, "a@1@2"), ("a", 2, "a@2.2"), ("a@2", 2, "a@2@2")] {
        assert_eq!(stored.thread(of).fork(at).await.unwrap().id(), id);
    }
    assert_eq!(stored.thread("none").fork(0).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Two nodes, whose first has this name; the second fails until `y` is there.
fn graph(name: &'static str, works: &Works) -> CompiledGraph<Run> {
    StateGraph::new()
        .node(name, works.step("first", |_: &std::sync::Arc<Run>| Ok(Run::x(5))))
        .node(
            "second",
            works.step("second", |run: &std::sync::Arc<Run>| if run.y == 0 { broken() } else { Ok(Run::sum(run.x)) }),
        )
        .edge(START, name)
        .edge(name, "second")
        .edge("second", END)
        .compile()
        .unwrap()
}

/// What a log of another shape leads to can be seen before it is led over, and after that at each position, also those
/// before it.
#[tokio::test]
async fn a_log_of_another_shape_has_states_as_it_is_led_over() {
    let (store, works) = (MemoryStore::new(), Works::default());
    graph("old", &works).with_store(store.clone()).thread("t").start(Run::default()).await.unwrap_err();
    let led = graph("new", &works).with_store(store.clone()).migrate(|log| {
        log.initial["y"] = 1.into();
        let renamed = |entry: Entry| if entry.path() == "old" { entry.with_path("new") } else { entry };
        log.entries = log.entries.drain(..).map(renamed).collect();
        Ok(())
    });
    let thread = led.thread("t");
    let wanted = |x, sum| Run { x, y: 1, sum, ..Run::default() };
    assert_eq!(thread.state().await.unwrap(), wanted(5, 0));
    assert_eq!(thread.state_at(0).await.unwrap(), wanted(0, 0));
    assert_eq!(records(&store, "t").await.len(), 2, "to look is not to lead over");
    let unled = graph("new", &works).with_store(store.clone()).thread("t");
    assert!(unled.state().await.unwrap_err().downcast_ref::<ShapeChanged>().is_some());

    let state = to_end(thread.resume().await.unwrap()).await.unwrap();
    assert_eq!(state, wanted(5, 5));
    // The state it began with, the first node, the same as they were led over, the second node.
    let states = [wanted(0, 0), wanted(5, 0), wanted(5, 0), wanted(5, 5)];
    for (at, wanted) in (0..).zip(&states) {
        assert_eq!(thread.state_at(at).await.unwrap(), *wanted, "at {at}");
        let fork = thread.fork(at).await.unwrap();
        assert_eq!(fork.state().await.unwrap(), *wanted, "at {at}");
        assert_eq!(to_end(fork.resume().await.unwrap()).await.unwrap(), state, "at {at}");
    }
    let history = thread.history().await.unwrap();
    let history: Vec<_> = history.iter().map(|entry| (entry.path(), entry.position())).collect();
    assert_eq!(history, [("new", 2), ("second", 3)]);
    assert_eq!(works.get()["first"], 2, "it worked at first, and in the fork from the beginning");
    // For who knows only the new shape.
    assert_eq!(unled.state().await.unwrap(), state);
    assert!(unled.state_at(1).await.unwrap_err().downcast_ref::<ShapeChanged>().is_some());
}
