//! A conversation with a tool, replayed from a cassette that is kept with the project: a file of this form stays readable.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used)]

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{Message, Messages, ToolMessage};
use anabranch_models::transport::Cassette;
use anabranch_models::{ChatModel, FunctionTool, OpenAi};

/// The weather in a city, now.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Weather {
    city: String,
}

fn model(cassette: &Cassette) -> ChatModel {
    OpenAi::new("gpt-4o-mini").api_key("sk-of-nobody").transport(cassette.clone()).build().unwrap()
}

#[tokio::test]
async fn a_conversation_with_a_tool_is_replayed() {
    let cassette = Cassette::replay(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cassettes/weather.json")).unwrap();
    let llm = model(&cassette);
    let question = || Message::user("How is the weather in Bremen?");
    let asked = llm.tools([FunctionTool::of::<Weather>()]).with_envelope();
    let answer = asked.invoke(Messages::from(question())).await.unwrap();
    assert_eq!((answer.request_id(), answer.server_limits().requests_left), (Some("req_1"), Some(499)));
    let calls = answer.message.tool_calls();
    assert_eq!(calls[0].arguments_as::<Weather>().unwrap().city, "Bremen");

    let result = ToolMessage::new(calls[0].id(), "rain");
    let conversation: Messages = [question(), answer.message.clone().into(), result.into()].into_iter().collect();
    let mut stream = llm.stream(conversation);
    let mut texts = Vec::new();
    while let Some(chunk) = stream.next().await {
        texts.push(chunk.unwrap().text().into_owned());
    }
    assert_eq!(texts.concat(), "It rains ☂");
    assert_eq!(cassette.remaining(), 0);

    // Anything else was not recorded.
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Configuration);
}
