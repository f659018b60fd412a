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

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accepts;
mod attempt;
mod boxed;
mod error;
mod fan_out;
mod into_runnable;
mod operator;
mod panics;
mod pointer;
mod resilience;
mod run;
mod runnable;
mod steps;
mod stream;

pub use accepts::Accepts;
pub use attempt::Attempt;
pub use boxed::BoxRunnable;
pub use error::{Error, ErrorKind, Result};
pub use fan_out::batch::{BatchAsCompleted, DEFAULT_BATCH_WINDOW};
pub use fan_out::each::RunnableEach;
pub use fan_out::into_branch::IntoBranch;
pub use fan_out::json::ToJson;
pub use fan_out::outcome::Outcome;
pub use fan_out::parallel::RunnableParallel;
pub use fan_out::quorum::{Quorum, Vote, quorum};
pub use fan_out::race::{Race, first_success, race};
pub use fan_out::settled::SettledParallel;
pub use into_runnable::IntoRunnable;
pub use resilience::circuit_breaker::{CircuitBreaker, CircuitState};
pub use resilience::circuit_broken::WithCircuitBreaker;
pub use resilience::fallback::WithFallbacks;
pub use resilience::hedge::{Hedge, Hedged};
pub use resilience::idle_timeout::WithIdleTimeout;
pub use resilience::rate_limited::WithRateLimiter;
pub use resilience::rate_limiter::{Cost, LimiterSnapshot, RateLimiter, ServerLimits};
pub use resilience::retry::{Retry, WithRetry};
pub use resilience::retry_budget::RetryBudget;
pub use resilience::timeout::WithTimeout;
pub use resilience::token_bucket::TokenBucket;
pub use run::budget::{Concurrency, Permit};
pub use run::config::RunConfig;
pub use run::describe::{Composed, Description, Gives, Needs};
pub use run::label::Label;
pub use run::observe::{Observer, StepEvent, StepPath, Waited, WaitedOn};
pub use runnable::Runnable;
pub use steps::assign::RunnableAssign;
pub use steps::blocking::{Blocking, blocking};
pub use steps::branch::{BranchArms, RunnableBranch};
pub use steps::caught::Caught;
pub use steps::dynamic::{RunnableDynamic, dynamic};
pub use steps::generator::{Generator, generator};
pub use steps::lambda::{Lambda, LambdaWith, lambda, lambda_with};
pub use steps::named::Named;
pub use steps::passthrough::{Passthrough, RunnablePassthrough, passthrough};
pub use steps::pick::{Keys, RunnablePick};
pub use steps::router::RunnableRouter;
pub use steps::sequence::RunnableSequence;
pub use steps::spawned::Spawned;
pub use steps::with_config::WithConfig;
pub use stream::chunks::Chunks;
pub use stream::merge::{Collector, Merge};

/// What the macros and the sister crates need and users do not.
#[doc(hidden)]
pub mod __private {
    pub use crate::fan_out::parallel::assert_no_key_twice;
    pub use crate::run::check::{closest, listed};
    pub use crate::steps::passthrough::PassesThrough;
}
