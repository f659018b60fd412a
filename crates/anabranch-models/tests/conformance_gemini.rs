//! The public suite on the adapter of Gemini, over loopback.
#![cfg(feature = "gemini")]

use anabranch_models::Gemini;
use anabranch_models::testing::conformance::{self, Subject};
use serde_json::{Value, json};

/// A chunk, which is a whole answer where it has everything.
fn chunk(parts: Value, finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 1, "totalTokenCount": 9},
        "modelVersion": "gemini-3-flash", "responseId": "r1",
    })
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\r\n\r\n")
}

fn gemini() -> Subject {
    let model =
        |url: &str| Gemini::new("gemini-3-flash").base_url(format!("{url}/v1beta")).api_key(conformance::KEY).build();
    let document = chunk(json!([{"text": "Hello, world!"}]), Some("STOP"));
    let pieces = [
        chunk(json!([{"text": "Hm.", "thought": true}]), None),
        chunk(json!([{"text": "Hello"}]), None),
        chunk(json!([{"text": ", world!"}]), None),
        chunk(json!([{"text": "", "thoughtSignature": "c2VhbA=="}]), Some("STOP")),
    ];
    let call =
        json!([{"functionCall": {"name": "weather", "args": {"city": "Bremen"}}, "thoughtSignature": "c2VhbA=="}]);
    let called = chunk(call, Some("STOP"));
    // As Vertex AI does, value by value.
    let part = |call: Value| chunk(json!([{"functionCall": call}]), None);
    let value = |text: &str| json!([{"jsonPath": "$.city", "stringValue": text, "willContinue": true}]);
    let calling = [
        part(json!({"name": "weather", "willContinue": true})),
        part(json!({"partialArgs": value("Bre"), "willContinue": true})),
        part(json!({"partialArgs": value("men"), "willContinue": true})),
        part(json!({"partialArgs": [{"jsonPath": "$.city", "stringValue": ""}], "willContinue": true})),
        part(json!({})),
        chunk(json!([]), Some("STOP")),
    ];
    let frames = |chunks: &[Value]| chunks.iter().map(event).collect::<Vec<_>>();
    Subject::new(model, document.to_string(), frames(&pieces)).call(called.to_string(), frames(&calling))
}

#[tokio::test]
async fn gemini_by_events() {
    conformance::run(&gemini()).await;
}

/// Without `alt=sse` a stream is one list, which a server may send all the same.
#[tokio::test]
async fn gemini_by_a_list() {
    let of_events = chunk(json!([{"text": "Hello, world!"}]), Some("STOP")).to_string();
    let pieces = [
        format!("[{}", chunk(json!([{"text": "Hello"}]), None)),
        format!(",\r\n{}", chunk(json!([{"text": ", world!"}]), Some("STOP"))),
        "]".to_string(),
    ];
    let model = |url: &str| Gemini::new("m").base_url(url).api_key(conformance::KEY).build();
    let subject = Subject::new(model, of_events, pieces).content_type("application/json");
    conformance::a_stream_adds_up_to_the_answer(&subject).await;
    conformance::a_cut_stream_is_never_whole(&subject).await;
}
