//! Anthropic's Messages API, and the servers that speak the same.

mod config;
mod dialect;
mod error;
mod request;
mod response;
mod stream;

use std::collections::BTreeSet;
use std::sync::Arc;

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

/// The version that Vertex wants, in the document instead of a header.
const VERTEX_VERSION: &str = "vertex-2023-10-16";
const BETA: &str = "anthropic-beta";

impl Backend {
    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let mut options = request.options.clone();
        let base = self.server.base_path();
        let address = if is_vertex(base) { Address::Vertex } else { Address::Own };
        let mut written = request::document(request, &self.model, &self.dialect, streamed, address)?;
        let mut headers: Vec<_> = self
            .version
            .iter()
            .map(|version| (HeaderName::from_static("anthropic-version"), version.clone()))
            .collect();
        // All of them stand in one header: those of the model, those of this call, and those that the request needs.
        let mut betas = self.betas.clone();
        let is_beta = |(name, _): &(String, String)| name.eq_ignore_ascii_case(BETA);
        if options.headers.iter().any(is_beta) {
            let options = Arc::make_mut(&mut options);
            let (of_call, others) = std::mem::take(&mut options.headers).into_iter().partition(is_beta);
            options.headers = others;
            let of_call: Vec<(String, String)> = of_call;
            betas.extend(of_call.iter().flat_map(|(_, names)| names.split(',')).map(|name| name.trim().to_string()));
        }
        betas.extend(written.betas.drain(..).map(str::to_string));
        let mut known = BTreeSet::new();
        betas.retain(|beta| !beta.is_empty() && known.insert(beta.clone()));
        if !betas.is_empty() {
            let betas = HeaderValue::from_str(&betas.join(",")).map_err(|_| config::no_beta())?;
            headers.push((HeaderName::from_static(BETA), betas));
        }
        let model = format!("{}:{}", self.model, if streamed { "streamRawPredict" } else { "rawPredict" });
        let post = Call {
            path: match address {
                Address::Vertex => &[&model],
                Address::Own => path(base),
            },
            query: &[],
            headers,
            body: written.body,
            accept: if streamed { "text/event-stream" } else { "application/json" },
        };
        Ok((self.server.post(post, &options, call).await?, written.warnings))
    }
}

/// Where the model is named, and the version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    /// The model in the document, the version in a header.
    Own,
    /// Google's: the model in the address, the version in the document.
    Vertex,
}

fn is_vertex(base: &str) -> bool {
    base.trim_end_matches('/').ends_with("/publishers/anthropic/models")
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
