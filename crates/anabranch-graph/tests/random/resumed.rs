//! A run goes on from wherever its log ends, and nothing that is in the log is done again.

use std::collections::BTreeSet;

use anabranch_graph::CompiledGraph;
use anabranch_graph::dynamic::DynamicState;
use serde_json::Value;

use crate::build::BREAKS;
use crate::generator::{self, Chance};
use crate::interpreter::Wanted;
use crate::promises::{entries, go_on, records as records_of, thread_of, wrong};
use crate::{build, every, is_void, paused, some};

/// How many prefixes of a long log are tried.
const PREFIXES: usize = 3;

/// The graph under several schedules.
fn schedules(graph: &Value, chance: &mut Chance) -> [CompiledGraph<DynamicState>; 3] {
    [(); 3].map(|()| {
        let mut graph = graph.clone();
        generator::delay(chance, &mut graph);
        build::graph(&graph).unwrap()
    })
}

async fn every_prefix(graph: &Value, wanted: &Wanted, chance: &mut Chance) -> Result<usize, String> {
    let schedules = schedules(graph, chance);
    let (whole, store) = thread_of(&schedules[0], &[]).await;
    let ran = go_on(&whole, &store, chance).await;
    let said = entries(&ran.entries);
    wrong(wanted, &said, &ran, false).map_or(Ok(()), Err)?;
    if let Ok(state) = &ran.result {
        let expected = wanted.came.paths.iter().filter(|path| !is_void(&wanted.told.failed, path));
        let (found, expected): (BTreeSet<_>, BTreeSet<_>) = (said.keys().collect(), expected.collect());
        assert_eq!(found, expected, "what is in the log");
        assert_eq!(whole.state().await.unwrap(), *state, "the state the log leads to");
    }
    let records = records_of(&store, "t").await;
    let tried = some(1..records.len() + 1, PREFIXES, chance);
    for &kept in &tried {
        // Once from a prefix of that log, and once from a prefix of the log that came of it, each with other delays.
        let (mut records, mut kept) = (records.clone(), kept);
        for schedule in &schedules[1..] {
            let (thread, store) = thread_of(schedule, &records[..kept]).await;
            let ran = go_on(&thread, &store, chance).await;
            wrong(wanted, &said, &ran, false).map_or(Ok(()), |wrong| Err(format!("from {kept} records: {wrong}")))?;
            records = records_of(&store, "t").await;
            kept += chance.below(records.len() - kept + 1);
        }
    }
    let at = chance.below(records.len());
    let fork = whole.fork(at as u64).await.unwrap();
    assert_eq!(fork.state().await.unwrap(), whole.state_at(at as u64).await.unwrap(), "the state at {at}");
    let ran = go_on(&fork, &store, chance).await;
    wrong(wanted, &said, &ran, false).map_or(Ok(()), |wrong| Err(format!("from a fork at {at}: {wrong}")))?;
    assert_eq!(records_of(&store, "t").await, records, "a fork leaves the log alone");
    Ok(tried.len())
}

#[test]
fn from_every_prefix_of_its_log_and_again() {
    let (mut tried, mut prefixes) = (0, 0);
    for one in every(2) {
        match paused(every_prefix(&one.graph(), &one.wanted, &mut Chance(one.seed))) {
            Ok(records) => prefixes += records,
            Err(wrong) => panic!("seed {}: {wrong}\n{}", one.seed, one.graph),
        }
        tried += 1;
    }
    println!("{tried} graphs, {prefixes} prefixes, from each a run, and another one from a prefix of that one's log");
    assert!(prefixes > 2 * tried, "{prefixes} prefixes of {tried} graphs");
}

/// Some work fails, for once, up to three times in a row.
async fn failing(graph: &Value, wanted: &Wanted, chance: &mut Chance) -> Result<usize, String> {
    let schedules = schedules(graph, chance);
    let (whole, store) = thread_of(&schedules[0], &[]).await;
    let said = entries(&go_on(&whole, &store, chance).await.entries);
    let (mut thread, store) = thread_of(&schedules[1], &[]).await;
    let mut failures = 0;
    for round in 0..3 {
        BREAKS.set(Some(chance.below(wanted.came.works.len().max(1))));
        let ran = go_on(&thread, &store, chance).await;
        let is_broken = BREAKS.take().is_none();
        failures += usize::from(is_broken);
        wrong(wanted, &said, &ran, is_broken)
            .map_or(Ok(()), |wrong| Err(format!("failing, round {round}: {wrong}")))?;
        if chance.percent(25) {
            let length = ran.entries.len();
            thread = thread.fork(chance.below(length + 1) as u64).await.unwrap();
        }
    }
    let ran = go_on(&thread, &store, chance).await;
    wrong(wanted, &said, &ran, false).map_or(Ok(failures), |wrong| Err(format!("after failures: {wrong}")))
}

#[test]
fn after_failures() {
    let (mut tried, mut failures) = (0, 0);
    for one in every(4).filter(|one| one.wanted.result.is_ok()) {
        match paused(failing(&one.graph(), &one.wanted, &mut Chance(one.seed))) {
            Ok(more) => failures += more,
            Err(wrong) => panic!("seed {}: {wrong}\n{}", one.seed, one.graph),
        }
        tried += 1;
    }
    println!("{tried} graphs, {failures} failures");
    assert!(failures > tried / 2, "{failures} failures of {tried} graphs");
}
