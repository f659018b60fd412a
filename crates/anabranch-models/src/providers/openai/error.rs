//! What a failure of the provider is called: a table.

use anabranch_core::ErrorKind;

use crate::transport::ErrorTable;

pub(super) const ERRORS: ErrorTable = ErrorTable {
    words: &[
        ("insufficient_quota", ErrorKind::QuotaExceeded),
        ("billing_hard_limit_reached", ErrorKind::QuotaExceeded),
        ("billing_not_active", ErrorKind::QuotaExceeded),
        ("insufficient_balance", ErrorKind::QuotaExceeded),
        ("context_length_exceeded", ErrorKind::ContextLength),
        ("exceed_context_size_error", ErrorKind::ContextLength),
        ("content_filter", ErrorKind::ContentFilter),
        ("content_policy_violation", ErrorKind::ContentFilter),
        ("rate_limit_exceeded", ErrorKind::RateLimited),
        ("rate_limit_error", ErrorKind::RateLimited),
        ("RateLimitReached", ErrorKind::RateLimited),
        ("invalid_api_key", ErrorKind::Authentication),
        ("authentication_error", ErrorKind::Authentication),
        ("permission_error", ErrorKind::PermissionDenied),
        ("model_not_found", ErrorKind::NotFound),
        ("not_found_error", ErrorKind::NotFound),
        ("overloaded_error", ErrorKind::Overloaded),
        ("server_overloaded", ErrorKind::Overloaded),
        ("engine_overloaded", ErrorKind::Overloaded),
    ],
    // Servers without a code for a prompt that is too long.
    sentences: &[
        ("maximum context length", ErrorKind::ContextLength),
        ("max context length", ErrorKind::ContextLength),
        ("exceeds the available context size", ErrorKind::ContextLength),
    ],
    statuses: &[],
};
