//! Gemini, over real sockets.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, FinishKind, Message, Messages};
use anabranch_models::{ChatModel, Gemini};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{SSE, read, say, server};

/// A model whose server answers with one body, and the requests that it sees.
async fn model(name: &str, head: &str, body: String) -> (ChatModel, mpsc::UnboundedReceiver<String>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let answer = format!("{head}{body}");
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    let model = Gemini::new(name).base_url(format!("http://{address}/v1beta")).api_key("AIza-hidden").build().unwrap();
    (model, requests)
}

fn chunk(parts: Value, finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 2, "totalTokenCount": 9},
        "modelVersion": "gemini-3-flash", "responseId": "r1",
    })
}

fn events(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn both_addresses_and_the_key_where_it_belongs() {
    for (name, path) in
        [("tiny", "models/tiny"), ("models/tiny", "models/tiny"), ("tunedModels/mine", "tunedModels/mine")]
    {
        let body = chunk(json!([{"text": "Hello"}]), Some("STOP"));
        let (llm, mut requests) = model(name, JSON, body.to_string()).await;
        // Whatever a server answers with, document or stream, is read.
        assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
        assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        for line in [format!("{path}:generateContent"), format!("{path}:streamGenerateContent?alt=sse")] {
            let request = requests.recv().await.unwrap();
            assert!(request.starts_with(&format!("POST /v1beta/{line} HTTP/1.1\r\n")), "{request}");
            assert!(request.contains("\r\nx-goog-api-key: AIza-hidden\r\n"), "{request}");
        }
    }
}

/// Law 6, and what came goes back as it came: events, the same as one list, the same in one document.
#[tokio::test]
async fn however_it_comes_it_is_the_same_and_goes_back_unchanged() {
    let pieces = [
        chunk(json!([{"text": "Hm", "thought": true}]), None),
        chunk(json!([{"text": ".", "thought": true}]), None),
        chunk(json!([{"text": "Let me "}]), None),
        chunk(json!([{"text": "see."}]), None),
        chunk(json!([{"text": "", "thoughtSignature": "s1"}]), None),
        chunk(
            json!([{"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": "s2"}]),
            Some("STOP"),
        ),
    ];
    let parts = json!([
        {"text": "Hm.", "thought": true},
        {"text": "Let me see.", "thoughtSignature": "s1"},
        {"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": "s2"},
    ]);
    let whole = chunk(parts.clone(), Some("STOP")).to_string();
    let (llm, _requests) = model("tiny", JSON, whole).await;
    let expected = llm.invoke("Hi").await.unwrap();
    assert_eq!((expected.text().as_ref(), expected.reasoning().as_ref()), ("Let me see.", "Hm."));
    let usage = expected.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(3), Some(6), 9));
    for (head, body) in [(SSE, events(&pieces)), (JSON, json!(pieces).to_string())] {
        let (llm, mut requests) = model("tiny", head, body).await;
        let answer = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(answer, expected);
        let _ = requests.recv().await;
        let back = Messages::from(vec![Message::user("Hi"), answer.into(), Message::tool("c1", "noon")]);
        let _ = read(llm.stream(back)).await;
        let request = requests.recv().await.unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["contents"][1]["parts"], parts);
    }
}

#[tokio::test]
async fn what_came_before_a_bare_error_is_given_out_first() {
    let error =
        "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"m\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let body = format!("{}{error}", events(&[chunk(json!([{"text": "Hel"}]), None)]));
    let (llm, _requests) = model("tiny", SSE, body).await;
    let mut chunks = llm.stream("Hi");
    assert_eq!(chunks.next().await.unwrap().unwrap().text(), "Hel");
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
}

#[tokio::test]
async fn a_blocked_prompt_is_told_streamed_or_not() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}});
    let (llm, _requests) = model("tiny", JSON, blocked.to_string()).await;
    let plain = llm.invoke("Hi").await.unwrap();
    let (llm, _requests) = model("tiny", SSE, events(&[blocked])).await;
    let streamed = read(llm.stream("Hi")).await.unwrap();
    for answer in [plain, streamed] {
        assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::ContentFilter);
        assert_eq!(answer.metadata()["promptFeedback"]["blockReason"], "SAFETY");
        assert_eq!(answer.usage().unwrap().input_tokens(), Some(3));
    }
    let (llm, _requests) = model("tiny", JSON, "{}".into()).await;
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Parse);
}

/// A call whose arguments come one value at a time, and are cut off in the middle.
#[tokio::test]
async fn a_call_that_is_not_closed_does_not_run() {
    let head = json!([{"functionCall": {"name": "weather", "willContinue": true}}]);
    let value = json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Bremen"}],
        "willContinue": true}}]);
    let end = json!([{"functionCall": {}}]);
    let whole = [chunk(head.clone(), None), chunk(value.clone(), None), chunk(end, Some("STOP"))];
    let (llm, _requests) = model("tiny", SSE, events(&whole)).await;
    let answer = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(answer.tool_calls()[0].arguments().unwrap(), json!({"city": "Bremen"}));
    for finish in [None, Some("STOP"), Some("MAX_TOKENS")] {
        let cut = [chunk(head.clone(), None), chunk(value.clone(), finish)];
        let (llm, _requests) = model("tiny", SSE, events(&cut)).await;
        let answer = match read(llm.stream("Hi")).await {
            Ok(answer) => answer,
            Err(error) => {
                assert_eq!((error.kind(), finish), (ErrorKind::IncompleteStream, None));
                error.partial::<AiMessage>().unwrap().clone()
            }
        };
        assert_eq!(answer.tool_calls().len(), 1);
        assert!(!answer.tool_calls()[0].has_valid_arguments(), "{finish:?}");
    }
}
