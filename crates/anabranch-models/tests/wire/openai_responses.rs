//! OpenAI's Responses API, and the servers that speak the same.

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, Message, Messages, TextPart};
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use anabranch_models::{ChatModel, FunctionTool, OpenAi, OpenAiDialect, ReasoningOptions, Tool, ToolChoice};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::requests::{Asked, sent};
use crate::{Provider, fixture, openai_chat, server};

pub(crate) const PROVIDER: Provider = Provider {
    api: "openai.responses",
    model: |server| {
        let llm = OpenAi::new("tiny").base_url(format!("{server}/v1")).api_key("sk-not-a-key");
        llm.dialect(OpenAiDialect::openai()).responses().build()
    },
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

/// What the provider's own tools did: of each item its type and its id.
fn server_tool_calls(message: &AiMessage) -> Value {
    let item = |part: &ContentPart| match part {
        ContentPart::ServerToolCall(call) => Some(call.provider_data("openai")["item"].clone()),
        ContentPart::Other(part) => Some(part.value().clone().into()),
        _ => None,
    };
    let items = message.content().parts().iter().filter_map(item);
    items.map(|item| json!({"type": item["type"], "id": item["id"]})).collect()
}

pub(crate) const ASKED: Asked = Asked {
    api: "openai.responses",
    model: |name, recorder| OpenAi::new(name).responses().transport(recorder).build(),
    ask,
    normal,
    deviations: &[(
        "responses-json-cross_provider_capability_replay_anthropic_claude_sonnet_4_5_res-3",
        "/input",
        "tools that are handed in by an item of the conversation: no message holds one",
    )],
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
        _ => {
            let text = TextPart::new(part["text"].as_str().unwrap());
            let options =
                part.as_object().unwrap().iter().filter(|(name, _)| !["type", "text"].contains(&name.as_str()));
            options.fold(text, |text, (name, value)| text.with_provider_option("openai", name, value.clone())).into()
        }
    };
    parts.iter().map(part).collect::<Vec<_>>().into()
}

/// The items of a turn, as they are read where they come from.
fn read(mut items: Vec<Value>) -> AiMessage {
    for item in &mut items {
        if item.get("type").is_none() {
            item["type"] = "message".into();
        }
        if let Value::String(text) = &item["content"] {
            item["content"] = json!([{"type": "output_text", "text": text}]);
        }
    }
    document(json!({"status": "completed", "output": items}).to_string())
}

/// What is read from a document.
fn document(body: String) -> AiMessage {
    struct Answers(Bytes);

    #[async_trait::async_trait]
    impl Transport for Answers {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<ByteStream>> {
            let body = futures::stream::iter([Ok(self.0.clone())]);
            Ok(Response::new(body.boxed()))
        }
    }

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

/// The items of an answer: of a document, or of the events that say that one is whole.
fn items(fixture: &fixture::Fixture) -> Vec<Value> {
    if !fixture.streamed {
        let mut document: Value = serde_json::from_slice(&fixture.body).unwrap();
        return serde_json::from_value(document["output"].take()).unwrap();
    }
    let text = String::from_utf8_lossy(&fixture.body);
    let events = text.lines().filter_map(|line| line.strip_prefix("data: ")?.parse::<Value>().ok());
    events.filter(|event| event["type"] == "response.output_item.done").map(|mut event| event["item"].take()).collect()
}

/// An item in the form in which it goes back: log-probabilities do not, no arguments are none, and annotations are told.
fn as_sent(mut item: Value) -> Value {
    if item["arguments"] == "" {
        item["arguments"] = "{}".into();
    }
    for part in item.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        part.as_object_mut().unwrap().shift_remove("logprobs");
        if part["type"] == "output_text" && part.get("annotations").is_none() {
            part["annotations"] = json!([]);
        }
    }
    item
}

/// Every recorded answer, as the model's turn in a conversation that goes on.
#[tokio::test]
async fn answers_go_back_as_they_came() {
    let Some(fixtures) = fixture::all() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for fixture in fixtures.iter().filter(|one| one.api == PROVIDER.api && one.status == 200) {
        let llm = server::serve(&PROVIDER, fixture, &fixture.body, usize::MAX).await;
        let reading = crate::read(&llm, fixture.streamed).await;
        // One that was made by hand says another text in pieces than as a whole.
        if reading.end.is_err() || fixture.name.ends_with("responses-stream-shell_container_1") {
            continue;
        }
        let messages = vec![Message::user("Hi"), reading.message.into(), Message::user("Go on.")];
        let request = sent(&ASKED, "gpt-x", |llm| (llm, messages.into()), false).await;
        let mut back = request["input"].as_array().unwrap()[1..].to_vec();
        back.pop();
        let mut expected: Vec<Value> = items(fixture).into_iter().map(as_sent).collect();
        // A call whose id another call has gets one of its own.
        for (sent, expected) in back.iter().zip(&mut expected) {
            if fixture.name.contains("reused_tool_call_ids") && expected.get("call_id").is_some() {
                expected["call_id"] = sent["call_id"].clone();
            }
        }
        count += expected.len();
        let differs = expected.iter().zip(&back).find(|(one, other)| one != other);
        if expected.len() != back.len() || differs.is_some() {
            wrong.push(format!("{}: {} items, {} sent: {differs:?}", fixture.name, expected.len(), back.len()));
        }
    }
    crate::say(&format!("wire: {}: {count} items go back as they came", PROVIDER.api));
    assert!(count > 50 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The last event of a stream holds the whole answer: what is read from that is what the stream added up to.
#[tokio::test]
async fn streams_add_up_to_the_document_at_their_end() {
    let Some(fixtures) = fixture::all() else { return };
    let mut count = 0;
    for fixture in fixtures.iter().filter(|one| one.api == PROVIDER.api && one.streamed) {
        let text = String::from_utf8_lossy(&fixture.body);
        let mut events = text.lines().filter_map(|line| line.strip_prefix("data: ")?.parse::<Value>().ok());
        let last = events.rfind(|event| event["type"] == "response.completed");
        let Some(response) = last.map(|mut event| event["response"].take()) else { continue };
        // One gateway leaves the items out, another gives them new ids with each event, and one is made by hand.
        let others = ["github_copilot_id_rotation_1", "responses-stream-shell_container_1"];
        if response["output"] == json!([]) || others.iter().any(|name| fixture.name.ends_with(name)) {
            continue;
        }
        let llm = server::serve(&PROVIDER, fixture, &fixture.body, 1000).await;
        let streamed = crate::read(&llm, true).await.message;
        let whole = document(response.to_string());
        let changes = ["headers", "warnings"];
        let metadata = |message: &AiMessage| {
            let mut metadata = message.metadata().clone();
            metadata.retain(|name, _| !changes.contains(&name.as_str()));
            metadata
        };
        assert_eq!(metadata(&streamed), metadata(&whole), "{}", fixture.name);
        assert_eq!(streamed.with_metadata(Map::new()), whole.with_metadata(Map::new()), "{}", fixture.name);
        count += 1;
    }
    crate::say(&format!("wire: {}: {count} streams add up to their last event", PROVIDER.api));
}

/// What a text rests on is cited, with the words that it is about.
#[tokio::test]
async fn annotations_are_citations() {
    let Some(fixtures) = fixture::all() else { return };
    let mut counts = std::collections::BTreeMap::new();
    for fixture in fixtures.iter().filter(|one| one.api == PROVIDER.api && one.status == 200) {
        let annotations = |item: &Value| -> usize {
            let parts = item["content"].as_array().into_iter().flatten();
            parts.map(|part| part["annotations"].as_array().map_or(0, Vec::len)).sum()
        };
        let expected: usize = items(fixture).iter().map(annotations).sum();
        if expected == 0 {
            continue;
        }
        let llm = server::serve(&PROVIDER, fixture, &fixture.body, usize::MAX).await;
        let message = crate::read(&llm, fixture.streamed).await.message;
        assert_eq!(message.citations().count(), expected, "{}", fixture.name);
        for citation in message.citations() {
            assert!(citation.url().or(citation.id()).is_some());
        }
        counts.insert(&fixture.name, expected);
    }
    assert!(counts.len() >= 6, "{counts:?}");
    let fixture = fixtures.iter().find(|one| one.name.ends_with("include_raw_annotations_streaming-1")).unwrap();
    let llm = server::serve(&PROVIDER, fixture, &fixture.body, 7).await;
    let message = crate::read(&llm, true).await.message;
    let part = message.content().parts().iter().find_map(|part| match part {
        ContentPart::Text(text) if !text.citations().is_empty() => Some(text),
        _ => None,
    });
    let (text, range) = (part.unwrap().text(), part.unwrap().citations()[0].range().unwrap());
    assert!(text[range.clone()].contains("britannica.com"), "{}", &text[range]);
}
