//! Gemini's `generateContent` and `streamGenerateContent`.

use anabranch_messages::{
    AiMessage, ContentPart, Media, Message, Messages, SystemMessage, ToolCall, ToolMessage, Usage,
};
use anabranch_models::{ChatModel, FunctionTool, Gemini, JsonSchema, ReasoningOptions, ResponseFormat, Tool};
use serde_json::{Map, Value, json};

use crate::Provider;
use crate::requests::Asked;

pub(crate) const PROVIDER: Provider = Provider {
    api: "gemini.generate",
    model: |server| Gemini::new("tiny").base_url(format!("{server}/v1beta")).api_key("not-a-key").build(),
    usage,
    more: |message| {
        let data = message.provider_data("gemini");
        vec![
            ("server_tool_calls", server_tool_calls(message)),
            ("grounding", grounding(message)),
            ("prompt_block_reason", data.get("promptFeedback").map_or(Value::Null, |said| said["blockReason"].clone())),
            ("text_chars", message.text().chars().count().into()),
            ("choices", choices(message)),
        ]
    },
    deviations: &[
        (
            "generate-stream-streaming_failure_error_mid_stream",
            "finish_reason",
            "no part of an answer that broke off says that it is complete",
        ),
        (
            "generate-stream-streaming_failure_prompt_blocked_safety",
            "error",
            "a prompt that is blocked is an answer that says so, streamed or not: to ask again would be no use",
        ),
        (
            "generate-stream-streaming_failure_prompt_blocked_safety_with_message",
            "error",
            "a prompt that is blocked is an answer that says so, streamed or not: to ask again would be no use",
        ),
    ],
};

/// Gemini counts its tools' input and its thoughts apart from the rest.
fn usage(usage: &Usage) -> Value {
    let own = |key: &str, all: Option<u64>, apart: &str| {
        let apart = usage.raw().get(apart).and_then(Value::as_u64).unwrap_or(0);
        usage.raw().contains_key(key).then(|| all.unwrap_or(0) - apart)
    };
    json!({
        "input": own("promptTokenCount", usage.input_tokens(), "toolUsePromptTokenCount"),
        "output": own("candidatesTokenCount", usage.output_tokens(), "thoughtsTokenCount"),
        "total": usage.raw().contains_key("totalTokenCount").then(|| usage.total_tokens()),
        "cached_input": usage.cached_input_tokens(),
        "cache_write": usage.cache_write_tokens(),
        "reasoning": usage.reasoning_tokens(),
    })
}

/// The parts that are neither text, thought, call nor bytes, in the normal form of the expectations.
fn server_tool_calls(message: &AiMessage) -> Value {
    let id = |id: &str| if id.is_empty() { Value::Null } else { id.into() };
    let normal = |part: &ContentPart| match part {
        ContentPart::ServerToolCall(call) => {
            let kind = if call.name() == "code_execution" { "executableCode" } else { "toolCall" };
            Some(json!({"type": kind, "id": id(call.id())}))
        }
        ContentPart::ServerToolResult(result) => {
            let is_code = result.name() == Some("code_execution");
            let kind = if is_code { "codeExecutionResult" } else { "toolResponse" };
            Some(json!({"type": kind, "id": id(result.tool_call_id())}))
        }
        ContentPart::Other(other) => {
            let kind = other.value().keys().find(|key| *key != "thoughtSignature")?;
            Some(json!({"type": kind, "id": other.value()[kind]["id"]}))
        }
        _ => None,
    };
    message.content().parts().iter().filter_map(normal).collect()
}

/// No more than one is read, and a warning says where there are more.
fn choices(message: &AiMessage) -> Value {
    let warnings = message.metadata().get("warnings").and_then(Value::as_array).into_iter().flatten();
    let others = warnings.filter(|warning| warning.as_str().is_some_and(|warning| warning.starts_with("candidates:")));
    (1 + others.count()).into()
}

/// What was found is kept as it came, and all of it is in the citations of the message: each source that says anything
/// of itself, and each support at the words it names.
fn grounding(message: &AiMessage) -> Value {
    let Some(said) = message.provider_data("gemini").get("groundingMetadata") else { return Value::Null };
    let list = |key: &str| said[key].as_array().cloned().unwrap_or_default();
    let uri = |chunk: &Value| {
        let page = ["web", "maps", "retrievedContext"].into_iter().find_map(|kind| chunk.get(kind));
        page.map_or(Value::Null, |page| page["uri"].clone())
    };
    let uris: Vec<_> = list("groundingChunks").iter().map(uri).collect();
    for uri in uris.iter().filter(|uri| !uri.is_null()) {
        assert!(message.citations().any(|citation| citation.url() == uri.as_str()), "{uri} is no source of it");
    }
    let text = message.text();
    for support in list("groundingSupports") {
        for index in support["groundingChunkIndices"].as_array().into_iter().flatten() {
            let uri = index.as_u64().and_then(|index| uris.get(usize::try_from(index).unwrap())).unwrap().as_str();
            let words = support["segment"]["text"].as_str();
            let is_here = |range: Option<std::ops::Range<usize>>| range.and_then(|range| text.get(range)) == words;
            let is_cited = message.citations().any(|citation| citation.url() == uri && is_here(citation.range()));
            assert!(uri.is_none() || is_cited, "the words at {} rest on nothing", support["segment"]["startIndex"]);
        }
    }
    json!({"queries": list("webSearchQueries"), "uris": uris, "supports": list("groundingSupports").len()})
}

pub(crate) const ASKED: Asked = Asked {
    api: "gemini.generate",
    model: |name, recorder| Gemini::new(name).transport(recorder).build(),
    ask,
    normal,
    deviations: &[(
        "generate-stream-streaming_multimodal_tool_results_streaming_history_preserves_hy-1",
        "/contents/2/parts",
        "what a tool shows stands beside its result, where models before Gemini 3 look for it, and not inside",
    )],
};

fn ask(mut llm: ChatModel, request: &mut Map<String, Value>) -> (ChatModel, Messages) {
    // Other spellings of the same, and members that say nothing.
    *request = normal(std::mem::take(request).into()).as_object().unwrap().clone();
    let mut messages = Vec::new();
    if let Some(system) = request.shift_remove("systemInstruction") {
        messages.push(Message::from(SystemMessage::new(system["parts"][0]["text"].as_str().unwrap())));
    }
    for content in request.shift_remove("contents").unwrap().as_array().unwrap() {
        let parts = content["parts"].as_array().unwrap();
        match content["role"].as_str().unwrap() {
            "model" => messages.push(turn(parts).into()),
            _ if parts[0].get("functionResponse").is_some() => messages.extend(results(parts)),
            _ => messages.push(Message::user(parts.iter().map(part).collect::<Vec<_>>())),
        }
    }
    for tool in request.shift_remove("tools").iter().flat_map(|tools| tools.as_array().unwrap().clone()) {
        let functions = tool["functionDeclarations"].as_array().cloned();
        llm = match functions {
            Some(functions) => llm.tools(functions.iter().map(function)),
            None => llm.tools([Tool::provider("gemini", tool)]),
        };
    }
    if let Some(Value::Object(mut config)) = request.shift_remove("generationConfig") {
        if let Some(temperature) = config.shift_remove("temperature") {
            llm = llm.temperature(temperature.as_f64().unwrap());
        }
        if let Some(tokens) = config.shift_remove("maxOutputTokens") {
            llm = llm.max_tokens(tokens.as_f64().unwrap() as u32);
        }
        if let Some(modalities) = config.shift_remove("responseModalities") {
            llm = llm.modalities(modalities.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()));
        }
        if let Some(schema) = config.shift_remove("responseJsonSchema") {
            config.shift_remove("responseMimeType");
            llm = llm.response_format(ResponseFormat::Schema(JsonSchema::new("answer", schema)));
        }
        if let Some(thinking) = config.shift_remove("thinkingConfig") {
            let budget = thinking["thinkingBudget"].as_f64().unwrap() as u32;
            llm = llm.reasoning(ReasoningOptions::budget(budget));
        }
        assert!(config.is_empty(), "{config:?}");
    }
    (llm, messages.into())
}

fn part(part: &Value) -> ContentPart {
    match part.get("inlineData") {
        Some(data) => media(data),
        None => ContentPart::text(part["text"].as_str().unwrap()),
    }
}

fn media(data: &Value) -> ContentPart {
    let (media_type, data) = (data["mimeType"].as_str().unwrap(), data["data"].as_str().unwrap());
    ContentPart::File(Media::url(format!("data:{media_type};base64,{data}")))
}

fn turn(parts: &[Value]) -> AiMessage {
    parts.iter().fold(AiMessage::default(), |mut turn, part| {
        let signature = part.get("thoughtSignature").and_then(Value::as_str);
        let Some(call) = part.get("functionCall") else {
            turn.append(match (self::part(part), signature) {
                (ContentPart::Text(text), Some(signature)) => ContentPart::from(text.with_signature(signature)),
                (part, None) => part,
                (_, Some(_)) => panic!("a signature on something else than text"),
            });
            return turn;
        };
        let id = call["id"].as_str().unwrap_or_default();
        let call = ToolCall::new(id, call["name"].as_str().unwrap(), call["args"].clone());
        turn.with_tool_call(match signature {
            Some(signature) => call.with_signature(signature),
            None => call,
        })
    })
}

/// What stands behind a result, or in it, belongs to it.
fn results(parts: &[Value]) -> Vec<Message> {
    let mut results: Vec<(Value, Vec<ContentPart>)> = Vec::new();
    for part in parts {
        let Some(result) = part.get("functionResponse") else {
            results.last_mut().unwrap().1.push(media(&part["inlineData"]));
            continue;
        };
        let inner = result["parts"].as_array().into_iter().flatten().map(|part| media(&part["inlineData"]));
        let content = [ContentPart::text(result["response"].to_string())].into_iter().chain(inner);
        results.push((result.clone(), content.collect()));
    }
    let message = |(result, content): (Value, Vec<ContentPart>)| {
        let id = result["id"].as_str().unwrap_or_default();
        ToolMessage::new(id, content).with_name(result["name"].as_str().unwrap()).into()
    };
    results.into_iter().map(message).collect()
}

fn function(function: &Value) -> Tool {
    let parameters = function["parametersJsonSchema"].clone();
    let mut tool = FunctionTool::new(function["name"].as_str().unwrap(), parameters);
    tool.description = function["description"].as_str().map(str::to_string);
    tool.into()
}

/// Names in either spelling, schemas in either form; members that say nothing are none.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut normal = Map::new();
            for (name, value) in members {
                let name = match name.as_str() {
                    "google_search" => "googleSearch",
                    "inline_data" => "inlineData",
                    "mime_type" => "mimeType",
                    "parameters" | "parameters_json_schema" => "parametersJsonSchema",
                    "responseSchema" => "responseJsonSchema",
                    name => name,
                };
                let value = match (name, self::normal(value)) {
                    (_, Value::Null) | ("thought", Value::Bool(false)) => continue,
                    ("generationConfig", Value::Object(config)) if config.is_empty() => continue,
                    ("systemInstruction", Value::Object(mut content)) => {
                        content.shift_remove("role");
                        content.into()
                    }
                    ("type", Value::String(name)) => name.to_lowercase().into(),
                    (_, value) => value,
                };
                normal.insert(name.into(), value);
            }
            normal.into()
        }
        Value::Array(list) => list.into_iter().map(normal).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

/// Gemini wants its signatures back: none of those that were recorded is lost, in whatever part it came.
#[tokio::test]
async fn no_signature_is_lost() {
    let Some(fixtures) = crate::fixture::all() else { return };
    let mut found = 0;
    for fixture in fixtures.iter().filter(|fixture| fixture.api == PROVIDER.api && fixture.status == 200) {
        let llm = crate::server::serve(&PROVIDER, fixture, &fixture.body, 1000).await;
        let read = crate::read(&llm, fixture.streamed).await;
        let kept = serde_json::to_string(&read.message).unwrap();
        let body = String::from_utf8_lossy(&fixture.body);
        for signature in body.split("\"thoughtSignature\"").skip(1) {
            let signature = signature.split('"').nth(1).unwrap();
            found += 1;
            assert!(kept.contains(signature), "{}: the signature {signature:.20} is lost", fixture.name);
        }
    }
    assert!(found > 5, "only {found} signatures were found");
}
