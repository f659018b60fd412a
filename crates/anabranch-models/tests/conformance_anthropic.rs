//! The public suite on Anthropic's adapter, over loopback.
#![allow(clippy::unwrap_used)]

use anabranch_models::testing::conformance::{self, Subject};
use anabranch_models::{Anthropic, AnthropicDialect};
use serde_json::{Value, json};

fn event(event: Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

/// A block in pieces, in the frames that the API sends.
fn frames(block: &Value, deltas: &[Value], reason: &str) -> Vec<String> {
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "tiny", "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "output_tokens": 1}}});
    let mut frames = vec![
        event(start),
        event(json!({"type": "content_block_start", "index": 0, "content_block": block})),
        event(json!({"type": "ping"})),
    ];
    frames.extend(deltas.iter().map(|delta| event(json!({"type": "content_block_delta", "index": 0, "delta": delta}))));
    frames.extend([
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 4}})),
        event(json!({"type": "message_stop"})),
    ]);
    frames
}

fn document(block: &Value, reason: &str) -> String {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "tiny", "content": [block],
        "stop_reason": reason, "usage": {"input_tokens": 5, "output_tokens": 4}})
    .to_string()
}

fn subject(dialect: AnthropicDialect) -> Subject {
    let model = move |url: &str| {
        Anthropic::new("tiny").base_url(url).api_key(conformance::KEY).dialect(dialect.clone()).build()
    };
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let input = |json: &str| json!({"type": "input_json_delta", "partial_json": json});
    let call = |input: Value| json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": input});
    let said = frames(&json!({"type": "text", "text": ""}), &[text("Hello"), text(", world!")], "end_turn");
    let called = frames(&call(json!({})), &[input(""), input("{\"city\": \"Bre"), input("men\"}")], "tool_use");
    Subject::new(model, document(&json!({"type": "text", "text": "Hello, world!"}), "end_turn"), said)
        .call(document(&call(json!({"city": "Bremen"})), "tool_use"), called)
}

#[tokio::test]
async fn anthropic() {
    conformance::run(&subject(AnthropicDialect::of("api.anthropic.com", "claude-opus-5"))).await;
}

/// Older models, and the servers of others, take less: what they do not take is told.
#[tokio::test]
async fn anthropic_of_other_models() {
    for (host, model) in [("api.anthropic.com", "claude-3-7-sonnet"), ("localhost", "qwen3")] {
        conformance::what_is_asked_for_is_sent_or_warned_of(&subject(AnthropicDialect::of(host, model))).await;
    }
}
