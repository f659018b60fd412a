//! What a failure of the provider is called: a table.

use anabranch_core::{Error, ErrorKind};
use serde_json::Value;

use crate::transport::{Failure, Secret};

/// Makes errors of what servers say when they do not answer.
///
/// The message of an error is the status, the host, and the provider's code and type, which are words from a list.
/// The provider's own sentence may repeat prompt or key: it is kept out of every rendering and can be read with
/// `error.partial::<String>()`.
#[derive(Clone, Copy)]
pub(super) struct Errors<'a> {
    pub(super) host: &'a str,
    pub(super) key: Option<&'a Secret>,
}

impl Errors<'_> {
    /// An answer with a status that is no success.
    pub(super) fn status(self, failure: &Failure<'_>) -> Error {
        let said = match serde_json::from_slice(failure.body) {
            Ok(document) => Said::of_document(document),
            Err(_) => Said { text: Some(String::from_utf8_lossy(failure.body).into_owned()), ..Said::default() },
        };
        self.error(Some(failure.status), said)
    }

    /// An error inside a success: the `error` member of a document or of a chunk.
    pub(super) fn inside(self, error: Value) -> Error {
        let said = Said::of_error(error);
        self.error(said.status, said)
    }

    /// An error inside a success, as a document of any of the known shapes.
    pub(super) fn document(self, document: Value) -> Error {
        let said = Said::of_document(document);
        self.error(said.status, said)
    }

    fn error(self, status: Option<u16>, said: Said) -> Error {
        let kind = said.kind(status);
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
        // Two servers that want the same thing again after a conflict or too early.
        let error = match status {
            Some(409 | 425) => Error::new(kind, message).with_retryable(true),
            _ => Error::new(kind, message),
        };
        match said.text {
            Some(text) if !text.is_empty() => error.with_partial(text),
            _ => error,
        }
    }

    /// Only what looks like a word from a list is shown, and no word that is or holds the key.
    fn may_show(self, word: &str) -> bool {
        word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
            && !self.key.is_some_and(|key| key.is_shown_in(word))
    }
}

/// What a server said, whatever the shape.
#[derive(Default)]
struct Said {
    type_: Option<String>,
    code: Option<String>,
    /// A status that stands in the document.
    status: Option<u16>,
    text: Option<String>,
}

impl Said {
    /// `{"error": …}`, the flat form, `{"detail": …}`, or any of these as the first of a list.
    fn of_document(document: Value) -> Self {
        match document {
            Value::Array(list) => list.into_iter().next().map(Self::of_document).unwrap_or_default(),
            Value::Object(mut object) => match object.remove("error") {
                Some(Value::String(text)) => {
                    let mut said = Self::of_error(Value::Object(object));
                    said.text = Some(text);
                    said
                }
                Some(error) if !error.is_null() => Self::of_error(error),
                _ => Self::of_error(Value::Object(object)),
            },
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
        let type_ = error.remove("type").and_then(text);
        let message = error.remove("message").or_else(|| error.remove("detail"));
        Self { type_, code, status, text: message.and_then(text) }
    }

    fn kind(&self, status: Option<u16>) -> ErrorKind {
        let words = [self.code.as_deref(), self.type_.as_deref()];
        let by_word = |word: &str| WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
        if let Some(kind) = words.into_iter().flatten().find_map(by_word) {
            return kind;
        }
        let text = self.text.as_deref().unwrap_or_default();
        if matches!(status, None | Some(400 | 413 | 422)) && SAYS_TOO_LONG.iter().any(|says| text.contains(says)) {
            return ErrorKind::ContextLength;
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

/// Words that decide whatever the status is: a 429 is two things, and a 400 is many.
const WORDS: &[(&str, ErrorKind)] = &[
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
];

/// How servers without a code for it say that the prompt is too long.
const SAYS_TOO_LONG: &[&str] = &["maximum context length", "max context length", "exceeds the available context size"];

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
            Some("server_error" | "internal_server_error") => ErrorKind::Server,
            _ => ErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRORS: Errors<'_> = Errors { host: "api.example.com", key: None };

    fn status(status: u16, body: &str) -> Error {
        ERRORS.status(&Failure { status, body: body.as_bytes() })
    }

    #[test]
    fn every_status_has_a_kind() {
        let kinds = [
            (400, ErrorKind::InvalidInput, false),
            (401, ErrorKind::Authentication, false),
            (402, ErrorKind::QuotaExceeded, false),
            (403, ErrorKind::PermissionDenied, false),
            (404, ErrorKind::NotFound, false),
            (408, ErrorKind::Timeout, true),
            (409, ErrorKind::Server, true),
            (413, ErrorKind::InvalidInput, false),
            (422, ErrorKind::InvalidInput, false),
            (429, ErrorKind::RateLimited, true),
            (500, ErrorKind::Server, true),
            (502, ErrorKind::Server, true),
            (503, ErrorKind::Overloaded, true),
            (504, ErrorKind::Timeout, true),
            (529, ErrorKind::Overloaded, true),
        ];
        for (code, kind, retryable) in kinds {
            let error = status(code, "");
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{code}");
        }
    }

    #[test]
    fn words_decide_before_the_status() {
        let quota = r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        assert_eq!(status(429, quota).kind(), ErrorKind::QuotaExceeded);
        assert_eq!(
            status(429, quota).to_string(),
            "quota exceeded: status 429 from api.example.com: insufficient_quota"
        );
        assert_eq!(status(400, r#"{"error":{"code":"context_length_exceeded"}}"#).kind(), ErrorKind::ContextLength);
        let numeric = r#"{"error":{"message":"slow down","code":429}}"#;
        assert_eq!(ERRORS.document(serde_json::from_str(numeric).unwrap()).kind(), ErrorKind::RateLimited);
    }

    #[test]
    fn the_sentence_is_kept_but_not_shown() {
        for body in [
            r#"{"error":{"message":"Incorrect API key provided: sk-12345678","code":"sk-12345678abc"}}"#,
            r#"{"error":"Incorrect API key provided: sk-12345678"}"#,
            r#"{"detail":"Incorrect API key provided: sk-12345678"}"#,
            r#"[{"message":"Incorrect API key provided: sk-12345678"}]"#,
            "Incorrect API key provided: sk-12345678",
        ] {
            let key = Secret::from("sk-12345678abc");
            let errors = Errors { key: Some(&key), ..ERRORS };
            let error = errors.status(&Failure { status: 401, body: body.as_bytes() });
            assert_eq!(error.kind(), ErrorKind::Authentication);
            assert_eq!(error.partial::<String>().unwrap(), "Incorrect API key provided: sk-12345678", "{body}");
            assert!(!format!("{error} {error:?}").contains("sk-"), "{error}");
        }
    }

    #[test]
    fn no_document_is_too_strange() {
        let strange = [
            "",
            "null",
            "[]",
            "[[[]]]",
            "{}",
            "{\"error\":null}",
            "{\"error\":[1]}",
            "{\"error\":{\"code\":[]}}",
            "\u{0}",
        ];
        for body in strange {
            assert_eq!(status(500, body).kind(), ErrorKind::Server, "{body}");
            if let Ok(document) = serde_json::from_str(body) {
                assert_eq!(ERRORS.document(document).kind(), ErrorKind::Other, "{body}");
            }
        }
    }
}
