//! Google's Gemini: `generateContent` and `streamGenerateContent`.

mod arguments;
mod config;
mod error;
mod request;
mod response;
mod stream;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use anabranch_core::{Error, Result};

pub use config::Gemini;
pub(crate) use config::{embeddings_from_environment, from_environment};

use crate::answer::{ChatAnswer, Warning};
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::late_stream::late_stream;
use crate::reader::{read_answer, read_stream};
use crate::transport::{Call, Exchange, Server};
use stream::Generate;

/// One model of one server.
struct Backend {
    /// `gemini:` and the model.
    name: String,
    model: String,
    server: Server,
}

impl Backend {
    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let options = request.options.clone();
        let (body, warnings) = request::document(request, &self.model)?;
        let verb = if streamed { "streamGenerateContent" } else { "generateContent" };
        let last = format!("{}:{verb}", self.model);
        // A tuned model, or one of another publisher, has a path of its own.
        let path: Vec<&str> = if last.contains('/') { last.split('/').collect() } else { vec!["models", &last] };
        let post = Call {
            path: &path,
            // Without it the answer is one JSON list, which the reader takes as well.
            query: if streamed { &[("alt", "sse")] } else { &[] },
            headers: Vec::new(),
            body,
            accept: if streamed { "text/event-stream" } else { "application/json" },
        };
        Ok((self.server.post(post, &options, call).await?, warnings))
    }
}

#[async_trait]
impl ChatBackend for Backend {
    fn name(&self) -> &str {
        &self.name
    }

    /// Gemini asks for one call or several as it sees fit.
    fn capabilities(&self) -> Capabilities {
        Capabilities { parallel_tool_calls: false, ..Capabilities::all() }
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        let (exchange, warnings) = self.post(request, call, false).await?;
        read_answer(exchange, Generate::default(), warnings).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let chunks = async move {
            let (exchange, warnings) = self.post(request, call, true).await?;
            Ok::<_, Error>(read_stream(exchange, Generate::default(), warnings))
        };
        late_stream(chunks).boxed()
    }
}
