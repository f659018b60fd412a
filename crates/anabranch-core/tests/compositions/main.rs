//! Random compositions: chains out of every combinator, in virtual time, thousands of seeds.
//!
//! A seed grows a chain (`grow.rs`) of leaves that stream, collect, give nothing, fail at once, midway or once, hang,
//! panic, block or never rest (`script.rs`), under random limits, deadlines and policies. Whatever the chain
//! (`laws.rs`):
//!
//! 1. a stream that is collected is what `invoke` gives: the same value, or the same error in the same place, at the same
//!    time;
//! 2. so is a stream that is read chunk by chunk and added up by its own law, with two exceptions that the laws ask for.
//!    What was handed on is final, so a step that fails after its first chunk is not replaced by what a retry, a fallback,
//!    a hedge, a race or a `first_success` around it has instead. And a race is for the first chunk, and a time limit is
//!    for whatever runs, so where it matters who is quicker the two may differ: this is compared in chains where it does
//!    not (`Facts::calm`);
//! 3. the same steps give the same however their sequences nest;
//! 4. observers hear one end of each step that begins, inside before outside, and nothing of a step that has not begun;
//!    and they change nothing;
//! 5. no concurrency limit is ever exceeded, and every permit is given back;
//! 6. dropped after any poll, nothing is left and nothing begins;
//! 7. nothing hangs unless a leaf hangs that has no limit of time around it;
//! 8. the same seed gives the same, times and order included, and so does a chain that was made a while ago and has had
//!    a failing input since;
//! 9. a panic in a leaf never comes out of a fan-out or a task, one in an observer touches nothing;
//! 10. an error that comes in with the input comes out as it was;
//! 11. a chain that can work is not refused; one that cannot is, and what cannot work in a part is told;
//! 12. whoever wants the whole of a step that is tried again gets it, whatever stands around that; of failures of the
//!     same moment none is lost (`witness.rs`);
//! 13. nobody is said to have waited who did not, and a time-out is heard as a failure.
//!
//! `docs/mends.md` says which defects these find when their mends are taken out.
//!
//! `ANABRANCH_SEEDS=100000` runs as many, `ANABRANCH_SEED=123` runs one and prints its chain.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, missing_docs)]

mod grow;
mod joint;
mod laws;
mod nesting;
mod own;
mod random;
mod recorder;
mod script;
mod witness;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SEEDS: u64 = 3_000;

/// How long one seed may take in real time.
const PATIENCE: Duration = Duration::from_secs(30);

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Which seed each thread is at, and since when.
type Progress = Mutex<HashMap<usize, (u64, Instant)>>;

/// A chain that keeps its thread for itself can only be stopped with the process.
fn watch(progress: &Progress, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(100));
        let progress = progress.lock().unwrap();
        let late = progress.values().find(|(_, since)| since.elapsed() > PATIENCE);
        if let Some((seed, _)) = late {
            eprintln!("seed {seed} takes more than {PATIENCE:?}:\n{}", laws::describe(*seed).0);
            std::process::exit(101);
        }
    }
}

#[test]
fn random_compositions() {
    // The panics of leaves are part of the experiment: their messages are not. Others are told with the chain.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let planned = laws::text_of(panic.payload()) == script::PLANNED && std::env::var_os("ANABRANCH_LOUD").is_none();
        if !planned && !QUIET.with(std::cell::Cell::get) {
            hook(panic);
        }
    }));
    if let Some(seed) = from_environment("ANABRANCH_SEED") {
        println!("{}", laws::describe(seed).0);
        return laws::check(seed);
    }
    let seeds = from_environment("ANABRANCH_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let (progress, done) = (Progress::default(), AtomicBool::new(false));
    let failures: Mutex<Vec<(usize, u64, String, String)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&progress, &done));
        let workers = (0..threads).map(|thread| {
            let (next, progress, failures) = (&next, &progress, &failures);
            scope.spawn(move || {
                QUIET.with(|quiet| quiet.set(true));
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds || failures.lock().unwrap().len() >= 200 {
                        progress.lock().unwrap().remove(&thread);
                        return;
                    }
                    progress.lock().unwrap().insert(thread, (seed, Instant::now()));
                    if let Err(panic) = std::panic::catch_unwind(|| laws::check(seed)) {
                        let (chain, lines) = laws::describe(seed);
                        failures.lock().unwrap().push((lines, seed, laws::text_of(&*panic), chain));
                    }
                }
            })
        });
        workers.collect::<Vec<_>>().into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, Ordering::SeqCst);
        watching.join().unwrap();
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let all: Vec<_> = failures.iter().map(|(_, seed, ..)| *seed).collect();
    // Of those that fail in the same way, the smallest chain.
    let mut told = HashSet::new();
    failures.retain(|(_, _, panic, _)| told.insert(panic.lines().next().unwrap_or_default().to_string()));
    for (_, seed, panic, chain) in failures.iter().take(10) {
        eprintln!("seed {seed}: {panic}\n{chain}");
    }
    assert!(failures.is_empty(), "run one alone with ANABRANCH_SEED: {all:?}");
}

thread_local! {
    /// Whether a panic on this thread is told by whoever catches it.
    static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
