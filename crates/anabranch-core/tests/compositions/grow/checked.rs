//! What is found before a chain runs: parts that cannot work.

use anabranch_core::*;
use serde_json::Value;

use super::{Grower, Grown, Grows, Text};
use crate::joint::Joint;

/// Takes a key out of the object that nobody puts into one.
fn cannot_work() -> BoxRunnable<Value, Value> {
    RunnablePassthrough.pick("absent").boxed()
}

impl Grower {
    /// Hands an object on that has no such key; a part of it cannot work, and need not.
    pub(super) fn with_a_part_that_cannot_work(&mut self) -> Grown<Value, Value> {
        self.facts.warned |= !self.place.hidden;
        let (step, head) = match self.random.below(7) {
            0 => {
                let branch = RunnableBranch::when(|_: &Value| false, cannot_work()).otherwise(RunnablePassthrough);
                (branch.boxed(), "an arm that is never taken")
            }
            1 => {
                let branch = RunnableBranch::when(|_: &Value| true, RunnablePassthrough).otherwise(cannot_work());
                (branch.boxed(), "a default that is never taken")
            }
            2 => {
                let router = RunnableRouter::by(|_: &Value| "one".into()).route("one", RunnablePassthrough);
                (router.route("other", cannot_work()).boxed(), "a route that is never taken")
            }
            3 => (first_success([cannot_work(), RunnablePassthrough.boxed()]).boxed(), "an alternative that fails"),
            4 => (RunnablePassthrough.with_fallback(cannot_work()).boxed(), "a fallback that is never needed"),
            5 => {
                let step = (RunnablePassthrough, cannot_work().result());
                (step.pipe(async |(value, _): (Value, Result<Value>)| Ok(value)).boxed(), "a failure that is a value")
            }
            _ => {
                let branches = parallel! { "there": RunnablePassthrough, "fails": cannot_work() };
                let there = async |outcome: Outcome| {
                    Ok(outcome.successes().next().map(|(_, value)| value.clone()).unwrap_or_default())
                };
                (branches.settled().pipe(there).boxed(), "a branch that may fail")
            }
        };
        (step, Text::line(format!("{head}: it cannot work")))
    }

    /// A step that cannot work, whatever comes in.
    pub(super) fn impossible<T: Grows>(&mut self) -> Grown<T, T> {
        self.facts.misuse = true;
        self.facts.refused |= !self.place.spared;
        let two = || RunnableParallel::new().branch("a", passthrough::<T>()).branch("b", passthrough::<T>());
        let (step, head) = match self.random.below(4) {
            0 => {
                let back = async |outcome: Outcome| Ok(T::make(outcome.successes().count() as u64, 1));
                (two().at_least(3).pipe(back).boxed(), "three of two branches")
            }
            1 => {
                let vote = quorum(3, [passthrough::<T>().boxed(), passthrough().boxed()]);
                (vote.pipe(async |vote: Vote<T>| Ok(vote.answer)).boxed(), "three of two votes")
            }
            2 => (race(Vec::<BoxRunnable<T, T>>::new()).boxed(), "a race of nobody"),
            _ => {
                let ask = cannot_work().pipe(async |answer: Value| Ok(answer.is_null()));
                let branch = RunnableBranch::when_runnable(ask, RunnablePassthrough).otherwise(RunnablePassthrough);
                let back = async |object: Value| Ok(T::make(object.digest(), 1));
                (two().pipe(branch).pipe(back).boxed(), "a condition that cannot be asked")
            }
        };
        (step, Text::line(format!("impossible: {head}")))
    }
}
