//! What a run of a large graph costs is in line with its nodes and edges.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::RunnableExt;
use anabranch_graph::{END, Field, START, State, StateGraph, Update, WriteSet};
use serde::{Deserialize, Serialize};

static APPLIED: AtomicUsize = AtomicUsize::new(0);

/// A state by hand, that counts how often a write is applied to one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Counted {
    count: u64,
}

impl State for Counted {
    type Write = u64;

    fn fields() -> Vec<Field> {
        vec![Field { name: "count".into(), reducer: Some("add".into()) }]
    }

    fn apply(&mut self, write: &u64) {
        APPLIED.fetch_add(1, Ordering::Relaxed);
        self.count += write;
    }
}

struct One;

impl Update<Counted> for One {
    const WRITES: WriteSet = WriteSet::of(0);

    fn into_writes(self, out: &mut Vec<u64>) {
        out.push(1);
    }
}

/// Layer upon layer of nodes, each of them behind all of the layer before.
#[tokio::test]
async fn joins_apply_each_write_once_for_each_edge() {
    for (wide, layers) in [(1, 1_000), (2, 500), (10, 100), (500, 2)] {
        let name = |layer: usize, of: usize| format!("n{layer}.{of}");
        let all = |layer: usize| (0..wide).map(|of| name(layer, of)).collect::<Vec<_>>();
        let mut graph = StateGraph::<Counted>::new().step_limit(10_000).edge(START, all(0)).edge(all(layers - 1), END);
        for layer in 0..layers {
            for of in 0..wide {
                graph = graph.node(name(layer, of), async |_: Arc<Counted>| Ok(One));
            }
            if layer > 0 && wide < 500 {
                graph = graph.edge(all(layer - 1), all(layer));
            } else if layer > 0 {
                graph = all(layer).into_iter().fold(graph, |graph, to| graph.edge(name(0, 0), to));
                graph = graph.edge(all(0).split_off(1), name(1, 0));
            }
        }
        let graph = graph.compile().unwrap();
        APPLIED.store(0, Ordering::Relaxed);
        assert_eq!(graph.invoke(Counted::default()).await.unwrap().count, (wide * layers) as u64);
        let (applied, edges) = (APPLIED.load(Ordering::Relaxed), wide * wide.min(10) * layers);
        assert!(applied <= wide * layers + edges + wide, "{applied} for {wide} wide");
    }
}
