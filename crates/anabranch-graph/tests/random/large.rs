//! Long lists and long loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::{AllocationInfo, measure};
use anabranch_core::{Error, RunConfig, RunnableExt, lambda};
use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite};
use anabranch_graph::{CompiledGraph, END, START, StateGraph};
use serde_json::{Value, json};

fn fields() -> DynamicFields {
    serde_json::from_value(json!({"n": {"type": "int", "reduce": "add"}, "l": {"type": "list", "reduce": "append"}}))
        .unwrap()
}

/// A loop of two nodes; each iteration adds to a number and to a list.
fn looped(iterations: i64) -> CompiledGraph<DynamicState> {
    let one = |state: Arc<DynamicState>| async move {
        let n = state.get("n").unwrap().as_i64().unwrap();
        Ok::<_, Error>(vec![DynamicWrite::new("n", 1), DynamicWrite::new("l", json!([n]))])
    };
    let two = |_: Arc<DynamicState>| async move { Ok::<_, Error>(vec![DynamicWrite::new("l", json!([-1]))]) };
    StateGraph::<DynamicState>::dynamic(fields())
        .node("one", one)
        .writes("one", ["n", "l"])
        .node("two", two)
        .writes("two", ["l"])
        .edge(START, "one")
        .edge("one", "two")
        .route(
            "two",
            move |state: &DynamicState| {
                if state.get("n").unwrap().as_i64().unwrap() < iterations { "one" } else { END }
            },
            ["one", END],
        )
        .step_limit(100_000)
        .compile()
        .unwrap()
}

#[test]
fn a_loop_of_10_000_iterations_costs_ten_times_one_of_1_000() {
    let cost = |iterations: i64| -> AllocationInfo {
        let graph = looped(iterations);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        measure(|| {
            let state = runtime.block_on(graph.invoke(DynamicState::default())).unwrap();
            assert_eq!(state.get("n"), Some(&json!(iterations)));
            assert_eq!(state.get("l").unwrap().as_array().unwrap().len(), 2 * iterations as usize);
        })
    };
    let (some, more) = (cost(1_000), cost(10_000));
    println!("1,000 iterations: {some:?}\n10,000 iterations: {more:?}");
    assert!(more.count_total < 11 * some.count_total, "{some:?} became {more:?}");
    // The list that grows has up to twice the room it needs.
    assert!(more.bytes_total < 15 * some.bytes_total, "{some:?} became {more:?}");
    assert!(more.bytes_max < 20 * some.bytes_max, "{some:?} became {more:?}");
}

#[test]
fn a_list_of_10_000_items_under_a_limit_of_64() {
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = most.clone();
    let each = lambda(move |item: u64| {
        let (at_work, peak) = (at_work.clone(), peak.clone());
        async move {
            peak.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(std::time::Duration::from_millis(1 + item * 7919 % 13)).await;
            at_work.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Error>(DynamicWrite::new("l", json!([item])))
        }
    })
    .limited();
    let graph = StateGraph::<DynamicState>::dynamic(fields())
        .map("each", |_: &DynamicState| 0..10_000_u64, each)
        .writes("each", ["l"])
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap();
    let config = RunConfig::new().max_concurrency(64);
    let state = crate::paused(graph.invoke_with(DynamicState::default(), &config)).unwrap();
    let wanted: Vec<Value> = (0..10_000).map(Value::from).collect();
    assert_eq!(state.get("l").unwrap().as_array(), Some(&wanted));
    assert_eq!(most.load(Ordering::SeqCst), 64);
}
