//! [`Errors`]: what a failure of a provider is called. The shapes are the same everywhere; the words are a table.

use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, ServerLimits};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::retry_after::{retry_after, retry_hint};
use super::secrets::Secrets;
use crate::reader;
use crate::server_limits::in_headers;

/// What a provider's words mean. Searched in this order: words, sentences, statuses, and what the statuses of HTTP mean
/// everywhere.
#[derive(Debug, Clone, Copy)]
pub struct ErrorTable {
    /// Codes, types and states, which decide whatever the status is: a 429 is two things, and a 400 is many.
    pub words: &'static [(&'static str, ErrorKind)],
    /// What stands in the sentence of a provider that has no word for it. Looked up where the status is 400, 413, 422 or
    /// none.
    pub sentences: &'static [(&'static str, ErrorKind)],
    /// Statuses that mean something else here.
    pub statuses: &'static [(u16, ErrorKind)],
}

/// Makes errors of what a server says when it does not answer.
///
/// The message of an error is the status, the host, and the provider's code and type, which are words from a list. The
/// provider's own sentence may repeat prompt or key: it is kept out of every rendering, and is what
/// `error.provider_message()` gives.
#[derive(Clone)]
pub struct Errors {
    pub(crate) host: Arc<str>,
    pub(crate) secrets: Secrets,
    pub(crate) table: &'static ErrorTable,
}

/// What secrets there are is nobody's business.
impl std::fmt::Debug for Errors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errors").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Errors {
    /// For tests of the parts that make errors.
    #[cfg(test)]
    pub(crate) fn for_tests(table: &'static ErrorTable) -> Self {
        Self { host: "api.example.com".into(), secrets: Secrets::default(), table }
    }

    /// An error about this server.
    #[must_use]
    pub fn error(&self, kind: ErrorKind, what: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("{} {what}", self.host))
    }

    /// An answer with a status that is no success.
    pub(crate) fn status(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        // Of what is made to grow when it is taken apart, only the text is kept.
        let text = reader::text(body);
        let document = Some(&*text).filter(|text| reader::is_small(text)).and_then(reader::value);
        let said = match document {
            Some(document) => Said::of_document(document),
            None => Said { text: Some(String::from_utf8_lossy(body).trim().to_string()), ..Said::default() },
        };
        let status = status.as_u16();
        // The body of a proxy may speak of another status.
        let error = self.reported(Some(status), said);
        let error = match retry_after(headers, std::time::SystemTime::now(), status) {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        };
        let error = match request_id(headers) {
            Some(id) => error.with_request_id(id),
            None => error,
        };
        let said = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let mut limits = in_headers(&said.collect::<Vec<_>>());
        // What it asks for wins over what one would work out.
        limits.retry_after = limits.retry_after.map(|reset| error.retry_after().unwrap_or(reset));
        let error = if limits == ServerLimits::new() { error } else { error.with_partial(limits) };
        match headers.get("x-should-retry").map(|value| value.as_bytes()) {
            Some(b"false") => error.with_retryable(false),
            // A server that says so knows better about its own trouble, but not about an empty account.
            Some(b"true") if error.kind() != ErrorKind::QuotaExceeded => error.with_retryable(true),
            _ => error,
        }
    }

    /// An error inside a success: the `error` member of a document or of a chunk.
    #[must_use]
    pub fn inside(&self, error: Value) -> Error {
        let said = Said::of_error(error);
        self.reported(said.status, said)
    }

    /// An error inside a success, as a document of any of the known shapes.
    #[must_use]
    pub fn document(&self, document: Value) -> Error {
        let said = Said::of_document(document);
        self.reported(said.status, said)
    }

    /// Redirects are not followed: the key and the prompt would go to a host nobody chose.
    pub(crate) fn redirect(&self, status: StatusCode, headers: &HeaderMap) -> Error {
        let target = headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let target = target.and_then(|location| reqwest::Url::parse(location).ok());
        let target = target.as_ref().and_then(|location| location.host_str());
        let target = target.filter(|host| !self.secrets.shown_in(host)).map(|host| format!(" to {host}"));
        let (status, host, target) = (status.as_u16(), &self.host, target.unwrap_or_default());
        let message = format!("status {status} from {host} redirects{target}: not followed; check the base URL");
        Error::new(ErrorKind::Configuration, message).with_status(status)
    }

    fn reported(&self, status: Option<u16>, said: Said) -> Error {
        let kind = said.kind(status, self.table);
        // Google has no other word.
        let said =
            Said { code: said.code.or_else(|| said.state.filter(|_| said.type_.is_none())), state: None, ..said };
        let mut message = match status {
            Some(status) => format!("status {status} from {}", self.host),
            None => format!("{} broke off its answer with an error", self.host),
        };
        let words: Vec<_> =
            [&said.code, &said.type_].into_iter().flatten().filter(|word| self.may_show(word)).collect();
        match words[..] {
            [] => {}
            [one] => message = format!("{message}: {one}"),
            [code, type_, ..] if code == type_ => message = format!("{message}: {code}"),
            [code, type_, ..] => message = format!("{message}: {code} ({type_})"),
        }
        let mut error = Error::new(kind, message);
        if let Some(status) = status {
            error = error.with_status(status);
        }
        // Two servers that want the same thing again after a conflict or too early.
        if let Some(409 | 425) = status {
            error = error.with_retryable(true);
        }
        if let Some(delay) = said.retry_after.filter(|_| kind.is_retryable()) {
            error = error.with_retry_after(delay);
        }
        if let Some(code) = said.code.or(said.type_) {
            error = error.with_provider_code(code);
        }
        if let Some(id) = said.request_id {
            error = error.with_request_id(id);
        }
        match said.text {
            Some(text) if !text.is_empty() => error.with_provider_message(text.as_str()).with_partial(text),
            _ => error,
        }
    }

    /// Only what looks like a word from a list is shown, and no word that holds anything of a secret, unless it is one
    /// of ours.
    fn may_show(&self, word: &str) -> bool {
        word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
            && (self.table.words.iter().any(|(known, _)| *known == word) || !self.secrets.shown_in(word))
    }
}

/// The provider's name for an exchange.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let names = ["x-request-id", "request-id", "apim-request-id", "x-goog-request-id", "x-amzn-requestid", "cf-ray"];
    let id = names.iter().find_map(|name| headers.get(*name)?.to_str().ok())?;
    Some(id.to_string()).filter(|id| !id.is_empty())
}

/// Whether an `error` member says that there is one: `null`, `false`, `""`, `{}` and `[]` do not.
pub(crate) fn is_error(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// What a server said, whatever the shape.
#[derive(Default)]
struct Said {
    type_: Option<String>,
    code: Option<String>,
    /// A status in words, as Google writes it.
    state: Option<String>,
    /// Further words that stand deeper inside: reasons, codes of details.
    reasons: Vec<String>,
    /// A status that stands in the document.
    status: Option<u16>,
    text: Option<String>,
    request_id: Option<String>,
    retry_after: Option<std::time::Duration>,
}

impl Said {
    /// `{"error": …}`, the flat form, `{"detail": …}`, or any of these as the first of a list.
    fn of_document(document: Value) -> Self {
        match document {
            Value::Array(list) => list.into_iter().next().map(Self::of_document).unwrap_or_default(),
            Value::Object(mut object) => {
                let id = object.get("request_id").and_then(Value::as_str).map(str::to_string);
                let mut said = match object.remove("error") {
                    Some(Value::String(text)) => {
                        let mut said = Self::of_error(Value::Object(object));
                        said.text = Some(text);
                        said
                    }
                    Some(error) if !error.is_null() => Self::of_error(error),
                    _ => Self::of_error(Value::Object(object)),
                };
                said.request_id = id;
                said
            }
            other => Self { text: text(other), ..Self::default() },
        }
    }

    /// The inner object, or a sentence.
    fn of_error(error: Value) -> Self {
        let Value::Object(mut error) = error else { return Self { text: text(error), ..Self::default() } };
        let inner = error.get("innererror").and_then(|inner| inner.get("code")).and_then(Value::as_str);
        // Azure says what it means one level further down.
        let code = match inner {
            Some("ResponsibleAIPolicyViolation") => Some("content_filter".into()),
            _ => None,
        };
        let code = code.or_else(|| error.remove("code").and_then(text));
        let number = |key: &str| error.get(key).and_then(Value::as_u64);
        let status = number("status_code").or_else(|| number("status")).or_else(|| code.as_ref()?.parse().ok());
        let status = status.and_then(|status| u16::try_from(status).ok()).filter(|status| (400..600).contains(status));
        // A number is a status once more, or a code of the house that says nothing.
        let code = code.filter(|code| code.parse::<u32>().is_err());
        let state = error.get("status").and_then(Value::as_str).map(str::to_string);
        let details = error.remove("details").unwrap_or_default();
        let single = details.is_object().then_some(&details);
        let each = || details.as_array().into_iter().flatten().chain(single);
        let words =
            each().flat_map(|one| ["reason", "error_code"].into_iter().filter_map(|key| one.get(key)?.as_str()));
        let reasons = words.map(str::to_string).collect();
        let delay = each().find_map(|detail| detail.get("retryDelay")?.as_str()).and_then(retry_hint::delay);
        let type_ = error.remove("type").and_then(text);
        let message = error.remove("message").or_else(|| error.remove("detail")).and_then(text);
        let retry_after = delay.or_else(|| retry_hint::in_sentence(message.as_deref()?));
        Self { type_, code, state, reasons, status, text: message, request_id: None, retry_after }
    }

    fn kind(&self, status: Option<u16>, table: &ErrorTable) -> ErrorKind {
        let words = self.reasons.iter().chain(&self.code).chain(&self.type_).chain(&self.state);
        let by_word = |word: &String| table.words.iter().find(|(known, _)| known == word).map(|(_, kind)| *kind);
        if let Some(kind) = words.into_iter().find_map(by_word) {
            return kind;
        }
        let text = self.text.as_deref().unwrap_or_default();
        if let None | Some(400 | 413 | 422) = status {
            if let Some((_, kind)) = table.sentences.iter().find(|(says, _)| text.contains(says)) {
                return *kind;
            }
        }
        if let Some((_, kind)) = table.statuses.iter().find(|(known, _)| Some(*known) == status) {
            return *kind;
        }
        by_status(status, self.type_.as_deref())
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn by_status(status: Option<u16>, type_: Option<&str>) -> ErrorKind {
    match status {
        Some(401) => ErrorKind::Authentication,
        Some(402) => ErrorKind::QuotaExceeded,
        Some(403) => ErrorKind::PermissionDenied,
        Some(404) => ErrorKind::NotFound,
        Some(408 | 504) => ErrorKind::Timeout,
        Some(409 | 425) => ErrorKind::Server,
        Some(429) => ErrorKind::RateLimited,
        Some(503 | 529) => ErrorKind::Overloaded,
        Some(400..500) => ErrorKind::InvalidInput,
        Some(500..) => ErrorKind::Server,
        // Nothing but a word to go by.
        _ => match type_ {
            Some("invalid_request_error") => ErrorKind::InvalidInput,
            Some("server_error" | "internal_server_error" | "api_error") => ErrorKind::Server,
            _ => ErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests;
