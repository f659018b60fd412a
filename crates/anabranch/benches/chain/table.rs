//! The tables: each row beside its yardstick, measured in turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anabranch::Merge;
use anabranch::prelude::*;
use futures::FutureExt;
use futures::executor::block_on;
use serde_json::Value;

use crate::programs::{
    CHUNKS, STEPS, TOPIC, by_hand, fan_out, in_an_hour, limited, observed, read, ready, steps, story, three_branches,
    three_branches_typed,
};

/// Median nanoseconds of both, measured in turns, and the median of their ratios.
fn in_turns(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64, f64) {
    fn time(work: &mut impl FnMut(), runs: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..runs {
            work();
        }
        start.elapsed().as_nanos() as f64 / f64::from(runs)
    }
    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
    let once = time(&mut ours, 20).max(1.0);
    let runs = (2_000_000.0 / once).clamp(1.0, 20_000.0) as u32;
    let rounds: Vec<(f64, f64)> = (0..101).map(|_| (time(&mut ours, runs), time(&mut theirs, runs))).collect();
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    (median(rounds.iter().map(|r| r.0).collect()), median(rounds.iter().map(|r| r.1).collect()), ratio)
}

fn row(name: &str, (ours, theirs, ratio): (f64, f64, f64), per: f64) {
    println!("{name:<60}{:>9.1} ns{:>9.1} ns{:>8.2}x", ours / per, theirs / per, ratio);
}

pub(crate) fn print() {
    println!("\n{:<60}{:>12}{:>12}{:>9}", "", "anabranch", "yardstick", "ratio");
    invokes();
    chunks();
    watched();
    limited_steps();
    fan_outs();
    wall();
}

fn invokes() {
    let by_hand = || drop(black_box(ready(by_hand::three_branches(black_box(TOPIC).to_string()))));
    let chain = three_branches();
    let ours = || drop(black_box(ready(chain.invoke(black_box(TOPIC)))));
    row("three-branch chain, JSON joints; by hand", in_turns(ours, by_hand), 1.0);
    let chain = three_branches_typed();
    let ours = || drop(black_box(ready(chain.invoke(black_box(TOPIC)))));
    row("three-branch chain, typed joints; by hand", in_turns(ours, by_hand), 1.0);
    let ours = || drop(black_box(ready(by_hand::three_branches_of_messages(black_box(TOPIC).to_string()))));
    row("by hand with the library's messages; by hand", in_turns(ours, by_hand), 1.0);
    let chain = three_branches();
    let ours = || drop(black_box(chain.stream(black_box(TOPIC))));
    let invoke = || drop(black_box(ready(chain.invoke(black_box(TOPIC)))));
    row("its stream, made and dropped; its invoke", in_turns(ours, invoke), 1.0);
}

fn chunks() {
    let chain = story();
    let ours = || assert_eq!(ready(read(chain.stream(black_box("a delta")))), CHUNKS);
    let messages = || assert_eq!(ready(read(by_hand::stream_of_messages(black_box("a delta")))), CHUNKS);
    let texts = || assert_eq!(ready(read(by_hand::stream(black_box("a delta")))), CHUNKS);
    let per = CHUNKS as f64;
    row("a chunk of prompt | model | parser; stream of messages", in_turns(ours, messages), per);
    row("a chunk of prompt | model | parser; stream of texts", in_turns(ours, texts), per);
    let same = || generator(|text: Chunks<'_, String>| text.map_chunks(Ok, Merge::append()));
    let longer = story().pipe(same()).pipe(same()).pipe(same()).pipe(same());
    let four = || assert_eq!(ready(read(longer.stream(black_box("a delta")))), CHUNKS);
    let (with, without, _) = in_turns(four, ours);
    println!("{:<60}{:>9.1} ns", "each further step that maps chunks", (with - without) / per / 4.0);
    let nested = story().pipe(lambda(async |text: String| Ok(text)) | lambda(async |text: String| Ok(text)));
    drop(nested);
}

fn watched() {
    let chain = steps();
    let plain = || drop(black_box(ready(chain.invoke(black_box(1_u64)))));
    let (deadline, observer) = (in_an_hour(), observed());
    for (what, config) in [("a deadline", &deadline), ("an observer that does nothing", &observer)] {
        let ours = || drop(black_box(ready(chain.invoke_with(black_box(1_u64), config))));
        let (with, without, _) = in_turns(ours, plain);
        println!(
            "{:<60}{:>9.1} ns",
            format!("{what}, per named step that does not wait"),
            (with - without) / STEPS as f64
        );
    }
    let story = story();
    let plain = || assert_eq!(ready(read(story.stream(black_box("a delta")))), CHUNKS);
    for (what, config) in [("a deadline", &deadline), ("an observer that does nothing", &observer)] {
        let ours = || assert_eq!(ready(read(story.stream_with(black_box("a delta"), config))), CHUNKS);
        let (with, without, _) = in_turns(ours, plain);
        println!("{:<60}{:>9.1} ns", format!("{what}, per streamed chunk"), (with - without) / CHUNKS as f64);
    }
    let one = rate(1, || drop(black_box(ready(chain.invoke_with(black_box(1_u64), &observer)))));
    let two = rate(2, || drop(black_box(ready(chain.invoke_with(black_box(1_u64), &observer)))));
    println!("{:<60}{:>8.2}x of one", "two threads on one configuration with an observer", two / one);
}

/// Calls a second of so many threads together.
fn rate(threads: usize, work: impl Fn() + Sync) -> f64 {
    let calls = 20_000;
    let mut best = 0.0_f64;
    for _ in 0..7 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..calls).for_each(|_| work()));
            }
        });
        best = best.max((threads * calls) as f64 / start.elapsed().as_secs_f64());
    }
    best
}

fn limited_steps() {
    let (step, config) = limited();
    for threads in [1, 2] {
        let rate = rate(threads, || drop(black_box(ready(step.invoke_with(black_box(1_u64), &config)))));
        let name = format!("a limited step under a shared limit, {threads} thread(s), per call");
        println!("{name:<60}{:>9.1} ns", threads as f64 * 1e9 / rate);
    }
}

/// So many at once let others run now and then, so they need an executor.
fn fan_outs() {
    for branches in [10_usize, 32, 33, 100, 1_000, 10_000] {
        let map = fan_out(branches);
        let ours = || drop(black_box(block_on(map.invoke(black_box(1_u64)))));
        let step = lambda(async |n: u64| Ok(n));
        let boxes = || {
            black_box(block_on(by_hand::fan_out(&step, branches)));
        };
        let name = format!("parallel of {branches} ready branches, per branch; join_all of boxes");
        row(&name, in_turns(ours, boxes), branches as f64);
        if branches > 100 {
            continue;
        }
        let ours = || drop(black_box(block_on(map.invoke(black_box(1_u64)))));
        let keys: Vec<_> = (0..branches).map(|index| index.to_string()).collect();
        let object = || {
            let all = keys.iter().map(|_| step.invoke(black_box(1_u64)).boxed());
            let outputs = block_on(futures::future::join_all(all));
            let object = keys.iter().cloned().zip(outputs.into_iter().map(|output| Value::from(output.unwrap())));
            drop(black_box(Value::Object(object.collect())));
        };
        row("    the same; join_all of boxes, and an object of their outputs", in_turns(ours, object), branches as f64);
    }
}

fn wall() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("\n{:<44}{:>12}", "fan-out of sleeping branches", "over slowest");
    for branches in [10, 1_000, 10_000] {
        let mut map = RunnableParallel::new();
        for index in 0..branches {
            map = map.branch(index.to_string(), |_: Value| async move {
                let start = Instant::now();
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(start.elapsed().as_secs_f64())
            });
        }
        let mut took: Vec<_> = (0..5)
            .map(|_| {
                let start = Instant::now();
                let slept = runtime.block_on(map.invoke(1)).unwrap();
                let slowest = slept.as_object().unwrap().values().filter_map(Value::as_f64).fold(0.0, f64::max);
                start.elapsed().saturating_sub(Duration::from_secs_f64(slowest))
            })
            .collect();
        took.sort();
        println!("{:<44}{:>9.1} ms", format!("{branches} branches"), took[2].as_secs_f64() * 1e3);
    }
    let step = lambda(|n: u64| async move {
        tokio::task::yield_now().await;
        Ok(n)
    });
    let config = RunConfig::new().max_concurrency(64);
    let start = Instant::now();
    let done = runtime.block_on(step.batch_with(0..100_000_u64, &config)).unwrap();
    println!("{:<44}{:>9.1} ms", format!("batch of {} at 64", done.len()), start.elapsed().as_secs_f64() * 1e3);
}
