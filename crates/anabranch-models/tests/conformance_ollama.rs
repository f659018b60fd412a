//! The public suite on the adapter of Ollama, over loopback.
#![cfg(feature = "ollama")]

use anabranch_models::Ollama;
use anabranch_models::testing::conformance::{self, Subject};
use serde_json::{Value, json};

fn line(message: Value) -> String {
    format!("{}\n", json!({"model": "m", "created_at": "then", "message": message, "done": false}))
}

fn end(message: Value) -> Value {
    json!({"model": "m", "created_at": "then", "message": message, "done": true, "done_reason": "stop",
        "total_duration": 9, "prompt_eval_count": 5, "eval_count": 4})
}

fn ollama(name: &'static str) -> Subject {
    let model = move |url: &str| Ollama::new(name).base_url(url).api_key(conformance::KEY).build();
    let last = || format!("{}\n", end(json!({"role": "assistant", "content": ""})));
    let frames = [
        line(json!({"role": "assistant", "content": "", "thinking": "Hm."})),
        line(json!({"role": "assistant", "content": "Hello"})),
        line(json!({"role": "assistant", "content": ", world!"})),
        last(),
    ];
    let call = json!([{"function": {"index": 0, "name": "weather", "arguments": {"city": "Bremen"}}}]);
    let calling = [line(json!({"role": "assistant", "content": "", "tool_calls": call})), last()];
    let document = end(json!({"role": "assistant", "content": "Hello, world!"}));
    let called = end(json!({"role": "assistant", "content": "", "tool_calls": call}));
    Subject::new(model, document.to_string(), frames)
        .content_type("application/x-ndjson")
        .call(called.to_string(), calling)
}

#[tokio::test]
async fn ollama_chat() {
    conformance::run(&ollama("qwen3")).await;
}

/// Levels of thinking are for the models that have some.
#[tokio::test]
async fn ollama_with_levels_of_thinking() {
    conformance::what_is_asked_for_is_sent_or_warned_of(&ollama("gpt-oss:20b")).await;
}
