//! What must not grow with the square, and what must not keep a thread for itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anabranch_core::{Error, ErrorKind, RunConfig, RunnableExt};
use anabranch_graph::{
    BuildErrorKind, BuildErrors, CompiledGraph, END, Field, START, State, StateGraph, Update, WriteSet,
};
use anabranch_graph::{MemoryStore, Progress, step};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

static CLONED: AtomicUsize = AtomicUsize::new(0);

/// A state by hand, that counts how often it is cloned.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted {
    count: u64,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONED.fetch_add(1, Ordering::Relaxed);
        Self { count: self.count }
    }
}

impl State for Counted {
    type Write = u64;

    fn fields() -> Vec<Field> {
        vec![Field { name: "count".into(), reducer: Some("add".into()) }]
    }

    fn apply(&mut self, write: &u64) {
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

/// A state that grows would be copied in every iteration, so that a loop would cost the square of its length.
#[tokio::test]
async fn a_loop_around_branches_copies_no_state() {
    let one = async |_: Arc<Counted>| Ok(One);
    let late = async |_: Arc<Counted>| {
        yield_now().await;
        Ok(One)
    };
    let graph = StateGraph::<Counted>::new()
        .node("begin", one)
        .node("first", one)
        .node("second", late)
        .node("third", one)
        .node("join", one)
        .edge(START, "begin")
        .edge("begin", ["first", "second", "third"])
        .edge(["first", "second", "third"], "join")
        .route("join", |state| if state.count < 500 { "begin" } else { END }, ["begin", END])
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Counted::default()).await.unwrap().count, 500);
    assert_eq!(CLONED.load(Ordering::Relaxed), 0);
}

static APPLIED: AtomicUsize = AtomicUsize::new(0);

/// Two fields, and how often a write is applied to one of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Both([u64; 2]);

impl State for Both {
    type Write = usize;

    fn fields() -> Vec<Field> {
        vec![Field { name: "left".into(), reducer: None }, Field { name: "right".into(), reducer: None }]
    }

    fn apply(&mut self, write: &usize) {
        APPLIED.fetch_add(1, Ordering::Relaxed);
        self.0[*write] += 1;
    }
}

struct Adds<const FIELD: usize>;

impl<const FIELD: usize> Update<Both> for Adds<FIELD> {
    const WRITES: WriteSet = WriteSet::of(FIELD);

    fn into_writes(self, out: &mut Vec<usize>) {
        out.push(FIELD);
    }
}

/// Two loops side by side that write fields of their own.
#[tokio::test]
async fn chunks_of_loops_side_by_side_apply_each_write_a_few_times() {
    for rounds in [100, 1_000] {
        let graph = StateGraph::<Both>::new()
            .node("left", async |_: Arc<Both>| {
                yield_now().await;
                Ok(Adds::<0>)
            })
            .node("right", async |_: Arc<Both>| {
                yield_now().await;
                Ok(Adds::<1>)
            })
            .edge(START, ["left", "right"])
            .route("left", move |both| if both.0[0] < rounds { "left" } else { END }, ["left", END])
            .route("right", move |both| if both.0[1] < rounds { "right" } else { END }, ["right", END])
            .step_limit(10_000)
            .compile()
            .unwrap();
        APPLIED.store(0, Ordering::Relaxed);
        let (mut chunks, mut all) = (graph.stream(Both::default()), Vec::new());
        while let Some(chunk) = chunks.next().await {
            all.push(chunk.unwrap().0);
        }
        let sums = all.iter().map(|both| both.iter().sum::<u64>());
        assert!(sums.eq(1..=2 * rounds), "{all:?}");
        let applied = APPLIED.load(Ordering::Relaxed) as u64;
        assert!(applied <= 5 * 2 * rounds, "{applied} for {rounds} rounds");
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Work {
    #[reduce(add)]
    count: u64,
}

fn name(node: usize) -> String {
    format!("n{node}")
}

/// Graphs of ready nodes one behind the other, inside of one another.
fn nest(levels: usize, wide: usize) -> CompiledGraph<Work> {
    let mut graph = StateGraph::<Work>::new();
    for node in 0..wide {
        graph = match levels {
            0 => graph.node(name(node), async |_: Arc<Work>| Ok(Work::count(1))),
            _ => {
                let inner = nest(levels - 1, wide);
                graph.node(name(node), step(|_: &Work| Work::default(), inner, |done: Work| Work::count(done.count)))
            }
        };
        graph = if node == 0 { graph.edge(START, name(0)) } else { graph.edge(name(node - 1), name(node)) };
    }
    graph.edge(name(wide - 1), END).compile().unwrap()
}

/// How often another task of the same thread has its turn meanwhile.
async fn turns_of_others(graph: CompiledGraph<Work>, count: u64) -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let taken = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            taken.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });
    yield_now().await;
    let before = turns.load(Ordering::Relaxed);
    assert_eq!(graph.invoke(Work::default()).await.unwrap().count, count);
    other.abort();
    turns.load(Ordering::Relaxed) - before
}

#[tokio::test]
async fn graphs_inside_of_one_another_and_lists_let_others_run() {
    let turns = turns_of_others(nest(2, 15), 15 * 15 * 15).await;
    assert!(turns > 15, "{turns}");

    let inner = nest(0, 15);
    let of_graphs = step(|_: &u64| Work::default(), inner, |done: Work| Work::count(done.count));
    let list = StateGraph::<Work>::new().map("list", |_| 0..200_u64, of_graphs).edge(START, "list");
    let turns = turns_of_others(list.edge("list", END).compile().unwrap(), 200 * 15).await;
    assert!(turns > 15, "{turns}");

    let list = StateGraph::<Work>::new().map("list", |_| 0..3_000_u64, async |_: u64| Ok(Work::count(1)));
    let turns = turns_of_others(list.edge(START, "list").edge("list", END).compile().unwrap(), 3_000).await;
    assert!(turns > 15, "{turns}");
}

#[tokio::test]
async fn a_time_out_ends_graphs_that_are_always_ready() {
    let forever = StateGraph::<Work>::new()
        .node("again", step(|_: &Work| Work::default(), nest(1, 20), |_: Work| ()))
        .edge(START, "again")
        .route("again", |_| "again", ["again", END])
        .step_limit(usize::MAX)
        .compile()
        .unwrap();
    let began = Instant::now();
    let config = RunConfig::new().timeout(Duration::from_millis(50));
    let error = forever.invoke_with(Work::default(), &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(began.elapsed() < Duration::from_secs(20));
}

fn matryoshka(levels: usize) -> Result<CompiledGraph<Work>, Error> {
    let mut graph = nest(0, 1);
    for _ in 0..levels {
        graph = StateGraph::<Work>::new()
            .node("doll", step(|work: &Work| work.clone(), graph, |done: Work| Work::count(done.count)))
            .edge(START, "doll")
            .edge("doll", END)
            .compile()?;
    }
    Ok(graph)
}

/// As deep as they may be they run on the stack of a thread of Tokio, however they are run.
#[test]
fn graphs_are_nested_no_deeper_than_the_stack_allows() {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let graph = matryoshka(64).unwrap();
        runtime.block_on(async {
            assert_eq!(graph.invoke(Work::default()).await.unwrap().count, 1);
            assert_eq!(graph.stream(Work::default()).collect().await.unwrap().count, 1);
            let Progress::Done(done) = graph.events(Work::default()).finish().await.unwrap() else { panic!("no asks") };
            assert_eq!(done.count, 1);
            // A log is JSON, which is nested less deep.
            let logged = matryoshka(20).unwrap().with_store(MemoryStore::new());
            assert!(logged.thread("t").start(Work::default()).await.is_ok());
        });
        assert!(graph.drawing().depth(100).to_mermaid().contains("n0"));
        assert!(graph.drawing().depth(100).to_dot().contains("n0"));
        assert!(graph.drawing().depth(100).to_text().contains("n0"));
    });
    thread.unwrap().join().unwrap();
    let error = matryoshka(65).unwrap_err();
    let errors: Vec<_> = error.downcast_ref::<BuildErrors>().unwrap().iter().collect();
    assert_eq!(
        (errors[0].kind(), errors[0].nodes(), errors.len()),
        (BuildErrorKind::NestedTooDeep, &["doll".into()][..], 1)
    );
    assert!(error.to_string().contains("\"doll\" holds more than 64 graphs inside of one another"), "{error}");
}

/// A choice of thousands of targets.
#[tokio::test]
async fn a_route_chooses_many_of_many() {
    let names: Vec<String> = (0..3_000).map(name).collect();
    let mut graph = StateGraph::<Work>::new().step_limit(10_000);
    for name in &names {
        graph = graph.node(name, async |_: Arc<Work>| Ok(Work::count(1)));
    }
    let chosen: Vec<String> = names.iter().step_by(2).chain(names.iter().step_by(4)).cloned().collect();
    let graph = graph.route_many(START, move |_| chosen.clone(), names.clone()).edge(names, END).compile().unwrap();
    assert_eq!(graph.invoke(Work::default()).await.unwrap().count, 1_500);
}
