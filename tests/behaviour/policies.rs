//! The wrappers: time, retry, fallback, limits.

use std::time::Duration;

use anabranch::prelude::*;

use crate::case;
use crate::world::{TEXT, World};

const SECOND: Duration = Duration::from_secs(1);

fn text(_: &World) -> String {
    TEXT.to_string()
}

#[tokio::test(start_paused = true)]
async fn time() {
    case!("with_timeout", Pieces, |world: &World| world.words().with_timeout(SECOND), text);
    case!(
        "with_timeout that is too short in a world that fails",
        Pieces,
        |world: &World| { world.words().with_timeout(if world.fails { Duration::from_millis(1) } else { SECOND }) },
        text
    );
    case!("with_idle_timeout", Pieces, |world: &World| world.words().with_idle_timeout(SECOND), text);
    case!(
        "with_idle_timeout that is too short in a world that fails",
        Pieces,
        |world: &World| {
            world.words().with_idle_timeout(if world.fails { Duration::from_millis(1) } else { SECOND })
        },
        text
    );
}

#[tokio::test(start_paused = true)]
async fn again_and_otherwise() {
    case!("with_retry", Pieces, |world: &World| world.words().with_retry(Retry::attempts(3).seed(1)), text);
    case!(
        "with_retry that helps",
        Pieces,
        |world: &World| { world.flaky(2).with_retry(Retry::attempts(5).seed(1)) },
        text
    );
    case!("with_fallback", Pieces, |world: &World| world.broken().with_fallback(world.words()), text);
    case!(
        "with_fallbacks",
        Pieces,
        |world: &World| { world.broken().with_fallbacks([world.broken().boxed(), world.words().boxed()]) },
        text
    );
    case!(
        "retry in a fallback",
        Pieces,
        |world: &World| {
            let tries = Retry::attempts(2).seed(1);
            world.broken().with_retry(tries.clone()).with_fallback(world.words().with_retry(tries))
        },
        text
    );
    case!("hedged", Pieces, |world: &World| world.words().hedged(Duration::from_millis(5)), text);
    case!("hedged, late", Pieces, |world: &World| world.words().hedged(SECOND), text);
    case!("hedged by percentile", Pieces, |world: &World| world.words().hedged(Hedge::percentile(0.9)), text);
}

/// What fails before the policy is no failure of the step it guards.
#[tokio::test(start_paused = true)]
async fn behind_a_stream() {
    let first = World::words;
    case!("retry", Pieces, |world: &World| first(world) | world.words().with_retry(Retry::attempts(3).seed(1)), text);
    case!(
        "fallback",
        Pieces,
        |world: &World| { first(world) | world.broken().with_fallback(World::new(false).words()) },
        text
    );
    case!("timeout", Pieces, |world: &World| first(world) | world.words().with_timeout(SECOND), text);
    case!("idle timeout", Pieces, |world: &World| first(world) | world.words().with_idle_timeout(SECOND), text);
    case!("hedge", Pieces, |world: &World| first(world) | world.words().hedged(Duration::from_millis(5)), text);
    case!("limiter", Pieces, |world: &World| first(world) | world.words().with_rate_limiter(TokenBucket::new()), text);
    case!("outcome", Whole, |world: &World| first(world) | world.words().result(), text, |done: &_| format!(
        "{done:?}"
    ));
    let breaker = CircuitBreaker::new().failures(1);
    case!("breaker", Pieces, |world: &World| first(world) | world.words().with_circuit_breaker(breaker.clone()), text);
    assert_eq!(breaker.consecutive_failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn limits() {
    case!(
        "with_rate_limiter",
        Pieces,
        |world: &World| { world.words().with_rate_limiter(TokenBucket::new().requests(1, SECOND)) },
        text
    );
    case!(
        "with_circuit_breaker",
        Pieces,
        |world: &World| world.words().with_circuit_breaker(CircuitBreaker::new()),
        text
    );
    case!(
        "an open circuit",
        Pieces,
        |world: &World| {
            let breaker = CircuitBreaker::new().failures(1);
            world.broken().with_circuit_breaker(breaker).with_fallback(world.words())
        },
        text
    );
}

#[tokio::test(start_paused = true)]
async fn all_of_them() {
    case!(
        "every wrapper at once",
        Pieces,
        |world: &World| {
            world
                .words()
                .with_idle_timeout(SECOND)
                .with_rate_limiter(TokenBucket::new().requests(100, SECOND))
                .with_circuit_breaker(CircuitBreaker::new())
                .with_retry(Retry::attempts(2).seed(7))
                .hedged(SECOND)
                .with_fallback(world.words())
                .with_timeout(SECOND * 60)
                .with_config(RunConfig::new().max_concurrency(2))
                .spawned()
                .with_name("everything")
        },
        text
    );
}
