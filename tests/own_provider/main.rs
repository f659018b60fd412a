//! The provider that the guide builds: it passes the suite that every backend should pass, is as short as the guide says,
//! and is what the guide shows.

#![allow(clippy::unwrap_used)]
#![expect(unreachable_pub, reason = "it is written as in a crate of its own")]

mod cohere;

use anabranch::models::testing::conformance::{self, Subject};
use anabranch::models::transport::Connection;

fn event(data: &str) -> String {
    let kind = data.split('"').nth(3).unwrap();
    format!("event: {kind}\ndata: {data}\n\n")
}

/// As Cohere writes it: <https://docs.cohere.com/v2/docs/streaming>.
fn subject() -> Subject {
    let model = |url: &str| cohere::cohere("command-a", conformance::KEY, Connection::new().base_url(url));
    let usage = r#""usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 60, "output_tokens": 4}}"#;
    let document = format!(
        r#"{{"id": "1", "message": {{"role": "assistant", "content": [{{"type": "text", "text": "Hello, world!"}}]}},
            "finish_reason": "COMPLETE", {usage}}}"#
    );
    let start = event(
        r#"{"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}"#,
    );
    let end = |reason: &str| {
        event(&format!(r#"{{"type": "message-end", "delta": {{"finish_reason": "{reason}", {usage}}}}}"#))
    };
    let text = |text: &str| {
        event(&format!(
            r#"{{"type": "content-delta", "index": 0, "delta": {{"message": {{"content": {{"text": "{text}"}}}}}}}}"#
        ))
    };
    let frames = [
        start.clone(),
        event(
            r#"{"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}"#,
        ),
        text("Hello"),
        text(", world!"),
        event(r#"{"type": "content-end", "index": 0}"#),
        end("COMPLETE"),
        "data: [DONE]\n\n".to_string(),
    ];
    let called = format!(
        r#"{{"id": "1", "finish_reason": "TOOL_CALL", "message": {{"role": "assistant", "tool_plan": "I look.", "tool_calls": [{{
            "id": "weather_1", "type": "function", "function": {{"name": "weather", "arguments": "{{\"city\": \"Bremen\"}}"}}}}]}}, {usage}}}"#
    );
    let piece = |arguments: &str| {
        event(&format!(
            r#"{{"type": "tool-call-delta", "index": 0, "delta": {{"message": {{"tool_calls": {{"function": {{"arguments": "{arguments}"}}}}}}}}}}"#
        ))
    };
    let calling = [
        start,
        event(r#"{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look."}}}"#),
        event(
            r#"{"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {"id": "weather_1", "type": "function", "function": {"name": "weather", "arguments": ""}}}}}"#,
        ),
        piece(r#"{\"city\": \"Bre"#),
        piece(r#"men\"}"#),
        event(r#"{"type": "tool-call-end", "index": 0}"#),
        end("TOOL_CALL"),
    ];
    Subject::new(model, document, frames).call(called, calling)
}

#[tokio::test]
async fn it_passes_the_suite() {
    conformance::run(&subject()).await;
}

/// The program in pieces, and what is said of each between them.
#[test]
fn the_guide_shows_it_and_it_is_short() {
    let program = include_str!("cohere.rs");
    let page = include_str!("../../docs/guide/17-adding-a-provider.md");
    let shown: Vec<&str> =
        page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("rust,ignore\n")).collect();
    // The last is the test.
    let shown = &shown[..shown.len() - 1];
    assert!(shown.len() > 3, "the program is shown in pieces");
    let without_blank = |text: &str| text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(without_blank(&shown.concat()), without_blank(program), "docs/guide/17-adding-a-provider.md");
    let lines = program.lines().count();
    assert!(lines < 200, "{lines} lines");
    assert!(page.contains(&format!("{lines} lines")), "the page says how many lines it is: {lines}");
}
