//! Chains out of every combinator, from a seed.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::*;
use serde_json::Value;

use crate::joint::Joint;
use crate::laws::other_input;
use crate::nesting::{Nesting, joined};
use crate::random::{Random, fold};
use crate::world::{Limit, World};

mod checked;
mod choices;
mod fan_outs;
mod grows;
mod leaves;
mod text;
mod witnesses;
mod wrappers;

pub use grows::Grows;
pub use text::Text;

/// A step, and how it was made.
pub type Grown<I, O> = (BoxRunnable<I, O>, Text);

/// What is known of a chain that was grown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// Nothing in it depends on who is quicker: time-outs are far away, all ways to an answer give the same, and one
    /// leaf fails at most.
    pub calm: bool,
    /// How many of its leaves may fail.
    pub failing: u32,
    /// One of them fails for each of several elements, and any of these may be the first.
    pub fails_for_several: bool,
    /// There are threads in it, which take turns as they like.
    pub threads: bool,
    /// There are tasks of their own in it.
    pub tasks: bool,
    /// A leaf hangs, and nothing around it has a limit of time.
    pub hangs: bool,
    /// Something in it cannot work: a key that is not there, a choice between nothing.
    pub misuse: bool,
    /// So it cannot but be refused.
    pub refused: bool,
    /// A part of it that need not run, or may fail, cannot work.
    pub warned: bool,
    /// Who takes a permit may have to wait for it.
    pub limited: bool,
    /// A rate limiter may make somebody wait.
    pub paced: bool,
    /// A step takes permits for chunks. A call behind it rests meanwhile, and does not know: it counts itself as at work.
    pub lends: bool,
    /// A leaf never rests while the clock goes on, so steps may be done, and too late.
    pub endless: bool,
}

/// The chain of a case: they end in different types.
pub enum Root {
    Json(BoxRunnable<Value, Value>),
    Text(BoxRunnable<Value, String>),
    List(BoxRunnable<Value, Vec<Value>>),
    Outcome(BoxRunnable<Value, Outcome>),
    Router(RunnableRouter<Value, Value>),
}

pub struct Case {
    pub root: Root,
    pub config: RunConfig,
    pub text: Text,
    pub facts: Facts,
}

/// What holds around the step that is grown.
#[derive(Clone, Default)]
struct Place {
    /// A limit of time ends whatever is in here.
    timed: bool,
    /// It ends even what always has something ready, and soon.
    tight: bool,
    /// Somebody turns a panic into an error.
    caught: bool,
    /// Nothing in here fails.
    steady: bool,
    /// It need not run, or may fail, and the chain works.
    spared: bool,
    /// It is not seen before the chain runs.
    hidden: bool,
    limits: Vec<Arc<Limit>>,
}

/// A part that need not run, or may fail.
fn spared(place: &mut Place) {
    place.spared = true;
}

/// A part that is not seen before the chain runs.
fn hidden(place: &mut Place) {
    (place.spared, place.hidden) = (true, true);
}

pub struct Grower {
    random: Random,
    world: Arc<World>,
    /// How all sequences nest, whatever the seed says.
    nesting: Option<Nesting>,
    /// Makes the times of a step different from those of its twins.
    twin: u64,
    next_id: u32,
    size: u32,
    may_fail: u32,
    facts: Facts,
    place: Place,
    /// What was made for a part of the chain may be used for another, too.
    configs: Vec<Bound>,
}

/// A configuration that a part of a chain brings along.
#[derive(Clone)]
struct Bound {
    config: RunConfig,
    text: String,
    timed: bool,
    limit: Option<Arc<Limit>>,
}

/// No chain has more steps than about this.
const LARGEST: u32 = 40;
/// Longer than any run.
const FAR: Duration = Duration::from_secs(1_000_000);

const MILLI: Duration = Duration::from_millis(1);

impl Grower {
    /// The chain of a seed.
    pub fn case(seed: u64, world: &Arc<World>, nesting: Option<Nesting>) -> Case {
        let mut random = Random::new(seed);
        let calm = random.below(3) == 0;
        let may_fail = if calm { random.below(2) as u32 } else { u32::MAX };
        let mut grower = Self {
            random,
            world: world.clone(),
            nesting,
            twin: 0,
            next_id: 0,
            size: 0,
            may_fail,
            facts: Facts { calm, ..Facts::default() },
            place: Place::default(),
            configs: Vec::new(),
        };
        let (config, head) = grower.config("run", 3);
        let depth = 1 + seed as u32 % 6;
        let (root, inside) = grower.root(depth);
        let calm = if calm { "calm" } else { "wild" };
        Case { root, config, text: Text(format!("{calm} {head}"), vec![inside]), facts: grower.facts }
    }

    fn root(&mut self, depth: u32) -> (Root, Text) {
        match self.random.below(10) {
            9 => {
                let panics = (self.random.one_in(2) && self.fails()).then(other_input);
                let (router, text) = self.router_for::<Value>(depth, panics);
                (Root::Router(router), text)
            }
            0 => {
                let (step, text) = self.settled::<Value>(depth);
                (Root::Outcome(step.boxed()), text)
            }
            1 => {
                let (step, text) = self.each::<Value>(depth);
                (Root::List(step), text)
            }
            2 => {
                let (step, text) = self.text_step(depth);
                (Root::Text(step), text)
            }
            _ => {
                let (step, text) = self.step::<Value>(depth);
                (Root::Json(step), text)
            }
        }
    }

    /// A configuration with a limit or a time-out, or neither, that holds for what is grown next.
    fn config(&mut self, name: &str, often: u64) -> (RunConfig, String) {
        let bound = match self.configs.len() as u64 {
            known if known > 0 && self.random.one_in(2) => self.configs[self.random.below(known) as usize].clone(),
            known => {
                let bound = self.new_config(&format!("{name} {known}"), often);
                self.configs.push(bound.clone());
                bound
            }
        };
        self.place.timed |= bound.timed;
        self.place.tight |= bound.timed;
        let limits = &mut self.place.limits;
        limits.extend(bound.limit.filter(|limit| !limits.iter().any(|there| Arc::ptr_eq(there, limit))));
        (bound.config, bound.text)
    }

    fn new_config(&mut self, name: &str, often: u64) -> Bound {
        let mut bound = Bound { config: RunConfig::new(), text: format!("config {name}"), timed: false, limit: None };
        if self.random.below(often) > 0 {
            // So many that nobody ever waits, or a few.
            let size = if self.random.one_in(6) { 100_000 } else { 1 + self.random.below(4) as usize };
            self.facts.limited |= size < 100_000;
            bound.config = bound.config.max_concurrency(size);
            bound.text += &format!(", {size} at once");
            bound.limit = Some(self.world.limit(bound.config.clone(), size));
        }
        match self.random.below(4) {
            0 if !self.facts.calm => {
                let millis = 1 + self.random.below(100);
                bound.config = bound.config.timeout(Duration::from_millis(millis));
                bound.text += &format!(", {millis} ms");
                bound.timed = true;
            }
            1 => {
                bound.config = bound.config.timeout(FAR);
                bound.text += ", far deadline";
            }
            _ => {}
        }
        if self.random.one_in(4) {
            bound.config = bound.config.tag(name);
        }
        bound
    }

    /// Grows something in a place of its own.
    fn inside<T>(&mut self, change: impl FnOnce(&mut Place), grow: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.place.clone();
        change(&mut self.place);
        let grown = grow(self);
        self.place = before;
        grown
    }

    /// What gives the same as its twins, in another time.
    fn twins<T>(&mut self, count: u64, mut grow: impl FnMut(&mut Self) -> T) -> Vec<T> {
        if !self.facts.calm {
            return (0..count).map(|_| grow(self)).collect();
        }
        let (random, next_id, size, twin) = (self.random.clone(), self.next_id, self.size, self.twin);
        let configs = self.configs.len();
        let mut all = Vec::new();
        for index in 0..count {
            self.random = random.clone();
            self.configs.truncate(configs);
            self.next_id = next_id;
            self.size = size;
            self.twin = twin.wrapping_mul(31).wrapping_add(index);
            all.push(self.inside(|place| place.steady = true, &mut grow));
        }
        self.size += (self.size - size) * (count.max(1) as u32 - 1);
        self.twin = twin;
        all
    }

    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.size += 1;
        self.next_id
    }

    fn millis(&mut self, below: u64) -> u64 {
        (self.random.next() ^ self.twin) % below
    }

    /// Any step from a type to the same.
    pub fn step<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if depth == 0 || self.size > LARGEST {
            return match self.random.below(12) {
                0 => (passthrough::<T>().boxed(), Text::line("passthrough")),
                1 => self.map(),
                2 if self.random.one_in(2) => self.map(),
                2 => self.each_chunk(),
                3 if self.random.one_in(3) => self.thread(),
                _ => self.leaf(),
            };
        }
        self.size += 1;
        let depth = depth - 1;
        match self.random.below(35) {
            0..5 => self.sequence(depth),
            5 => T::through_the_other(self, depth),
            6..9 => T::fan_out(self, depth),
            9 | 10 => {
                let (step, text) = self.settled::<T>(depth);
                self.outcome(step, text, depth)
            }
            11 => {
                let (step, text) = self.each::<T>(depth);
                let back = lambda(async |all: Vec<T>| Ok(T::make(fold(all.iter().map(Joint::digest)), 1)));
                (step.pipe(back).boxed(), text)
            }
            12 => self.tuple(depth),
            13 => self.race(depth),
            14 => self.quorum(depth),
            15 => self.branch(depth),
            16 => self.router(depth),
            17 => self.dynamic(depth),
            18 => self.around(depth),
            19 => self.result(depth),
            34 if self.random.one_in(4) && self.fails() => self.impossible(),
            34 => self.sequence(depth),
            32 if self.random.one_in(3) && self.place.limits.is_empty() && self.fails() => self.crowd(),
            32 | 33 if self.fails() => self.revived(),
            20 => {
                let (step, text) = self.step::<T>(depth);
                (step.with_name("named").boxed(), Text("with_name".into(), vec![text]))
            }
            21 => self.with_config(depth),
            22 => {
                let (step, text) = self.inside(|place| place.caught = true, |grower| grower.step::<T>(depth));
                self.facts.tasks = true;
                (step.spawned().boxed(), Text("spawned".into(), vec![text]))
            }
            23 | 24 => self.retry(depth),
            25 => self.fallback(depth),
            26 => self.timeout(depth),
            27 => self.idle_timeout(depth),
            28 => self.rate_limiter(depth),
            29 => self.hedge(depth),
            30 => self.breaker(depth),
            _ => {
                let (step, text) = self.step::<T>(depth);
                let step = match self.random.below(3) {
                    0 => BoxRunnable::new(step),
                    1 => Arc::new(step.with_name("in an Arc")).boxed(),
                    _ => Box::new(step.with_name("in a Box")).boxed(),
                };
                (step, Text("boxed".into(), vec![text]))
            }
        }
    }

    fn nesting(&mut self) -> Nesting {
        let by_chance = Nesting::random(&mut self.random);
        self.nesting.unwrap_or(by_chance)
    }

    fn sequence<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let nesting = self.nesting();
        let [(a, x), (b, y)] = match self.random.below(8) {
            0 => [self.limited_stream(), self.each_chunk()],
            _ => [self.step::<T>(depth), self.step(depth)],
        };
        let (c, z) = self.step(depth);
        (joined(a, b, c, nesting), Text("sequence".into(), vec![x, y, z]))
    }

    fn text_step(&mut self, depth: u32) -> Grown<Value, String> {
        let nesting = self.nesting();
        let (a, x) = self.step::<Value>(depth);
        let (b, y) = self.leaf::<Value, String>();
        let (c, z) = self.step::<String>(depth);
        (joined(a, b, c, nesting), Text("sequence".into(), vec![x, y, z]))
    }
}
