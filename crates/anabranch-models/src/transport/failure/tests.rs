use std::time::Duration;

use super::*;

const TABLE: ErrorTable = ErrorTable {
    words: &[
        ("insufficient_quota", ErrorKind::QuotaExceeded),
        ("context_length_exceeded", ErrorKind::ContextLength),
        ("rate_limit_exceeded", ErrorKind::RateLimited),
        ("enforced_spend_limit_reached", ErrorKind::QuotaExceeded),
        ("API_KEY_INVALID", ErrorKind::Authentication),
        ("RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
    ],
    sentences: &[("maximum context length", ErrorKind::ContextLength)],
    statuses: &[(413, ErrorKind::ContextLength)],
};

fn with_secret(secret: &str) -> Errors {
    let mut errors = Errors::for_tests(&TABLE);
    errors.secrets.add(secret);
    errors
}

fn status(status: u16, body: &str) -> Error {
    let status = StatusCode::from_u16(status).unwrap();
    Errors::for_tests(&TABLE).status(status, &HeaderMap::new(), body.as_bytes())
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
        (413, ErrorKind::ContextLength, false),
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
        assert_eq!(error.status(), Some(code));
    }
}

#[test]
fn words_decide_before_the_status() {
    let quota = r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert_eq!(status(429, quota).kind(), ErrorKind::QuotaExceeded);
    assert_eq!(status(429, quota).to_string(), "quota exceeded: status 429 from api.example.com: insufficient_quota");
    assert_eq!(status(429, quota).provider_code(), Some("insufficient_quota"));
    assert_eq!(status(400, r#"{"error":{"code":"context_length_exceeded"}}"#).kind(), ErrorKind::ContextLength);
    assert_eq!(
        status(400, r#"{"error":{"message":"The maximum context length is 7"}}"#).kind(),
        ErrorKind::ContextLength
    );
    let numeric = r#"{"error":{"message":"slow down","code":429}}"#;
    let error = Errors::for_tests(&TABLE).document(serde_json::from_str(numeric).unwrap());
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, Some(429)));
}

#[test]
fn the_shapes_of_other_houses() {
    let anthropic = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":
        {"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}"#;
    let error = status(429, anthropic);
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::QuotaExceeded, Some("req_1")));
    let google = r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":
        [{"@type":"x"},{"@type":"google.rpc.RetryInfo","retryDelay":"27.5s"}]}}]"#;
    let error = status(429, google);
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_millis(27_500))));
    assert_eq!(error.provider_code(), Some("RESOURCE_EXHAUSTED"));
    let key =
        r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    assert_eq!(status(400, key).kind(), ErrorKind::Authentication);
    assert_eq!(
        status(500, r#"{"error":"model runner has stopped"}"#).provider_message(),
        Some("model runner has stopped")
    );
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
        let error = with_secret("sk-12345678abc").status(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body.as_bytes());
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert_eq!(error.provider_message(), Some("Incorrect API key provided: sk-12345678"), "{body}");
        assert!(!format!("{error} {error:?}").contains("sk-"), "{error}");
    }
}

#[test]
fn no_part_of_a_key_is_shown() {
    let errors = with_secret("sk-proj-AbCdEfGh");
    for word in ["sk-proj-AbCdEfGh", "proj-AbCd", "x.EfGh", "key_CDEF"] {
        let error = errors.inside(serde_json::json!({"message": "m", "code": word, "type": word}));
        assert!(!error.to_string().contains(word), "{error}");
        assert_eq!(error.provider_code(), Some(word));
    }
    let error = with_secret("my-rate_limit-key").inside(serde_json::json!({"code": "rate_limit_exceeded"}));
    assert!(error.to_string().contains("rate_limit_exceeded"), "a word of the table is nobody's key: {error}");
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, "https://proj-abcd.example.com/".parse().unwrap());
    let error = errors.redirect(StatusCode::FOUND, &headers);
    assert!(!error.to_string().contains("proj"), "{error}");
}

#[test]
fn what_is_no_error() {
    for nothing in ["null", "false", "\"\"", "\" \"", "{}", "[]"] {
        assert!(!is_error(&serde_json::from_str(nothing).unwrap()), "{nothing}");
    }
    for error in ["true", "1", "\"x\"", "{\"a\": null}", "[0]"] {
        assert!(is_error(&serde_json::from_str(error).unwrap()), "{error}");
    }
}

#[test]
fn no_document_is_too_strange() {
    let strange =
        ["", "null", "[]", "[[[]]]", "{}", "{\"error\":null}", "{\"error\":[1]}", "{\"error\":{\"code\":[]}}", "\u{0}"];
    for body in strange {
        assert_eq!(status(500, body).kind(), ErrorKind::Server, "{body}");
        if let Ok(document) = serde_json::from_str(body) {
            assert_eq!(Errors::for_tests(&TABLE).document(document).kind(), ErrorKind::Other, "{body}");
        }
    }
}
