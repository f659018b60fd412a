//! Steps of which it is known beforehand what comes of them.

use std::time::Duration;

use anabranch_core::*;
use serde_json::Value;

use super::{FAR, Grower, Grown, Grows, MILLI, Text};
use crate::joint::Joint;
use crate::own::Probe;
use crate::random::fold;
use crate::script::{Failure, Plan};
use crate::witness::{Known, Witness};

impl Grower {
    /// A step that fails once, midway, and is tried again; and whatever may stand around that. Who wants the whole gets
    /// it.
    pub(super) fn revived<T: Grows>(&mut self) -> Grown<T, T> {
        let failure = Failure { kind: ErrorKind::Server, retry_after: None };
        let id = self.next_id + 1;
        let plan = Plan::FailsOnce { pieces: 1, every: self.millis(4), failure };
        if self.random.one_in(3) {
            // The joint behind it converts.
            let (leaf, line) = self.own_leaf::<T, String>(plan, false);
            let (around, text) = {
                let tried = self.tried_again(leaf);
                self.wrapped(tried, line)
            };
            let whole = lambda(async |value: Value| Ok(T::make(value.digest(), 1)));
            return self.witnessed((around | whole).boxed(), text, id, Known::Gives);
        }
        let (leaf, line) = self.own_leaf::<T, T>(plan, false);
        let (around, text) = {
            let tried = self.tried_again(leaf);
            self.wrapped(tried, line)
        };
        if self.random.one_in(2) {
            let whole = lambda(async |value: T| Ok(value));
            return self.witnessed((around | whole).boxed(), text, id, Known::Gives);
        }
        self.witnessed(around, text, id, Known::GivesTheWhole)
    }

    /// So many that fail at the same moment that nobody looks at all of them at once.
    pub(super) fn crowd<T: Grows>(&mut self) -> Grown<T, T> {
        let parts = 130 + self.random.below(100);
        let (id, after) = (self.id(), 1 + self.millis(20));
        self.facts.failing += 1;
        self.facts.fails_for_several = true;
        let (world, name) = (self.world.clone(), format!("leaf {id}"));
        let fails = move |_: T| {
            let working = world.enter(id, &[]);
            async move {
                let _working = working;
                tokio::time::sleep(Duration::from_millis(after)).await;
                Err::<T, _>(Failure { kind: ErrorKind::Server, retry_after: None }.error())
            }
        };
        let text = Text::line(format!("leaf {id}: {parts} that all fail after {after} ms"));
        let step = if self.random.one_in(2) {
            let list = move |input: T| async move {
                Ok((0..parts).map(|n| T::make(fold([input.digest(), n]), 1)).collect::<Vec<T>>())
            };
            let back = lambda(async |all: Vec<T>| Ok(T::make(fold(all.iter().map(Joint::digest)), 1)));
            lambda(list).pipe(lambda(fails).with_name(name).each()).pipe(back).boxed()
        } else {
            let branches = (0..parts).map(|n| (format!("k{n}"), lambda(fails.clone()).with_name(name.clone())));
            let object = branches.collect::<RunnableParallel<T>>().boxed();
            T::from_json(self, object).0
        };
        self.witnessed(step, text, id, Known::AllFail(parts as usize))
    }

    fn witnessed<T: Grows>(&mut self, step: BoxRunnable<T, T>, text: Text, leaf: u32, known: Known) -> Grown<T, T> {
        let step = Witness { step, leaf, known, world: self.world.clone() };
        (step.boxed(), Text(format!("known: {known:?}"), vec![text]))
    }

    fn tried_again<I: Joint, O: Joint>(&self, leaf: BoxRunnable<I, O>) -> BoxRunnable<I, O> {
        let retry = Retry::attempts(2).base(MILLI * 4).seed(7);
        if self.facts.calm {
            Probe::new(leaf, &self.world).with_retry(retry).boxed()
        } else {
            leaf.with_retry(retry).boxed()
        }
    }

    /// Up to four things around a step that change nothing about what it gives.
    fn wrapped<I: Joint, O: Joint>(&mut self, mut step: BoxRunnable<I, O>, mut text: Text) -> Grown<I, O> {
        for _ in 0..self.random.below(5) {
            let (around, head) = match self.random.below(12) {
                0 => (step.with_name("named").boxed(), "with_name"),
                1 => (step.with_config(RunConfig::new().tag("bound")).boxed(), "with_config"),
                2 => (step.with_timeout(FAR).boxed(), "timeout, far away"),
                3 => (step.with_idle_timeout(FAR).boxed(), "idle timeout, far away"),
                4 => {
                    self.facts.tasks = true;
                    (step.spawned().boxed(), "spawned")
                }
                5 => (race([step]).boxed(), "race of one"),
                6 => (first_success([step]).boxed(), "first_success of one"),
                7 => (passthrough::<I>().pipe(step).boxed(), "passthrough before it"),
                8 => (step.pipe(passthrough::<O>()).boxed(), "passthrough behind it"),
                9 => {
                    let choose = dynamic(move |_: I| {
                        let step = step.clone();
                        async move { Ok(step) }
                    });
                    (choose.boxed(), "dynamic")
                }
                10 => (step.with_rate_limiter(TokenBucket::new()).boxed(), "rate limiter without a limit"),
                _ => (step.with_circuit_breaker(CircuitBreaker::new()).boxed(), "breaker"),
            };
            (step, text) = (around, Text(head.into(), vec![text]));
        }
        (step, text)
    }
}
