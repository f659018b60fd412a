//! Snapshots and events of graphs by chance: what they say is what the log of the same graph leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anabranch_core::RunnableExt;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{CompiledGraph, EventKind, GraphEvent, GraphStore, MemoryStore, Progress, START};
use serde_json::Value;

use crate::generator::{self, Chance};
use crate::{build, every, paused};

/// A graph's log, and the state of the run that wrote it.
struct Logged {
    graph: CompiledGraph<DynamicState>,
    records: Vec<String>,
    state: DynamicState,
    /// The updates that count, by path.
    updates: BTreeMap<String, Value>,
}

fn lines(state: &DynamicState) -> &[Value] {
    state.get("l").and_then(Value::as_array).map_or(&[], |list| list)
}

/// `m#1[2]/q` as `m#1`.
fn top(path: &str) -> &str {
    path.split(['/', '[']).next().unwrap()
}

async fn logged(graph: CompiledGraph<DynamicState>) -> Option<Logged> {
    let store = MemoryStore::new();
    let thread = graph.with_store(store.clone()).thread("t");
    let Ok(Progress::Done(state)) = thread.start(DynamicState::default()).await else { return None };
    let history = thread.history().await.unwrap();
    let failed: BTreeSet<_> =
        history.iter().filter(|entry| entry.failure().is_some()).map(|entry| entry.path().to_string()).collect();
    let counts = history.iter().filter(|entry| !crate::is_void(&failed, entry.path()));
    let updates = counts.filter_map(|entry| Some((entry.path().to_string(), entry.update()?.clone())));
    let updates = updates.filter(|(_, update)| update.as_array().is_some_and(|writes| !writes.is_empty())).collect();
    let records = crate::promises::records(&store, "t").await;
    Some(Logged { graph, records, state, updates })
}

impl Logged {
    /// The state to which the entries of these nodes at the top lead, by the log.
    async fn fold(&self, done: &[String]) -> DynamicState {
        let counts = |record: &String| {
            let record: Value = serde_json::from_str(record).unwrap();
            let path = record["entry"]["path"].as_str();
            path.is_none_or(|path| done.iter().any(|done| done == top(path)))
        };
        let store = MemoryStore::new();
        store
            .append("t", "log", 0, self.records.iter().filter(|record| counts(record)).cloned().collect())
            .await
            .unwrap();
        self.graph.with_store(store).thread("t").state().await.unwrap()
    }

    /// How many chunks there were, and how many of them had something before what was there already.
    async fn chunks_are_snapshots(&self) -> (usize, usize) {
        // The nodes at the top that are done and wrote something, in the order of time.
        let (wrote, done) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(Mutex::new(Vec::new())));
        let (writes, ends) = (wrote.clone(), done.clone());
        let heard = self.graph.on_event(move |event| match event.kind {
            EventKind::Update(_) => drop(writes.lock().unwrap().insert(event.path)),
            EventKind::Done if event.path == top(&event.path) => {
                let is_of = |path: &String| !path.contains('/') && top(path) == event.path;
                if writes.lock().unwrap().iter().any(is_of) {
                    ends.lock().unwrap().push(event.path);
                }
            }
            _ => {}
        });
        let (mut chunks, mut count, mut between) = (heard.stream(DynamicState::default()), 0, 0);
        let mut last = DynamicState::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            let so_far: Vec<_> = done.lock().unwrap().iter().take(count + 1).cloned().collect();
            let wanted = self.fold(&so_far).await;
            assert_eq!(chunk.as_object(), wanted.as_object(), "after {so_far:?}");
            count += 1;
            between += usize::from(!lines(&chunk).starts_with(lines(&last)));
            last = chunk;
        }
        assert_eq!(count, done.lock().unwrap().len().max(1));
        assert_eq!(last, self.state);
        (count, between)
    }

    async fn events_are_well_formed(&self) {
        let mut events = self.graph.events(DynamicState::default());
        let mut all = Vec::<GraphEvent>::new();
        while let Some(event) = events.next().await {
            all.push(event.unwrap());
        }
        let Ok(Progress::Done(state)) = events.finish().await else { panic!("it came to END before") };
        assert_eq!(state, self.state);
        let failed = all.iter().filter(|event| matches!(event.kind, EventKind::Failed(_)));
        let failed: BTreeSet<_> = failed.map(|event| event.path.clone()).collect();
        let (mut open, mut ended, mut updates) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for event in &all {
            let (path, is_void) = (event.path.clone(), crate::is_void(&failed, &event.path));
            match &event.kind {
                EventKind::Started => {
                    assert!(!ended.contains(&path) && open.insert(path), "{event:?} started twice");
                }
                EventKind::Update(update) => {
                    assert!(open.contains(&path), "{event:?} did not start");
                    if !is_void {
                        assert!(updates.insert(path, update.to_json().unwrap()).is_none(), "{event:?} wrote twice");
                    }
                }
                EventKind::Done | EventKind::Failed(_) => {
                    assert!(open.remove(&path) && ended.insert(path), "{event:?}")
                }
                EventKind::Broke(_) => assert!(is_void && open.remove(&path), "{event:?} in a run that came to END"),
                EventKind::Chose(_) => assert!(ended.contains(&path) || event.node() == START, "{event:?}"),
                EventKind::PassedOver => assert!(!open.contains(&path) && ended.insert(path), "{event:?}"),
                kind => panic!("{kind:?}"),
            }
        }
        let left = open.iter().find(|path| !crate::is_void(&failed, path));
        assert_eq!(left, None, "it has no end");
        assert_eq!(updates, self.updates);
    }
}

#[test]
fn chunks_are_folds_of_what_is_done_and_events_add_up() {
    let (mut graphs, mut chunks, mut between) = (0, 0, 0);
    // A graph that asks gives no chunks.
    for one in every(3) {
        let mut graph = one.graph();
        if generator::asks(&graph) {
            continue;
        }
        generator::delay(&mut Chance(one.seed), &mut graph);
        let built = build::graph(&graph).unwrap();
        paused(async {
            let Some(logged) = logged(built).await else { return };
            graphs += 1;
            let (all, some) = logged.chunks_are_snapshots().await;
            chunks += all;
            between += some;
            logged.events_are_well_formed().await;
        });
    }
    println!("{graphs} graphs, {chunks} chunks, {between} with something in between");
    assert!(graphs > every(3).count() as u64 / 3 && chunks > 2 * graphs as usize && between > 50);
}
