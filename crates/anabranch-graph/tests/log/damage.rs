//! A file of which one bit is another one than was written, wherever it is.

use std::path::PathBuf;

use anabranch_graph::{GraphStore, SqliteStore};

use super::graphs::{Works, asks, initial, loops};
use super::prefixes::{records, to_end};
use super::sqlite::file;

/// How many bits are turned, each in a file of its own.
const BITS: usize = 400;

/// How many records there are on a page nobody sees to: that may make a log shorter. It never makes another one of it.
#[tokio::test]
async fn nothing_is_taken_for_right_that_is_not() {
    let path = file("bits");
    let store = SqliteStore::open(&path).await.unwrap();
    let works = Works::default();
    let mut whole = Vec::new();
    for (thread, graph) in [("first", loops(&works)), ("second", asks(&works)), ("third", loops(&works))] {
        to_end(graph.with_store(store.clone()).thread(thread).start(initial()).await.unwrap()).await.unwrap();
        whole.push((thread, records(&store, thread).await));
    }
    drop(store);
    // With the last connection what is beside the file goes into it.
    let journal = PathBuf::from(format!("{}-wal", path.display()));
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
        let (at, bit) = ((random >> 8) as usize % bytes.len(), random % 8);
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << bit;
        std::fs::write(&path, damaged).unwrap();
        let Ok(store) = SqliteStore::open(&path).await else {
            found += 1;
            continue;
        };
        for (thread, whole) in &whole {
            match store.read(thread, None).await {
                Err(_) => found += 1,
                Ok(records) => {
                    let records = records.map_or(Vec::new(), |(_, records)| records);
                    assert!(whole.starts_with(&records), "{thread}: bit {bit} of byte {at}");
                    if records == *whole { same += 1 } else { shorter += 1 }
                }
            }
        }
        drop(store);
        for beside in ["damaged-wal", "damaged-shm"] {
            let _ = std::fs::remove_file(path.with_extension(beside));
        }
    }
    println!("{} bytes: {found} found, {same} the same, {shorter} shorter", bytes.len());
    assert!(found > BITS / 10 && shorter <= BITS / 100, "{found} found, {same} the same, {shorter} shorter");
}
