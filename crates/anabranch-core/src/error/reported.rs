//! What a server reported with its failure: see [`Error::status`] and its neighbours.

use super::error::Error;

/// What a server reported. None of it is part of `Display` or `Debug`: a sentence may repeat a prompt or a key.
#[derive(Clone, Default)]
pub(super) struct Reported {
    status: Option<u16>,
    request_id: Option<String>,
    message: Option<String>,
    code: Option<String>,
}

/// What a server reported, where the failure is a server's. None of it is in any rendering of the error, but for a status
/// and a code that are known to hold no secret: those stand in the message.
///
/// ```
/// use anabranch_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::QuotaExceeded, "status 429 from api.example.com")
///     .with_status(429)
///     .with_request_id("req_1")
///     .with_provider_code("insufficient_quota")
///     .with_provider_message("You have used up what you paid for.");
/// assert_eq!((error.status(), error.request_id()), (Some(429), Some("req_1")));
/// assert_eq!(error.provider_code(), Some("insufficient_quota"));
/// assert_eq!(error.provider_message(), Some("You have used up what you paid for."));
/// assert!(!format!("{error} {error:?}").contains("paid"));
/// ```
impl Error {
    /// The HTTP status, of the response or as it stands in an error inside of a stream.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.reported()?.status
    }

    /// The provider's name for the exchange, which its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.reported()?.request_id.as_deref()
    }

    /// The provider's own sentence, as it came. It may repeat prompt, answer and key.
    #[must_use]
    pub fn provider_message(&self) -> Option<&str> {
        self.reported()?.message.as_deref()
    }

    /// The provider's own word for the failure, as it came, such as `insufficient_quota`.
    #[must_use]
    pub fn provider_code(&self) -> Option<&str> {
        self.reported()?.code.as_deref()
    }

    /// Keeps the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.reported_mut().status = Some(status);
        self
    }

    /// Keeps the provider's name for the exchange.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.reported_mut().request_id = Some(id.into());
        self
    }

    /// Keeps the provider's own sentence.
    #[must_use]
    pub fn with_provider_message(mut self, message: impl Into<String>) -> Self {
        self.reported_mut().message = Some(message.into());
        self
    }

    /// Keeps the provider's own word for the failure.
    #[must_use]
    pub fn with_provider_code(mut self, code: impl Into<String>) -> Self {
        self.reported_mut().code = Some(code.into());
        self
    }
}
