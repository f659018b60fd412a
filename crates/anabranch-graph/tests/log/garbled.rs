//! Logs that are none, from a store that does not see to it: an error says so, or another run comes of it.

use std::panic::AssertUnwindSafe;

use anabranch_graph::{GraphStore, MemoryStore};
use futures::FutureExt;

use super::graphs::{ALL, Works, initial};
use super::prefixes::{records, to_end};

/// How many logs are made of each.
const LOGS: usize = 150;

struct Chance(u64);

impl Chance {
    /// Marsaglia's xorshift.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// Changes a log in one place.
fn garble(records: &mut Vec<String>, chance: &mut Chance) {
    let at = chance.below(records.len());
    let other = chance.below(records.len());
    match chance.below(9) {
        0 => drop(records.remove(at)),
        1 => records.swap(at, other),
        2 => records.insert(other, records[at].clone()),
        3 => records[at] = String::new(),
        4 => records[at] = "9".repeat(chance.below(30)),
        _ if records[at].is_empty() => {}
        _ => {
            // These are ASCII.
            let mut bytes = records[at].clone().into_bytes();
            let place = chance.below(bytes.len());
            match chance.below(3) {
                0 => bytes.truncate(place),
                1 => bytes[place] = b" 0123456789[]{}\"#/,:-eE\\aupx"[chance.below(28)],
                _ => bytes.insert(place, b"0123456789[]{}\"#/,:-"[chance.below(20)]),
            }
            records[at] = String::from_utf8(bytes).unwrap();
        }
    }
}

#[tokio::test]
async fn no_log_makes_a_program_panic() {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let (mut refused, mut ran) = (0, 0);
    for (name, build) in ALL {
        let (store, works) = (MemoryStore::new(), Works::default());
        let stored = build(&works).with_store(store.clone());
        to_end(stored.thread("t").start(initial()).await.unwrap()).await.unwrap();
        let whole = records(&store, "t").await;
        for number in 0..LOGS {
            let mut garbled = whole.clone();
            garbled.truncate(1 + chance.below(whole.len()));
            for _ in 0..=chance.below(3) {
                if !garbled.is_empty() {
                    garble(&mut garbled, &mut chance);
                }
            }
            let thread = stored.thread(format!("{name} {number}"));
            store.append(thread.id(), "log", 0, garbled.clone()).await.unwrap();
            let tries = async {
                let history = thread.history().await;
                for at in 0..=garbled.len() as u64 {
                    let _ = thread.state_at(at).await;
                    let _ = thread.fork(at).await;
                }
                let state = thread.state().await;
                let kept = records(&store, thread.id()).await;
                assert_eq!(kept, garbled, "to look changes nothing");
                let came = match thread.resume().await {
                    Ok(progress) => to_end(progress).await,
                    Err(error) => Err(error),
                };
                (history, state, came)
            };
            let Ok((history, state, came)) = AssertUnwindSafe(tries).catch_unwind().await else {
                panic!("{name} {number}: {garbled:#?}")
            };
            // Of what has no state nothing goes on.
            assert!(history.is_ok() || state.is_err(), "{name} {number}: {garbled:#?}");
            assert!(state.is_ok() || came.is_err(), "{name} {number}: {garbled:#?}");
            let error = [history.err(), state.err(), came.err()].into_iter().flatten().next();
            match error {
                None => ran += 1,
                Some(error) => {
                    refused += 1;
                    assert!(!error.message().is_empty());
                }
            }
        }
    }
    println!("{refused} refused, {ran} ran");
    assert!(refused > 4 * LOGS && ran > LOGS / 10, "{refused} refused, {ran} ran");
}
