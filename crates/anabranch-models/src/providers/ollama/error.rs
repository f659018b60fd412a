//! What a failure of the provider is called: a table.

use anabranch_core::ErrorKind;

use crate::transport::ErrorTable;

/// Ollama has sentences and no words; the status says the rest.
pub(super) const ERRORS: ErrorTable = ErrorTable {
    words: &[],
    sentences: &[
        ("exceeded max context length", ErrorKind::ContextLength),
        ("exceeds the context length", ErrorKind::ContextLength),
        ("exceeds the available context size", ErrorKind::ContextLength),
        ("exceeds maximum context length", ErrorKind::ContextLength),
    ],
    statuses: &[],
};
