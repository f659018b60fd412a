//! Reads a body in the way users do, without a network.

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::{AiMessage, ToolCall};
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use anabranch_models::{Anthropic, ChatModel, Gemini, Ollama, OpenAi};
use futures::StreamExt as _;

use crate::fixture::Fixture;

/// What came, and how it ended.
pub(crate) struct Reading {
    pub(crate) message: AiMessage,
    pub(crate) end: Result<()>,
}

impl Reading {
    /// The calls as far as they came, wherever they are.
    pub(crate) fn calls(&self) -> Vec<ToolCall> {
        let kept = self.end.as_ref().err().and_then(|error| error.partial::<AiMessage>());
        kept.unwrap_or(&self.message).tool_calls().iter().map(|call| (*call).clone()).collect()
    }
}

/// Says the same to everybody.
struct Says {
    headers: Vec<(String, String)>,
    body: Bytes,
}

#[async_trait::async_trait]
impl Transport for Says {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<ByteStream>> {
        let mut response = Response::builder();
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = self.body.clone();
        let body = (!body.is_empty()).then_some(Ok(body));
        Ok(response.body(futures::stream::iter(body).boxed()).unwrap())
    }
}

pub(crate) fn is_known(fixture: &Fixture) -> bool {
    let known = ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "ollama.chat"];
    known.contains(&fixture.api.as_str())
}

pub(crate) async fn read(fixture: &Fixture, body: Vec<u8>) -> Reading {
    let packed = ["content-encoding", "content-length", "transfer-encoding"];
    let headers = fixture.headers.iter().filter(|(name, _)| !packed.contains(&name.as_str())).cloned().collect();
    let llm = model(&fixture.api, Says { headers, body: body.into() });
    if !fixture.streamed {
        return match llm.invoke("Hi").await {
            Ok(message) => Reading { message, end: Ok(()) },
            Err(error) => Reading { message: AiMessage::default(), end: Err(error) },
        };
    }
    let (mut whole, mut chunks, mut end) = (AiMessage::merge().collector(), llm.stream("Hi"), Ok(()));
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => whole.push(chunk).unwrap(),
            Err(error) => end = Err(error),
        }
    }
    Reading { message: whole.finish().unwrap(), end }
}

fn model(api: &str, says: Says) -> ChatModel {
    let built = match api {
        "openai.chat" => OpenAi::new("m").api_key("k").transport(says).build(),
        "openai.responses" => OpenAi::new("m").api_key("k").responses().transport(says).build(),
        "anthropic.messages" => Anthropic::new("m").api_key("k").transport(says).build(),
        "gemini.generate" => Gemini::new("m").api_key("k").transport(says).build(),
        _ => Ollama::new("m").transport(says).build(),
    };
    built.unwrap()
}
