//! What graphs of thousands of nodes cost, by their shape: `cargo bench -p anabranch-graph --bench shapes`.
//!
//! The least of several rounds, of a node: to compile the graph, and to run it with nodes that are ready. A shape costs
//! in line with its nodes and edges if its rows have the same numbers. With `-- --test` everything runs once, small.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anabranch_core::{Result, RunnableExt};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Work {
    #[reduce(add)]
    count: u64,
    #[reduce(max)]
    rounds: u64,
}

struct Draft {
    graph: StateGraph<Work>,
    nodes: usize,
}

fn name(node: usize) -> String {
    format!("n{node}")
}

impl Draft {
    fn new(nodes: usize) -> Self {
        let mut graph = StateGraph::new().step_limit(usize::MAX);
        for node in 0..nodes {
            graph = graph.node(name(node), async |_: Arc<Work>| Ok(Work::count(1)));
        }
        Self { graph, nodes }
    }

    fn edge(self, from: usize, to: usize) -> Self {
        Self { graph: self.graph.edge(name(from), name(to)), ..self }
    }

    /// The first of its nodes begin, the last end.
    fn ends(self, wide: usize) -> Self {
        let begin: Vec<_> = (0..wide).map(name).collect();
        let end: Vec<_> = (self.nodes - wide..self.nodes).map(name).collect();
        Self { graph: self.graph.edge(START, begin).edge(end, END), ..self }
    }

    /// Back to an earlier node, which makes a loop of what is between them, that goes round once.
    fn back(self, from: usize, to: usize, on: Option<usize>) -> Self {
        let targets = [Some(name(to)), on.map(name)];
        let on = on.map_or(END.to_string(), name);
        let targets: Vec<String> = targets.into_iter().flatten().chain((on == END).then(|| on.clone())).collect();
        Self { graph: self.graph.route(name(from), move |_| on.clone(), targets), ..self }
    }
}

fn chain(nodes: usize) -> Draft {
    (1..nodes).fold(Draft::new(nodes), |draft, node| draft.edge(node - 1, node)).ends(1)
}

fn fan(nodes: usize) -> Draft {
    let draft = (1..nodes - 1).fold(Draft::new(nodes), |draft, node| draft.edge(0, node).edge(node, nodes - 1));
    draft.ends(1)
}

/// Two rails, and from each node of the one a rung to the other.
fn ladder(nodes: usize) -> Draft {
    let draft = (2..nodes).fold(Draft::new(nodes), |draft, node| draft.edge(node - 2, node));
    (0..nodes).step_by(2).fold(draft, |draft, node| draft.edge(node, node + 1)).ends(2)
}

/// Ten in a layer, each behind all of the one before.
fn layers(nodes: usize) -> Draft {
    let before = |node: usize| (node / 10 * 10 - 10..node / 10 * 10).map(move |from| (from, node));
    (10..nodes).flat_map(before).fold(Draft::new(nodes), |draft, (from, to)| draft.edge(from, to)).ends(10)
}

/// Ten loops inside one another, and so on: one such nest behind the other.
fn loops(nodes: usize) -> Draft {
    let mut draft = chain_of_nests(nodes);
    draft.graph = draft.graph.edge(START, name(0));
    draft
}

fn chain_of_nests(nodes: usize) -> Draft {
    let mut draft = Draft::new(nodes);
    for nest in (0..nodes).step_by(20) {
        let last = nest + 19;
        draft = (nest..nest + 10).fold(draft, |draft, node| draft.edge(node, node + 1));
        for node in nest + 10..=last {
            let on = (node + 1 < nodes).then_some(node + 1);
            draft = draft.back(node, 2 * nest + 19 - node, on);
        }
    }
    draft
}

fn least(rounds: usize, mut call: impl FnMut() -> Duration) -> f64 {
    (0..rounds).map(|_| call().as_nanos() as f64).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<()> {
    let once = std::env::args().any(|argument| argument == "--test");
    let (rounds, sizes) = if once { (1, vec![100]) } else { (3, vec![1_000, 2_000, 4_000, 8_000]) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    type Shape = fn(usize) -> Draft;
    let shapes: [(&str, Shape); 5] =
        [("chain", chain), ("fan", fan), ("ladder", ladder), ("layers", layers), ("loops", loops)];
    for (name, shape) in shapes {
        for &nodes in &sizes {
            let mut graph: Option<CompiledGraph<Work>> = None;
            let compile = least(rounds, || {
                let draft = shape(nodes);
                let began = Instant::now();
                graph = Some(draft.graph.compile().unwrap());
                began.elapsed()
            });
            let graph = graph.unwrap();
            let run = least(rounds, || {
                let began = Instant::now();
                let done = runtime.block_on(graph.invoke(Work::default())).unwrap();
                assert_eq!(black_box(done).count, nodes as u64);
                began.elapsed()
            });
            let (compile, run) = (compile / nodes as f64, run / nodes as f64);
            println!("{name:8} {nodes:6} nodes  compile {compile:8.0} ns a node   run {run:8.0} ns a node");
        }
    }
    Ok(())
}
