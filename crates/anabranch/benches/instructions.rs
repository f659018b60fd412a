//! What composition costs in instructions: the programs of the benchmark `chain`, counted by Valgrind, so that a
//! neighbour who keeps the processor busy changes nothing.
//!
//! `.ci/instructions.py` runs this and compares the counts with those that are written down in `instructions.json`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "chain/programs.rs"]
mod programs;

use std::hint::black_box;

use anabranch::prelude::*;
use futures::executor::block_on;
use gungraun::{library_benchmark, library_benchmark_group};

use programs::{
    CHUNKS, STEPS, TOPIC, by_hand, fan_out, in_an_hour, limited, observed, read, ready, steps, story, three_branches,
    three_branches_typed,
};

/// What is counted. A box, since most chains have no name to write down; calling it is five instructions.
type Work = Box<dyn FnMut()>;

/// The first run of a chain checks it and learns how long its texts get: it is not counted.
fn warm(mut work: impl FnMut() + 'static) -> Work {
    work();
    Box::new(work)
}

fn json() -> Work {
    let chain = three_branches();
    warm(move || drop(black_box(ready(chain.invoke(black_box(TOPIC))).unwrap())))
}

fn typed() -> Work {
    let chain = three_branches_typed();
    warm(move || drop(black_box(ready(chain.invoke(black_box(TOPIC))).unwrap())))
}

fn hand() -> Work {
    warm(|| drop(black_box(ready(by_hand::three_branches(black_box(TOPIC).to_string())).unwrap())))
}

fn hand_with_messages() -> Work {
    warm(|| drop(black_box(ready(by_hand::three_branches_of_messages(black_box(TOPIC).to_string())).unwrap())))
}

fn stream_that_is_dropped() -> Work {
    let chain = three_branches();
    drop(ready(chain.invoke(TOPIC)).unwrap());
    warm(move || drop(black_box(chain.stream(black_box(TOPIC)))))
}

fn chunks(config: RunConfig) -> Work {
    let chain = story();
    warm(move || assert_eq!(ready(read(chain.stream_with(black_box("a delta"), &config))), CHUNKS))
}

/// Where there is a limit in the process, permits may be lent through each joint.
fn chunks_where_there_is_a_limit() -> Work {
    let mut work = chunks(RunConfig::new());
    let limit = RunConfig::new().max_concurrency(1_000);
    warm(move || {
        black_box(&limit);
        work();
    })
}

fn chunks_by_hand() -> Work {
    warm(|| assert_eq!(ready(read(by_hand::stream_of_messages(black_box("a delta")))), CHUNKS))
}

fn texts_by_hand() -> Work {
    warm(|| assert_eq!(ready(read(by_hand::stream(black_box("a delta")))), CHUNKS))
}

fn sixteen_steps(config: RunConfig) -> Work {
    let chain = steps();
    warm(move || assert_eq!(ready(chain.invoke_with(black_box(1_u64), &config)).unwrap(), 1 + STEPS as u64))
}

fn limited_step() -> Work {
    let (step, config) = limited();
    warm(move || assert_eq!(ready(step.invoke_with(black_box(1_u64), &config)).unwrap(), 2))
}

/// With an executor: so many at once let others run now and then.
fn parallel(branches: usize) -> Work {
    let map = fan_out(branches);
    warm(move || drop(black_box(block_on(map.invoke(black_box(1_u64))).unwrap())))
}

fn join_all(branches: usize) -> Work {
    let step = lambda(async |n: u64| Ok(n));
    warm(move || assert_eq!(block_on(by_hand::fan_out(&step, branches)), branches))
}

// Making the work is not counted, and neither is dropping it, which is why it is given back.
#[library_benchmark]
#[bench::three_branches_json_joints(json())]
#[bench::three_branches_typed_joints(typed())]
#[bench::three_branches_by_hand(hand())]
#[bench::three_branches_by_hand_with_messages(hand_with_messages())]
#[bench::three_branches_stream_made_and_dropped(stream_that_is_dropped())]
#[bench::thousand_chunks(chunks(RunConfig::new()))]
#[bench::thousand_chunks_with_deadline(chunks(in_an_hour()))]
#[bench::thousand_chunks_with_observer(chunks(observed()))]
#[bench::thousand_chunks_where_there_is_a_limit(chunks_where_there_is_a_limit())]
#[bench::thousand_chunks_by_hand_with_messages(chunks_by_hand())]
#[bench::thousand_chunks_by_hand_of_texts(texts_by_hand())]
#[bench::sixteen_steps(sixteen_steps(RunConfig::new()))]
#[bench::sixteen_steps_with_deadline(sixteen_steps(in_an_hour()))]
#[bench::sixteen_steps_with_observer(sixteen_steps(observed()))]
#[bench::limited_step(limited_step())]
#[bench::parallel_of_10(parallel(10))]
#[bench::join_all_of_10(join_all(10))]
#[bench::parallel_of_33(parallel(33))]
#[bench::join_all_of_33(join_all(33))]
#[bench::parallel_of_1000(parallel(1_000))]
#[bench::join_all_of_1000(join_all(1_000))]
fn instructions(mut work: Work) -> Work {
    work();
    work
}

library_benchmark_group!(name = composition, benchmarks = instructions);

gungraun::main!(library_benchmark_groups = composition);
