//! Ollama's own API.

mod config;
mod error;
mod request;
mod response;
mod stream;

use anabranch_core::{Error, Result};
use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

pub use config::Ollama;
pub(crate) use config::{embeddings_from_environment, from_environment};

use crate::answer::{ChatAnswer, Warning};
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::late_stream::late_stream;
use crate::reader::{read_answer, read_stream};
use crate::transport::{Call, Exchange, Server};
use stream::Chat;

/// One model of one server.
struct Backend {
    /// `ollama:` and the model.
    name: String,
    model: String,
    server: Server,
}

impl Backend {
    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let options = request.options.clone();
        let (body, warnings) = request::document(request, &self.model, streamed)?;
        let post = Call {
            path: path(self.server.base_path()),
            query: &[],
            headers: Vec::new(),
            body,
            accept: if streamed { "application/x-ndjson" } else { "application/json" },
        };
        Ok((self.server.post(post, &options, call).await?, warnings))
    }
}

/// What follows the base URL, which some write with `/api` and some without, and some as the whole address.
fn path(base: &str) -> &'static [&'static str] {
    let base = base.trim_end_matches('/');
    match base.rsplit('/').next() {
        Some("chat") if base.ends_with("/api/chat") => &[],
        Some("api") => &["chat"],
        _ => &["api", "chat"],
    }
}

#[async_trait]
impl ChatBackend for Backend {
    fn name(&self) -> &str {
        &self.name
    }

    /// <https://github.com/ollama/ollama/blob/main/docs/api.md>: no choice of tools, and images only.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            tools: true,
            json: true,
            json_schema: true,
            reasoning: true,
            images: true,
            logprobs: true,
            seed: true,
            ..Capabilities::text()
        }
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        let (exchange, warnings) = self.post(request, call, false).await?;
        read_answer(exchange, Chat::default(), warnings).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let chunks = async move {
            let (exchange, warnings) = self.post(request, call, true).await?;
            Ok::<_, Error>(read_stream(exchange, Chat::default(), warnings))
        };
        late_stream(chunks).boxed()
    }
}
