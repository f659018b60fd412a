//! OpenAI's Responses API, and the servers that speak the same.

use anabranch_messages::AiMessage;
use anabranch_models::OpenAi;
use serde_json::{Value, json};

use crate::{Provider, openai_chat};

pub(crate) const PROVIDER: Provider = Provider {
    api: "openai.responses",
    model: |server| OpenAi::new("tiny").base_url(format!("{server}/v1")).api_key("sk-not-a-key").responses().build(),
    usage: openai_chat::PROVIDER.usage,
    more: |message| {
        let incomplete = message.metadata().get("incomplete_details");
        vec![
            ("server_tool_calls", server_tool_calls(message)),
            ("incomplete_reason", incomplete.map_or(Value::Null, |details| details["reason"].clone())),
        ]
    },
    deviations: &[(
        "responses-stream-error_1",
        "finish_reason",
        "no part of an answer that broke off says that it is complete",
    )],
};

fn server_tool_calls(message: &AiMessage) -> Value {
    let items = message.metadata().get("output").and_then(Value::as_array).into_iter().flatten();
    let own = ["message", "reasoning", "function_call", "custom_tool_call"];
    let items = items.filter(|item| item["type"].as_str().is_some_and(|type_| !own.contains(&type_)));
    items.map(|item| json!({"type": item["type"], "id": item["id"]})).collect()
}
