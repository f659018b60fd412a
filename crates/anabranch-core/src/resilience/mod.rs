//! Steps that fail, hang, or come too many at once.

pub(crate) mod backoff;
pub(crate) mod charge;
pub(crate) mod circuit_breaker;
pub(crate) mod hedged;
pub(crate) mod meter;
pub(crate) mod rate_limiter;
pub(crate) mod retry_budget;
pub(crate) mod timed_stream;
pub(crate) mod token_bucket;
pub(crate) mod token_queue;
pub(crate) mod with_circuit_breaker;
pub(crate) mod with_fallback;
pub(crate) mod with_idle_timeout;
pub(crate) mod with_rate_limiter;
pub(crate) mod with_retry;
pub(crate) mod with_timeout;
