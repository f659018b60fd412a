//! Ollama's own API.

use anabranch_messages::{AiMessage, ContentPart, Message, Messages, Reasoning, ToolCall, ToolMessage};
use anabranch_models::{
    ChatModel, FunctionTool, JsonSchema, Ollama, ReasoningOptions, ResponseFormat, Tool, ToolChoice,
};
use serde_json::{Map, Value, json};

use crate::Provider;
use crate::requests::Asked;

pub(crate) const PROVIDER: Provider = Provider {
    api: "ollama.chat",
    model: |server| Ollama::new("m").base_url(server).build(),
    usage: |usage| {
        let both = usage.input_tokens().zip(usage.output_tokens());
        json!({
            "input": usage.input_tokens(),
            "output": usage.output_tokens(),
            "total": both.map(|_| usage.total_tokens()),
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
        })
    },
    more: |message| {
        // It runs no tools, has one choice, and blocks nothing: whatever else came would be a part of another kind.
        let others = message.content().parts().iter().filter(|part| {
            !matches!(part, ContentPart::Text(_) | ContentPart::Reasoning(_) | ContentPart::ToolCall(_))
        });
        vec![
            ("server_tool_calls", others.map(|_| json!("unexpected")).collect()),
            ("prompt_block_reason", Value::Null),
            ("choices", json!(1)),
            ("text_chars", message.text().chars().count().into()),
        ]
    },
    deviations: &[],
};

pub(crate) const ASKED: Asked = Asked {
    api: "ollama.chat",
    model: |name, recorder| Ollama::new(name).transport(recorder).build(),
    ask,
    normal,
    deviations: &[(
        "",
        "/truncate",
        "the recorded clients let the server cut off in silence what does not fit; here it says so",
    )],
};

/// The recorded client left the ids of calls out.
const NO_ID: &str = "not-recorded";

fn ask(mut llm: ChatModel, request: &mut Map<String, Value>) -> (ChatModel, Messages) {
    let messages = request.shift_remove("messages").unwrap();
    if let Some(think) = request.shift_remove("think") {
        // That it is to think, and no more, is what an empty level says.
        let reasoning = if think == false { ReasoningOptions::effort("none") } else { ReasoningOptions::budget(1) };
        llm = llm.reasoning(reasoning);
    }
    if let Some(schema) = request.shift_remove("format") {
        llm = llm.response_format(ResponseFormat::Schema(JsonSchema::new("answer", schema)));
    }
    if let Some(tools) = request.shift_remove("tools") {
        llm = llm.tools(tools.as_array().unwrap().iter().map(tool)).tool_choice(ToolChoice::Auto);
    }
    let options = request.shift_remove("options").unwrap_or_default();
    if let Some(limit) = options.get("num_predict") {
        llm = llm.max_tokens(u32::try_from(limit.as_u64().unwrap()).unwrap());
    }
    (llm, messages.as_array().unwrap().iter().map(message).collect())
}

fn message(message: &Value) -> Message {
    let text = message["content"].as_str().unwrap();
    match message["role"].as_str().unwrap() {
        "system" => Message::system(text),
        "user" => Message::user(text),
        "tool" => ToolMessage::new(NO_ID, text).with_name(message["tool_name"].as_str().unwrap()).into(),
        _ => {
            let thought = message["thinking"].as_str().map(|thought| Reasoning::new(thought).into());
            let parts: Vec<ContentPart> = thought.into_iter().chain([ContentPart::text(text)]).collect();
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            let call = |call: &Value| {
                let function = &call["function"];
                ToolCall::new(NO_ID, function["name"].as_str().unwrap(), function["arguments"].clone())
            };
            AiMessage::new(parts).with_tool_calls(calls.iter().map(call)).into()
        }
    }
}

fn tool(tool: &Value) -> Tool {
    let function = &tool["function"];
    let named = FunctionTool::new(function["name"].as_str().unwrap(), function["parameters"].clone());
    named.description(function["description"].as_str().unwrap()).into()
}

/// No options are no options; the type of a call is always the same, and ids that were not recorded are none.
fn normal(mut request: Value) -> Value {
    if request.get("options") == Some(&json!({})) {
        request.as_object_mut().unwrap().shift_remove("options");
    }
    for message in request["messages"].as_array_mut().unwrap() {
        let message = message.as_object_mut().unwrap();
        if message.get("tool_call_id") == Some(&json!(NO_ID)) {
            message.shift_remove("tool_call_id");
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            let call = call.as_object_mut().unwrap();
            call.shift_remove("type");
            if call.get("id") == Some(&json!(NO_ID)) {
                call.shift_remove("id");
            }
        }
    }
    request
}
