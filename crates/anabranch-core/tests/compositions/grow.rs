//! Chains out of every combinator, from a seed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anabranch_core::combinators::SettledParallel;
use anabranch_core::*;
use serde_json::Value;

use crate::joint::Joint;
use crate::nesting::{Nesting, joined};
use crate::own::{Around, Own, Probe};
use crate::random::{Random, fold};
use crate::script::{Failure, Leaf, Plan};
use crate::world::{Limit, World};

/// A step, and how it was made.
pub type Grown<I, O> = (BoxRunnable<I, O>, Text);

/// A chain as one can read it: a line, and what is inside.
#[derive(Clone)]
pub struct Text(String, Vec<Text>);

impl Text {
    fn line(line: impl Into<String>) -> Self {
        Self(line.into(), Vec::new())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        writeln!(f, "{:depth$}{}", "", self.0, depth = 2 * depth)?;
        self.1.iter().try_for_each(|inside| inside.write(f, depth + 1))
    }

    pub fn lines(&self) -> usize {
        1 + self.1.iter().map(Self::lines).sum::<usize>()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// What is known of a chain that was grown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// Nothing in it depends on who is quicker: time-outs are far away, all ways to an answer give the same, and one
    /// leaf fails at most.
    pub calm: bool,
    /// How many of its leaves may fail.
    pub failing: u32,
    /// There are threads in it, which take turns as they like.
    pub threads: bool,
    /// There are tasks of their own in it.
    pub tasks: bool,
    /// A leaf hangs, and nothing around it has a limit of time.
    pub hangs: bool,
    /// Something in it cannot work: a key that is not there, a choice between nothing.
    pub misuse: bool,
}

/// The chain of a case: they end in different types.
pub enum Root {
    Json(BoxRunnable<Value, Value>),
    Text(BoxRunnable<Value, String>),
    List(BoxRunnable<Value, Vec<Value>>),
    Outcome(BoxRunnable<Value, Outcome>),
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
    limits: Vec<Arc<Limit>>,
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
        };
        let (config, head) = grower.config("run", 3);
        let depth = 1 + seed as u32 % 6;
        let (root, inside) = grower.root(depth);
        let calm = if calm { "calm" } else { "wild" };
        Case { root, config, text: Text(format!("{calm} {head}"), vec![inside]), facts: grower.facts }
    }

    fn root(&mut self, depth: u32) -> (Root, Text) {
        match self.random.below(8) {
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

    /// A configuration with a limit or a time-out, or neither; both hold for what is grown next.
    fn config(&mut self, name: &str, often: u64) -> (RunConfig, String) {
        let mut config = RunConfig::new();
        let mut text = format!("config {name}");
        if self.random.below(often) > 0 {
            let size = 1 + self.random.below(4) as usize;
            config = config.max_concurrency(size);
            text += &format!(", {size} at once");
            let limit = self.world.limit(config.clone(), size);
            self.place.limits.push(limit);
        }
        match self.random.below(4) {
            0 if !self.facts.calm => {
                let millis = 1 + self.random.below(100);
                config = config.timeout(Duration::from_millis(millis));
                text += &format!(", {millis} ms");
                (self.place.timed, self.place.tight) = (true, true);
            }
            1 => {
                config = config.timeout(FAR);
                text += ", far deadline";
            }
            _ => {}
        }
        if self.random.one_in(4) {
            config = config.tag(name);
        }
        (config, text)
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
        let mut all = Vec::new();
        for index in 0..count {
            self.random = random.clone();
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

    // ---------------------------------------------------------------------------------------------------------------
    // Leaves

    fn failure(&mut self) -> Failure {
        let kind = self.random.pick(&[
            ErrorKind::Server,
            ErrorKind::Server,
            ErrorKind::Overloaded,
            ErrorKind::RateLimited,
            ErrorKind::NotFound,
            ErrorKind::InvalidInput,
        ]);
        let retry_after = (kind == ErrorKind::RateLimited).then_some(5);
        Failure { kind, retry_after }
    }

    /// Whether a leaf may fail here; then it counts as one that does.
    fn fails(&mut self) -> bool {
        let fails = !self.place.steady && self.may_fail > 0;
        if fails {
            self.may_fail = self.may_fail.saturating_sub(u32::from(self.facts.calm));
            self.facts.failing += 1;
        }
        fails
    }

    fn plan(&mut self) -> Plan {
        let roll = self.random.below(100);
        let pieces = self.random.below(4) as usize;
        let every = self.millis(6);
        let after = self.millis(20);
        let failure = self.failure();
        let steady = if roll % 2 == 0 { Plan::Gives { after } } else { Plan::Streams { pieces: pieces + 1, every } };
        let wild = !self.facts.calm;
        match roll {
            60..65 => Plan::Nothing { after, fails: false },
            65 if self.fails() => Plan::Nothing { after, fails: true },
            66..74 if self.fails() => Plan::Fails { after, failure },
            74..79 if wild && self.fails() => Plan::FailsMidway { pieces, every, failure },
            79..86 if self.fails() => Plan::FailsOnce { pieces: if wild { pieces } else { 0 }, every, failure },
            86..90 if wild && self.place.timed => Plan::Hangs { pieces },
            90 if wild && self.random.one_in(4) => {
                self.facts.hangs |= !self.place.timed;
                Plan::Hangs { pieces }
            }
            91 | 92 if self.place.caught && self.fails() => Plan::Panics { pieces: if wild { pieces } else { 0 } },
            93 if self.place.caught && self.fails() => Plan::PanicsAtOnce,
            94 if wild && self.place.caught && self.fails() => Plan::PanicsInItsLaw,
            95..97 => Plan::Blocks { after },
            97 => Plan::AlwaysReady { pieces: 200 },
            98..100 if wild && self.place.tight => Plan::Endless,
            _ => steady,
        }
    }

    fn leaf<I: Joint, O: Joint>(&mut self) -> Grown<I, O> {
        let plan = self.plan();
        let id = self.id();
        let limited = !self.place.limits.is_empty() && self.random.below(3) > 0;
        let form = self.random.below(8);
        let leaf = |permits: bool| {
            let permits = permits.then(|| self.place.limits.clone());
            Leaf::<I, O> { id, plan, world: self.world.clone(), permits, types: std::marker::PhantomData }
        };
        let name = format!("leaf {id}");
        let (step, form) = match form {
            0..2 => {
                let leaf = Arc::new(leaf(limited));
                let function = lambda(move |input: I| {
                    leaf.panics_at_once();
                    let leaf = leaf.clone();
                    async move { leaf.whole(&input).await }
                });
                let function = if limited { function.limited() } else { function };
                (function.with_name(name).boxed(), "lambda")
            }
            2 => {
                let leaf = leaf(false);
                let function = lambda_with_state(leaf, async |leaf, input: I| leaf.whole(&input).await);
                (function.with_name(name).boxed(), "lambda_with_state")
            }
            3 => {
                let leaf = Arc::new(leaf(false));
                let function = lambda_with(move |input: I, _| {
                    leaf.panics_at_once();
                    let leaf = leaf.clone();
                    async move { leaf.whole(&input).await }
                });
                (function.with_name(name).boxed(), "lambda_with")
            }
            4..6 => {
                let leaf = Arc::new(leaf(false));
                (generator(move |input: Chunks<'_, I>| leaf.chunks(input)).with_name(name).boxed(), "generator")
            }
            _ => (leaf(limited).boxed(), "own"),
        };
        let limited = if limited && matches!(form, "lambda" | "own") { ", limited" } else { "" };
        (step, Text::line(format!("leaf {id}: {} to {} by {form}{limited}: {plan:?}", I::NAME, O::NAME)))
    }

    /// A function on a thread of its own.
    fn thread<T: Joint>(&mut self) -> Grown<T, T> {
        let id = self.id();
        let failure = Some(self.failure()).filter(|_| self.random.one_in(4) && self.fails());
        self.facts.threads = true;
        let (world, limits) = (self.world.clone(), self.place.limits.clone());
        let step = blocking(move |input: T| {
            let _working = world.enter(id, &limits);
            std::thread::sleep(Duration::from_micros(20));
            match failure {
                Some(failure) => Err(failure.error()),
                None => Ok(T::make(fold([input.digest(), u64::from(id)]), id)),
            }
        });
        (step.with_name(format!("leaf {id}")).boxed(), Text::line(format!("leaf {id}: blocking, fails: {failure:?}")))
    }

    /// A generator that hands on chunk by chunk.
    fn map<T: Joint>(&mut self) -> Grown<T, T> {
        let id = self.id();
        let way = self.random.below(6);
        let step = generator(move |chunks: Chunks<'_, T>| T::map(way, chunks)).with_name(format!("leaf {id}"));
        (step.boxed(), Text::line(format!("leaf {id}: generator, chunk by chunk, way {way}")))
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Steps

    /// Any step from a type to the same.
    pub fn step<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if depth == 0 || self.size > LARGEST {
            return match self.random.below(12) {
                0 => (passthrough::<T>().boxed(), Text::line("passthrough")),
                1 | 2 => self.map(),
                3 if self.random.one_in(3) => self.thread(),
                _ => self.leaf(),
            };
        }
        self.size += 1;
        let depth = depth - 1;
        match self.random.below(32) {
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
        let [(a, x), (b, y), (c, z)] = [self.step::<T>(depth), self.step(depth), self.step(depth)];
        (joined(a, b, c, nesting), Text("sequence".into(), vec![x, y, z]))
    }

    fn text_step(&mut self, depth: u32) -> Grown<Value, String> {
        let nesting = self.nesting();
        let (a, x) = self.step::<Value>(depth);
        let (b, y) = self.leaf::<Value, String>();
        let (c, z) = self.step::<String>(depth);
        (joined(a, b, c, nesting), Text("sequence".into(), vec![x, y, z]))
    }

    /// A parallel, and what adds to and takes from its object.
    fn object<T: Grows>(&mut self, depth: u32) -> Grown<T, Value> {
        let (parallel, text) = self.parallel::<T>(depth);
        let mut step = parallel.boxed();
        let mut texts = vec![text];
        if self.random.one_in(3) {
            let (added, text) = self.parallel::<Value>(depth);
            texts.push(Text("assign".into(), vec![text]));
            step = step.assign(added).boxed();
        }
        if self.random.one_in(3) && !self.place.steady {
            let key = self.random.pick(&["k0", "k0", "k1", "k7"]);
            let one = self.random.one_in(2);
            texts.push(Text::line(format!("pick {key}, {}", if one { "its value" } else { "as an object" })));
            step = if one { step.pick(key).boxed() } else { step.pick([key]).boxed() };
            // It may be there and may be not, and what follows may want an object.
            self.facts.misuse = true;
            self.facts.failing += 2;
        }
        (step, Text("object".into(), texts))
    }

    fn parallel<T: Grows>(&mut self, depth: u32) -> (RunnableParallel<T>, Text) {
        let count = self.random.below(4);
        let mut texts = Vec::new();
        let mut parallel = RunnableParallel::<T>::new();
        for index in 0..count {
            let key = format!("k{index}");
            let text = self.inside(
                |place| place.caught = true,
                |grower| match grower.random.below(4) {
                    0 => {
                        let (step, text) = grower.leaf::<T, String>();
                        parallel = std::mem::take(&mut parallel).branch(&key, step);
                        text
                    }
                    _ => {
                        let (step, text) = grower.step::<T>(depth);
                        parallel = std::mem::take(&mut parallel).branch(&key, step);
                        text
                    }
                },
            );
            texts.push(Text(key, vec![text]));
        }
        let mut text = "parallel".to_string();
        if self.random.one_in(4) {
            let most = 1 + self.random.below(2) as usize;
            parallel = parallel.max_concurrency(most);
            text += &format!(", {most} at once");
        }
        (parallel, Text(text, texts))
    }

    fn settled<T: Grows>(&mut self, depth: u32) -> (SettledParallel<T>, Text) {
        let (parallel, text) = self.parallel::<T>(depth);
        let branches = parallel.keys().len();
        let mut needed = self.random.below(1 + branches as u64) as usize;
        if self.random.one_in(40) && !self.place.steady && self.fails() {
            self.facts.misuse = true;
            needed = branches + 1;
        }
        let mut head = format!("at least {needed}");
        let mut settled = if needed == 0 { parallel.settled() } else { parallel.at_least(needed) };
        if self.random.one_in(2) {
            let calm = self.facts.calm;
            let grace = if calm { FAR } else { MILLI * self.random.below(20) as u32 };
            settled = settled.grace(grace);
            head += &format!(", grace {grace:?}");
        }
        if branches > 0 && self.random.one_in(4) {
            settled = settled.require(["k0"]);
            head += ", k0 required";
        }
        (settled, Text(head, vec![text]))
    }

    /// What follows on an outcome.
    fn outcome<T: Grows>(&mut self, step: SettledParallel<T>, text: Text, depth: u32) -> Grown<T, T> {
        if self.random.one_in(2) {
            // The conversion of an outcome is the object of the successes.
            let (next, then) = self.step::<Value>(depth);
            let (step, last) = T::from_json(self, step.pipe(next).boxed());
            return (step, Text("sequence".into(), vec![text, then, last]));
        }
        let step = step.pipe(async |outcome: Outcome| Ok(T::make(fold(outcome.iter().map(digest)), 1)));
        (step.boxed(), text)
    }

    fn each<T: Grows>(&mut self, depth: u32) -> Grown<T, Vec<T>> {
        let elements = self.random.below(4);
        let (step, text) = self.inside(|place| place.caught = true, |grower| grower.step::<T>(depth));
        let mut each = step.each();
        let mut head = format!("each of {elements}");
        if self.random.one_in(3) {
            each = each.max_concurrency(1);
            head += ", 1 at once";
        }
        let list = lambda(move |input: T| async move {
            Ok((0..elements).map(|n| T::make(fold([input.digest(), n]), 1)).collect::<Vec<T>>())
        });
        (list.pipe(each).boxed(), Text(head, vec![text]))
    }

    fn tuple<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let steps = self.inside(
            |place| place.caught = true,
            |grower| (grower.step::<T>(depth), grower.leaf::<T, String>(), grower.step::<T>(depth)),
        );
        let ((a, x), (b, y), (c, z)) = steps;
        if self.random.one_in(2) {
            let back = async |(a, b): (T, String)| Ok(T::make(fold([a.digest(), b.digest()]), 1));
            return ((a, b).pipe(back).boxed(), Text("tuple".into(), vec![x, y]));
        }
        let back = async |(a, b, c): (T, String, T)| Ok(T::make(fold([a.digest(), b.digest(), c.digest()]), 2));
        ((a, b, c).pipe(back).boxed(), Text("tuple".into(), vec![x, y, z]))
    }

    fn race<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let mut count = 1 + self.random.below(3);
        if self.random.one_in(40) && self.fails() {
            self.facts.misuse = true;
            count = 0;
        }
        let first_success_wins = self.random.one_in(2);
        let ways =
            self.inside(|place| place.caught = true, |grower| grower.twins(count, |grower| grower.step::<T>(depth)));
        let (mut ways, mut texts): (Vec<_>, Vec<_>) = ways.into_iter().unzip();
        if self.facts.calm && first_success_wins && self.random.one_in(2) && count > 0 {
            // One that always fails makes no difference.
            let after = self.millis(10);
            let world = self.world.clone();
            ways.push(
                lambda(move |_: T| {
                    let working = world.enter(0, &[]);
                    async move {
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        drop(working);
                        Err(Error::other("no luck"))
                    }
                })
                .boxed(),
            );
            texts.push(Text::line(format!("fails after {after} ms")));
        }
        if self.facts.calm {
            let probed = ways.into_iter().map(|way| Probe::new(way, &self.world).boxed()).collect();
            ways = probed;
        }
        match first_success_wins {
            true => (first_success(ways).boxed(), Text("first_success".into(), texts)),
            false => (race(ways).boxed(), Text("race".into(), texts)),
        }
    }

    fn quorum<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let count = 1 + self.random.below(3);
        let needed = if self.facts.calm { 1 } else { 1 + self.random.below(count) as usize };
        let voters =
            self.inside(|place| place.caught = true, |grower| grower.twins(count, |grower| grower.step::<T>(depth)));
        let (mut voters, texts): (Vec<_>, Vec<_>) = voters.into_iter().unzip();
        // Or nothing would ever be decided.
        if !self.facts.calm && voters.len() > 1 && self.random.below(3) > 0 {
            voters[1] = voters[0].clone();
        }
        let quorum = quorum(needed, voters).pipe(async |vote: Vote<T>| Ok(vote.answer));
        (quorum.boxed(), Text(format!("quorum of {needed}"), texts))
    }

    fn branch<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y), (c, z)] = [self.step::<T>(depth), self.step(depth), self.step(depth)];
        let (ask, asked) = self.leaf::<T, T>();
        let ask = ask.pipe(async |answer: T| Ok(answer.digest() % 2 == 0));
        let branch = if self.random.one_in(2) {
            RunnableBranch::when(|input: &T| input.digest() % 3 == 0, a).or_when_runnable(ask, b).otherwise(c)
        } else {
            RunnableBranch::when_runnable(ask, a).or_when(|input: &T| input.digest() % 2 == 0, b).otherwise(c)
        };
        (branch.boxed(), Text("branch".into(), vec![asked, x, y, z]))
    }

    fn router<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y)] = [self.step::<T>(depth), self.step(depth)];
        let mut router =
            RunnableRouter::by(|input: &T| format!("r{}", input.digest() % 3)).route("r0", a).route("r1", b);
        let mut texts = vec![x, y];
        // Else one of three keys has no route.
        if self.place.steady || !self.random.one_in(4) || !self.fails() {
            let (c, z) = self.step::<T>(depth);
            router = router.route("r2", c);
            texts.push(z);
        }
        (router.boxed(), Text("router".into(), texts))
    }

    fn dynamic<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y)] = [self.step::<T>(depth), self.step(depth)];
        let after = self.millis(4);
        let step = dynamic(move |input: T| {
            let chain = if input.digest() % 2 == 0 { a.clone() } else { b.clone() };
            async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Ok(chain)
            }
        });
        (step.boxed(), Text(format!("dynamic after {after} ms"), vec![x, y]))
    }

    /// Steps of a user's own around another.
    fn around<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        match self.random.below(3) {
            0 => {
                let function = lambda_with(move |input: T, config: RunConfig| {
                    let step = step.clone();
                    async move { config.run(&step, input).await }
                });
                (function.boxed(), Text("lambda_with, run".into(), vec![text]))
            }
            1 => {
                let function = lambda_with(move |input: T, config: RunConfig| {
                    let step = step.clone();
                    async move { config.stream(&step, Chunks::once(input)).collect().await }
                });
                (function.boxed(), Text("lambda_with, collect".into(), vec![text]))
            }
            _ => {
                let around = self.random.pick(&[Around::Named, Around::Unnamed]);
                (Own { step, around }.boxed(), Text("own".into(), vec![text]))
            }
        }
    }

    fn result<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.inside(|place| place.caught = true, |grower| grower.step::<T>(depth));
        let step = match self.random.one_in(2) {
            true => step.result().pipe(async |done: Result<T>| done).boxed(),
            false => {
                let value =
                    async |done: Result<T>| Ok(T::make(digest(("", &done.map(|value| value.digest().into()))), 1));
                step.result().pipe(value).boxed()
            }
        };
        (step, Text("result".into(), vec![text]))
    }

    fn with_config<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        self.inside(
            |_| {},
            |grower| {
                let (config, head) = grower.config("bound", 2);
                let (step, text) = grower.step::<T>(depth);
                (step.with_config(config).boxed(), Text(head, vec![text]))
            },
        )
    }

    // ---------------------------------------------------------------------------------------------------------------
    // Resilience

    /// A step that something around it replaces if it fails.
    fn replaceable<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        if self.facts.calm { (Probe::new(step, &self.world).boxed(), text) } else { (step, text) }
    }

    fn retry<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.replaceable::<T>(depth);
        let attempts = 1 + self.random.below(3) as usize;
        let mut retry = Retry::attempts(attempts).base(MILLI * 8).seed(7);
        if self.random.one_in(4) {
            retry = retry.retry_if(|_| true).even_if_exhausted();
        }
        if self.random.one_in(6) {
            retry = retry.budget(&RetryBudget::new().reserve(1).share(0.0).per_second(0.0));
        }
        (step.with_retry(retry).boxed(), Text(format!("retry, {attempts} attempts"), vec![text]))
    }

    fn fallback<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let ((a, x), (b, y)) = (self.replaceable::<T>(depth), self.replaceable::<T>(depth));
        let mut texts = vec![x, y];
        let mut step = a.with_fallback(b);
        if self.random.one_in(3) {
            let (c, z) = self.replaceable::<T>(depth);
            step = step.with_fallback(c);
            texts.push(z);
        }
        if self.random.one_in(4) {
            step = step.fallback_if(|_| true);
        }
        (step.boxed(), Text("fallback".into(), texts))
    }

    fn timeout<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if self.facts.calm || self.random.one_in(3) {
            let (step, text) = self.step::<T>(depth);
            return (step.with_timeout(FAR).boxed(), Text("timeout, far away".into(), vec![text]));
        }
        let millis = 1 + self.random.below(40);
        let (step, text) =
            self.inside(|place| (place.timed, place.tight) = (true, true), |grower| grower.step::<T>(depth));
        (step.with_timeout(Duration::from_millis(millis)).boxed(), Text(format!("timeout, {millis} ms"), vec![text]))
    }

    fn idle_timeout<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if self.facts.calm || self.random.one_in(3) {
            let (step, text) = self.step::<T>(depth);
            return (step.with_idle_timeout(FAR).boxed(), Text("idle timeout, far away".into(), vec![text]));
        }
        let millis = 1 + self.random.below(20);
        let (step, text) = self.inside(|place| place.timed = true, |grower| grower.step::<T>(depth));
        let step = step.with_idle_timeout(Duration::from_millis(millis));
        (step.boxed(), Text(format!("idle timeout, {millis} ms"), vec![text]))
    }

    fn rate_limiter<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        let limiter = TokenBucket::new().requests(1, 4 * MILLI);
        let step = step.with_rate_limiter(limiter.units(10, 10 * MILLI));
        let step = if self.random.one_in(3) { step.cost(|input| Cost::units(input.digest() % 15)) } else { step };
        (step.boxed(), Text("rate limiter".into(), vec![text]))
    }

    fn hedge<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let calm = self.facts.calm;
        let (step, text) = self.inside(|place| place.steady |= calm, |grower| grower.replaceable::<T>(depth));
        let after = self.random.below(15);
        let budget = if self.random.one_in(4) { RetryBudget::new().reserve(0) } else { RetryBudget::unlimited() };
        let hedge = Hedge::after(Duration::from_millis(after)).budget(&budget);
        (step.hedged(hedge).boxed(), Text(format!("hedge after {after} ms"), vec![text]))
    }

    fn breaker<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        let failures = if self.facts.calm { 1000 } else { 1 + self.random.below(3) as u32 };
        let breaker = CircuitBreaker::new().failures(failures).open_for(10 * MILLI);
        (step.with_circuit_breaker(breaker).boxed(), Text(format!("breaker after {failures}"), vec![text]))
    }
}

/// What became of a branch, as a number.
fn digest((key, done): (&str, &Result<Value>)) -> u64 {
    match done {
        Ok(value) => fold([key.to_string().digest(), value.digest()]),
        Err(error) => {
            let path = error.path().collect::<Vec<_>>().join(" > ");
            fold([key.to_string().digest(), error.kind() as u64, path.digest()])
        }
    }
}

/// How the types differ.
pub trait Grows: Joint {
    /// A fan-out and the way back from JSON.
    fn fan_out(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let (step, text) = grower.object::<Self>(depth);
        let (step, last) = Self::from_json(grower, step);
        (step, Text("sequence".into(), vec![text, last]))
    }

    fn from_json(grower: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self>;

    /// A sequence whose joints are of the other type.
    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self>;
}

impl Grows for Value {
    fn from_json(_: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self> {
        (step, Text::line("as it is"))
    }

    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let nesting = grower.nesting();
        match grower.random.below(5) {
            0 | 1 => {
                // Text is converted at the second joint.
                let (a, x) = grower.leaf::<Value, String>();
                let ((b, y), (c, z)) = (grower.step::<Value>(depth), grower.step::<Value>(depth));
                (joined(a, b, c, nesting), Text("sequence, a joint converts".into(), vec![x, y, z]))
            }
            2 => {
                let (a, x) = grower.leaf::<Value, String>();
                let (b, y) = grower.step::<String>(depth);
                let (c, z) = grower.step::<Value>(depth);
                (joined(a, b, c, nesting), Text("sequence, a joint converts".into(), vec![x, y, z]))
            }
            3 => {
                // A list of texts is converted, and does not add up after that.
                let (a, x) = grower.leaf::<Value, String>();
                let words = generator(|text: Chunks<'_, String>| {
                    text.map_chunks(|piece| Ok(vec![piece]), Merge::<Vec<String>>::extend())
                });
                let (b, y) = grower.step::<Value>(depth);
                let whole = lambda(async |words: Vec<String>| Ok(vec![words.concat()]));
                let step = a.pipe(words).pipe(whole).pipe(b);
                (step.boxed(), Text("sequence, a joint converts a list".into(), vec![x, y]))
            }
            _ => {
                let (a, x) = grower.object::<Value>(depth);
                let typed = from_json::<std::collections::BTreeMap<String, Value>>();
                let back =
                    lambda(async |map: std::collections::BTreeMap<String, Value>| Ok(serde_json::to_value(map)?));
                (a.pipe(typed).pipe(back).boxed(), Text("from_json".into(), vec![x]))
            }
        }
    }
}

impl Grows for String {
    fn from_json(grower: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self> {
        let (back, text) = grower.leaf::<Value, String>();
        (step.pipe(back).boxed(), text)
    }

    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let nesting = grower.nesting();
        let (a, x) = grower.leaf::<String, Value>();
        let (b, y) = grower.step::<Value>(depth);
        let (c, z) = grower.leaf::<Value, String>();
        (joined(a, b, c, nesting), Text("sequence, through JSON".into(), vec![x, y, z]))
    }
}
