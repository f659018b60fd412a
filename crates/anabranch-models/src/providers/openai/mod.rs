//! OpenAI's chat completions and its Responses API, and every server that speaks the same.

mod citation;
mod config;
mod dialect;
mod error;
mod request;
mod response;
mod responses;
mod servers;
mod stream;
mod tools;
mod usage;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use anabranch_core::{Error, Result};

pub use config::OpenAi;
pub(crate) use config::{embeddings_from_environment, from_environment, responses_from_environment};
pub use dialect::{OpenAiDialect, ReasoningBack, ReasoningField};
pub(crate) use servers::by_name;

use crate::answer::{ChatAnswer, Warning};
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::late_stream::late_stream;
use crate::reader::{read_answer, read_stream};
use crate::transport::{Call, Exchange, Server};
use response::Besides;
use stream::Chat;

/// One model of one server.
struct Backend {
    /// `openai:` and the model.
    name: String,
    model: String,
    api: Api,
    dialect: OpenAiDialect,
    server: Server,
}

/// Which of OpenAI's two ways to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
}

impl Backend {
    /// Reads an answer to a request that may ask for sounds, in some format.
    fn chat(&self, request: &ChatRequest) -> Chat {
        let format = request.options.extra.get("audio").and_then(|audio| audio.get("format")?.as_str());
        Chat::of(Besides::of(self.dialect.provider.clone(), format))
    }

    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let options = request.options.clone();
        let (path, (body, warnings)) = match self.api {
            Api::Chat => {
                (&["chat", "completions"][..], request::document(request, &self.model, &self.dialect, streamed)?)
            }
            Api::Responses => {
                (&["responses"][..], responses::request::document(request, &self.model, &self.dialect, streamed)?)
            }
        };
        // Who names the whole address has it.
        let base = self.server.base_path().trim_end_matches('/');
        let is_whole = base.strip_suffix(&path.join("/")).is_some_and(|base| base.ends_with('/'));
        let post = Call {
            path: if is_whole { &[] } else { path },
            query: &[],
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

    fn capabilities(&self) -> Capabilities {
        let can = self.dialect.capabilities();
        match self.api {
            Api::Chat => can,
            Api::Responses => Capabilities { audio: false, seed: false, ..can },
        }
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        let chat = self.chat(&request);
        let (exchange, warnings) = self.post(request, call, false).await?;
        match self.api {
            Api::Chat => read_answer(exchange, chat, warnings).await,
            Api::Responses => {
                read_answer(exchange, responses::Answer::of(self.dialect.provider.clone()), warnings).await
            }
        }
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let chunks = async move {
            let chat = self.chat(&request);
            let (exchange, warnings) = self.post(request, call, true).await?;
            Ok::<_, Error>(match self.api {
                Api::Chat => read_stream(exchange, chat, warnings).left_stream(),
                Api::Responses => {
                    read_stream(exchange, responses::Answer::of(self.dialect.provider.clone()), warnings).right_stream()
                }
            })
        };
        late_stream(chunks).boxed()
    }
}
