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
//! | run one step after the other | `a \| b`, [`.pipe(b)`](RunnableExt::pipe) |
//! | run branches side by side, as a JSON object | [`parallel!`], [`RunnableParallel`] |
//! | run branches side by side, typed | a tuple of runnables |
//! | keep what succeeded | [`.settled()`](RunnableParallel::settled), [`.at_least(n)`](RunnableParallel::at_least) |
//! | take the first answer | [`first_success()`], [`race()`] |
//! | let several vote | [`quorum()`] |
//! | have a failure as a value | [`.result()`](RunnableExt::result) |
//! | hand the input on | [`RunnablePassthrough`], [`passthrough()`] |
//! | add computed keys to an object | [`.assign(…)`](RunnableExt::assign) |
//! | take keys out of an object | [`.pick(…)`](RunnableExt::pick) |
//! | run a function | [`lambda()`], [`lambda_with_state()`], [`lambda_with()`] |
//! | have JSON as a type of yours | [`from_json()`] |
//! | run a function over chunks | [`generator()`] |
//! | run a synchronous function | [`blocking()`] |
//! | choose by condition | [`RunnableBranch`] |
//! | choose by key | [`RunnableRouter`] |
//! | choose at run time | [`dynamic()`] |
//! | run over a list | [`.each()`](RunnableExt::each) |
//! | run many inputs | [`.batch(…)`](RunnableExt::batch), [`.batch_settled(…)`](RunnableExt::batch_settled), [`.batch_as_completed(…)`](RunnableExt::batch_as_completed) |
//! | name a step | [`.with_name(…)`](RunnableExt::with_name) |
//! | bring a configuration along | [`.with_config(…)`](RunnableExt::with_config) |
//! | use all cores | [`.spawned()`](RunnableExt::spawned) |
//! | erase the type | [`.boxed()`](RunnableExt::boxed) |
//! | limit the time | [`.with_timeout(…)`](RunnableExt::with_timeout), [`.with_idle_timeout(…)`](RunnableExt::with_idle_timeout) |
//! | try again | [`.with_retry(…)`](RunnableExt::with_retry) |
//! | try another | [`.with_fallback(…)`](RunnableExt::with_fallback), [`.with_fallbacks(…)`](RunnableExt::with_fallbacks) |
//! | limit the rate | [`.with_rate_limiter(…)`](RunnableExt::with_rate_limiter) |
//! | start a second where the first is slow | [`.hedged(…)`](RunnableExt::hedged) |
//! | leave alone what fails and fails | [`.with_circuit_breaker(…)`](RunnableExt::with_circuit_breaker) |

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod description;
mod error;
mod fan_out;
mod resilience;
mod run;
mod runnable_ext;
mod step;
mod steps;
mod stream;
mod work;

pub use error::{Attempt, Error, ErrorKind, Result};
pub use fan_out::batch::{BatchAsCompleted, DEFAULT_BATCH_WINDOW};
pub use fan_out::first_success::first_success;
pub use fan_out::outcome::Outcome;
pub use fan_out::parallel::RunnableParallel;
pub use fan_out::quorum::{Vote, quorum};
pub use fan_out::race::race;
pub use resilience::circuit_breaker::{CircuitBreaker, CircuitState};
pub use resilience::hedged::Hedge;
pub use resilience::rate_limiter::{Cost, LimiterSnapshot, RateLimiter, ServerLimits};
pub use resilience::retry_budget::RetryBudget;
pub use resilience::token_bucket::TokenBucket;
pub use resilience::with_retry::Retry;
pub use run::config::RunConfig;
pub use run::limit::{Concurrency, Permit};
pub use run::observer::{Observer, StepEvent, Waited, WaitedOn};
pub use run::step_path::StepPath;
pub use runnable_ext::RunnableExt;
pub use step::boxed::BoxRunnable;
pub use step::runnable::Runnable;
pub use steps::blocking::blocking;
pub use steps::branch::RunnableBranch;
pub use steps::dynamic::dynamic;
pub use steps::from_json::from_json;
pub use steps::generator::generator;
pub use steps::lambda::{lambda, lambda_with_state};
pub use steps::lambda_with::lambda_with;
pub use steps::passthrough::{RunnablePassthrough, passthrough};
pub use steps::router::RunnableRouter;
pub use steps::sequence::RunnableSequence;
pub use stream::accepts::Accepts;
pub use stream::chunks::Chunks;
pub use stream::merge::{Collector, Merge};

/// What a step says about itself, for authors of steps and for programs that draw chains:
/// [`Runnable::label`] and [`Runnable::describe`] give it.
pub mod describe {
    pub use crate::description::{Composed, Description, Edge, Facts, Gives, Kind, Label, Needs, Warning};
}

/// The types that combinators return and traits that their arguments have, for signatures; programs hardly ever name
/// them.
pub mod combinators {
    pub use crate::fan_out::assign::RunnableAssign;
    pub use crate::fan_out::each::RunnableEach;
    pub use crate::fan_out::into_branch::IntoBranch;
    pub use crate::fan_out::quorum::Quorum;
    pub use crate::fan_out::race::Race;
    pub use crate::fan_out::settled::SettledParallel;
    pub use crate::fan_out::to_json::ToJson;
    pub use crate::fan_out::typed_parallel::{Branches, Keyed, TypedParallel};
    pub use crate::resilience::hedged::Hedged;
    pub use crate::resilience::with_circuit_breaker::WithCircuitBreaker;
    pub use crate::resilience::with_fallback::WithFallbacks;
    pub use crate::resilience::with_idle_timeout::WithIdleTimeout;
    pub use crate::resilience::with_rate_limiter::WithRateLimiter;
    pub use crate::resilience::with_retry::WithRetry;
    pub use crate::resilience::with_timeout::WithTimeout;
    pub use crate::step::into_input::IntoInput;
    pub use crate::steps::blocking::Blocking;
    pub use crate::steps::branch::BranchArms;
    pub use crate::steps::dynamic::RunnableDynamic;
    pub use crate::steps::from_json::FromJson;
    pub use crate::steps::generator::Generator;
    pub use crate::steps::into_runnable::IntoRunnable;
    pub use crate::steps::lambda::Lambda;
    pub use crate::steps::lambda_with::LambdaWith;
    pub use crate::steps::named::Named;
    pub use crate::steps::passthrough::Passthrough;
    pub use crate::steps::pick::{Keys, RunnablePick};
    pub use crate::steps::result::RunnableResult;
    pub use crate::steps::spawned::Spawned;
    pub use crate::steps::with_config::WithConfig;
}

/// What the macros and the sister crates need and users do not.
#[doc(hidden)]
pub mod __private {
    pub use crate::description::{closest, did_you_mean, listed, listed_or};
    pub use crate::fan_out::into_branch::PassesThrough;
    pub use crate::fan_out::known::{AllKnown, KnownBranches};
    pub use crate::fan_out::parallel::assert_no_key_twice;
    pub use crate::fan_out::spare::used_up;
    pub use crate::fan_out::typed_parallel::{keyed, typed_parallel};
    pub use crate::steps::json_kind::json_kind;
}
