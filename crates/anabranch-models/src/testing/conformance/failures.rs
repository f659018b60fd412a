//! What goes wrong.

use std::time::{Duration, Instant};

use anabranch_core::{Error, ErrorKind, RunConfig, RunnableExt};

use super::super::loopback::{Loopback, Script};
use super::{KEY, PROMPT, Subject, read};

/// The run's deadline ends a call, whatever the server does.
///
/// # Panics
/// When it does not.
pub async fn a_deadline_holds(subject: &Subject) {
    let server = Loopback::serve(Script::new("application/json", "").hanging()).await;
    let llm = subject.model(&server.url());
    let config = RunConfig::new().timeout(Duration::from_millis(200));
    let began = Instant::now();
    let plain = llm.invoke_with(PROMPT, &config).await.expect_err("nothing came");
    let streamed = llm.stream_with(PROMPT, &config).next().await.expect("an error").expect_err("nothing came");
    for error in [plain, streamed] {
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "the deadline was met after {:?}", began.elapsed());
}

/// Failures have the kinds that HTTP's statuses mean everywhere, one attempt each, and what the server says of them is
/// reached and not shown.
///
/// # Panics
/// When a kind is another, when it was tried again, or when an error shows prompt or key.
pub async fn failures_have_their_kinds_and_hide_what_was_said(subject: &Subject) {
    let kinds = [
        (400, ErrorKind::InvalidInput),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Server),
        (503, ErrorKind::Overloaded),
    ];
    for (status, kind) in kinds {
        let said = serde_json::json!({"error": {"message": format!("not with {KEY}: {PROMPT}"), "code": KEY}});
        let script = Script::new("application/json", said.to_string()).status(status).header("retry-after", "7");
        let server = Loopback::serve(script.header("x-request-id", "request-1")).await;
        let llm = subject.model(&server.url());
        let plain = llm.invoke(PROMPT).await.expect_err("a failure");
        let streamed = read(&llm).await.1.expect_err("a failure");
        for error in [plain, streamed] {
            assert_eq!((error.kind(), error.status()), (kind, Some(status)));
            let wait = error.is_retryable().then_some(Duration::from_secs(7));
            assert!(wait.is_none() || error.retry_after() == wait, "status {status}: when to come back");
            hides(&error);
        }
        assert_eq!(server.requests().len(), 2, "status {status}: it was tried again");
    }
}

/// Keys and prompts go to the host that was named, and to no other.
///
/// # Panics
/// When another host saw anything.
pub async fn redirects_are_not_followed(subject: &Subject) {
    let other = Loopback::serve(subject.plain()).await;
    for status in [301, 302, 307, 308] {
        let script = Script::new("text/plain", "").status(status).header("location", other.url());
        let server = Loopback::serve(script).await;
        let error = subject.model(&server.url()).invoke(PROMPT).await.expect_err("a redirect is no answer");
        assert!(!error.is_retryable(), "status {status}: it would redirect again");
        hides(&error);
    }
    assert!(other.requests().is_empty(), "a redirect was followed");
}

fn hides(error: &Error) {
    for shown in [format!("{error}"), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!shown.contains(PROMPT) && !shown.contains(KEY), "an error shows the prompt or the key");
    }
}
