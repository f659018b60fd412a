//! Steps that fail, hang, or come too many at once.

pub(crate) mod backoff;
pub(crate) mod circuit_breaker;
pub(crate) mod circuit_broken;
pub(crate) mod fallback;
pub(crate) mod hedge;
pub(crate) mod idle_timeout;
pub(crate) mod meter;
pub(crate) mod on_end;
pub(crate) mod opening;
pub(crate) mod rate_limited;
pub(crate) mod rate_limiter;
pub(crate) mod retry;
pub(crate) mod retry_budget;
pub(crate) mod timed;
pub(crate) mod timeout;
pub(crate) mod timer;
pub(crate) mod token_bucket;
pub(crate) mod token_queue;
