//! Anthropic's Messages API, and the servers that speak the same.

mod config;
mod dialect;
mod error;
mod request;
mod response;
mod stream;

use anabranch_core::{Error, Result};
use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue};

pub use config::Anthropic;
pub(crate) use config::from_environment;
pub use dialect::{AnthropicDialect, AnthropicThinking};

use crate::answer::{ChatAnswer, Warning};
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::late_stream::late_stream;
use crate::reader::{read_answer, read_stream};
use crate::transport::{Call, Exchange, Server};
use stream::Chat;

/// One model of one server.
struct Backend {
    /// `anthropic:` and the model.
    name: String,
    model: String,
    dialect: AnthropicDialect,
    /// The version of the API, unless the user sends one.
    version: Option<HeaderValue>,
    betas: Vec<String>,
    server: Server,
}

impl Backend {
    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let options = request.options.clone();
        let written = request::document(request, &self.model, &self.dialect, streamed)?;
        let mut headers: Vec<_> = self
            .version
            .iter()
            .map(|version| (HeaderName::from_static("anthropic-version"), version.clone()))
            .collect();
        let mut betas: Vec<&str> = self.betas.iter().map(String::as_str).collect();
        betas.extend(written.betas.iter().filter(|beta| !self.betas.iter().any(|known| known == *beta)));
        if !betas.is_empty() {
            let betas = HeaderValue::from_str(&betas.join(",")).map_err(|_| config::no_beta())?;
            headers.push((HeaderName::from_static("anthropic-beta"), betas));
        }
        let post = Call {
            path: path(self.server.base_path()),
            query: &[],
            headers,
            body: written.body,
            accept: if streamed { "text/event-stream" } else { "application/json" },
        };
        Ok((self.server.post(post, &options, call).await?, written.warnings))
    }
}

/// What follows the base URL, which some write with its version and some without, and some as the whole address.
fn path(base: &str) -> &'static [&'static str] {
    let last = base.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_version = last.strip_prefix('v').is_some_and(|number| number.starts_with(|one: char| one.is_ascii_digit()));
    match last {
        "messages" => &[],
        _ if is_version => &["messages"],
        _ => &["v1", "messages"],
    }
}

#[async_trait]
impl ChatBackend for Backend {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.dialect.capabilities()
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
