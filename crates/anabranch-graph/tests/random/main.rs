//! Graphs by chance: whatever the delays, the engine does what a plain sequential interpreter says, and a run that is
//! dropped leaves nothing at work. And graphs that are large.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "../graph/build.rs"]
mod build;
mod dropped;
#[path = "../graph/expression.rs"]
mod expression;
mod generator;
mod interpreter;
mod large;
mod promises;
mod resumed;
mod streams;
mod wild;

use std::sync::{Arc, LazyLock, Mutex};

use anabranch_core::Result;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{CompiledGraph, EventKind, GraphEvent, Progress};
use serde_json::{Value, json};

use generator::{Chance, answer};
use interpreter::{Told, Wanted, wanted};

const SCHEDULES: usize = 4;

/// How many graphs are tried: `ANABRANCH_RANDOM_GRAPHS`, or 4,000. A number makes the tests thorough, and long.
fn graphs() -> u64 {
    asked_for().unwrap_or(4_000)
}

fn asked_for() -> Option<u64> {
    std::env::var("ANABRANCH_RANDOM_GRAPHS").ok().map(|number| number.parse().unwrap())
}

/// One of so many, or all if a number is asked for.
fn every(step: usize) -> impl Iterator<Item = &'static Sound> {
    sound().iter().step_by(if asked_for().is_some() { 1 } else { step })
}

/// Which of these positions are tried: all of them if there are not more, else so many by chance. `most` becomes 100 if a
/// number of graphs is asked for.
fn some(positions: std::ops::Range<usize>, most: usize, chance: &mut Chance) -> Vec<usize> {
    let most = asked_for().map_or(most, |_| 100);
    if positions.len() <= most {
        return positions.collect();
    }
    (0..most).map(|_| positions.start + chance.below(positions.len())).collect()
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

async fn run(graph: &CompiledGraph<DynamicState>) -> Result<DynamicState> {
    let mut progress = graph.start(DynamicState::default()).await?;
    loop {
        match progress {
            Progress::Done(state) => return Ok(state),
            Progress::Asks(questions) => {
                progress = questions.answer_all(questions.iter().map(|one| (one.path(), answer(one.path())))).await?;
            }
        }
    }
}

/// Whether it happened inside of what failed: that is void, and how far it came is a matter of time.
fn is_void(failed: &std::collections::BTreeSet<String>, path: &str) -> bool {
    promises::around(path).any(|around| failed.contains(around))
}

/// `m#1[2]/q#0` as `m/q`, and an item itself as `m[]`.
fn without_marks(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(|segment| segment.split(['#', '[']).next().unwrap()).collect();
    format!("{}{}", segments.join("/"), if path.ends_with(']') { "[]" } else { "" })
}

fn told(events: &[GraphEvent]) -> Told {
    let mut told = Told::default();
    let failed = events.iter().filter(|event| matches!(event.kind, EventKind::Failed(_)));
    let failed = failed.map(|event| event.path.clone()).collect();
    for event in events.iter().filter(|event| !is_void(&failed, &event.path)) {
        match event.kind {
            EventKind::Started => *told.runs.entry(without_marks(&event.path)).or_default() += 1,
            EventKind::PassedOver => assert!(told.passed_over.insert(event.path.clone()), "passed over twice"),
            EventKind::Failed(_) => assert!(told.failed.insert(event.path.clone()), "failed twice"),
            _ => {}
        }
    }
    told
}

/// What differs between the engine and the interpreter under these delays.
fn difference(graph: &Value, wanted: &Wanted) -> Option<String> {
    let events: Arc<Mutex<Vec<GraphEvent>>> = Arc::default();
    let heard = events.clone();
    let built = build::graph(graph).unwrap().on_event(move |event| heard.lock().unwrap().push(event));
    let result = paused(run(&built));
    match (result, &wanted.result) {
        (Ok(state), Ok(wanted)) if state.as_object() != wanted => {
            Some(format!("state\n  {}\nexpected\n  {}", json!(state), json!(wanted)))
        }
        (Ok(_), Ok(_)) => {
            let told = told(&events.lock().unwrap());
            (told != wanted.told).then(|| format!("{told:?}\nexpected\n{:?}", wanted.told))
        }
        (Ok(_), Err(errors)) => Some(format!("done, expected {errors:?}")),
        (Err(error), Ok(_)) => Some(format!("failed: {error}")),
        (Err(error), Err(errors)) => (!errors.contains(build::kind(&error)))
            .then(|| format!("{}: {error}, expected {errors:?}", build::kind(&error))),
    }
}

/// A graph that passes its checks, and what is expected of it.
struct Sound {
    seed: u64,
    /// As text, which is smaller.
    graph: String,
    wanted: Wanted,
}

impl Sound {
    fn of(seed: u64) -> Option<Self> {
        // Small ones first: what fails there is easy to read.
        let (chance, most) = (&mut Chance(seed), 2 + (seed * 10 / graphs()) as usize);
        let graph =
            if seed % 16 == 15 { wild::graph(chance, most.min(5), 2) } else { generator::graph(chance, most, 2) };
        build::graph(&graph).ok()?;
        let wanted = wanted(&graph);
        (!wanted.came.is_too_long).then(|| Self { seed, graph: graph.to_string(), wanted })
    }

    fn graph(&self) -> Value {
        serde_json::from_str(&self.graph).unwrap()
    }
}

/// All of them, made once.
fn sound() -> &'static [Sound] {
    static SOUND: LazyLock<Vec<Sound>> = LazyLock::new(|| (0..graphs()).filter_map(Sound::of).collect());
    &SOUND
}

#[test]
fn graphs_by_chance_do_what_the_interpreter_says() {
    let (mut done, mut loops, mut failed, mut asking) = (0, 0, 0, 0);
    for one in sound() {
        let (seed, wanted) = (one.seed, &one.wanted);
        let mut graph = one.graph();
        done += u64::from(wanted.result.is_ok());
        failed += u64::from(!wanted.told.failed.is_empty());
        loops += u64::from(wanted.told.runs.values().any(|runs| *runs > 1));
        asking += u64::from(generator::asks(&graph));
        let mut chance = Chance(seed);
        for schedule in 0..SCHEDULES {
            if schedule > 0 {
                generator::delay(&mut chance, &mut graph);
            }
            if let Some(difference) = difference(&graph, wanted) {
                panic!("seed {seed}, schedule {schedule}: {difference}\n{graph}");
            }
        }
    }
    let sound_ones = sound().len() as u64;
    println!(
        "{sound_ones} of {} were built, {done} of them came to END, {loops} with loops, {failed} with failures, \
         {asking} with questions",
        graphs()
    );
    assert!(sound_ones > graphs() / 3, "{sound_ones}");
    // The graphs show something.
    assert!(done > sound_ones / 3 && loops > sound_ones / 10 && failed > sound_ones / 20 && asking > sound_ones / 20);
}

/// Found by chance: what the inner loop wrote was lost at END, where the outer loop is folded behind the node beside it.
#[test]
fn a_loop_in_a_loop_beside_a_node_keeps_what_it_wrote() {
    let node = |name: &str| json!({"name": name, "kind": "node", "writes": [{"field": "l", "value": [name]}]});
    let until = |len: usize, back: &str, on: &str| {
        let again = json!({"lt": [{"len": {"get": "l"}}, len]});
        json!({"from": back, "targets": [back, on], "choose": {"cases": [[again, [back]]], "else": [on]}})
    };
    let mut outer = until(5, "outer", "END");
    outer["from"] = "last".into();
    let graph = json!({
        "fields": {"l": {"type": "list", "reduce": "append"}},
        "nodes": [node("beside"), node("outer"), node("inner"), node("last")],
        "edges": [["START", "beside"], ["START", "outer"], ["outer", "inner"], ["beside", "END"]],
        "routes": [until(3, "inner", "last"), outer],
        "limit": 100,
    });
    let state = paused(run(&build::graph(&graph).unwrap())).unwrap();
    let order = ["beside", "outer", "inner", "inner", "last", "outer", "inner", "last"];
    assert_eq!(state.get("l"), Some(&json!(order)));
    assert_eq!(difference(&graph, &wanted(&graph)), None);
}

#[test]
fn ten_threads_on_one_graph() {
    for one in &sound()[sound().len() / 2..][..20] {
        let (mut graph, wanted) = (one.graph(), &one.wanted.result);
        generator::delay(&mut Chance(1), &mut graph);
        let built = build::graph(&graph).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| match (paused(run(&built)), wanted) {
                    (Ok(state), Ok(wanted)) => assert_eq!(state.as_object(), wanted),
                    (Err(_), Err(_)) => {}
                    (found, _) => panic!("{found:?}, expected {wanted:?}"),
                });
            }
        });
    }
}
