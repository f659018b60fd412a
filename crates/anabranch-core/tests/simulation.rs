//! Deterministic simulation: random trees of steps with random latencies and failures, in virtual time, thousands of
//! seeds. Whatever the tree, the laws hold: the limit is never exceeded, a result is the one the tree gives when it
//! is run step by step, nothing runs on when the call returns, nothing waits for ever, and the same seed gives the
//! same outcome at the same times.
//!
//! `ANABRANCH_SEED=123 cargo test -p anabranch-core --test simulation` runs one seed and prints its tree.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::*;
use common::Gauge;
use futures::StreamExt;
use serde_json::Value;
use tokio::time::{Instant, sleep};

const SEEDS: u64 = 3_000;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to shuffle trees.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn fold(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(17, |sum, n| mix(sum.wrapping_mul(31).wrapping_add(n)))
}

/// A step from number to number.
#[derive(Debug, Clone)]
enum Tree {
    /// A call. It fails so many times, then works.
    Leaf {
        id: u64,
        millis: u64,
        failures: u32,
        retryable: bool,
    },
    Sequence(Vec<Tree>),
    Parallel {
        branches: Vec<Tree>,
        at_once: Option<usize>,
    },
    Each {
        step: Box<Tree>,
        elements: u64,
    },
    Spawned(Box<Tree>),
    Settled(Vec<Tree>),
    Retry {
        step: Box<Tree>,
        attempts: usize,
    },
    /// The other way gives the same answer.
    Fallback {
        step: Box<Tree>,
        millis: u64,
    },
    Timeout {
        step: Box<Tree>,
        millis: u64,
    },
    /// All of them share one limiter.
    RateLimited(Box<Tree>),
    Hedged {
        step: Box<Tree>,
        millis: u64,
    },
}

impl Tree {
    fn random(random: &mut Random, depth: u32, healthy: bool) -> Self {
        let kind = if depth == 0 { 0 } else { random.below(14) };
        let some = |random: &mut Random| {
            (0..1 + random.below(3)).map(|_| Self::random(random, depth - 1, healthy)).collect::<Vec<_>>()
        };
        let one = |random: &mut Random| Box::new(Self::random(random, depth - 1, healthy));
        match kind {
            1 | 2 => Self::Sequence(some(random)),
            3 | 4 => {
                let branches = some(random);
                let at_once = (random.below(3) == 0).then(|| 1 + random.below(2) as usize);
                Self::Parallel { branches, at_once }
            }
            5 => Self::Each { step: one(random), elements: random.below(4) },
            6 => Self::Spawned(one(random)),
            7 => Self::Settled(some(random)),
            8 | 9 => Self::Retry { step: one(random), attempts: 1 + random.below(3) as usize },
            10 => Self::Fallback { step: one(random), millis: random.below(30) },
            11 => Self::Timeout { step: one(random), millis: if healthy { 1_000_000 } else { 1 + random.below(60) } },
            12 => Self::RateLimited(one(random)),
            // A second attempt is a call that the reference does not know.
            13 if !healthy => Self::Hedged { step: one(random), millis: random.below(15) },
            _ => Self::Leaf {
                id: random.below(1_000),
                millis: random.below(20),
                failures: if healthy || random.below(4) > 0 { 0 } else { 1 + random.below(2) as u32 },
                retryable: random.below(3) > 0,
            },
        }
    }

    /// What the tree gives, run step by step, where nothing fails.
    fn reference(&self, input: u64) -> u64 {
        match self {
            Self::Leaf { id, .. } => mix(input ^ id),
            Self::Sequence(steps) => steps.iter().fold(input, |value, step| step.reference(value)),
            Self::Parallel { branches, .. } | Self::Settled(branches) => {
                fold(branches.iter().map(|branch| branch.reference(input)))
            }
            Self::Each { step, elements } => fold((0..*elements).map(|n| step.reference(input.wrapping_add(n)))),
            Self::Spawned(step)
            | Self::Retry { step, .. }
            | Self::Fallback { step, .. }
            | Self::Timeout { step, .. }
            | Self::RateLimited(step)
            | Self::Hedged { step, .. } => step.reference(input),
        }
    }

    /// How many calls a run without failures makes.
    fn leaves(&self) -> u64 {
        match self {
            Self::Leaf { .. } => 1,
            Self::Sequence(steps) | Self::Parallel { branches: steps, .. } | Self::Settled(steps) => {
                steps.iter().map(Self::leaves).sum()
            }
            Self::Each { step, elements } => step.leaves() * elements,
            Self::Spawned(step)
            | Self::Retry { step, .. }
            | Self::Fallback { step, .. }
            | Self::Timeout { step, .. }
            | Self::RateLimited(step)
            | Self::Hedged { step, .. } => step.leaves(),
        }
    }

    fn build(&self, world: &World) -> BoxRunnable<u64, u64> {
        match self {
            Self::Leaf { .. } => world.leaf(self.clone()),
            Self::Sequence(steps) => {
                let mut steps = steps.iter().map(|step| step.build(world));
                let first = steps.next().unwrap();
                steps.fold(first, |chain, step| chain.pipe(step).boxed())
            }
            Self::Parallel { branches, at_once } => {
                let mut parallel = parallel_of(branches, world);
                if let Some(limit) = at_once {
                    parallel = parallel.max_concurrency(*limit);
                }
                parallel.pipe(fold_object).boxed()
            }
            Self::Settled(branches) => parallel_of(branches, world)
                .settled()
                .pipe(async |all: Outcome| fold_object(all.into_result()?).await)
                .boxed(),
            Self::Each { step, elements } => {
                let elements = *elements;
                lambda(move |n: u64| async move { Ok((0..elements).map(|k| n.wrapping_add(k)).collect::<Vec<_>>()) })
                    .pipe(step.build(world).each())
                    .pipe(async |all: Vec<u64>| Ok(fold(all)))
                    .boxed()
            }
            Self::Spawned(step) => step.build(world).spawned().boxed(),
            Self::Retry { step, attempts } => step.build(world).with_retry(Retry::attempts(*attempts).seed(7)).boxed(),
            Self::Fallback { step, millis } => {
                let other = (**step).clone();
                let (seen, millis) = (world.clone(), *millis);
                let other = lambda(move |n: u64| {
                    let (seen, answer) = (seen.clone(), other.reference(n));
                    async move {
                        let _inside = seen.enter();
                        sleep(Duration::from_millis(millis)).await;
                        Ok(answer)
                    }
                })
                .limited();
                step.build(world).with_fallback(other).boxed()
            }
            Self::RateLimited(step) => step.build(world).with_rate_limiter(world.limiter.clone()).boxed(),
            Self::Hedged { step, millis } => step.build(world).hedged(Duration::from_millis(*millis)).boxed(),
            Self::Timeout { step, millis } => step.build(world).with_timeout(Duration::from_millis(*millis)).boxed(),
        }
    }
}

fn parallel_of(branches: &[Tree], world: &World) -> RunnableParallel<u64> {
    branches
        .iter()
        .enumerate()
        .fold(RunnableParallel::new(), |all, (index, branch)| all.branch(format!("k{index}"), branch.build(world)))
}

async fn fold_object(object: Value) -> Result<u64> {
    let numbers = object.as_object().unwrap().values().map(|n| n.as_u64().unwrap());
    Ok(fold(numbers))
}

/// What the calls see and leave behind.
#[derive(Clone)]
struct World {
    gauge: Gauge,
    limiter: TokenBucket,
    start: Instant,
    /// When a call began, and which.
    trace: Arc<Mutex<Vec<(Duration, u64)>>>,
}

impl World {
    fn enter(&self) -> common::Inside {
        self.gauge.enter()
    }

    fn leaf(&self, leaf: Tree) -> BoxRunnable<u64, u64> {
        let Tree::Leaf { id, millis, failures, retryable } = leaf else { unreachable!() };
        let world = self.clone();
        let left = Arc::new(AtomicU32::new(failures));
        lambda(move |input: u64| {
            let (world, left) = (world.clone(), left.clone());
            async move {
                let _inside = world.enter();
                world.trace.lock().unwrap().push((world.start.elapsed(), id));
                sleep(Duration::from_millis(millis)).await;
                let failing = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                match failing {
                    true if retryable => Err(Error::new(ErrorKind::Server, format!("leaf {id}"))),
                    true => Err(Error::new(ErrorKind::NotFound, format!("leaf {id}"))),
                    false => Ok(mix(input ^ id)),
                }
            }
        })
        .limited()
        .boxed()
    }
}

#[derive(Debug, PartialEq)]
struct Run {
    outcome: std::result::Result<Vec<u64>, String>,
    took: Duration,
    trace: Vec<(Duration, u64)>,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Invoke,
    Stream,
    Batch(u64),
}

fn simulate(tree: &Tree, mode: Mode, limit: Option<usize>, deadline: Option<u64>) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World {
            gauge: Gauge::default(),
            limiter: TokenBucket::new().requests(1, Duration::from_millis(4)),
            start: Instant::now(),
            trace: Arc::default(),
        };
        let chain = tree.build(&world);
        let mut config = RunConfig::new();
        if let Some(limit) = limit {
            config = config.max_concurrency(limit);
        }
        if let Some(deadline) = deadline {
            config = config.timeout(Duration::from_millis(deadline));
        }
        let run = async {
            match mode {
                Mode::Invoke => chain.invoke_with(1_u64, &config).await.map(|n| vec![n]),
                Mode::Stream => chain.stream_with(1_u64, &config).collect().await.map(|n| vec![n]),
                Mode::Batch(elements) => chain.batch_with(0..elements, &config).await,
            }
        };
        let outcome = tokio::time::timeout(Duration::from_secs(86_400), run).await.expect("a deadlock: a day went by");
        let took = world.start.elapsed();
        assert_eq!(world.gauge.now(), 0, "something runs on");
        let began = world.gauge.total();
        if let Some(limit) = limit {
            assert!(world.gauge.most() <= limit, "{} at once under a limit of {limit}", world.gauge.most());
        }
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(world.gauge.total(), began, "something began after the call had returned");
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
        assert_eq!(RateLimiter::snapshot(&world.limiter).waiting, 0, "somebody still waits for the limiter");
        let trace = world.trace.lock().unwrap().clone();
        Run { outcome: outcome.map_err(|error| error.to_string()), took, trace }
    })
}

fn one_seed(seed: u64, print: bool) {
    let mut random = Random(seed);
    let healthy = random.below(3) == 0;
    let tree = Tree::random(&mut random, 4, healthy);
    let limit = (random.below(3) > 0).then(|| 1 + random.below(4) as usize);
    let deadline = (!healthy && random.below(5) == 0).then(|| 1 + random.below(100));
    let mode = [Mode::Invoke, Mode::Stream, Mode::Batch(random.below(4))][random.below(3) as usize];
    if print {
        println!("{tree:#?}\n{mode:?}, limit {limit:?}, deadline {deadline:?}");
    }
    let run = simulate(&tree, mode, limit, deadline);
    let inputs = match mode {
        Mode::Batch(elements) => 0..elements,
        _ => 1..2,
    };
    let elements = inputs.end - inputs.start;
    let expected: Vec<u64> = inputs.map(|n| tree.reference(n)).collect();
    match &run.outcome {
        Ok(values) => assert_eq!(*values, expected),
        Err(error) => assert!(!healthy, "{error}"),
    }
    if healthy {
        assert_eq!(run.trace.len() as u64, tree.leaves() * elements, "each leaf ran once");
    }
    assert_eq!(simulate(&tree, mode, limit, deadline), run, "the same seed gives the same outcome");
}

#[test]
fn thousands_of_random_trees() {
    if let Some(seed) = std::env::var("ANABRANCH_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return one_seed(seed, true);
    }
    for seed in 0..SEEDS {
        if let Err(panic) = std::panic::catch_unwind(|| one_seed(seed, false)) {
            eprintln!("seed {seed}: run it alone with ANABRANCH_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// The streams of a tree of letters, cut anywhere: what came is a prefix of what would have come.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_gave_a_prefix() {
    let chain = parallel! { "a": common::letters("abcdef"), "b": common::letters("xyz") };
    let whole: Vec<_> = chain.stream(1).map(|chunk| chunk.unwrap().to_string()).collect().await;
    for cut in 0..whole.len() {
        let mut stream = chain.stream(1);
        let mut prefix = Vec::new();
        for _ in 0..cut {
            prefix.push(stream.next().await.unwrap().unwrap().to_string());
        }
        assert_eq!(prefix, whole[..cut]);
    }
}
