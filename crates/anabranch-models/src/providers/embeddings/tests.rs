use std::sync::{Arc, Mutex};

use anabranch_core::RunnableExt;
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};

use super::*;
use crate::transport::{ByteStream, Connection, Secret, Transport};
use crate::{EmbeddingModel, transport};

static TABLE: transport::ErrorTable = transport::ErrorTable { words: &[], sentences: &[], statuses: &[] };

/// Gives the same answer to everybody, and keeps what was asked.
#[derive(Clone)]
struct Double {
    answer: &'static str,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

#[async_trait]
impl Transport for Double {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        assert_eq!(request.headers()["x-key"], "k");
        let body = serde_json::from_slice(request.body()).unwrap();
        self.seen.lock().unwrap().push((request.uri().path().to_string(), body));
        Ok(Response::new(futures::stream::iter([Ok(Bytes::from(self.answer))]).boxed()))
    }
}

fn model(format: Format, answer: &'static str) -> (EmbeddingModel, Double) {
    let double = Double { answer, seen: Arc::default() };
    let connection = Connection { transport: Some(Arc::new(double.clone())), ..Connection::default() };
    let server =
        Server::new(connection, "https://e.example.com/v1", Some(("x-key", Secret::new("k"))), &TABLE).unwrap();
    let backend = Backend { name: "test:m".into(), model: "m".into(), format, server };
    (EmbeddingModel::from_backend(backend), double)
}

fn two() -> Vec<String> {
    vec!["a".into(), "b".into()]
}

#[tokio::test]
async fn every_server_is_asked_in_its_own_way() {
    let openai = r#"{"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5}}"#;
    let (llm, double) = model(Format::OpenAi, openai);
    assert_eq!(llm.dimensions(1).documents().invoke(two()).await.unwrap(), [[1.0], [2.0]]);
    let expected = json!({"model": "m", "input": ["a", "b"], "dimensions": 1});
    assert_eq!(double.seen.lock().unwrap()[0], ("/v1/embeddings".into(), expected));

    let gemini = r#"{"embeddings": [{"values": [1.0]}, {"values": [2.0]}]}"#;
    let (llm, double) = model(Format::Gemini, gemini);
    assert_eq!(llm.dimensions(1).documents().invoke(two()).await.unwrap(), [[1.0], [2.0]]);
    let one = |text: &str| {
        json!({"model": "models/m", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_DOCUMENT",
            "outputDimensionality": 1})
    };
    let expected = json!({"requests": [one("a"), one("b")]});
    assert_eq!(double.seen.lock().unwrap()[0], ("/v1/models/m:batchEmbedContents".into(), expected));
    let (llm, double) = model(Format::Gemini, r#"{"embeddings": [{"values": [1.5]}]}"#);
    assert_eq!(llm.invoke("a").await.unwrap(), [1.5]);
    assert_eq!(double.seen.lock().unwrap()[0].1["requests"][0]["taskType"], "RETRIEVAL_QUERY");

    let ollama = r#"{"embeddings": [[1.0], [2.0]], "prompt_eval_count": 4}"#;
    let (llm, double) = model(Format::Ollama, ollama);
    assert_eq!(llm.documents().invoke(two()).await.unwrap(), [[1.0], [2.0]]);
    let expected = json!({"model": "m", "input": ["a", "b"], "truncate": false});
    assert_eq!(double.seen.lock().unwrap()[0], ("/v1/api/embed".into(), expected));

    let vertex = r#"{"predictions": [{"embeddings": {"values": [1.0], "statistics": {"token_count": 3.0}}},
        {"embeddings": {"values": [2.0]}}]}"#;
    let (llm, double) = model(Format::Vertex, vertex);
    assert_eq!(llm.dimensions(1).documents().invoke(two()).await.unwrap(), [[1.0], [2.0]]);
    let one = |text: &str| json!({"content": text, "task_type": "RETRIEVAL_DOCUMENT"});
    let parameters = json!({"autoTruncate": false, "outputDimensionality": 1});
    let expected = json!({"instances": [one("a"), one("b")], "parameters": parameters});
    assert_eq!(double.seen.lock().unwrap()[0], ("/v1/models/m:predict".into(), expected));
}

#[tokio::test]
async fn vectors_that_lack_or_are_mixed_up_are_errors() {
    for answer in [
        r#"{"data": [{"index": 0, "embedding": [1.0]}]}"#,
        r#"{"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]}"#,
        r#"{"data": [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [2.0]}]}"#,
        r#"{"data": [{"index": 0, "embedding": [1.0]}, {"embedding": [2.0]}]}"#,
        r#"{"data": [{"embedding": ["x"]}]}"#,
        "{}",
        "<html>",
    ] {
        let error = model(Format::Compatible, answer).0.documents().invoke(two()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{answer}");
        assert!(!error.to_string().contains("1.0"), "{error}");
    }
    // Without places they stand as they came.
    let bare = r#"{"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}"#;
    assert_eq!(model(Format::Compatible, bare).0.documents().invoke(two()).await.unwrap(), [[1.0], [2.0]]);
}

#[test]
fn names_find_their_server() {
    let named = |name: &str, set: &'static [(&'static str, &'static str)]| {
        let environment =
            move |variable: &str| set.iter().find(|(key, _)| *key == variable).map(|(_, value)| value.to_string());
        let found = crate::providers::embeddings_by_name(name, &environment);
        found.map(|backend| backend.name().to_string()).map_err(|error| error.to_string())
    };
    for wrong in ["nomic", "nobody:m", "openai:"] {
        assert!(named(wrong, &[]).is_err(), "{wrong}");
    }
    #[cfg(feature = "gemini")]
    {
        assert!(named("gemini:m", &[]).unwrap_err().contains("GEMINI_API_KEY"));
        assert_eq!(named("gemini:m", &[("GOOGLE_API_KEY", "k")]).unwrap(), "gemini:m");
    }
    #[cfg(not(feature = "gemini"))]
    assert!(named("gemini:m", &[]).unwrap_err().contains("enable the feature \"gemini\""));
    #[cfg(feature = "ollama")]
    for host in ["localhost", "0.0.0.0:11434", "https://ollama.example.com"] {
        let set: &'static [_] = Box::leak(Box::new([("OLLAMA_HOST", host)]));
        assert_eq!(named("ollama:m", set).unwrap(), "ollama:m");
    }
    #[cfg(feature = "openai")]
    assert_eq!(named("openai:m", &[("OPENAI_API_KEY", "k")]).unwrap(), "openai:m");
}
