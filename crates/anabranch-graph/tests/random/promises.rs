//! What a log promises, whatever stood in it when a run went on from it.

use std::collections::{BTreeMap, BTreeSet};

use anabranch_core::Result;
use anabranch_graph::dynamic::DynamicState;
use anabranch_graph::{CompiledGraph, Entry, GraphStore, MemoryStore, Progress, Thread};

use crate::build::{BROKE, Known, WORKED, kind};
use crate::generator::{Chance, answer};
use crate::interpreter::Wanted;
use crate::is_void;

/// What a path lies in, from the inside out: of `a/b[1]/c` these are `a/b[1]`, `a/b` and `a`.
pub(crate) fn around(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices(['/', '[']).map(|(at, _)| &path[..at])
}

/// What stands in an entry. Which of two failures came first in what failed is a matter of time.
pub(crate) type Said = (Option<String>, Option<Vec<String>>, bool);

/// By path, less what is void.
pub(crate) fn entries(history: &[Entry]) -> BTreeMap<String, Said> {
    let failed = history.iter().filter(|entry| entry.failure().is_some()).map(|entry| entry.path().to_string());
    let failed: BTreeSet<_> = failed.collect();
    let kept = history.iter().filter(|entry| !is_void(&failed, entry.path()));
    kept.map(|entry| {
        let update = entry.update().map(ToString::to_string);
        (entry.path().to_string(), (update, entry.chosen().map(<[_]>::to_vec), entry.failure().is_some()))
    })
    .collect()
}

/// A run of a thread to its end. Questions are answered all at once, or one of them as from another process.
pub(crate) async fn to_end(
    thread: &Thread<DynamicState>,
    progress: Result<Progress<DynamicState>>,
    chance: &mut Chance,
) -> Result<DynamicState> {
    let mut progress = progress?;
    loop {
        let questions = match progress {
            Progress::Done(state) => return Ok(state),
            Progress::Asks(questions) => questions,
        };
        assert!(!questions.is_empty());
        let answers = questions.iter().map(|one| (one.path(), answer(one.path())));
        progress = if chance.percent(50) {
            questions.answer_all(answers).await?
        } else {
            let path = questions[chance.below(questions.len())].path();
            thread.answer(path, answer(path)).await?
        };
    }
}

/// What is in the log of a thread.
pub(crate) async fn records(store: &impl GraphStore, thread: &str) -> Vec<String> {
    store.read(thread, None).await.unwrap().map_or(Vec::new(), |(_, records)| records)
}

/// How a run came out.
pub(crate) struct Ran {
    pub(crate) result: Result<DynamicState>,
    pub(crate) entries: Vec<Entry>,
    /// How many of them were in the log when it went on.
    pub(crate) before: usize,
    pub(crate) worked: BTreeMap<Known, u64>,
}

/// Goes on with a thread, or begins it, and says what came of it.
pub(crate) async fn go_on(thread: &Thread<DynamicState>, store: &impl GraphStore, chance: &mut Chance) -> Ran {
    let before = records(store, thread.id()).await;
    WORKED.with_borrow_mut(BTreeMap::clear);
    let progress = match before.is_empty() {
        false => thread.resume().await,
        true => thread.start(DynamicState::default()).await,
    };
    let result = to_end(thread, progress, chance).await;
    let records = records(store, thread.id()).await;
    assert!(records.starts_with(&before), "the log grows");
    let entries = thread.history().await.unwrap();
    assert_eq!(entries.len() + 1, records.len());
    Ran { result, before: before.len().saturating_sub(1), entries, worked: WORKED.take() }
}

/// A thread whose log is the beginning of another one.
pub(crate) async fn thread_of(
    graph: &CompiledGraph<DynamicState>,
    records: &[String],
) -> (Thread<DynamicState>, MemoryStore) {
    let store = MemoryStore::new();
    if !records.is_empty() {
        store.append("t", "log", 0, records.to_vec()).await.unwrap();
    }
    (graph.with_store(store.clone()).thread("t"), store)
}

/// What is wrong with a run that went on from a log. `said` is what an undisturbed run entered; `is_broken`: one of its
/// works failed though the graph does not want that.
pub(crate) fn wrong(wanted: &Wanted, said: &BTreeMap<String, Said>, ran: &Ran, is_broken: bool) -> Option<String> {
    match (&ran.result, &wanted.result) {
        (Ok(_), _) if is_broken => return Some("a failure did not stop it".into()),
        (Err(error), _) if is_broken && error.to_string().contains(BROKE) => {}
        (Ok(state), Ok(wanted)) if state.as_object() == wanted => {}
        (Ok(state), wanted) => return Some(format!("{state:?}, expected {wanted:?}")),
        (Err(error), Err(errors)) if errors.contains(kind(error)) => {}
        (Err(error), wanted) => return Some(format!("{}: {error}, expected {wanted:?}", kind(error))),
    }
    log_is_wrong(wanted, said, ran).or_else(|| works_are_wrong(wanted, ran))
}

/// The log holds each thing once, with the same in it; nothing comes behind what it lies in.
fn log_is_wrong(wanted: &Wanted, said: &BTreeMap<String, Said>, ran: &Ran) -> Option<String> {
    let mut seen = BTreeSet::new();
    for entry in &ran.entries {
        if let Some(closed) = around(entry.path()).find(|around| seen.contains(around)) {
            return Some(format!("`{}` was entered behind `{closed}`", entry.path()));
        }
        if !seen.insert(entry.path()) {
            return Some(format!("`{}` was entered twice", entry.path()));
        }
        if !wanted.came.paths.contains(entry.path()) {
            return Some(format!("`{}` was entered, and nothing comes to it", entry.path()));
        }
    }
    let entries = entries(&ran.entries);
    if ran.result.is_ok() && entries != *said {
        return Some(format!("the log holds {entries:?}, expected {said:?}"));
    }
    // A run that fails may have entered what another schedule did not come to.
    let mut known = entries.iter().filter_map(|(path, entry)| Some((path, entry, said.get(path)?)));
    known
        .find(|(_, entry, said)| entry != said)
        .map(|(path, entry, said)| format!("`{path}`: {entry:?}, expected {said:?}"))
}

/// Nothing that was in the log is done again, and what was not is done once.
fn works_are_wrong(wanted: &Wanted, ran: &Ran) -> Option<String> {
    let before: BTreeSet<_> = ran.entries[..ran.before].iter().map(Entry::path).collect();
    let (mut least, mut most) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
    for (path, known) in &wanted.came.works {
        if before.contains(path.as_str()) || around(path).any(|around| before.contains(around)) {
            continue;
        }
        *most.entry(known).or_default() += 1;
        if ran.result.is_ok() && !is_void(&wanted.told.failed, path) {
            *least.entry(known).or_default() += 1;
        }
    }
    let of = |works: &BTreeMap<&Known, u64>, known: &Known| works.get(known).copied().unwrap_or(0);
    ran.worked.keys().chain(least.keys().copied()).find_map(|known| {
        let worked = ran.worked.get(known).copied().unwrap_or(0);
        let (least, most) = (of(&least, known), of(&most, known));
        (worked < least || worked > most)
            .then(|| format!("{known:?} worked {worked} times, expected {least} to {most}; in the log was {before:?}"))
    })
}
