//! Anthropic's Messages API.

use anabranch_messages::{AiMessage, ContentPart, Message, Messages, ToolMessage};
use anabranch_models::{
    Anthropic, ChatModel, FunctionTool, JsonSchema, ReasoningOptions, ResponseFormat, Tool, ToolChoice,
};
use serde_json::{Map, Value, json};

use crate::requests::{Asked, sent};
use crate::{Provider, fixture};

pub(crate) const PROVIDER: Provider = Provider {
    api: "anthropic.messages",
    model: |server| Anthropic::new("claude-x").base_url(format!("{server}/v1")).api_key("sk-ant-not-a-key").build(),
    usage: |usage| {
        json!({
            "input": usage.uncached_input_tokens(),
            "output": usage.output_tokens(),
            // The API says none.
            "total": null,
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
        })
    },
    more: |message| {
        vec![
            ("server_tool_calls", server_tool_calls(message)),
            ("stop_sequence", message.metadata().get("stop_sequence").cloned().unwrap_or_default()),
        ]
    },
    deviations: &[],
};

/// The parts that are neither text, thought nor call, in the normal form of the expectations.
fn server_tool_calls(message: &AiMessage) -> Value {
    let of = |type_: Option<&str>, id: Option<&str>| json!({"type": type_, "id": id});
    let type_ = |data: &Map<String, Value>| data["type"].as_str().map(str::to_string);
    let normal = |part: &ContentPart| match part {
        ContentPart::ServerToolCall(call) => {
            let mut normal = of(type_(call.provider_data("anthropic")).as_deref(), Some(call.id()));
            normal["name"] = call.name().into();
            Some(normal)
        }
        ContentPart::ServerToolResult(result) => {
            assert_eq!(result.name(), type_(result.provider_data("anthropic")).as_deref());
            Some(of(result.name(), Some(result.tool_call_id())))
        }
        ContentPart::Other(part) => {
            assert_eq!(part.provider(), Some("anthropic"));
            Some(of(part.kind(), part.value().get("id").and_then(Value::as_str)))
        }
        _ => None,
    };
    message.content().parts().iter().filter_map(normal).collect()
}

pub(crate) const ASKED: Asked = Asked {
    api: "anthropic.messages",
    model: |name, recorder| Anthropic::new(name).transport(recorder).build(),
    ask,
    normal,
    deviations: &[],
};

fn ask(llm: ChatModel, request: &mut Map<String, Value>) -> (ChatModel, Messages) {
    let mut messages = Messages::new();
    let mut read = |message: Value| messages.push(serde_json::from_value::<Message>(message).unwrap());
    if let Some(system) = request.shift_remove("system") {
        read(json!({"role": "system", "content": system}));
    }
    for message in request.shift_remove("messages").unwrap().as_array().unwrap() {
        let blocks = message["content"].as_array().cloned().unwrap_or_default();
        let (results, others): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block["type"] == "tool_result");
        for result in results {
            let text = result.pointer("/content/0/text").unwrap().as_str().unwrap();
            read(serde_json::to_value(ToolMessage::new(result["tool_use_id"].as_str().unwrap(), text)).unwrap());
        }
        if !others.is_empty() {
            read(json!({"role": message["role"], "content": others}));
        }
    }
    (settings(llm, request), messages)
}

fn settings(mut llm: ChatModel, request: &mut Map<String, Value>) -> ChatModel {
    if let Some(limit) = request.shift_remove("max_tokens") {
        llm = llm.max_tokens(u32::try_from(limit.as_u64().unwrap()).unwrap());
    }
    if let Some(texts) = request.shift_remove("stop_sequences") {
        llm = llm.stop(texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap()));
    }
    if let Some(tools) = request.shift_remove("tools") {
        llm = llm.tools(tools.as_array().unwrap().iter().map(tool));
    }
    if let Some(choice) = request.shift_remove("tool_choice") {
        llm = llm.tool_choice(match choice["type"].as_str().unwrap() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "any" => ToolChoice::Required,
            _ => ToolChoice::Function(choice["name"].as_str().unwrap().to_string()),
        });
    }
    if let Some(thinking) = request.shift_remove("thinking") {
        llm = llm
            .reasoning(ReasoningOptions::budget(u32::try_from(thinking["budget_tokens"].as_u64().unwrap()).unwrap()));
    }
    if let Some(mut config) = request.shift_remove("output_config") {
        // The settings above would lose what else stands there.
        assert_eq!(config.as_object().unwrap().len(), 1);
        let schema = JsonSchema::new("answer", config["format"]["schema"].take());
        llm = llm.response_format(ResponseFormat::Schema(schema));
    }
    llm
}

fn tool(tool: &Value) -> Tool {
    let known = ["name", "description", "input_schema", "strict"];
    if !tool.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())) {
        return Tool::provider("anthropic", tool.clone());
    }
    let mut function = FunctionTool::new(tool["name"].as_str().unwrap(), tool["input_schema"].clone());
    function.description = tool["description"].as_str().map(str::to_string);
    function.strict = tool["strict"].as_bool();
    function.into()
}

/// Text alone may stand as text or as a block of it; not to ask for a stream is to ask for none.
fn normal(mut request: Value) -> Value {
    let blocks = |content: &mut Value| {
        if let Value::String(text) = content {
            *content = json!([{"type": "text", "text": text}]);
        }
    };
    if let Some(system) = request.get_mut("system") {
        blocks(system);
    }
    for message in request["messages"].as_array_mut().unwrap() {
        blocks(&mut message["content"]);
        for block in message["content"].as_array_mut().unwrap() {
            if block["type"] == "tool_result" {
                blocks(&mut block["content"]);
            }
        }
    }
    let request_fields = request.as_object_mut().unwrap();
    if request_fields.get("stream") == Some(&json!(false)) {
        request_fields.shift_remove("stream");
    }
    request
}

/// A block without what says nothing: null, and that a call is the model's own.
fn as_sent(mut block: Value) -> Value {
    let says_nothing = [Value::Null, json!({"type": "direct"})];
    block.as_object_mut().unwrap().retain(|_, value| !says_nothing.contains(value));
    block
}

/// The blocks of a recorded answer, put together by index as the documentation says, and by nothing else.
fn blocks(fixture: &fixture::Fixture) -> Vec<Value> {
    if !fixture.streamed {
        let recorded: Value = serde_json::from_slice(&fixture.body).unwrap();
        return recorded["content"].as_array().unwrap().clone();
    }
    let body = String::from_utf8(fixture.body.clone()).unwrap();
    let mut blocks = std::collections::BTreeMap::new();
    let mut inputs = std::collections::BTreeMap::<u64, String>::new();
    for line in body.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(mut event) = serde_json::from_str::<Value>(line) else { continue };
        let index = event["index"].as_u64().unwrap_or(0);
        if event["type"] == "content_block_start" {
            blocks.insert(index, event["content_block"].take());
        }
        let Some(block) = blocks.get_mut(&index).filter(|_| event["type"] == "content_block_delta") else { continue };
        let delta = event["delta"].as_object().unwrap();
        match delta["type"].as_str().unwrap() {
            "input_json_delta" => inputs.entry(index).or_default().push_str(delta["partial_json"].as_str().unwrap()),
            "citations_delta" => block["citations"].as_array_mut().unwrap().push(delta["citation"].clone()),
            "text_delta" | "thinking_delta" | "signature_delta" => {
                let (name, more) = delta.iter().find(|(name, _)| *name != "type").unwrap();
                block[name] = format!("{}{}", block[name].as_str().unwrap(), more.as_str().unwrap()).into();
            }
            _ => {}
        }
    }
    for (index, input) in inputs.into_iter().filter(|(_, input)| !input.is_empty()) {
        let broken = || json!({"invalid_json": input.clone()});
        blocks.get_mut(&index).unwrap()["input"] = serde_json::from_str(&input).unwrap_or_else(|_| broken());
    }
    blocks.into_values().collect()
}

/// Whether it goes back: neither an empty text nor a thought without a signature does.
fn goes_back(block: &Value) -> bool {
    let is_empty = |name: &str| block.get(name).is_none_or(|text| text == "");
    match block["type"].as_str() {
        Some("text") => !is_empty("text"),
        Some("thinking") => !is_empty("signature"),
        _ => true,
    }
}

/// Every recorded answer, plain and streamed, as the model's turn in a conversation that goes on.
#[tokio::test]
async fn answers_go_back_as_they_came() {
    let Some(fixtures) = fixture::all() else { return };
    let mut wrong = Vec::new();
    for fixture in fixtures.iter().filter(|one| one.api == PROVIDER.api && one.status == 200) {
        let llm = crate::server::serve(&PROVIDER, fixture, &fixture.body, usize::MAX).await;
        let reading = crate::read(&llm, fixture.streamed).await;
        if reading.end.is_err() {
            continue;
        }
        let messages = vec![Message::user("Hi"), reading.message.into(), Message::user("Go on.")];
        let request = sent(&ASKED, "claude-x", |llm| (llm, messages.into()), false).await;
        let expected: Vec<Value> = blocks(fixture).into_iter().map(as_sent).filter(goes_back).collect();
        let turn = &normal(request)["messages"][1];
        let sent = match turn["role"] == "assistant" {
            true => turn["content"].as_array().unwrap().clone(),
            // A turn without anything is none.
            false => Vec::new(),
        };
        let differs = expected.iter().zip(&sent).find(|(one, other)| one != other);
        if expected.len() != sent.len() || differs.is_some() {
            wrong.push(format!("{}: {} blocks, {} sent: {differs:?}", fixture.name, expected.len(), sent.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
