//! Steps that choose another.

use std::time::Duration;

use anabranch_core::*;

use super::{Grower, Grown, Grows, Text};

impl Grower {
    pub(super) fn branch<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
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

    pub(super) fn router<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
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

    pub(super) fn dynamic<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
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
}
