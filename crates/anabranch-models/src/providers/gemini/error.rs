//! What a failure of the provider is called: a table. The words are those of `google.rpc.Code`, and the reasons of
//! `google.rpc.ErrorInfo`.

use anabranch_core::ErrorKind;

use crate::transport::ErrorTable;

pub(super) const ERRORS: ErrorTable = ErrorTable {
    words: &[
        // A bad key is an `INVALID_ARGUMENT` with the status 400.
        ("API_KEY_INVALID", ErrorKind::Authentication),
        ("UNAUTHENTICATED", ErrorKind::Authentication),
        ("PERMISSION_DENIED", ErrorKind::PermissionDenied),
        ("NOT_FOUND", ErrorKind::NotFound),
        ("RATE_LIMIT_EXCEEDED", ErrorKind::RateLimited),
        ("RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
        ("UNAVAILABLE", ErrorKind::Overloaded),
        ("DEADLINE_EXCEEDED", ErrorKind::Timeout),
        ("INTERNAL", ErrorKind::Server),
        // Somebody on the way gave up: nothing says that it would help to ask again.
        ("CANCELLED", ErrorKind::Other),
    ],
    sentences: &[("exceeds the maximum number of tokens", ErrorKind::ContextLength)],
    statuses: &[],
};
