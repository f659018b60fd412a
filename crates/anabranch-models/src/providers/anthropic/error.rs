//! What a failure of the provider is called: a table.

use anabranch_core::ErrorKind;

use crate::transport::ErrorTable;

/// From <https://docs.claude.com/en/api/errors>, and what was seen besides.
pub(super) const ERRORS: ErrorTable = ErrorTable {
    words: &[
        // A 429 that no waiting helps.
        ("enforced_spend_limit_reached", ErrorKind::QuotaExceeded),
        ("billing_error", ErrorKind::QuotaExceeded),
        ("authentication_error", ErrorKind::Authentication),
        ("permission_error", ErrorKind::PermissionDenied),
        ("not_found_error", ErrorKind::NotFound),
        ("request_too_large", ErrorKind::InvalidInput),
        ("rate_limit_error", ErrorKind::RateLimited),
        ("overloaded_error", ErrorKind::Overloaded),
        ("timeout_error", ErrorKind::Timeout),
        ("api_error", ErrorKind::Server),
        // llama.cpp, which speaks the same.
        ("exceed_context_size_error", ErrorKind::ContextLength),
    ],
    // What is all `invalid_request_error`.
    sentences: &[
        ("prompt is too long", ErrorKind::ContextLength),
        ("exceed context limit", ErrorKind::ContextLength),
        ("exceeds the available context size", ErrorKind::ContextLength),
        ("credit balance is too low", ErrorKind::QuotaExceeded),
        ("specified API usage limits", ErrorKind::QuotaExceeded),
        ("Output blocked by content filtering policy", ErrorKind::ContentFilter),
    ],
    statuses: &[],
};
