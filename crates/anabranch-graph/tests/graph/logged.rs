//! The cases by way of the log: from its prefixes each of them comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use anabranch_core::Result;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{CompiledGraph, Entry, GraphStore, MemoryStore, Progress, Thread};
use serde_json::{Value, json};

use crate::build::{ENTERED, WORKED, kind};
use crate::case::{answer, without_marks};

/// The name of every run.
pub(crate) const THREAD: &str = "case";

/// From all prefixes of a log that is not longer; of a longer one from so many, which are spread over it.
const PREFIXES: usize = 50;

/// What is wrong when a run goes on from the prefixes of this log, which is that of a whole run.
pub(crate) async fn check(graph: &CompiledGraph<DynamicState>, case: &Value, store: &MemoryStore) -> Vec<String> {
    let expected = &case["expected"];
    let total = worked();
    let whole = graph.with_store(store.clone()).thread(THREAD);
    let history = whole.history().await.unwrap();
    let mut wrong = Vec::new();
    let mut differ = |what: String, found: Value, wanted: Value| {
        if found != wanted {
            wrong.push(format!("{what}: {found}, expected {wanted}"));
        }
    };
    let state = expected.get("state").or_else(|| expected["resumed"].get("state"));
    if let Some(state) = state {
        differ("log".into(), json!(log(&history)), expected["log"].clone());
        differ("state of the log".into(), json!(whole.state().await.unwrap()), state.clone());
    }
    let (_, records) = store.read(THREAD, None).await.unwrap().unwrap();
    let step = records.len().div_ceil(PREFIXES).max(1);
    for kept in (1..records.len()).step_by(step).chain([records.len()]) {
        let store = MemoryStore::new();
        store.append(THREAD, "log", 0, records[..kept].to_vec()).await.unwrap();
        let thread = graph.with_store(store).thread(THREAD);
        WORKED.with_borrow_mut(BTreeMap::clear);
        ENTERED.with_borrow_mut(BTreeMap::clear);
        let result = to_end(&thread, case).await;
        let from = format!("from {kept} of {} records", records.len());
        match (result, state) {
            (Ok(found), Some(state)) => {
                differ(format!("{from}: state"), json!(found), state.clone());
                differ(format!("{from}: log"), json!(log(&thread.history().await.unwrap())), expected["log"].clone());
            }
            (Err(error), None) => {
                differ(format!("{from}: kind"), kind(&error).into(), expected["error"]["kind"].clone());
            }
            (Ok(_), None) => differ(format!("{from}: no error"), Value::Null, expected["error"].clone()),
            (Err(error), Some(_)) => differ(format!("{from}: error"), error.to_string().into(), Value::Null),
        }
        if expected.get("first_run").is_some() {
            // Its works fail at first, from wherever it goes on.
            continue;
        }
        // What is in the log is not done again, and all else is; what is void may be done or not.
        let (left, found) = (left(&total, &history[..kept - 1]), worked());
        let is_exact = state.is_some() && expected["failed"] == json!([]);
        let is_right = |(node, left): (&String, &u64)| {
            let found = found.get(node).copied().unwrap_or(0);
            if is_exact { found == *left } else { found <= *left }
        };
        if !left.iter().all(is_right) || !found.keys().all(|node| left.contains_key(node)) {
            differ(format!("{from}: works"), json!(found), json!(left));
        }
    }
    wrong
}

/// Goes on until it is done, each answer by a run of its own. Where a case fails at first, it is resumed.
async fn to_end(thread: &Thread<DynamicState>, case: &Value) -> Result<DynamicState> {
    let mut progress = thread.resume().await;
    for _ in 0..100 {
        match progress {
            Ok(Progress::Done(state)) => return Ok(state),
            Ok(Progress::Asks(questions)) => {
                let path = questions[questions.len() - 1].path();
                progress = thread.answer(path, answer(case, path)).await;
            }
            Err(error) if case["expected"].get("first_run").is_none() => return Err(error),
            Err(_) => progress = thread.resume().await,
        }
    }
    panic!("it does not come to an end");
}

/// The paths of what is not void.
fn log(history: &[Entry]) -> Vec<&str> {
    let failed: Vec<_> = history.iter().filter(|entry| entry.failure().is_some()).map(Entry::path).collect();
    let is_void = |path: &&str| {
        failed.iter().any(|failed| path.strip_prefix(failed).is_some_and(|rest| rest.starts_with(['/', '['])))
    };
    let mut paths: Vec<_> = history.iter().map(Entry::path).filter(|path| !is_void(path)).collect();
    assert_eq!(paths.len(), paths.iter().collect::<BTreeSet<_>>().len(), "nothing is entered twice");
    paths.sort_unstable();
    paths
}

/// By node: how often its work, or that of its items, began.
fn worked() -> BTreeMap<String, u64> {
    let mut worked = BTreeMap::new();
    WORKED.with_borrow(|all| {
        for ((node, _), count) in all {
            *worked.entry(node.clone()).or_default() += count;
        }
    });
    worked
}

/// What is left to do of all the works when these entries are in the log.
fn left(total: &BTreeMap<String, u64>, entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut left = total.clone();
    for entry in entries {
        if let Some(left) = left.get_mut(&without_marks(entry.path())) {
            *left = left.checked_sub(1).unwrap_or_else(|| panic!("`{}` did not work", entry.path()));
        }
    }
    left
}
