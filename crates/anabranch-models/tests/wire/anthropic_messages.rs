//! Anthropic's Messages API.

use anabranch_messages::{AiMessage, Message, Messages, ToolMessage};
use anabranch_models::{
    Anthropic, ChatModel, FunctionTool, JsonSchema, ReasoningOptions, ResponseFormat, Tool, ToolChoice,
};
use serde_json::{Map, Value, json};

use crate::Provider;
use crate::requests::Asked;

pub(crate) const PROVIDER: Provider = Provider {
    api: "anthropic.messages",
    model: |server| Anthropic::new("claude-x").base_url(format!("{server}/v1")).api_key("sk-ant-not-a-key").build(),
    usage: |usage| {
        json!({
            "input": usage.input_tokens(),
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

/// The blocks that are neither text, thought nor call, in the normal form of the expectations.
fn server_tool_calls(message: &AiMessage) -> Value {
    let blocks = message.metadata().get("content_blocks").and_then(Value::as_array).into_iter().flatten();
    let ours = ["text", "thinking", "redacted_thinking", "tool_use"].map(Value::from);
    let normal = |block: &Value| {
        let mut normal = json!({"type": block["type"], "id": block.get("id").or(block.get("tool_use_id"))});
        if let Some(name) = block.get("name") {
            normal["name"] = name.clone();
        }
        normal
    };
    blocks.filter(|block| !ours.contains(&block["type"])).map(normal).collect()
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
