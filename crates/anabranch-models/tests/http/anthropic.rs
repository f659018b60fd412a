//! Anthropic, over real sockets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, Media, Message, Messages, Reasoning};
use anabranch_models::transport::{Credentials, Secret};
use anabranch_models::{Anthropic, ChatModel};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::server::{SSE, read, say, server};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

/// A server that gives these answers, one after the other, the last for ever; and the requests that it sees.
async fn serve(answers: impl IntoIterator<Item = String>) -> (String, UnboundedReceiver<String>) {
    let (seen, requests) = unbounded_channel();
    let mut answers: Vec<_> = answers.into_iter().collect();
    answers.reverse();
    let answers = Arc::new(Mutex::new(answers));
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let mut left = answers.lock().unwrap();
        let answer = if left.len() > 1 { left.pop().unwrap() } else { left[0].clone() };
        async move { say(&mut socket, answer).await }
    })
    .await;
    (format!("http://{address}"), requests)
}

fn model(url: &str) -> Anthropic {
    Anthropic::new("claude-x").base_url(url).api_key("sk-ant-hidden")
}

fn document(content: Value, reason: &str) -> String {
    let body = json!({"id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "content": content,
        "stop_reason": reason, "usage": {"input_tokens": 3, "output_tokens": 4}});
    format!("{JSON}{body}")
}

fn hello() -> String {
    document(json!([{"type": "text", "text": "Hello"}]), "end_turn")
}

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

/// An answer that searches and cites, as events.
fn searched() -> String {
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let block =
        |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    events(&[
        json!({"type": "message_start", "message": {"id": "m1", "model": "claude-x", "content": [],
            "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        block(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "Hm."})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        stop(0),
        block(1, json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "{\"query\": "})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "\"ebb\"}"})),
        stop(1),
        block(
            2,
            json!({"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [
            {"type": "web_search_result", "url": "https://e.org", "title": "Tides", "encrypted_content": "x"}]}),
        ),
        stop(2),
        block(3, json!({"type": "text", "text": "", "citations": []})),
        delta(
            3,
            json!({"type": "citations_delta", "citation": {"type": "web_search_result_location",
            "url": "https://e.org", "title": "Tides", "cited_text": "Ebb at noon.", "encrypted_index": "y"}}),
        ),
        delta(3, json!({"type": "text_delta", "text": "Ebb is at "})),
        delta(3, json!({"type": "text_delta", "text": "noon."})),
        stop(3),
        block(4, json!({"type": "tool_use", "id": "t1", "name": "tide", "input": {}})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "{\"at\": \"Bremen\"}"})),
        stop(4),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ])
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A token that is good for two requests, and takes its time to be had.
#[derive(Default)]
struct Expiring {
    asked: AtomicU64,
    made: AtomicU64,
}

#[async_trait::async_trait]
impl Credentials for Expiring {
    async fn headers(&self) -> Result<Vec<(String, Secret)>> {
        if self.asked.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            self.made.fetch_add(1, Ordering::SeqCst);
        }
        let token = self.made.load(Ordering::SeqCst);
        Ok(vec![("authorization".into(), Secret::new(format!("Bearer token-{token}")))])
    }
}

/// On Vertex the model stands in the address, the version in the document, and tokens expire.
#[tokio::test]
async fn vertex_names_the_model_in_the_address() {
    let path = "/v1/projects/p/locations/eu/publishers/anthropic/models";
    let (url, mut requests) = serve([hello(), format!("{SSE}{}", searched())]).await;
    let llm = Anthropic::new("claude-x@20250929")
        .base_url(format!("{url}{path}"))
        .credentials(Expiring::default())
        .build()
        .unwrap();
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Ebb is at noon.");
    assert_eq!(read(llm.stream("Hi")).await.unwrap().citations().count(), 1);
    for (verb, token, streamed) in
        [("rawPredict", 1, Value::Null), ("streamRawPredict", 1, true.into()), ("streamRawPredict", 2, true.into())]
    {
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with(&format!("POST {path}/claude-x@20250929:{verb} HTTP/1.1\r\n")), "{request}");
        assert!(request.contains(&format!("\r\nauthorization: Bearer token-{token}\r\n")), "{request}");
        let body = body(&request);
        assert_eq!((body.get("model"), &body["anthropic_version"]), (None, &json!("vertex-2023-10-16")));
        assert_eq!(body["stream"], streamed);
    }
}

/// Nothing is sent by somebody who has no token.
#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    struct Locked;

    #[async_trait::async_trait]
    impl Credentials for Locked {
        async fn headers(&self) -> Result<Vec<(String, Secret)>> {
            Err(Error::new(ErrorKind::Authentication, "the vault is locked"))
        }
    }

    let (url, mut requests) = serve([hello()]).await;
    let llm = Anthropic::new("claude-x").base_url(url).credentials(Locked).build().unwrap();
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Authentication);
    assert!(requests.try_recv().is_err());
}

/// What is asked for by the model, by the call and by the request itself stands in one header.
#[tokio::test]
async fn betas_of_a_call_are_added_to_those_of_the_model() {
    let (url, mut requests) = serve([hello()]).await;
    let llm = model(&url).beta("skills-1").beta("context-2").build().unwrap();
    let file = Message::user([ContentPart::File(Media::file_id("file_1")), ContentPart::text("?")]);
    let asked = llm.header("Anthropic-Beta", "code-3, context-2");
    asked.invoke(Messages::from(vec![file])).await.unwrap();
    let request = requests.recv().await.unwrap();
    let sent: Vec<_> = request.lines().filter_map(|line| line.strip_prefix("anthropic-beta: ")).collect();
    assert_eq!(sent, ["skills-1,context-2,code-3,files-api-2025-04-14"]);
    assert!(request.contains("\r\nanthropic-version: 2023-06-01\r\n") && request.contains("x-api-key: sk-ant-hidden"));
    llm.invoke("Hi").await.unwrap();
    assert!(requests.recv().await.unwrap().contains("anthropic-beta: skills-1,context-2\r\n"));
    let error = llm.header("anthropic-beta", "no\nname").invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

/// The loop of a program that lets the provider search: send back what came until it is not paused any more.
#[tokio::test]
async fn a_paused_turn_is_continued_by_sending_it_back() {
    let call = json!({"type": "server_tool_use", "id": "srv_1", "name": "code_execution", "input": {"code": "1"}});
    let mut paused: Value = serde_json::from_str(&document(json!([call]), "pause_turn")[JSON.len()..]).unwrap();
    paused["container"] = json!({"id": "container_1", "expires_at": "2026-01-01T00:00:00Z"});
    let (url, mut requests) = serve([format!("{JSON}{paused}"), hello()]).await;
    let llm = model(&url).build().unwrap();
    let mut messages = Messages::from("Hi");
    let answer = loop {
        let answer: AiMessage = llm.invoke(messages.clone()).await.unwrap();
        if answer.finish_reason().is_none_or(|reason| *reason != FinishKind::Pause) {
            break answer;
        }
        messages.push(answer);
    };
    assert_eq!(answer.text(), "Hello");
    assert_eq!(body(&requests.recv().await.unwrap()).get("container"), None);
    let second = body(&requests.recv().await.unwrap());
    assert_eq!(second["messages"][1], json!({"role": "assistant", "content": [call]}));
    assert_eq!(second["container"], "container_1");
}

/// What cannot be sent, and what came and has no place, is on the answer, streamed or not.
#[tokio::test]
async fn nothing_vanishes_without_a_word() {
    let strange = searched().replacen("thinking_delta", "brand_new_delta", 1);
    let (url, _requests) = serve([hello(), format!("{SSE}{strange}")]).await;
    let llm = model(&url).build().unwrap();
    let thought =
        AiMessage::new([Reasoning::new("Gemini's").with_signature("theirs").into(), ContentPart::text("Yes")]);
    let messages = Messages::from(vec![Message::user("?"), thought.into(), Message::user("!")]);
    let plain = llm.with_envelope().invoke(messages.clone()).await.unwrap();
    assert_eq!(plain.warnings().len(), 1);
    assert!(plain.warnings()[0].to_string().contains("another provider's"), "{:?}", plain.warnings());
    let (asking, mut subjects) = (llm.with_envelope(), Vec::new());
    let mut chunks = asking.stream(messages);
    while let Some(chunk) = chunks.next().await {
        subjects.extend(chunk.unwrap().warnings().iter().map(|warning| warning.subject().to_string()));
    }
    assert_eq!(subjects, ["assistant message", "content block"]);
}

/// Cut anywhere: the error keeps what came, which is a beginning of the answer, and half a call does not run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_everything_may_be_cut_anywhere() {
    async fn cut(whole: &AiMessage, body: &str, at: usize) {
        let (url, _requests) = serve([format!("{SSE}{}", &body[..at])]).await;
        let llm: ChatModel = model(&url).build().unwrap();
        let Err(error) = read(llm.stream("Hi")).await else {
            // The reason and the usage are there: only the end mark is missing.
            assert!(body[..at].contains("output_tokens\":9"), "cut at {at}");
            return;
        };
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::IncompleteStream, true), "cut at {at}");
        let part = error.partial::<AiMessage>().cloned().unwrap_or_default();
        assert!(part.finish_reason().is_none(), "cut at {at}");
        assert!(whole.text().starts_with(&*part.text()) && whole.reasoning().starts_with(&*part.reasoning()));
        for call in part.tool_calls().iter().filter(|call| call.has_valid_arguments()) {
            assert_eq!(call.arguments().unwrap()["at"], "Bremen", "cut at {at}");
        }
    }
    let body = searched();
    let (url, _requests) = serve([format!("{SSE}{body}")]).await;
    let whole = read(model(&url).build().unwrap().stream("Hi")).await.unwrap();
    assert_eq!(whole.content().parts().len(), 5);
    use futures::StreamExt as _;
    let cuts = (0..body.len()).step_by(3).map(|at| cut(&whole, &body, at));
    futures::stream::iter(cuts).buffer_unordered(16).collect::<Vec<_>>().await;
}
