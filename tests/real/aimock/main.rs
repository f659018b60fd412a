//! All providers against aimock, a mock server that was written by others: what anabranch says and reads is here held to
//! what somebody else understood of the four APIs.
//!
//! `ANABRANCH_AIMOCK=http://127.0.0.1:4010 cargo test -p anabranch-tests --test aimock`; `.ci/run` starts the server
//! with the fixtures beside this file.
//!
//! Where aimock is not like the real thing, and what is therefore not tried here: Ollama's thoughts, limits and counts
//! (it sends `reasoning_content`, `"done_reason": "stop"` and zeros, whatever the fixture says); the reason for which an
//! answer of Responses is incomplete (it gives none).

#![allow(clippy::unwrap_used)]

mod answers;
mod faults;
mod own;
mod tools;

use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The four providers. OpenAI has two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    Ollama,
}

impl Provider {
    const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Anthropic, Self::Gemini, Self::Ollama];
}

struct Aimock {
    url: String,
    test: &'static str,
}

impl Aimock {
    /// `None`, and a line that says so, where there is no server.
    fn find(test: &'static str) -> Option<Self> {
        let Ok(url) = std::env::var("ANABRANCH_AIMOCK") else {
            eprintln!("{test}: skipped, because ANABRANCH_AIMOCK is not set (`.ci/run` starts a server)");
            return None;
        };
        Some(Self { url: url.trim_end_matches('/').to_string(), test })
    }

    fn model(&self, provider: Provider) -> ChatModel {
        let (url, key) = (&self.url, "key-of-nobody");
        match provider {
            Provider::Chat => OpenAi::new("gpt-5-mini").base_url(format!("{url}/v1")).api_key(key).build(),
            Provider::Responses => {
                OpenAi::new("gpt-5-mini").base_url(format!("{url}/v1")).api_key(key).responses().build()
            }
            Provider::Anthropic => Anthropic::new("claude-haiku-4-5").base_url(url).api_key(key).build(),
            Provider::Gemini => Gemini::new("gemini-2.5-flash").base_url(format!("{url}/v1beta")).api_key(key).build(),
            Provider::Ollama => Ollama::new("qwen3").base_url(url).build(),
        }
        .unwrap()
    }

    /// A model whose requests the server counts by themselves: what it answers by turns begins anew. And the name under
    /// which they are in its journal.
    fn alone(&self, provider: Provider) -> (ChatModel, String) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{provider:?}-{}-{number}", self.test, std::process::id());
        (self.model(provider).header("x-test-id", name.as_str()), name)
    }

    /// The requests that the server saw under a name.
    async fn requests(&self, name: &str) -> Vec<Value> {
        let host = self.url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).await.unwrap();
        let request = format!("GET /__aimock/journal HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).await.unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let mut journal: Vec<Value> = serde_json::from_str(body).unwrap();
        journal.retain(|entry| entry["headers"]["x-test-id"] == name);
        journal
    }
}

/// A stream read to its end: the chunks, and the error if it ends in one.
async fn read(llm: &ChatModel, question: impl Into<Messages>) -> (Vec<AiMessage>, Option<anabranch::Error>) {
    let (mut stream, mut chunks) = (llm.stream(question.into()), Vec::new());
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => chunks.push(chunk),
            Err(error) => return (chunks, Some(error)),
        }
    }
    (chunks, None)
}

fn added_up(chunks: &[AiMessage]) -> AiMessage {
    chunks.iter().cloned().fold(AiMessage::default(), |mut whole, chunk| {
        whole.append(chunk);
        whole
    })
}
