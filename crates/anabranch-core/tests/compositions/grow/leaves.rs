//! Steps without parts: what works, fails, hangs and panics.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::*;

use super::{Grower, Grown, Text};
use crate::joint::Joint;
use crate::own::EachChunk;
use crate::random::fold;
use crate::script::{Failure, Leaf, Plan};

impl Grower {
    pub(super) fn failure(&mut self) -> Failure {
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
    pub(super) fn fails(&mut self) -> bool {
        let fails = !self.place.steady && self.may_fail > 0;
        if fails {
            self.may_fail = self.may_fail.saturating_sub(u32::from(self.facts.calm));
            self.facts.failing += 1;
        }
        fails
    }

    pub(super) fn plan(&mut self) -> Plan {
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
            98..100 if wild && self.place.tight => {
                self.facts.endless = true;
                Plan::Endless
            }
            _ => steady,
        }
    }

    pub(super) fn leaf<I: Joint, O: Joint>(&mut self) -> Grown<I, O> {
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
    pub(super) fn thread<T: Joint>(&mut self) -> Grown<T, T> {
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

    /// A step of a user's own that does as planned.
    pub(super) fn own_leaf<I: Joint, O: Joint>(&mut self, plan: Plan, permits: bool) -> Grown<I, O> {
        let id = self.id();
        let permits = permits.then(|| self.place.limits.clone());
        let leaf = Leaf::<I, O> { id, plan, world: self.world.clone(), permits, types: std::marker::PhantomData };
        (leaf.boxed(), Text::line(format!("leaf {id}: {} to {} by own: {plan:?}", I::NAME, O::NAME)))
    }

    /// A stream that holds a permit.
    pub(super) fn limited_stream<T: Joint>(&mut self) -> Grown<T, T> {
        let plan = Plan::Streams { pieces: 2 + self.random.below(3) as usize, every: self.millis(6) };
        self.own_leaf(plan, true)
    }

    /// A step that works on each chunk, with a permit for each.
    pub(super) fn each_chunk<T: Joint>(&mut self) -> Grown<T, T> {
        let (id, after) = (self.id(), self.millis(4));
        self.facts.lends = true;
        let (world, limits) = (self.world.clone(), self.place.limits.clone());
        let step = EachChunk { id, after, world, limits, types: std::marker::PhantomData };
        (step.boxed(), Text::line(format!("leaf {id}: {after} ms for each chunk, limited")))
    }

    /// A generator that hands on chunk by chunk.
    pub(super) fn map<T: Joint>(&mut self) -> Grown<T, T> {
        let id = self.id();
        let way = self.random.below(6);
        let step = generator(move |chunks: Chunks<'_, T>| T::map(way, chunks)).with_name(format!("leaf {id}"));
        (step.boxed(), Text::line(format!("leaf {id}: generator, chunk by chunk, way {way}")))
    }
}
