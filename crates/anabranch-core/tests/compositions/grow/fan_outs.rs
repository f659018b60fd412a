//! Many steps on one input.

use std::time::Duration;

use anabranch_core::combinators::SettledParallel;
use anabranch_core::*;
use serde_json::Value;

use super::{FAR, Grower, Grown, Grows, MILLI, Place, Text, spared};
use crate::joint::Joint;
use crate::own::Probe;
use crate::random::fold;
use crate::script::Plan;

impl Grower {
    /// A parallel, and what adds to and takes from its object.
    pub(super) fn object<T: Grows>(&mut self, depth: u32) -> Grown<T, Value> {
        let (parallel, text) = self.parallel::<T>(depth);
        let mut step = parallel.boxed();
        let mut texts = vec![text];
        if self.random.one_in(3) {
            let (next, text) = self.with_a_part_that_cannot_work();
            texts.push(text);
            step = step.pipe(next).boxed();
        }
        if self.random.one_in(3) {
            let (mut added, mut text) = self.parallel::<Value>(depth);
            if self.place.tight && !self.facts.calm && self.random.one_in(4) {
                // The input goes on however much a branch has ready.
                let (endless, line) = self.own_leaf::<Value, Value>(Plan::Endless, false);
                self.facts.endless = true;
                added = added.branch("endless", endless);
                text.1.push(line);
            }
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

    /// Two branches, each of which reads under one limit what it works on under another: the other way round.
    fn crossed<T: Grows>(&mut self) -> (RunnableParallel<T>, Text) {
        let limits = [(); 2].map(|()| {
            let config = RunConfig::new().max_concurrency(1);
            (config.clone(), self.world.limit(config, 1))
        });
        self.facts.limited = true;
        let under = |grower: &mut Self, which: usize, grow: fn(&mut Self) -> Grown<T, T>| {
            let (config, limit) = limits[which].clone();
            let (step, text) = grower.inside(|place| place.limits.push(limit), grow);
            (step.with_config(config), Text(format!("config crossed {which}, 1 at once"), vec![text]))
        };
        let mut parallel = RunnableParallel::new();
        let mut texts = Vec::new();
        for (key, reads, works) in [("k0", 0, 1), ("k1", 1, 0)] {
            let (stream, one) = under(self, reads, Self::limited_stream);
            let (each, other) = under(self, works, Self::each_chunk);
            parallel = parallel.branch(key, stream.pipe(each));
            texts.push(Text(key.into(), vec![one, other]));
        }
        (parallel, Text("parallel, crossed".into(), texts))
    }

    pub(super) fn parallel<T: Grows>(&mut self, depth: u32) -> (RunnableParallel<T>, Text) {
        if self.random.one_in(16) {
            return self.crossed();
        }
        self.more_branches(depth, RunnableParallel::new(), Vec::new())
    }

    fn more_branches<T: Grows>(
        &mut self,
        depth: u32,
        mut parallel: RunnableParallel<T>,
        mut texts: Vec<Text>,
    ) -> (RunnableParallel<T>, Text) {
        let count = self.random.below(4);
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

    pub(super) fn settled<T: Grows>(&mut self, depth: u32) -> (SettledParallel<T>, Text) {
        if !self.facts.calm && self.random.one_in(4) {
            return self.with_stragglers(depth);
        }
        let (parallel, text) = self.inside(spared, |grower| grower.parallel::<T>(depth));
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

    /// One branch is sure to come through, at once: then the others have so much time, whatever they do.
    fn with_stragglers<T: Grows>(&mut self, depth: u32) -> (SettledParallel<T>, Text) {
        // Nothing that it would have to wait for: who reads what is always ready never lets a timer be heard.
        let (sure, text) = self.own_leaf::<T, T>(Plan::Gives { after: 0 }, false);
        let mut parallel = RunnableParallel::new().branch("sure", sure);
        let mut texts = vec![Text("sure".into(), vec![text])];
        if self.random.one_in(2) {
            self.facts.endless = true;
            let (endless, text) = self.own_leaf::<T, T>(Plan::Endless, false);
            parallel = parallel.branch("endless", endless);
            texts.push(Text("endless".into(), vec![text]));
        }
        let timed = |place: &mut Place| (place.timed, place.tight, place.spared) = (true, true, true);
        let (parallel, text) = self.inside(timed, |grower| grower.more_branches(depth, parallel, texts));
        let needed = self.random.below(2) as usize;
        let grace = MILLI * self.random.below(20) as u32;
        let settled = if needed == 0 { parallel.settled() } else { parallel.at_least(needed) };
        (settled.grace(grace), Text(format!("at least {needed}, grace {grace:?}"), vec![text]))
    }

    /// What follows on an outcome.
    pub(super) fn outcome<T: Grows>(&mut self, step: SettledParallel<T>, text: Text, depth: u32) -> Grown<T, T> {
        if self.random.one_in(2) {
            // The conversion of an outcome is the object of the successes.
            let (next, then) = self.step::<Value>(depth);
            let (step, last) = T::from_json(self, step.pipe(next).boxed());
            return (step, Text("sequence".into(), vec![text, then, last]));
        }
        let step = step.pipe(async |outcome: Outcome| Ok(T::make(fold(outcome.iter().map(digest)), 1)));
        (step.boxed(), text)
    }

    pub(super) fn each<T: Grows>(&mut self, depth: u32) -> Grown<T, Vec<T>> {
        let elements = self.random.below(4);
        let failing = self.facts.failing;
        // Of an empty list.
        let place = |place: &mut Place| (place.caught, place.spared) = (true, true);
        let (step, text) = self.inside(place, |grower| grower.step::<T>(depth));
        self.facts.fails_for_several |= elements > 1 && self.facts.failing > failing;
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

    pub(super) fn tuple<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let caught = |place: &mut Place| place.caught = true;
        let ((a, x), (b, y)) = self.inside(caught, |grower| (grower.step::<T>(depth), grower.leaf::<T, String>()));
        if self.random.one_in(2) {
            let back = async |(a, b): (T, String)| Ok(T::make(fold([a.digest(), b.digest()]), 1));
            return ((a, b).pipe(back).boxed(), Text("tuple".into(), vec![x, y]));
        }
        let (c, z) = self.inside(caught, |grower| grower.step::<T>(depth));
        let back = async |(a, b, c): (T, String, T)| Ok(T::make(fold([a.digest(), b.digest(), c.digest()]), 2));
        ((a, b, c).pipe(back).boxed(), Text("tuple".into(), vec![x, y, z]))
    }

    pub(super) fn race<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let mut count = 1 + self.random.below(3);
        if self.random.one_in(40) && self.fails() {
            self.facts.misuse = true;
            count = 0;
        }
        let first_success_wins = self.random.one_in(2);
        let place = |place: &mut Place| (place.caught, place.spared) = (true, true);
        let ways = self.inside(place, |grower| grower.twins(count, |grower| grower.step::<T>(depth)));
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

    pub(super) fn quorum<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let count = 1 + self.random.below(3);
        let needed = if self.facts.calm { 1 } else { 1 + self.random.below(count) as usize };
        // Or nothing would ever be decided.
        let alike = !self.facts.calm && count > 1 && self.random.below(3) > 0;
        let place = |place: &mut Place| (place.caught, place.spared) = (true, true);
        let voters =
            self.inside(place, |grower| grower.twins(count - u64::from(alike), |grower| grower.step::<T>(depth)));
        let (mut voters, texts): (Vec<_>, Vec<_>) = voters.into_iter().unzip();
        if alike {
            voters.push(voters[0].clone());
        }
        let quorum = quorum(needed, voters).pipe(async |vote: Vote<T>| Ok(vote.answer));
        (quorum.boxed(), Text(format!("quorum of {needed}"), texts))
    }
}

/// What became of a branch, as a number.
pub(super) fn digest((key, done): (&str, &Result<Value>)) -> u64 {
    match done {
        Ok(value) => fold([key.to_string().digest(), value.digest()]),
        Err(error) => {
            let path = error.path().collect::<Vec<_>>().join(" > ");
            fold([key.to_string().digest(), error.kind() as u64, path.digest()])
        }
    }
}
