//! Gemini's other server, Vertex AI, over real sockets; and vectors from both.

use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{ErrorKind, Result, RunnableExt};
use anabranch_models::Gemini;
use anabranch_models::transport::{Credentials, Secret};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::gemini::{JSON, chunk, posted};
use crate::server::{read, say, server};

/// A token for each request, until it is asked for.
struct Tokens(AtomicUsize);

#[async_trait::async_trait]
impl Credentials for Tokens {
    async fn headers(&self) -> Result<Vec<(String, Secret)>> {
        let token = format!("Bearer ya29-hidden-{}", self.0.fetch_add(1, Ordering::SeqCst));
        Ok(vec![("authorization".into(), Secret::new(token))])
    }
}

const PUBLISHER: &str = "/v1/projects/mine/locations/global/publishers/google";

/// On Vertex AI the address is another one, and each request has the token of its time, which nothing shows.
#[tokio::test]
async fn vertex_has_tokens_that_expire() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let answer = chunk(json!([{"text": "Hello"}]), Some("STOP"));
    let address = server(move |mut socket, request| {
        let expired = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let error = json!({"error": {"code": 401, "message": "ya29-hidden-0 expired", "status": "UNAUTHENTICATED"}});
        let answer = match request.contains("ya29-hidden-0") {
            true => format!("{expired}{error}"),
            false => format!("{JSON}{answer}"),
        };
        let _ = seen.send(request);
        async move { say(&mut socket, answer).await }
    })
    .await;
    let builder = Gemini::new("gemini-2.5-flash")
        .base_url(format!("http://{address}{PUBLISHER}"))
        .credentials(Tokens(AtomicUsize::new(0)));
    let shown = format!("{builder:?}");
    let llm = builder.build().unwrap();
    let error = llm.invoke("Hi").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, Some(401)));
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
    for shown in [shown, format!("{llm:?}"), format!("{error}"), format!("{error:?}")] {
        assert!(!shown.contains("hidden"), "{shown}");
    }
    for (place, verb) in ["generateContent", "generateContent", "streamGenerateContent?alt=sse"].iter().enumerate() {
        let request = requests.recv().await.unwrap();
        assert!(
            request.starts_with(&format!("POST {PUBLISHER}/models/gemini-2.5-flash:{verb} HTTP/1.1\r\n")),
            "{request}"
        );
        assert!(request.contains(&format!("\r\nauthorization: Bearer ya29-hidden-{place}\r\n")), "{request}");
        assert!(!request.contains("x-goog-api-key"), "{request}");
    }
}

/// In as few requests as may be, in order, wherever the model is.
#[tokio::test]
async fn texts_become_vectors_in_batches() {
    let texts: Vec<String> = (0..250).map(|number| number.to_string()).collect();
    let vector = |text: &Value| vec![text.as_str().unwrap().parse::<f32>().unwrap()];
    let cases = [("/v1beta", "m", vec![50, 100, 100]), (PUBLISHER, "text-embedding-005", vec![250])];
    for (path, name, expected) in cases {
        let (seen, mut requests) = mpsc::unbounded_channel();
        let address = server(move |mut socket, request| {
            let body = posted(&request);
            let embeddings: Vec<Value> = match body.get("requests") {
                Some(list) => list
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| json!({"values": vector(&one["content"]["parts"][0]["text"])}))
                    .collect(),
                None => body["instances"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| json!({"embeddings": {"values": vector(&one["content"])}}))
                    .collect(),
            };
            let _ = seen.send((request, embeddings.len()));
            let member = if body.get("requests").is_some() { "embeddings" } else { "predictions" };
            let answer = format!("{JSON}{}", json!({member: embeddings}));
            async move { say(&mut socket, answer).await }
        })
        .await;
        let builder =
            Gemini::new(name).base_url(format!("http://{address}{path}")).header("x-goog-api-key", "AIza-hidden");
        let model = builder.build_embeddings().unwrap();
        assert_eq!(model.name(), format!("gemini:{name}"));
        let vectors = model.documents().invoke(texts.clone()).await.unwrap();
        let in_order: Vec<Vec<f32>> = (0..250_u16).map(|number| vec![f32::from(number)]).collect();
        assert_eq!(vectors, in_order);
        assert_eq!(model.invoke("7").await.unwrap(), [7.0]);
        let mut sizes = Vec::new();
        while let Ok((request, size)) = requests.try_recv() {
            assert!(request.contains("\r\nx-goog-api-key: AIza-hidden\r\n"), "{request}");
            sizes.push(size);
        }
        assert_eq!(sizes.pop(), Some(1));
        sizes.sort_unstable();
        assert_eq!(sizes, expected);
    }
}
