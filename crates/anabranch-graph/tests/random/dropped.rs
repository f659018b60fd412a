//! A run that is dropped, at whatever poll, leaves nothing at work; and goes on, if its log is kept.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anabranch_core::Result;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{CompiledGraph, GraphStore, MemoryStore};
use async_trait::async_trait;
use serde_json::Value;

use crate::build::{AT_WORK, WORKED};
use crate::generator::{self, Chance};
use crate::interpreter::Wanted;
use crate::promises::{entries, go_on, to_end, wrong};
use crate::{build, every, paused, run, some};

/// At how many polls of a long run it is dropped.
const POLLS: usize = 12;

/// Writes take their time, before and after the records are there: they can be dropped in the middle.
#[derive(Clone, Default)]
struct Slow(MemoryStore);

#[async_trait]
impl GraphStore for Slow {
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(at % 3)).await;
        self.0.append(thread, log, at, records).await?;
        tokio::time::sleep(Duration::from_millis(at % 2)).await;
        Ok(())
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        self.0.read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.0.list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        self.0.delete(thread).await
    }
}

type Running = Pin<Box<dyn Future<Output = Result<DynamicState>>>>;

fn plain(graph: CompiledGraph<DynamicState>) -> Running {
    Box::pin(async move { run(&graph).await })
}

fn stored(graph: CompiledGraph<DynamicState>, store: Slow, seed: u64) -> Running {
    Box::pin(async move {
        let thread = graph.with_store(store).thread("t");
        let progress = thread.start(DynamicState::default()).await;
        to_end(&thread, progress, &mut Chance(seed)).await
    })
}

/// Polls a run up to that often. Gives how often it was, and whether it is done.
async fn poll(running: &mut Running, most: usize) -> (usize, bool) {
    let mut polls = 0;
    poll_fn(|context| {
        if polls == most {
            return Poll::Ready((polls, false));
        }
        polls += 1;
        running.as_mut().poll(context).map(|_| (polls, true))
    })
    .await
}

/// Runs that graph, drops the run after that many polls, and looks whether anything of it is left. Gives whether
/// anything was at work when it was dropped.
async fn drop_after(
    graph: &CompiledGraph<DynamicState>,
    polls: usize,
    run: impl FnOnce(CompiledGraph<DynamicState>) -> Running,
) -> bool {
    WORKED.with_borrow_mut(|worked| worked.clear());
    // Whatever belongs to the run holds what hears its events.
    let token = Arc::new(());
    let left = Arc::downgrade(&token);
    let mut running = run(graph.on_event(move |_| _ = &token));
    let (_, is_done) = poll(&mut running, polls).await;
    assert!(!is_done, "it was dropped before its end");
    let was_at_work = AT_WORK.get() > 0;
    drop(running);
    assert_eq!(AT_WORK.get(), 0, "nothing is at work");
    assert!(left.upgrade().is_none(), "nothing of the run is left");
    let worked = WORKED.with_borrow(Clone::clone);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(WORKED.with_borrow(Clone::clone), worked, "nothing works later");
    was_at_work
}

#[derive(Default)]
struct Seen {
    drops: usize,
    at_work: usize,
    amid: usize,
}

async fn every_poll(graph: &Value, wanted: &Wanted, chance: &mut Chance, seen: &mut Seen) {
    let built = build::graph(graph).unwrap();
    let (length, _) = poll(&mut plain(built.clone()), usize::MAX).await;
    for polls in some(0..length, POLLS, chance) {
        seen.at_work += usize::from(drop_after(&built, polls, plain).await);
        seen.drops += 1;
    }

    let (seed, whole) = (chance.below(1_000) as u64, Slow::default());
    let (length, _) = poll(&mut stored(built.clone(), whole.clone(), seed), usize::MAX).await;
    let said = entries(&built.with_store(whole).thread("t").history().await.unwrap());
    for polls in some(0..length, POLLS, chance) {
        let store = Slow::default();
        let dropped = drop_after(&built, polls, |graph| stored(graph, store.clone(), seed)).await;
        seen.at_work += usize::from(dropped);
        seen.drops += 1;
        let ran = go_on(&built.with_store(store.clone()).thread("t"), &store, chance).await;
        seen.amid += usize::from(0 < ran.before && ran.before < ran.entries.len());
        if let Some(wrong) = wrong(wanted, &said, &ran, false) {
            panic!("resumed after {polls} polls: {wrong}");
        }
    }
}

#[test]
fn after_any_poll_nothing_is_left_and_it_goes_on() {
    let mut seen = Seen::default();
    for one in every(20) {
        let (mut graph, mut chance) = (one.graph(), Chance(one.seed));
        generator::delay(&mut chance, &mut graph);
        let tried = AssertUnwindSafe(|| paused(every_poll(&graph, &one.wanted, &mut chance, &mut seen)));
        if std::panic::catch_unwind(tried).is_err() {
            panic!("seed {}: see above\n{graph}", one.seed);
        }
    }
    println!("{} drops, {} of them with somebody at work, {} amid a log", seen.drops, seen.at_work, seen.amid);
    assert!(seen.at_work > seen.drops / 4 && seen.amid > seen.drops / 10);
}
