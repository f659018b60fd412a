//! The composition algebra of anabranch: [`Runnable`] and everything that combines runnables.
//!
//! This crate knows no language model and no HTTP. Programs use it through the crate `anabranch`; crates that bring
//! steps of their own (models, tools, stores) depend on this one.
//!
//! ```text
//! Runnable:  async fn(Input) -> Result<Output>, that can also stream
//! ```
//!
//! # What combines
//!
//! | to | use |
//! |---|---|
//! | run one step after the other | `a \| b`, [`.pipe(b)`](Runnable::pipe) |
//! | run branches side by side, as a JSON object | [`parallel!`], [`RunnableParallel`] |
//! | run branches side by side, typed | a tuple of runnables |
//! | keep what succeeded | [`.settled()`](RunnableParallel::settled), [`.at_least(n)`](RunnableParallel::at_least) |
//! | take the first answer | [`first_success()`], [`race()`] |
//! | let several vote | [`quorum()`] |
//! | have a failure as a value | [`.outcome()`](Runnable::outcome) |
//! | hand the input on | [`RunnablePassthrough`], [`passthrough()`] |
//! | add computed keys to an object | [`.assign(…)`](Runnable::assign) |
//! | take keys out of an object | [`.pick(…)`](Runnable::pick) |
//! | run a function | [`lambda()`], [`lambda_with()`] |
//! | run a function over chunks | [`generator()`] |
//! | run a synchronous function | [`blocking()`] |
//! | choose by condition | [`RunnableBranch`] |
//! | choose by key | [`RunnableRouter`] |
//! | choose at run time | [`dynamic()`] |
//! | run over a list | [`.each()`](Runnable::each) |
//! | run many inputs | [`.batch(…)`](Runnable::batch), [`.batch_settled(…)`](Runnable::batch_settled), [`.batch_as_completed(…)`](Runnable::batch_as_completed) |
//! | name a step | [`.with_name(…)`](Runnable::with_name) |
//! | bring a configuration along | [`.with_config(…)`](Runnable::with_config) |
//! | use all cores | [`.spawned()`](Runnable::spawned) |
//! | erase the type | [`.boxed()`](Runnable::boxed) |
//! | limit the time | [`.with_timeout(…)`](Runnable::with_timeout), [`.with_idle_timeout(…)`](Runnable::with_idle_timeout) |
//! | try again | [`.with_retry(…)`](Runnable::with_retry) |
//! | try another | [`.with_fallback(…)`](Runnable::with_fallback), [`.with_fallbacks(…)`](Runnable::with_fallbacks) |
//! | limit the rate | [`.with_rate_limiter(…)`](Runnable::with_rate_limiter) |
//! | start a second where the first is slow | [`.hedged(…)`](Runnable::hedged) |
//! | leave alone what fails and fails | [`.with_circuit_breaker(…)`](Runnable::with_circuit_breaker) |

mod accepts;
mod assign;
mod batch;
mod blocking;
mod boxed;
mod branch;
mod budget;
mod caught;
mod check;
mod chunks;
mod config;
mod coroutine;
mod describe;
mod dynamic;
mod each;
mod error;
mod generator;
mod into_branch;
mod into_runnable;
mod join;
mod json;
mod label;
mod lambda;
mod merge;
mod named;
mod observe;
mod operator;
mod outcome;
mod panics;
mod parallel;
mod parallel_stream;
mod passthrough;
mod pick;
mod pointer;
mod quorum;
mod race;
mod reported;
mod router;
mod runnable;
mod sequence;
mod settled;
mod spawned;
mod tee;
mod tuple;
mod with_config;

mod attempt;
mod backoff;
mod circuit_breaker;
mod circuit_broken;
mod fallback;
mod hedge;
mod idle_timeout;
mod meter;
mod on_end;
mod opening;
mod rate_limited;
mod rate_limiter;
mod retry;
mod retry_budget;
mod timed;
mod timeout;
mod timer;
mod token_bucket;
mod token_queue;

pub use accepts::Accepts;
pub use assign::RunnableAssign;
pub use batch::{BatchAsCompleted, DEFAULT_BATCH_WINDOW};
pub use blocking::{Blocking, blocking};
pub use boxed::BoxRunnable;
pub use branch::{BranchArms, RunnableBranch};
pub use budget::{Concurrency, Permit};
pub use caught::Caught;
pub use chunks::Chunks;
pub use config::RunConfig;
pub use describe::{Composed, Description, Gives, Needs};
pub use dynamic::{RunnableDynamic, dynamic};
pub use each::RunnableEach;
pub use error::{Error, ErrorKind, Result};
pub use generator::{Generator, generator};
pub use into_branch::IntoBranch;
pub use into_runnable::IntoRunnable;
pub use json::ToJson;
pub use label::Label;
pub use lambda::{Lambda, LambdaWith, lambda, lambda_with};
pub use merge::{Collector, Merge};
pub use named::Named;
pub use observe::{Observer, StepEvent, StepPath, Waited, WaitedOn};
pub use outcome::Outcome;
pub use parallel::RunnableParallel;
pub use passthrough::{Passthrough, RunnablePassthrough, passthrough};
pub use pick::{Keys, RunnablePick};
pub use quorum::{Quorum, Vote, quorum};
pub use race::{Race, first_success, race};
pub use router::RunnableRouter;
pub use runnable::Runnable;
pub use sequence::RunnableSequence;
pub use settled::SettledParallel;
pub use spawned::Spawned;
pub use with_config::WithConfig;

pub use attempt::Attempt;
pub use circuit_breaker::{CircuitBreaker, CircuitState};
pub use circuit_broken::WithCircuitBreaker;
pub use fallback::WithFallbacks;
pub use hedge::{Hedge, Hedged};
pub use idle_timeout::WithIdleTimeout;
pub use rate_limited::WithRateLimiter;
pub use rate_limiter::{Cost, LimiterSnapshot, RateLimiter, ServerLimits};
pub use retry::{Retry, WithRetry};
pub use retry_budget::RetryBudget;
pub use timeout::WithTimeout;
pub use token_bucket::TokenBucket;

/// What the macros and the sister crates need and users do not.
#[doc(hidden)]
pub mod __private {
    pub use crate::check::{closest, listed};
    pub use crate::parallel::assert_no_key_twice;
    pub use crate::passthrough::PassesThrough;
}
