use anabranch_messages::{Citation, Messages, OtherPart, Reasoning, TextPart, ToolCall, UserMessage};

use super::*;
use crate::options::{ChatOptions, JsonSchema, ReasoningOptions, ResponseFormat};
use crate::tool::{FunctionTool, Tool, ToolChoice};

fn sent(model: &str, messages: impl Into<Messages>, options: ChatOptions) -> (Value, Vec<String>) {
    let (body, warnings) = document(ChatRequest::new(messages, options), model, false).unwrap();
    let subjects = warnings.iter().map(|warning| warning.subject().to_string()).collect();
    (serde_json::from_slice(&body).unwrap(), subjects)
}

#[test]
fn the_least_says_that_nothing_is_to_be_cut_off() {
    let (least, warnings) = sent("m", "Hello", ChatOptions::default());
    let messages = json!([{"role": "user", "content": "Hello"}]);
    assert_eq!(least, json!({"model": "m", "messages": messages, "stream": false, "truncate": false}));
    assert!(warnings.is_empty());
    let nothing = document(ChatRequest::new(Messages::new(), ChatOptions::default()), "m", false);
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_turn_with_tools_goes_back_whole() {
    let call = ToolCall::new("c1", "weather", json!({"city": "Bremen"}));
    let cut = ToolCall::new("", "now", "{\"a\": ");
    let answer = AiMessage::new([Reasoning::new("Hm.").into(), ContentPart::text("I look.")]);
    let (document, warnings) = sent(
        "m",
        vec![
            Message::system("Be brief."),
            Message::user([
                ContentPart::text("Where is this?"),
                ContentPart::Image(Media::bytes("image/png", [1, 2])),
                ContentPart::Image(Media::url("data:image/gif;base64,R0lG")),
            ]),
            answer.with_tool_calls([call.clone(), cut]).into(),
            ToolMessage::answer(&call, "Rain").with_error().into(),
        ],
        ChatOptions::default(),
    );
    let expected = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is this?", "images": ["AQI=", "R0lG"]},
        {"role": "assistant", "content": "I look.", "thinking": "Hm.", "tool_calls": [
            {"id": "c1", "function": {"name": "weather", "arguments": {"city": "Bremen"}}},
            {"function": {"name": "now", "arguments": {"invalid_json": "{\"a\": "}}},
        ]},
        {"role": "tool", "content": "Rain", "tool_name": "weather", "tool_call_id": "c1"},
    ]);
    assert_eq!(document["messages"], expected);
    assert_eq!(warnings, ["assistant message", "tool message"]);
}

/// What only other providers know is not sent, and told; what is said to Ollama alone stands in its message.
#[test]
fn a_turn_of_another_model_goes_back_without_what_is_its_own() {
    let answer = AiMessage::new([
        TextPart::new("Hm.").with_signature("theirs").with_citation(Citation::new()).into(),
        Citation::new().with_url("https://example.org").into(),
        ContentPart::ServerToolCall(ToolCall::new("s", "web_search", json!({}))),
        OtherPart::new(Map::new()).with_provider("gemini").into(),
        ContentPart::Image(Media::bytes("image/png", [1, 2])),
        ContentPart::Audio(Media::bytes("audio/wav", [1])),
    ]);
    let seen = UserMessage::new([TextPart::new("Look.").with_cache_control(json!({})).into()])
        .with_name("Anna")
        .with_provider_option("ollama", "priority", 1)
        .with_provider_option("openai", "priority", 2);
    let (document, warnings) = sent("m", vec![seen.into(), Message::from(answer)], ChatOptions::default());
    let expected = json!([
        {"role": "user", "content": "Look.", "priority": 1},
        {"role": "assistant", "content": "Hm.", "images": ["AQI="]},
    ]);
    assert_eq!(document["messages"], expected);
    assert_eq!(warnings, ["user message", "cache_control", "assistant message", "assistant message"]);
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    for lost in [
        ContentPart::Image(Media::url("https://example.org/a.png")),
        ContentPart::Image(Media::file_id("f")),
        ContentPart::Audio(Media::bytes("audio/wav", [1])),
        ContentPart::Video(Media::bytes("video/mp4", [1])),
        ContentPart::File(Media::bytes("application/pdf", [1])),
    ] {
        let request = ChatRequest::new(vec![Message::user([lost])], ChatOptions::default());
        let error = document(request, "m", false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!error.to_string().contains("example.org"));
    }
}

#[test]
fn options_go_where_the_server_looks_for_them() {
    let schema = json!({"type": "object"});
    let options = ChatOptions {
        temperature: Some(0.5),
        top_k: Some(40),
        max_tokens: Some(5),
        stop: vec!["END".into()],
        seed: Some(7),
        logprobs: Some(2),
        tools: vec![
            FunctionTool::new("now", schema.clone())
                .description("The time.")
                .provider_option("ollama", "more", 1)
                .provider_option("gemini", "less", 1)
                .into(),
        ],
        response_format: Some(ResponseFormat::Schema(JsonSchema::new("answer", schema.clone()))),
        extra: Map::from_iter([
            ("options".into(), json!({"num_ctx": 8192, "seed": 8})),
            ("keep_alive".into(), "10m".into()),
            ("truncate".into(), Value::Null),
        ]),
        ..ChatOptions::default()
    };
    let (mut document, warnings) = sent("m", "Hello", options);
    document.as_object_mut().unwrap().shift_remove("messages");
    let expected = json!({
        "model": "m",
        "stream": false,
        "options": {
            "temperature": 0.5, "top_k": 40, "num_predict": 5, "seed": 8, "stop": ["END"], "num_ctx": 8192,
        },
        "logprobs": true,
        "top_logprobs": 2,
        "tools": [{"type": "function", "function":
            {"name": "now", "parameters": schema, "description": "The time.", "more": 1}}],
        "format": schema,
        "keep_alive": "10m",
    });
    assert_eq!((document, warnings), (expected, vec![]));
}

#[test]
fn what_the_api_does_not_have_is_a_warning() {
    let options = ChatOptions {
        tools: vec![
            FunctionTool::new("now", json!({})).strict(true).into(),
            Tool::provider("gemini", json!({"google_search": {}})),
        ],
        tool_choice: Some(ToolChoice::Required),
        parallel_tool_calls: Some(false),
        modalities: vec!["audio".into()],
        service_tier: Some("flex".into()),
        user: Some("u".into()),
        metadata: Map::from_iter([("run".into(), 7.into())]),
        ..ChatOptions::default()
    };
    let expected = ["tools", "tools", "tool_choice", "parallel_tool_calls", "modalities", "service_tier", "user"];
    let (document, warnings) = sent("m", "Hello", options.clone());
    assert_eq!((&warnings[..7], &warnings[7..]), (&expected.map(String::from)[..], &["metadata".to_string()][..]));
    assert_eq!(document["tools"].as_array().unwrap().len(), 1);
    let (document, _) = sent("m", "Hello", ChatOptions { tool_choice: Some(ToolChoice::None), ..options });
    assert_eq!(document.get("tools"), None);
}

#[test]
fn thinking_has_levels_for_the_models_that_have_some() {
    let think = |model: &str, reasoning: ReasoningOptions| {
        let options = ChatOptions { reasoning: Some(reasoning), ..ChatOptions::default() };
        let (document, warnings) = sent(model, "Hello", options);
        (document["think"].clone(), warnings.len())
    };
    assert_eq!(think("gpt-oss:20b", ReasoningOptions::effort("low")), (json!("low"), 0));
    assert_eq!(think("qwen3", ReasoningOptions::effort("low")), (json!(true), 1));
    assert_eq!(think("qwen3", ReasoningOptions::budget(500)), (json!(true), 1));
    assert_eq!(think("qwen3", ReasoningOptions::effort("none")), (json!(false), 0));
    assert_eq!(think("qwen3", ReasoningOptions::budget(0)), (json!(false), 0));
}
