//! OpenAI's Responses API, and the servers that speak the same.

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, Message, Messages};
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use anabranch_models::{ChatModel, FunctionTool, OpenAi, ReasoningOptions, Tool, ToolChoice};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::requests::Asked;
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

pub(crate) const ASKED: Asked = Asked {
    api: "openai.responses",
    model: |name, recorder| OpenAi::new(name).responses().transport(recorder).build(),
    ask,
    normal,
    deviations: &[
        (
            "responses-json-cross_provider_capability_replay_anthropic_claude_sonnet_4_5_res-3",
            "/input",
            "tools that are handed in by an item of the conversation: no message holds one",
        ),
        (
            "responses-json-responses_prompt_cache_e2e-1",
            "/input/0/content/0/prompt_cache_breakpoint",
            "no part of a message holds options of a provider's yet",
        ),
    ],
};

fn ask(mut llm: ChatModel, request: &mut Map<String, Value>) -> (ChatModel, Messages) {
    let mut messages = Vec::new();
    let mut turn = Vec::new();
    for item in request.shift_remove("input").unwrap().as_array().unwrap() {
        let role = item["role"].as_str();
        if matches!(item["type"].as_str(), Some("reasoning" | "function_call")) || role == Some("assistant") {
            turn.push(item.clone());
            continue;
        }
        messages.extend((!turn.is_empty()).then(|| read(std::mem::take(&mut turn)).into()));
        // No message says what an item is that only this API has.
        if item.get("content").or(item.get("output")).is_none() {
            continue;
        }
        messages.push(match (item["type"].as_str(), role) {
            (Some("function_call_output"), _) => {
                Message::tool(item["call_id"].as_str().unwrap(), content(&item["output"]))
            }
            (_, Some("system")) => Message::system(content(&item["content"])),
            _ => Message::user(content(&item["content"])),
        });
    }
    messages.extend((!turn.is_empty()).then(|| read(turn).into()));
    if let Some(temperature) = request.shift_remove("temperature") {
        llm = llm.temperature(temperature.as_f64().unwrap());
    }
    if let Some(tokens) = request.shift_remove("max_output_tokens") {
        llm = llm.max_tokens(u32::try_from(tokens.as_u64().unwrap()).unwrap());
    }
    if let Some(parallel) = request.shift_remove("parallel_tool_calls") {
        llm = llm.parallel_tool_calls(parallel.as_bool().unwrap());
    }
    if let Some(tools) = request.shift_remove("tools") {
        llm = llm.tools(tools.as_array().unwrap().iter().map(tool));
    }
    match request.get("tool_choice").and_then(Value::as_str) {
        Some("auto") => llm = llm.tool_choice(ToolChoice::Auto),
        Some("required") => llm = llm.tool_choice(ToolChoice::Required),
        // Several tools to choose from are the provider's own way to say it.
        _ => return (with_reasoning(llm, request), messages.into()),
    }
    request.shift_remove("tool_choice");
    (with_reasoning(llm, request), messages.into())
}

/// What is asked with an effort asks for the sealed thoughts, too.
fn with_reasoning(llm: ChatModel, request: &mut Map<String, Value>) -> ChatModel {
    let effort = request.get("reasoning").and_then(|reasoning| reasoning["effort"].as_str()).map(str::to_string);
    let Some(effort) = effort else { return llm };
    let is_all = request["reasoning"].as_object().unwrap().len() == 1;
    if !is_all || request.get("include") != Some(&json!(["reasoning.encrypted_content"])) {
        return llm;
    }
    request.shift_remove("reasoning");
    request.shift_remove("include");
    llm.reasoning(ReasoningOptions::effort(effort))
}

fn tool(tool: &Value) -> Tool {
    let known = ["type", "name", "description", "parameters", "strict"];
    if tool["type"] != "function" || !tool.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())) {
        return Tool::provider("openai", tool.clone());
    }
    let mut function = FunctionTool::new(tool["name"].as_str().unwrap(), tool["parameters"].clone());
    function.description = tool["description"].as_str().map(str::to_string);
    function.strict = tool["strict"].as_bool();
    function.into()
}

fn content(content: &Value) -> Content {
    let Some(parts) = content.as_array() else { return content.as_str().unwrap().into() };
    let part = |part: &Value| match part["type"].as_str().unwrap() {
        "input_file" => {
            let data = Media::url(part["file_data"].as_str().unwrap());
            ContentPart::File(data.with_name(part["filename"].as_str().unwrap()))
        }
        _ => ContentPart::text(part["text"].as_str().unwrap()),
    };
    parts.iter().map(part).collect::<Vec<_>>().into()
}

/// The items of a turn, as they are read where they come from.
fn read(mut items: Vec<Value>) -> AiMessage {
    struct Answers(Bytes);

    #[async_trait::async_trait]
    impl Transport for Answers {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<ByteStream>> {
            let body = futures::stream::iter([Ok(self.0.clone())]);
            Ok(Response::new(body.boxed()))
        }
    }

    for item in &mut items {
        if item.get("type").is_none() {
            item["type"] = "message".into();
        }
        if let Value::String(text) = &item["content"] {
            item["content"] = json!([{"type": "output_text", "text": text}]);
        }
    }
    let body = json!({"status": "completed", "output": items}).to_string();
    let llm = OpenAi::new("m").responses().transport(Answers(body.into())).build().unwrap();
    futures::executor::block_on(llm.invoke("Hi")).unwrap()
}

/// Text alone may stand as text or as a part; members that say nothing are none.
fn normal(value: Value) -> Value {
    let Value::Object(members) = value else {
        return match value {
            Value::Array(list) => list.into_iter().map(normal).collect(),
            Value::Number(number) => json!(number.as_f64()),
            other => other,
        };
    };
    let is_assistant = members.get("role").is_some_and(|role| role == "assistant");
    let is_function = members.contains_key("parameters");
    let mut normal = Map::new();
    for (name, value) in members {
        let value = match (name.as_str(), self::normal(value)) {
            (_, Value::Null) | ("stream", Value::Bool(false)) => continue,
            ("type", value) if value == "message" => continue,
            ("annotations" | "summary", value) if value == json!([]) => continue,
            ("strict", Value::Bool(false)) if is_function => continue,
            ("content" | "output", Value::String(text)) => {
                json!([{"type": if is_assistant { "output_text" } else { "input_text" }, "text": text}])
            }
            (_, value) => value,
        };
        normal.insert(name, value);
    }
    normal.into()
}
