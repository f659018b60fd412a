//! Random trees of streams, readers and calls, polled in a random order.
//!
//! A seed grows trees (`Plan`) of what there is: calls and streams under one to three limits, work side by side and one
//! after the other, races, pieces on tasks of their own, steps that read a stream in every way (chunk by chunk, reading
//! ahead, leaving off, looking in while they do something else), several of them at the same stream, all nested. An
//! executor polls whatever task was woken, lets an event of the outside happen or drops a tree, as the seed says. A task
//! that is not woken is not polled, so a wake-up that is lost is found, and when nothing is left to happen, whatever
//! is not done hangs. Whatever the seed:
//!
//! 1. nothing hangs, and nothing goes round in circles;
//! 2. no more than a limit allows is under way, which is what was polled, is not done, and is not part of a flow that is
//!    not read;
//! 3. when all is done or dropped, all permits are there, and nobody is left in the tables.
//!
//! `ANABRANCH_SEEDS=1000000` runs as many, from `ANABRANCH_SEED` on. A tree that fails is made as small as it can be, and
//! told.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::channel::mpsc;
use futures::stream::{BoxStream, select_all};
use futures::task::ArcWake;
use futures::{FutureExt, Stream, StreamExt, future};

use tokio::task::JoinHandle;

use super::*;
use crate::run::limit::acquire;
use crate::stream::chunks::Chunks;
use crate::stream::coroutine::coroutine;
use crate::stream::merge::Merge;

use self::plan::{Grower, Mask, Plan, Random, Reader, Shrinks, Way};
use self::world::{Place, Task, World};

mod plan;
mod world;

const SEEDS: u64 = 3_000;

/// More polls than any of these trees needs.
const RESTLESS: usize = 200_000;

/// A tree does no more than this.
const MOST_WORK: usize = 200;

#[derive(Debug, Clone)]
struct Case {
    sizes: Vec<usize>,
    roots: Vec<Plan>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let limits = 1 + random.below(3);
        let sizes = (0..limits).map(|_| 1 + random.below(4).saturating_sub(1)).collect();
        let left = 4 << random.below(6);
        let roots = 1 + random.below(3);
        let mut grower = Grower { random, left, limits };
        let depth = 1 + grower.random.below(6);
        Self { sizes, roots: (0..roots).map(|_| grower.plan(depth)).collect() }
    }

    fn world(&self) -> Arc<World> {
        let limits: Vec<_> = self.sizes.iter().map(|size| Limit::new(*size)).collect();
        Arc::new(World {
            at_work: limits.iter().map(|_| AtomicUsize::new(0)).collect(),
            limits,
            exceeded: AtomicBool::new(false),
            left: AtomicUsize::new(MOST_WORK),
            events: Mutex::default(),
            spawned: Mutex::default(),
        })
    }

    /// Runs it in an order of its own; says what is wrong.
    fn check(&self, seed: u64) -> Result<(), &'static str> {
        self.check_with(seed, MOST_WORK)
    }

    fn check_with(&self, seed: u64, most: usize) -> Result<(), &'static str> {
        let mut random = Random(!seed);
        let world = self.world();
        world.left.store(most, Ordering::Relaxed);
        let place = Place { world: world.clone(), gates: Vec::new(), spawned: false };
        let mut tasks: Vec<_> =
            self.roots.iter().map(|plan| Task::new(in_run(place.stream(plan).for_each(|()| async {})))).collect();
        let drops = if random.one_in(3) { 1 + random.below(100) } else { 0 };
        let spurious = if random.one_in(4) { 1 + random.below(20) } else { 0 };
        let eager = 1 + random.below(8);
        for _ in 0..RESTLESS {
            tasks.append(&mut world.spawned.lock().unwrap());
            if tasks.is_empty() {
                break;
            }
            if drops > 0 && random.one_in(drops) {
                drop(tasks.swap_remove(random.below(tasks.len())));
                continue;
            }
            let mut woken: Vec<_> =
                (0..tasks.len()).filter(|index| tasks[*index].flag.woken.load(Ordering::Relaxed)).collect();
            if spurious > 0 && random.one_in(spurious) {
                woken.push(random.below(tasks.len()));
            }
            let happens = {
                let mut events = world.events.lock().unwrap();
                let happens = !events.is_empty() && (woken.is_empty() || random.one_in(eager));
                happens.then(|| {
                    let index = random.below(events.len());
                    events.swap_remove(index)
                })
            };
            if let Some(event) = happens {
                event.happens();
                continue;
            }
            if woken.is_empty() {
                return Err("it hangs");
            }
            let index = woken[random.below(woken.len())];
            let task = &mut tasks[index];
            task.flag.woken.store(false, Ordering::Relaxed);
            let done = task.flag.aborted.load(Ordering::Relaxed) || {
                let waker = futures::task::waker(task.flag.clone());
                task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            };
            if done {
                drop(tasks.swap_remove(index));
            }
            if world.exceeded.load(Ordering::Relaxed) {
                return Err("a limit is exceeded");
            }
        }
        if !tasks.is_empty() {
            return Err("it never rests");
        }
        if !world.is_unused() {
            return Err("something is left");
        }
        Ok(())
    }

    fn smallest(mut self, mut seed: u64, what: &str) -> (Self, u64) {
        'smaller: loop {
            let sizes = self.sizes.iter().enumerate().filter(|(_, size)| **size > 1).map(|(index, size)| {
                let mut sizes = self.sizes.clone();
                sizes[index] = size - 1;
                Self { sizes, roots: self.roots.clone() }
            });
            let roots = self.roots.smaller().into_iter().map(|roots| Self { sizes: self.sizes.clone(), roots });
            for case in roots.chain(sizes) {
                let fails = std::iter::once(seed).chain(0..300).find(|seed| case.check(*seed) == Err(what));
                if let Some(fails) = fails {
                    (self, seed) = (case, fails);
                    continue 'smaller;
                }
            }
            return (self, seed);
        }
    }
}

/// What one tree in a million found, as small as it can be: each of many orders.
#[test]
fn trees_that_failed_once() {
    use Plan::*;
    use Way::*;

    let read = |input: Plan, way, work| Read { input: Box::new(input), by: Reader { way, work } };
    let opens = |input: Plan, way, work| Opens { input: Box::new(input), by: Reader { way, work } };
    let tee = |input: Plan, by| Tee { input: Box::new(input), by };
    let by = |way, work| Reader { way, work };
    let call = |limits, waits| Call { limits, waits };
    let model = |limits, chunks| Model { limits, chunks, waits: 0 };
    let trees = [
        // Two who needed permits of two limits took turns: the nearer was preferred to the older.
        tee(
            read(
                tee(call(0, 0), vec![by(Each, vec![call(2, 2)]), by(Each, vec![model(1, 3)])]),
                Each,
                vec![model(3, 0)],
            ),
            vec![
                by(Each, vec![call(3, 1), read(model(0, 2), Ahead(1), vec![model(3, 0)])]),
                by(Ahead(1), vec![model(1, 0)]),
            ],
        ),
        // A stream waited for the return of its permit, and what it read from kept another.
        read(
            read(model(1, 1), Each, vec![model(2, 2)]),
            Ahead(1),
            vec![read(model(2, 1), Each, vec![Beside(vec![model(1, 0), call(0, 1)])])],
        ),
        // Two whose readers each waited for what the other had, before they left off reading.
        Beside(vec![
            read(Beside(vec![call(1, 1), call(0, 0)]), LooksIn, vec![call(2, 0)]),
            read(call(2, 1), LooksIn, vec![model(1, 0)]),
        ]),
        // A permit came back to a stream while who read from that waited for another.
        tee(
            read(model(2, 2), Each, vec![call(1, 0)]),
            vec![
                by(Each, vec![]),
                by(
                    Each,
                    vec![tee(
                        read(
                            tee(
                                model(2, 1),
                                vec![
                                    by(LooksIn, vec![Model { limits: 1, chunks: 2, waits: 0b1 }]),
                                    by(Each, vec![call(2, 1)]),
                                ],
                            ),
                            Each,
                            vec![call(0, 1), Model { limits: 2, chunks: 3, waits: 0b1000 }],
                        ),
                        vec![by(Each, vec![call(3, 0)]), by(Whole, vec![])],
                    )],
                ),
            ],
        ),
        // One that was opened in an opened stream had news and was not read, and so had what it was read beside.
        Zipped(vec![
            Beside(vec![
                read(call(0, 1), KeepsAfter(1), vec![opens(model(1, 0), LooksIn, vec![model(1, 0)])]),
                Zipped(vec![model(1, 1), read(call(1, 1), LeavesAfter(1), vec![call(1, 0)])]),
            ]),
            model(1, 0),
        ]),
        // Its reader had looked in, and did not wait for it.
        read(call(1, 1), LooksIn, vec![call(1, 0)]),
    ];
    for tree in trees {
        let case = Case { sizes: vec![1, 1], roots: vec![tree] };
        for seed in (0..100).chain([129_538]) {
            assert_eq!(case.check(seed), Ok(()), "order {seed}: {}", told(&case));
        }
    }
}

/// The same trees on threads, where what is to happen happens at any time. What is at work is not counted here: what
/// one thread sees of another is a moment old.
#[test]
fn random_trees_on_threads() {
    let seeds = from_environment("ANABRANCH_SEEDS").unwrap_or(SEEDS) / 20;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    for seed in 0..seeds {
        let case = Case::new(seed);
        let world = case.world();
        let place = Place { world: world.clone(), gates: Vec::new(), spawned: false };
        let mut random = Random(!seed);
        let streams = case.roots.iter().map(|plan| place.stream(plan));
        let mut tasks: Vec<_> = streams.map(|root| runtime.spawn(in_run(root.for_each(|()| async {})))).collect();
        let began = Instant::now();
        let mut drops = random.one_in(3).then(|| random.below(200));
        while !tasks.iter().all(JoinHandle::is_finished) {
            let more = std::mem::take(&mut *world.spawned.lock().unwrap());
            tasks.extend(more.into_iter().map(|Task { mut future, flag }| {
                runtime.spawn(poll_fn(move |cx| {
                    *flag.also.lock().unwrap() = Some(cx.waker().clone());
                    if flag.aborted.load(Ordering::Relaxed) { Poll::Ready(()) } else { future.as_mut().poll(cx) }
                }))
            }));
            let event = {
                let mut events = world.events.lock().unwrap();
                let index = random.below(events.len().max(1));
                (!events.is_empty()).then(|| events.swap_remove(index))
            };
            match event {
                Some(event) => event.happens(),
                None => std::thread::yield_now(),
            }
            drops = drops.and_then(|left| {
                if left == 0 {
                    tasks[random.below(case.roots.len())].abort();
                }
                left.checked_sub(1)
            });
            assert!(began.elapsed() < Duration::from_secs(60), "seed {seed} hangs on threads: {}", told(&case));
        }
        while !world.is_unused() {
            assert!(began.elapsed() < Duration::from_secs(60), "seed {seed}: something is left: {}", told(&case));
            std::thread::yield_now();
        }
    }
}

/// Ten times as many who wait, hold, lend and rest take about ten times as long.
#[test]
fn cost_is_linear() {
    fn model(limits: Mask) -> Plan {
        Plan::Model { limits, chunks: 2, waits: 0b111 }
    }
    fn read(input: Plan, ahead: usize, work: Vec<Plan>) -> Plan {
        Plan::Read { input: Box::new(input), by: Reader { way: Way::Ahead(ahead), work } }
    }
    fn opens(input: Plan, work: Vec<Plan>) -> Plan {
        Plan::Opens { input: Box::new(input), by: Reader { way: Way::Each, work } }
    }
    let plans: [fn(usize) -> Plan; 7] = [
        // Many streams and one reader that works on all their chunks at once.
        |n| read(Plan::Beside(vec![model(1); n]), n, vec![Plan::Call { limits: 1, waits: 1 }]),
        |n| read(Plan::Beside(vec![model(1); n]), n, vec![Plan::Call { limits: 2, waits: 1 }]),
        // Many streams and their readers side by side.
        |n| Plan::Beside(vec![read(model(1), 1, vec![model(1)]); n]),
        |n| read(Plan::Beside(vec![read(model(1), 0, vec![model(2)]); n]), 0, vec![model(3)]),
        // The same, opened.
        |n| Plan::Beside(vec![opens(model(1), vec![model(1)]); n]),
        |n| opens(Plan::Beside(vec![opens(model(1), vec![model(2)]); n]), vec![model(3)]),
        |n| Plan::Beside(vec![Plan::Zipped(vec![model(1), model(2)]); n]),
    ];
    for (index, plan) in plans.into_iter().enumerate() {
        for sizes in [vec![1, 1], vec![16, 16]] {
            // As much work in ten parts and as a whole.
            let took = [(10, 100), (1, 1_000)].map(|(times, n)| {
                let case = Case { sizes: sizes.clone(), roots: vec![plan(n)] };
                let began = worked();
                for _ in 0..times {
                    assert_eq!(case.check_with(1, usize::MAX), Ok(()), "{index} {sizes:?} {n}");
                }
                worked() - began
            });
            if std::env::var_os("ANABRANCH_LOUD").is_some() {
                eprintln!("{index} {sizes:?}: {took:?}");
            }
            assert!(took[1] < 5 * took[0] + Duration::from_millis(20), "{index} {sizes:?}: {took:?}");
        }
    }
}

/// How long this thread has had a processor: others on the machine do not count. Nothing where that is not known.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or(Duration::ZERO, Duration::from_nanos)
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn told(case: &impl Debug) -> String {
    format!("{case:?}")
}

#[test]
fn random_trees() {
    let first = from_environment("ANABRANCH_SEED").unwrap_or(0);
    let seeds = from_environment("ANABRANCH_SEEDS").unwrap_or(SEEDS);
    for seed in first..first + seeds {
        let case = Case::new(seed);
        if let Err(what) = case.check(seed) {
            let (smallest, with) = case.clone().smallest(seed, what);
            panic!("seed {seed}: {what}: {}\nas small as it can be, with {with}: {}", told(&case), told(&smallest));
        }
    }
}
