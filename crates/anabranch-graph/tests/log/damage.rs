//! A file of which one bit is another one than was written, wherever it is.

use anabranch_core::Result;
use anabranch_graph::{CompiledGraph, SqliteStore};

use super::graphs::{Run, Works, asks, initial, loops};
use super::prefixes::to_end;
use super::sqlite::file;

/// How many bits are turned, each in a file of its own.
const BITS: usize = 3_000;

/// What a log is taken for: its states at all positions.
async fn states(graph: &CompiledGraph<Run>, store: &SqliteStore, thread: &str) -> Result<Vec<Run>> {
    let thread = graph.with_store(store.clone()).thread(thread);
    let mut states = Vec::new();
    for position in 0..=thread.history().await?.len() as u64 {
        states.push(thread.state_at(position).await?);
    }
    assert_eq!(states.last(), Some(&thread.state().await?));
    Ok(states)
}

/// Of what SQLite puts around the records some is not seen to: how many there are on a page.
#[tokio::test]
async fn no_state_is_taken_for_right_that_is_not() {
    let path = file("bits");
    let store = SqliteStore::open(&path).await.unwrap();
    let graphs =
        [("first", loops(&Works::default())), ("second", asks(&Works::default())), ("third", loops(&Works::default()))];
    let mut whole = Vec::new();
    for (thread, graph) in &graphs {
        to_end(graph.with_store(store.clone()).thread(*thread).start(initial()).await.unwrap()).await.unwrap();
        whole.push(states(graph, &store, thread).await.unwrap());
    }
    drop(store);
    // With the last connection what is beside the file goes into it.
    let journal = std::path::PathBuf::from(format!("{}-wal", path.display()));
    while journal.exists() {
        tokio::task::yield_now().await;
    }
    let bytes = std::fs::read(&path).unwrap();
    let path = path.with_extension("damaged");
    // Marsaglia's xorshift.
    let mut random = 0x9E37_79B9_u64;
    let (mut found, mut shorter, mut same) = (0, 0, 0);
    for _ in 0..BITS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = (random >> 8) as usize % bytes.len();
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (random % 8);
        std::fs::write(&path, damaged).unwrap();
        let store = match SqliteStore::open(&path).await {
            Ok(store) => store,
            Err(_) => {
                found += 1;
                continue;
            }
        };
        for ((thread, graph), whole) in graphs.iter().zip(&whole) {
            match states(graph, &store, thread).await {
                Err(_) => found += 1,
                Ok(states) if states == *whole => same += 1,
                Ok(states) => {
                    assert!(whole.starts_with(&states), "{thread}: bit {} of byte {at}", random % 8);
                    shorter += 1;
                    println!("{thread}: bit {} of byte {at} hides {} records", random % 8, whole.len() - states.len());
                }
            }
        }
        drop(store);
        for beside in ["damaged-wal", "damaged-shm"] {
            let _ = std::fs::remove_file(path.with_extension(beside));
        }
    }
    println!("{} bytes: {found} found, {same} the same, {shorter} shorter", bytes.len());
    assert!(found > BITS / 10 && shorter < BITS / 500, "{found} found, {same} the same, {shorter} shorter");
}
