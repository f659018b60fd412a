//! One case: what is expected of it, and what came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anabranch_core::Result;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{BuildErrors, CompiledGraph, EventKind, GraphEvent, MemoryStore, Progress};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::build::{ENTERED, STARTED, UNIT, WORKED, graph, kind};
use crate::logged::{self, THREAD};

/// What is wrong, a line for each.
pub(crate) fn check(case: &Value) -> Vec<String> {
    let expected = &case["expected"];
    let built = graph(&case["graph"]);
    if let Some(errors) = expected.get("build_errors") {
        let Err(error) = built else { return vec!["it was built".into()] };
        let Some(found) = error.downcast_ref::<BuildErrors>() else { return vec![format!("no build errors: {error}")] };
        let found: BTreeSet<_> = found
            .iter()
            .map(|one| {
                let mut this = json!({"kind": one.kind().as_str(), "nodes": one.nodes()});
                if let Some(field) = one.field() {
                    this["field"] = field.into();
                }
                this.to_string()
            })
            .collect();
        let wanted: BTreeSet<_> = errors.as_array().unwrap().iter().map(Value::to_string).collect();
        return if found == wanted { vec![] } else { vec![format!("build errors {found:?}, expected {wanted:?}")] };
    }
    let graph = match built {
        Ok(graph) => graph,
        Err(error) => return vec![format!("it was not built: {error}")],
    };
    ENTERED.with_borrow_mut(BTreeMap::clear);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    if expected.get("first_run").is_some() {
        return runtime.block_on(resumed(&graph, case));
    }
    let mut wrong = compare(expected, &runtime.block_on(run(&graph, case, None)));
    let store = MemoryStore::new();
    let with_store = compare(expected, &runtime.block_on(run(&graph, case, Some(&store))));
    wrong.extend(with_store.iter().map(|wrong| format!("with a store: {wrong}")));
    wrong.extend(runtime.block_on(logged::check(&graph, case, &store)));
    wrong
}

/// What differs from what is expected of a case.
fn compare(expected: &Value, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, found: Value, wanted: &Value| {
        if found != *wanted {
            wrong.push(format!("{what}: {found}, expected {wanted}"));
        }
    };
    let error = expected.get("error").or_else(|| expected["first_run"].get("error"));
    match (&ran.result, error) {
        (Ok(state), None) => {
            let state = serde_json::to_value(state).unwrap();
            differ("state", state, &expected["state"]);
            differ("runs", json!(ran.runs), &expected["runs"]);
            differ("passed over", json!(ran.passed_over), &expected["passed_over"]);
            differ("failed", json!(ran.failed), &expected["failed"]);
            differ("log", json!(ran.log), &expected["log"]);
            if let Some(pauses) = expected.get("pauses") {
                differ("pauses", json!(ran.pauses), pauses);
            }
        }
        (Ok(_), Some(wanted)) => differ("no error", Value::Null, wanted),
        (Err(error), None) => differ("error", error.to_string().into(), &Value::Null),
        (Err(error), Some(wanted)) => {
            differ("kind", kind(error).into(), &wanted["kind"]);
            if let (Some(node), "Failed") = (wanted.get("node"), kind(error)) {
                let path = ran.broke.clone().unwrap_or_default();
                differ("node", path.into(), node);
            }
        }
    }
    if let Some(elapsed) = expected.get("elapsed").or_else(|| expected["first_run"].get("elapsed")) {
        differ("elapsed", ran.elapsed.into(), elapsed);
    }
    wrong
}

struct Ran {
    result: Result<DynamicState>,
    elapsed: u64,
    runs: BTreeMap<String, u64>,
    passed_over: Vec<String>,
    failed: Vec<String>,
    log: Vec<String>,
    pauses: Vec<Vec<String>>,
    /// The activation whose failure stopped the run.
    broke: Option<String>,
}

async fn run(graph: &CompiledGraph<DynamicState>, case: &Value, store: Option<&MemoryStore>) -> Ran {
    let events: Arc<Mutex<Vec<GraphEvent>>> = Arc::default();
    let heard = events.clone();
    let graph = graph.on_event(move |event| heard.lock().unwrap().push(event));
    WORKED.with_borrow_mut(BTreeMap::clear);
    let began = Instant::now();
    let initial: DynamicState = serde_json::from_value(case["initial"].clone()).unwrap();
    let mut pauses = Vec::new();
    let mut progress = match store {
        None => graph.start(initial).await,
        Some(store) => graph.with_store(store.clone()).thread(THREAD).start(initial).await,
    };
    let result = loop {
        let questions = match progress {
            Ok(Progress::Done(state)) => break Ok(state),
            Err(error) => break Err(error),
            Ok(Progress::Asks(questions)) => questions,
        };
        pauses.push(questions.iter().map(|question| question.path().to_string()).collect());
        let answers = questions.iter().map(|question| (question.path().to_string(), answer(case, question.path())));
        progress = questions.answer_all(answers).await;
    };
    let elapsed = (began.elapsed().as_millis() / UNIT.as_millis()) as u64;
    let events = events.lock().unwrap().clone();
    told(&events, result, elapsed, pauses)
}

/// A run that fails, and is resumed from its log until it is done.
async fn resumed(graph: &CompiledGraph<DynamicState>, case: &Value) -> Vec<String> {
    let expected = &case["expected"];
    let broke: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = broke.clone();
    let graph = graph.on_event(move |event| match event.kind {
        EventKind::Started => {
            let node = event.path.split(['#', '[']).next().unwrap().to_string();
            STARTED.with_borrow_mut(|started| started.insert(node, event.path));
        }
        EventKind::Broke(_) => _ = heard.lock().unwrap().get_or_insert(event.path),
        _ => {}
    });
    let store = MemoryStore::new();
    let thread = graph.with_store(store.clone()).thread(THREAD);
    let initial: DynamicState = serde_json::from_value(case["initial"].clone()).unwrap();
    let mut progress = thread.start(initial).await;
    let mut wrong = Vec::new();
    let mut differ = |what: &str, found: Value, wanted: &Value| {
        if found != *wanted {
            wrong.push(format!("{what}: {found}, expected {wanted}"));
        }
    };
    let first = json!({"kind": progress.as_ref().err().map(kind), "node": broke.lock().unwrap().take()});
    differ("first error", first, &expected["first_run"]["error"]);
    for _ in 0..100 {
        if progress.is_ok() {
            break;
        }
        progress = thread.resume().await;
    }
    match progress {
        Ok(Progress::Done(state)) => {
            differ("state", serde_json::to_value(state).unwrap(), &expected["resumed"]["state"]);
        }
        Ok(Progress::Asks(_)) => differ("asks", Value::Null, &expected["resumed"]),
        Err(error) => differ("error", error.to_string().into(), &Value::Null),
    }
    let mut log: Vec<_> = thread.history().await.unwrap().iter().map(|entry| entry.path().to_string()).collect();
    log.sort();
    differ("log", json!(log), &expected["log"]);
    differ("work entered", json!(ENTERED.with_borrow(Clone::clone)), &expected["work_entered"]);
    wrong.extend(logged::check(&graph, case, &store).await);
    wrong
}

pub(crate) fn answer(case: &Value, path: &str) -> Value {
    let answers = case["answers"].as_object().unwrap();
    let slash = path.rfind('/').map_or(0, |slash| slash + 1);
    let bare = path[slash..].find('#').map_or(path, |mark| &path[..slash + mark]);
    answers.get(path).or_else(|| answers.get(bare)).unwrap_or_else(|| panic!("no answer for {path}")).clone()
}

fn told(events: &[GraphEvent], result: Result<DynamicState>, elapsed: u64, pauses: Vec<Vec<String>>) -> Ran {
    let failed: BTreeSet<_> = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Failed(_)))
        .map(|event| event.path.clone())
        .collect();
    // What happened inside of what failed is void, the failure itself is not.
    let is_void = |path: &str| {
        failed.iter().any(|failed| {
            path.len() > failed.len()
                && path.starts_with(failed.as_str())
                && matches!(path.as_bytes()[failed.len()], b'/' | b'[')
        })
    };
    let mut runs = BTreeMap::new();
    let (mut passed_over, mut log) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        // What a graph passed over that failed afterwards was passed over all the same.
        if is_void(&event.path) && event.kind != EventKind::PassedOver {
            continue;
        }
        match event.kind {
            EventKind::Started => *runs.entry(without_marks(&event.path)).or_default() += 1,
            EventKind::PassedOver => _ = passed_over.insert(event.path.clone()),
            EventKind::Done | EventKind::Failed(_) => _ = log.insert(event.path.clone()),
            _ => {}
        }
    }
    let failed: Vec<_> = failed.iter().filter(|path| !is_void(path)).cloned().collect();
    let broke = events.iter().filter(|event| !is_void(&event.path)).find_map(|event| match &event.kind {
        EventKind::Broke(_) => Some(event.path.clone()),
        _ => None,
    });
    Ran {
        result,
        elapsed,
        runs,
        passed_over: passed_over.into_iter().collect(),
        failed,
        log: log.into_iter().collect(),
        pauses,
        broke,
    }
}

/// `m#1[2]/q#0` as `m/q`, and an item itself as `m[]`.
pub(crate) fn without_marks(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(|segment| segment.split(['#', '[']).next().unwrap()).collect();
    let is_item = path.rsplit('/').next().unwrap().ends_with(']');
    format!("{}{}", segments.join("/"), if is_item { "[]" } else { "" })
}
