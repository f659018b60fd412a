//! Steps that choose another.

use std::time::Duration;

use anabranch_core::*;

use super::{Grower, Grown, Grows, Text, hidden, spared};
use crate::script::PLANNED;

impl Grower {
    pub(super) fn branch<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y), (c, z)] =
            self.inside(spared, |grower| [grower.step::<T>(depth), grower.step(depth), grower.step(depth)]);
        let (ask, asked) = self.leaf::<T, T>();
        let ask = ask.pipe(async |answer: T| Ok(answer.digest() % 2 == 0));
        let branch = if self.random.one_in(2) {
            RunnableBranch::when(|input: &T| input.digest() % 3 == 0, a).or_when_runnable(ask, b).otherwise(c)
        } else {
            RunnableBranch::when_runnable(ask, a).or_when(|input: &T| input.digest() % 2 == 0, b).otherwise(c)
        };
        (branch.boxed(), Text("branch".into(), vec![asked, x, y, z]))
    }

    pub(super) fn router<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (router, text) = self.router_for::<T>(depth, None);
        (router.boxed(), text)
    }

    /// A router that panics when it is asked for the key of one input.
    pub(super) fn router_for<T: Grows>(&mut self, depth: u32, panics: Option<T>) -> (RunnableRouter<T, T>, Text) {
        let [(a, x), (b, y)] = self.inside(spared, |grower| [grower.step::<T>(depth), grower.step(depth)]);
        let head = if panics.is_some() { "router that panics" } else { "router" };
        let key = move |input: &T| {
            assert!(panics.as_ref() != Some(input), "{PLANNED}");
            format!("r{}", input.digest() % 3)
        };
        let mut router = RunnableRouter::by(key).route("r0", a).route("r1", b);
        let mut texts = vec![x, y];
        // Else one of three keys has no route.
        if self.place.steady || !self.random.one_in(4) || !self.fails() {
            let (c, z) = self.inside(spared, |grower| grower.step::<T>(depth));
            router = router.route("r2", c);
            texts.push(z);
        }
        (router, Text(head.into(), texts))
    }

    pub(super) fn dynamic<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y)] = self.inside(hidden, |grower| [grower.step::<T>(depth), grower.step(depth)]);
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
}
