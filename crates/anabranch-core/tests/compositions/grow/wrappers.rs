//! What stands around one step: names, configurations, and all of resilience.

use std::time::Duration;

use anabranch_core::*;

use super::fan_outs::digest;
use super::{FAR, Grower, Grown, Grows, MILLI, Place, Text, hidden, spared};
use crate::own::{Around, Own, Probe};
use crate::script::Plan;

impl Grower {
    /// Steps of a user's own around another.
    pub(super) fn around<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.inside(hidden, |grower| grower.step::<T>(depth));
        match self.random.below(4) {
            3 => {
                let (step, text) = if self.random.one_in(2) { self.limited_stream() } else { (step, text) };
                let plan = Plan::Gives { after: self.millis(4) };
                self.facts.lends = true;
                let (asks, other) = self.own_leaf::<T, T>(plan, true);
                let function = lambda_with(move |input: T, config: RunConfig| {
                    let (step, asks) = (step.clone(), asks.clone());
                    async move {
                        let mut chunks = config.stream(&step, Chunks::once(input.clone()));
                        while let Some(chunk) = chunks.next().await {
                            chunk?;
                            config.run(&asks, input.clone()).await?;
                        }
                        Ok(input)
                    }
                });
                (function.boxed(), Text("lambda_with, asks for each chunk of".into(), vec![text, other]))
            }
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

    pub(super) fn result<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let place = |place: &mut Place| (place.caught, place.spared) = (true, true);
        let (step, text) = self.inside(place, |grower| grower.step::<T>(depth));
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

    pub(super) fn with_config<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        self.inside(
            |_| {},
            |grower| {
                let (config, head) = grower.config("bound", 2);
                if grower.random.one_in(2) {
                    let (inner, inside) = grower.config("bound", 2);
                    let (step, text) = grower.step::<T>(depth);
                    let step = step.with_config(inner).with_config(config);
                    return (step.boxed(), Text(head, vec![Text(inside, vec![text])]));
                }
                let (step, text) = grower.step::<T>(depth);
                (step.with_config(config).boxed(), Text(head, vec![text]))
            },
        )
    }

    /// A step that something around it replaces if it fails.
    pub(super) fn replaceable<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        if self.facts.calm { (Probe::new(step, &self.world).boxed(), text) } else { (step, text) }
    }

    pub(super) fn retry<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
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

    pub(super) fn fallback<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let [(a, x), (b, y)] =
            self.inside(spared, |grower| [grower.replaceable::<T>(depth), grower.replaceable::<T>(depth)]);
        let mut texts = vec![x, y];
        let mut step = a.with_fallback(b);
        if self.random.one_in(3) {
            let (c, z) = self.inside(spared, |grower| grower.replaceable::<T>(depth));
            step = step.with_fallback(c);
            texts.push(z);
        }
        if self.random.one_in(4) {
            step = step.fallback_if(|_| true);
        }
        (step.boxed(), Text("fallback".into(), texts))
    }

    pub(super) fn timeout<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if self.facts.calm || self.random.one_in(3) {
            let (step, text) = self.step::<T>(depth);
            return (step.with_timeout(FAR).boxed(), Text("timeout, far away".into(), vec![text]));
        }
        let millis = 1 + self.random.below(40);
        let (step, text) =
            self.inside(|place| (place.timed, place.tight) = (true, true), |grower| grower.step::<T>(depth));
        (step.with_timeout(Duration::from_millis(millis)).boxed(), Text(format!("timeout, {millis} ms"), vec![text]))
    }

    pub(super) fn idle_timeout<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        if self.facts.calm || self.random.one_in(3) {
            let (step, text) = self.step::<T>(depth);
            return (step.with_idle_timeout(FAR).boxed(), Text("idle timeout, far away".into(), vec![text]));
        }
        let millis = 1 + self.random.below(20);
        let (step, text) = self.inside(|place| place.timed = true, |grower| grower.step::<T>(depth));
        let step = step.with_idle_timeout(Duration::from_millis(millis));
        (step.boxed(), Text(format!("idle timeout, {millis} ms"), vec![text]))
    }

    pub(super) fn rate_limiter<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let failing = self.facts.failing;
        let (step, text) = self.step::<T>(depth);
        if self.random.one_in(4) {
            // It learns from a refusal, and then others wait.
            self.facts.paced |= self.facts.failing > failing;
            let limiter = TokenBucket::new().requests(100_000, 4 * MILLI);
            return (step.with_rate_limiter(limiter).boxed(), Text("rate limiter, far away".into(), vec![text]));
        }
        self.facts.paced = true;
        let limiter = TokenBucket::new().requests(1, 4 * MILLI);
        let step = step.with_rate_limiter(limiter.units(10, 10 * MILLI));
        let step = if self.random.one_in(3) { step.cost(|input| Cost::units(input.digest() % 15)) } else { step };
        (step.boxed(), Text("rate limiter".into(), vec![text]))
    }

    pub(super) fn hedge<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let calm = self.facts.calm;
        let (step, text) = self.inside(|place| place.steady |= calm, |grower| grower.replaceable::<T>(depth));
        let after = self.random.below(15);
        let budget = if self.random.one_in(4) { RetryBudget::new().reserve(0) } else { RetryBudget::unlimited() };
        let hedge = Hedge::after(Duration::from_millis(after)).budget(&budget);
        (step.hedged(hedge).boxed(), Text(format!("hedge after {after} ms"), vec![text]))
    }

    pub(super) fn breaker<T: Grows>(&mut self, depth: u32) -> Grown<T, T> {
        let (step, text) = self.step::<T>(depth);
        let failures = if self.facts.calm { 1000 } else { 1 + self.random.below(3) as u32 };
        let breaker = CircuitBreaker::new().failures(failures).open_for(10 * MILLI);
        (step.with_circuit_breaker(breaker).boxed(), Text(format!("breaker after {failures}"), vec![text]))
    }
}
