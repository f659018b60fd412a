//! OpenAI's chat completions, and every server that speaks the same.

mod config;
mod error;
mod request;
mod response;
mod stream;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};

use anabranch_core::{Error, Result};
use anabranch_messages::AiMessage;

pub use config::OpenAi;
pub(crate) use config::from_environment;

use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::transport::{Body, Endpoint, MAX_ANSWER, Secret};
use error::Errors;
use request::Dialect;

/// One model of one server.
struct Backend {
    /// `openai:` and the model.
    name: String,
    model: String,
    dialect: Dialect,
    endpoint: Endpoint,
    key: Option<Secret>,
}

impl Backend {
    fn errors(&self) -> Errors<'_> {
        Errors { host: self.endpoint.host(), key: self.key.as_ref() }
    }

    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<Body> {
        let document = request::document(request, &self.model, self.dialect, streamed)?;
        let accept = if streamed { "text/event-stream" } else { "application/json" };
        self.endpoint.post(document, accept, call.deadline, |failure| self.errors().status(&failure)).await
    }
}

#[async_trait]
impl ChatBackend for Backend {
    fn name(&self) -> &str {
        &self.name
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<AiMessage> {
        let body = self.post(request, call, false).await?;
        let document = body.read(MAX_ANSWER, Vec::new()).await?;
        response::answer(&document, self.errors())
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<AiMessage>> {
        let chunks = async move {
            let body = self.post(request, call, true).await?;
            Ok::<_, Error>(stream::chunks(body, self.errors()))
        };
        futures_util::stream::once(chunks).try_flatten().boxed()
    }
}
