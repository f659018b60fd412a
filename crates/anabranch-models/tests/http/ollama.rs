//! Ollama, over real sockets.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::AiMessage;
use anabranch_models::Ollama;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{read, say, server};

const LINES: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

/// A builder whose server answers with one body.
async fn builder(head: &str, body: String) -> Ollama {
    let answer = format!("{head}{body}");
    let address = server(move |mut socket, _| {
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    Ollama::new("tiny").base_url(format!("http://{address}"))
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Law 6, with everything an answer may have.
#[tokio::test]
async fn a_stream_is_the_document_in_pieces() {
    let piece = |message: Value| json!({"model": "tiny", "created_at": "then", "message": message, "done": false});
    let call = json!({"function": {"name": "now", "arguments": {}}});
    let named = json!({"id": "c1", "function": {"name": "weather", "arguments": {"city": "Bremen"}}});
    let mut end = json!({"model": "tiny", "created_at": "then", "message": {"content": ""}, "done": true,
        "done_reason": "stop", "total_duration": 9, "eval_duration": 4, "eval_count": 7, "remote_model": "big"});
    let mut first = piece(json!({"thinking": "H"}));
    first["logprobs"] = json!([{"token": "H", "logprob": -0.5}]);
    let pieces = [
        first,
        piece(json!({"thinking": "m."})),
        piece(json!({"content": "I "})),
        piece(json!({"content": "look.", "tool_calls": [call]})),
        piece(json!({"tool_calls": [named]})),
        end.clone(),
    ];
    end["message"] = json!({"thinking": "Hm.", "content": "I look.", "tool_calls": [call, named]});
    end["logprobs"] = json!([{"token": "H", "logprob": -0.5}]);
    let plain = builder(JSON, end.to_string()).await.build().unwrap().invoke("Hi").await.unwrap();
    let llm = builder(LINES, lines(&pieces)).await.build().unwrap();
    let streamed = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(streamed, plain);
    assert_eq!((plain.reasoning().as_ref(), plain.text().as_ref()), ("Hm.", "I look."));
    let calls = plain.tool_calls();
    assert_eq!((calls.len(), calls[1].id(), calls[0].id().len()), (2, "c1", 9));
    let data = plain.provider_data("ollama");
    assert_eq!(
        (&data["total_duration"], &data["eval_duration"], &data["remote_model"]),
        (&json!(9), &json!(4), &json!("big"))
    );
    assert_eq!(data["logprobs"][0]["logprob"], -0.5);
}

/// An error in the middle keeps what came, and a stream without its last line is none.
#[tokio::test]
async fn what_breaks_off_is_told_with_what_came() {
    let piece = json!({"model": "tiny", "message": {"content": "Hel"}, "done": false});
    let error = json!({"error": "an error was encountered while running the model"});
    for (body, kind) in [
        (vec![piece.clone(), error], ErrorKind::Other),
        (
            vec![piece.clone(), json!({"error": "input length exceeds maximum context length"})],
            ErrorKind::ContextLength,
        ),
        (vec![piece], ErrorKind::IncompleteStream),
    ] {
        let llm = builder(LINES, lines(&body)).await.build().unwrap();
        let mut chunks = llm.stream("Hi");
        assert_eq!(chunks.next().await.unwrap().unwrap().text(), "Hel");
        let error = chunks.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind);
        let part = error.partial::<AiMessage>().unwrap();
        assert_eq!((part.text().as_ref(), part.finish_reason()), ("Hel", None));
        assert!(!format!("{error} {error:?}").contains("encountered"));
    }
}

#[tokio::test]
async fn texts_become_vectors_in_batches() {
    for path in ["", "/", "/api", "/api/"] {
        let (seen, mut requests) = mpsc::unbounded_channel();
        let address = server(move |mut socket, request| {
            let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
            let number = |text: &Value| text.as_str().unwrap().parse::<f32>().unwrap();
            let vectors: Vec<_> = body["input"].as_array().unwrap().iter().map(|text| vec![number(text)]).collect();
            let _ = seen.send((request, vectors.len()));
            let answer = format!("{JSON}{}", json!({"embeddings": vectors, "prompt_eval_count": 3}));
            async move { say(&mut socket, answer).await }
        })
        .await;
        let builder = Ollama::new("nomic-embed-text").base_url(format!("http://{address}{path}")).api_key("hidden-key");
        let model = builder.build_embeddings().unwrap();
        let texts = (0..100).map(|number| number.to_string()).collect::<Vec<_>>();
        let vectors = model.documents().invoke(texts).await.unwrap();
        assert_eq!(vectors, (0..100_u16).map(|number| vec![f32::from(number)]).collect::<Vec<_>>());
        let mut sizes = Vec::new();
        while let Ok((request, size)) = requests.try_recv() {
            assert!(request.starts_with("POST /api/embed HTTP/1.1\r\n"), "{request}");
            assert!(request.contains("\r\nauthorization: Bearer hidden-key\r\n"), "{request}");
            sizes.push(size);
        }
        sizes.sort_unstable();
        assert_eq!(sizes, [36, 64]);
    }
}

/// A text that does not fit is an error, and not the vector of its beginning.
#[tokio::test]
async fn a_text_that_does_not_fit_is_told() {
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let body = json!({"error": "input length exceeds maximum context length"}).to_string();
    let model = builder(head, body).await.build_embeddings().unwrap();
    assert_eq!(model.invoke("long").await.unwrap_err().kind(), ErrorKind::ContextLength);
}
