//! What resilience costs where nothing fails: each wrapper over the bare step, ten thousand branches at a limit, limiter
//! and permits under contention, memory per waiting branch.
//!
//! `cargo bench --bench resilience` lists the wrappers and then prints the tables. What is compared is measured in
//! turns in one run, and the median stands in the table: other programs on the machine disturb both sides.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::time::Duration;

use anabranch::prelude::*;
use tokio::runtime::Runtime;

#[path = "resilience/branches.rs"]
mod branches;
#[path = "resilience/contention.rs"]
mod contention;
#[path = "resilience/memory.rs"]
mod memory;
#[path = "resilience/wrappers.rs"]
mod wrappers;

const AT_ONCE: usize = 64;
const HOUR: Duration = Duration::from_secs(3600);

/// More requests than any machine makes: nobody waits for the rate.
fn unlimited() -> TokenBucket {
    TokenBucket::new().requests(1_000_000_000_000, Duration::from_secs(1))
}

fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn fan_out(
    branches: u64,
    step: impl Runnable<Input = u64, Output = impl anabranch::combinators::ToJson> + Clone + 'static,
) -> RunnableParallel<u64> {
    (0..branches).fold(RunnableParallel::new(), |map, index| map.branch(index.to_string(), step.clone()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    divan::main();
    // `--test` and filters ask for less.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        wrappers::table();
        branches::table();
        contention::table();
        memory::table();
    }
}
