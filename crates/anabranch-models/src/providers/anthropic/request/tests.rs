use anabranch_core::ErrorKind;
use anabranch_messages::{
    AiMessage, Citation, Media, Messages, Reasoning, ServerToolResult, SystemMessage, ToolCall, UserMessage,
};

use super::*;
use crate::options::{ChatOptions, JsonSchema, ReasoningOptions, ResponseFormat};
use crate::tool::{FunctionTool, Tool, ToolChoice};

const NEW: &str = "claude-opus-5";
const OLD: &str = "claude-3-7-sonnet-20250219";

fn written(model: &str, messages: impl Into<Messages>, options: ChatOptions) -> Result<Written> {
    let dialect = AnthropicDialect::of("api.anthropic.com", model);
    document(ChatRequest::new(messages, options), model, &dialect, false, Address::Own)
}

fn sent(model: &str, messages: impl Into<Messages>, options: ChatOptions) -> (Value, Vec<String>) {
    let written = written(model, messages, options).unwrap();
    let subjects = written.warnings.iter().map(|warning| warning.subject().to_string()).collect();
    (serde_json::from_slice(&written.body).unwrap(), subjects)
}

fn messages(messages: impl Into<Messages>) -> (Value, Vec<String>) {
    let (mut document, warnings) = sent(NEW, messages, ChatOptions::default());
    (document["messages"].take(), warnings)
}

#[test]
fn the_least_is_model_messages_and_a_limit() {
    let expected = json!({"model": NEW, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64_000});
    assert_eq!(sent(NEW, "Hello", ChatOptions::default()), (expected, vec![]));
    for nothing in [Messages::new(), Message::system("Alone.").into(), Message::user("").into()] {
        assert_eq!(written(NEW, nothing, ChatOptions::default()).err().unwrap().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn system_messages_go_to_the_front_and_neighbours_of_a_role_are_one() {
    let call = ToolCall::new("c.1", "weather", json!({"city": "Bremen"}));
    let other = ToolCall::new("c2", "now", Value::Null);
    let conversation = vec![
        Message::system("Be brief."),
        Message::user("One."),
        Message::user("Two."),
        AiMessage::new("I look.").with_tool_calls([call.clone(), other.clone()]).into(),
        ToolMessage::answer(&call, "Rain").into(),
        Message::user("Hurry!"),
        ToolMessage::answer(&other, "").with_error().into(),
        Message::system("Be kind."),
    ];
    let (document, warnings) = sent(NEW, conversation, ChatOptions::default());
    let system = json!([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]);
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c_1", "name": "weather", "input": {"city": "Bremen"}},
            {"type": "tool_use", "id": "c2", "name": "now", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c_1", "content": "Rain"},
            {"type": "tool_result", "tool_use_id": "c2", "is_error": true},
            {"type": "text", "text": "Hurry!"},
        ]},
    ]);
    assert_eq!((&document["system"], &document["messages"]), (&system, &expected));
    assert_eq!(warnings, ["system message"]);
}

/// Anthropic's are marked as such by whoever read them.
#[test]
fn thoughts_go_back_to_whoever_thought_them() {
    let own =
        |thought: Reasoning, type_: &str| ContentPart::from(thought.with_provider_data("anthropic", "type", type_));
    let answer = AiMessage::new([
        own(Reasoning::new("Hm.").with_signature("s"), "thinking"),
        own(Reasoning::encrypted_only("sealed"), "redacted_thinking"),
        own(Reasoning::new("unsigned"), "thinking"),
        Reasoning::new("OpenAI's").with_id("rs_1").with_encrypted("x").into(),
        Reasoning::new("Gemini's").with_signature("theirs").into(),
        Reasoning::new("DeepSeek's").into(),
        ContentPart::text("Yes. "),
    ]);
    let request = || {
        ChatRequest::new(vec![Message::user("?"), answer.clone().into(), Message::user("!")], ChatOptions::default())
    };
    let dialect = AnthropicDialect::of("api.anthropic.com", NEW);
    let sent = document(request(), NEW, &dialect, false, Address::Own).unwrap();
    let mut expected = vec![
        json!({"type": "thinking", "thinking": "Hm.", "signature": "s"}),
        json!({"type": "redacted_thinking", "data": "sealed"}),
        json!({"type": "text", "text": "Yes. "}),
    ];
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["messages"][1]["content"], Value::from(expected.clone()));
    let told: Vec<_> = sent.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("not signed") && told[1].contains("another provider's"), "{told:?}");

    // The beginning of an answer may not end in blanks; others want the thought without a signature, too.
    let other = AnthropicDialect::of("localhost", "qwen3");
    let request = ChatRequest::new(vec![Message::user("?"), answer.clone().into()], ChatOptions::default());
    let document: Value =
        serde_json::from_slice(&document(request, "qwen3", &other, true, Address::Own).unwrap().body).unwrap();
    expected[2]["text"] = "Yes.".into();
    expected.insert(2, json!({"type": "thinking", "thinking": "unsigned", "signature": ""}));
    assert_eq!(document["messages"][1]["content"], Value::from(expected));
    assert_eq!((&document["stream"], &document["max_tokens"]), (&json!(true), &json!(4096)));
}

/// What other providers' answers hold and this API does not take is told, one warning for each kind of it.
#[test]
fn what_others_answered_is_sent_as_far_as_it_can_be() {
    let other = Map::from_iter([("type".into(), "computer_call".into())]);
    let answer = AiMessage::new([
        ContentPart::from(TextPart::new("It rains").with_citation(Citation::new().with_url("https://e.org"))),
        ContentPart::ServerToolCall(ToolCall::new("ws_1", "web_search", json!({}))),
        ServerToolResult::new("ws_1", json!([])).into(),
        OtherPart::new(other.clone()).with_provider("openai").into(),
        OtherPart::new(other).into(),
        Citation::new().with_url("https://e.org").into(),
        ContentPart::Image(Media::bytes("image/png", [1])),
    ]);
    let (sent, warnings) = messages(vec![Message::user("?"), answer.into(), Message::user("!")]);
    assert_eq!(sent[1]["content"], "It rains");
    assert_eq!(warnings, ["assistant message"; 5]);
}

/// Blocks that have no part of their own here are said in Anthropic's words.
#[test]
fn a_message_may_hold_what_only_this_provider_knows() {
    let block = json!({"type": "search_result", "source": "https://e.org", "title": "T",
        "content": [{"type": "text", "text": "Ebb at noon."}], "citations": {"enabled": true}});
    let Value::Object(value) = block.clone() else { panic!("no object") };
    let part = ContentPart::from(OtherPart::new(value.clone()).with_provider("anthropic"));
    let result =
        ToolMessage::new("c", [part.clone(), ContentPart::Image(Media::url("https://e.org/a.png"))]).with_error();
    let call = AiMessage::default().with_tool_call(ToolCall::new("c", "f", json!({})));
    let (sent, warnings) = messages(vec![Message::user([part]), call.into(), result.into()]);
    assert_eq!(sent[0]["content"], json!([block]));
    let image = json!({"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}});
    let expected = json!([{"type": "tool_result", "tool_use_id": "c", "is_error": true, "content": [block, image]}]);
    assert_eq!((&sent[2]["content"], warnings), (&expected, vec![]));
    let foreign = ContentPart::from(OtherPart::new(value).with_provider("openai"));
    let error = written(NEW, vec![Message::user([foreign])], ChatOptions::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// The API refuses a message whose text is all blank, and takes blank text beside other text.
#[test]
fn blank_text_alone_is_not_sent() {
    let call = ToolCall::new("c", "f", json!({}));
    let text = |text: &str| ContentPart::text(text);
    let conversation = vec![
        Message::user("?"),
        AiMessage::new([text("\n\n"), call.clone().into()]).into(),
        ToolMessage::answer(&call, "x").into(),
        Message::ai(" \n"),
        Message::user([text("a"), text(" "), text("b")]),
    ];
    let (sent, _) = messages(conversation);
    assert_eq!(sent[1]["content"].as_array().unwrap().len(), 1);
    let last = json!([{"type": "text", "text": "a"}, {"type": "text", "text": " "}, {"type": "text", "text": "b"}]);
    assert_eq!((sent.as_array().unwrap().len(), &sent[3]["content"]), (4, &last));
}

#[test]
fn media() {
    let parts = [
        ContentPart::text("Look."),
        ContentPart::Image(Media::url("https://example.org/a.png")),
        ContentPart::Image(Media::url("data:image/gif;base64,R0lG")),
        ContentPart::Image(Media::bytes("image/png", [1, 2])),
        ContentPart::File(Media::bytes("application/pdf", [3]).with_name("a.pdf")),
        ContentPart::File(Media::bytes("text/markdown", *b"# Ebb")),
        ContentPart::File(Media::file_id("file_1")),
    ];
    let written = written(NEW, vec![Message::user(parts)], ChatOptions::default()).unwrap();
    let document: Value = serde_json::from_slice(&written.body).unwrap();
    let expected = json!([
        {"type": "text", "text": "Look."},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AQI="}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "Aw=="},
            "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Ebb"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ]);
    assert_eq!(document["messages"][0]["content"], expected);
    assert_eq!(written.betas, ["files-api-2025-04-14"]);
    for lost in [
        ContentPart::Audio(Media::bytes("audio/wav", [1])),
        ContentPart::File(Media::bytes("application/zip", [1])),
        ContentPart::File(Media::bytes("text/plain", [0xff])),
        ContentPart::Image(Media::bytes("application/pdf", [1])),
    ] {
        let error = super::tests::written(NEW, vec![Message::user([lost])], ChatOptions::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn what_is_said_to_anthropic_of_a_part_stands_on_its_block() {
    let mark = json!({"type": "ephemeral"});
    let text = |text: &str| [ContentPart::from(TextPart::new(text).with_cache_control(mark.clone()))];
    let call = ToolCall::new("c", "f", json!({}));
    let document = Media::bytes("application/pdf", *b"%PDF-")
        .with_cache_control(mark.clone())
        .with_provider_option("anthropic", "citations", json!({"enabled": true}))
        .with_provider_option("openai", "other", "not sent");
    let conversation: Vec<Message> = vec![
        SystemMessage::new(text("Long.")).into(),
        UserMessage::new([ContentPart::File(document)]).into(),
        AiMessage::new(text("Yes")).with_tool_call(call.clone().with_cache_control(mark.clone())).into(),
        ToolMessage::answer(&call, "x").with_cache_control(mark.clone()).into(),
    ];
    let (document, _) = sent(NEW, conversation, ChatOptions::default());
    for at in [
        "/system/0",
        "/messages/0/content/0",
        "/messages/1/content/0",
        "/messages/1/content/1",
        "/messages/2/content/0",
    ] {
        assert_eq!(document.pointer(at).unwrap()["cache_control"], mark, "{at}");
    }
    let file = &document["messages"][0]["content"][0];
    assert_eq!((&file["citations"], &file["other"]), (&json!({"enabled": true}), &Value::Null));
    assert_eq!(document["messages"][2]["content"][0]["content"], "x");

    let tool = FunctionTool::new("now", json!({}))
        .provider_option("anthropic", "cache_control", mark.clone())
        .provider_option("anthropic", "defer_loading", true)
        .provider_option("openai", "other", "not sent");
    let (document, _) = sent(NEW, "Hello", ChatOptions { tools: vec![tool.into()], ..ChatOptions::default() });
    let expected = json!([{"name": "now", "input_schema": {"type": "object"}, "cache_control": mark,
        "defer_loading": true}]);
    assert_eq!(document["tools"], expected);
}

#[test]
fn what_broke_off_goes_back_as_no_input() {
    let cut = AiMessage::default().with_tool_call(ToolCall::new("c", "f", "{\"city\": \"Bre"));
    let (sent, warnings) = messages(vec![Message::user("?"), cut.into()]);
    assert_eq!(sent[1]["content"][0]["input"], json!({"invalid_json": "{\"city\": \"Bre"}));
    assert_eq!(warnings, ["assistant message"]);
}

fn weather() -> Tool {
    FunctionTool::new("weather", json!({"type": "object"})).description("Now.").strict(true).into()
}

#[test]
fn options_go_where_the_server_looks_for_them() {
    let options = ChatOptions {
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        max_tokens: Some(5),
        stop: vec!["END".into()],
        tools: vec![
            weather(),
            Tool::provider("anthropic", json!({"type": "web_search_20250305", "name": "web_search"})),
        ],
        tool_choice: Some(ToolChoice::Function("weather".into())),
        parallel_tool_calls: Some(false),
        service_tier: Some("auto".into()),
        user: Some("u-1".into()),
        extra: Map::from_iter([("top_p".into(), Value::Null), ("container".into(), "c".into())]),
        ..ChatOptions::default()
    };
    let expected = json!({
        "model": NEW,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "top_k": 40,
        "stop_sequences": ["END"],
        "tools": [
            {"name": "weather", "input_schema": {"type": "object"}, "description": "Now.", "strict": true},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
        "service_tier": "auto",
        "metadata": {"user_id": "u-1"},
        "container": "c",
    });
    assert_eq!(sent(NEW, "Hello", options), (expected, vec![]));
}

#[test]
fn what_the_api_does_not_have_is_a_warning() {
    let options = ChatOptions {
        seed: Some(1),
        presence_penalty: Some(0.1),
        frequency_penalty: Some(0.1),
        logprobs: Some(1),
        modalities: vec!["audio".into()],
        metadata: Map::from_iter([("run".into(), "7".into())]),
        response_format: Some(ResponseFormat::Json),
        tools: vec![Tool::provider("gemini", json!({"google_search": {}}))],
        tool_choice: Some(ToolChoice::Auto),
        ..ChatOptions::default()
    };
    let (document, warnings) = sent(NEW, "Hello", options);
    let expected = [
        "tools",
        "tool_choice",
        "response_format",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "modalities",
        "metadata",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(document.as_object().unwrap().len(), 3, "{document}");
    let not_a_number = ChatOptions { temperature: Some(f64::NAN), ..ChatOptions::default() };
    assert_eq!(written(NEW, "Hello", not_a_number).err().unwrap().kind(), ErrorKind::InvalidInput);
}

#[test]
fn thinking_is_asked_for_as_the_model_takes_it() {
    let asked = |model: &str, reasoning: ReasoningOptions, max_tokens: Option<u32>| {
        let reasoning = Some(reasoning);
        let options = ChatOptions { reasoning, max_tokens, temperature: Some(0.2), ..ChatOptions::default() };
        let (document, warnings) = sent(model, "Hello", options);
        let keys = ["thinking", "output_config", "max_tokens", "temperature"];
        (keys.map(|key| document.get(key).cloned().unwrap_or_default()), warnings)
    };
    let told = || vec!["temperature".to_string()];
    let adaptive = [json!({"type": "adaptive"}), json!({"effort": "low"}), json!(64_000), Value::Null];
    assert_eq!(asked(NEW, ReasoningOptions::effort("low"), None), (adaptive, told()));
    let budget = |tokens: u32| json!({"type": "enabled", "budget_tokens": tokens});
    let small = [budget(2048), Value::Null, json!(3000), Value::Null];
    let both = vec!["reasoning".to_string(), "temperature".to_string()];
    assert_eq!(asked(OLD, ReasoningOptions::effort("low"), Some(3000)), (small, both));
    let large = [budget(100_000), Value::Null, json!(104_096), Value::Null];
    assert_eq!(asked(OLD, ReasoningOptions::budget(100_000), None), (large, told()));
    let off = [json!({"type": "disabled"}), Value::Null, json!(64_000), json!(0.2)];
    assert_eq!(asked(NEW, ReasoningOptions::effort("none"), None), (off, vec![]));
}

#[test]
fn an_answer_is_held_to_a_schema_as_the_model_can_be() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let format = Some(ResponseFormat::Schema(JsonSchema::new("answer", schema.clone())));
    let options = |tools: Vec<Tool>| ChatOptions { response_format: format.clone(), tools, ..ChatOptions::default() };
    let (new, _) = sent(NEW, "Hello", options(vec![]));
    assert_eq!(new["output_config"], json!({"format": {"type": "json_schema", "schema": schema}}));
    assert_eq!(new.get("tools"), None);

    let (old, warnings) = sent("claude-3-haiku", "Hello", options(vec![weather()]));
    assert_eq!((old.get("output_config"), warnings), (None, vec!["response_format".to_string()]));
    assert_eq!(old["tools"].as_array().unwrap().len(), 1);
}

/// A tool that takes nothing has a schema all the same.
#[test]
fn a_tool_without_parameters_has_an_object_of_none() {
    for parameters in [json!({}), Value::Null] {
        let tools = vec![FunctionTool::new("now", parameters).into()];
        let (document, _) = sent(NEW, "Hello", ChatOptions { tools, ..ChatOptions::default() });
        assert_eq!(document["tools"], json!([{"name": "now", "input_schema": {"type": "object"}}]));
    }
}

type Set = fn(&mut ChatOptions);

/// The table in the documentation tells what is sent, of every setting there is.
#[test]
fn the_table_of_settings_is_right() {
    let page = include_str!("../../../../../../docs/providers/anthropic.md");
    let table = page.split("| setting | field |").nth(1).unwrap().trim().split("\n\n").next().unwrap();
    let row = |line: &str| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_string());
        Some((cells.nth(1)?, cells.next()?))
    };
    let rows: Vec<_> = table.lines().skip(1).filter_map(row).collect();
    let settings: &[(&str, Set)] = &[
        ("max_tokens", |options| options.max_tokens = Some(7)),
        ("temperature", |options| options.temperature = Some(0.5)),
        ("top_p", |options| options.top_p = Some(0.5)),
        ("top_k", |options| options.top_k = Some(5)),
        ("stop", |options| options.stop = vec!["END".into()]),
        ("tools", |options| options.tools = vec![weather()]),
        ("tool_choice", |options| (options.tools, options.tool_choice) = (vec![weather()], Some(ToolChoice::Required))),
        ("parallel_tool_calls", |options| {
            (options.tools, options.parallel_tool_calls) = (vec![weather()], Some(false));
        }),
        ("response_format", |options| {
            options.response_format = Some(ResponseFormat::Schema(JsonSchema::new("a", json!({"type": "object"}))));
        }),
        ("reasoning", |options| options.reasoning = Some(ReasoningOptions::budget(2000))),
        ("service_tier", |options| options.service_tier = Some("auto".into())),
        ("user", |options| options.user = Some("u-1".into())),
        ("seed", |options| options.seed = Some(1)),
        ("presence_penalty", |options| options.presence_penalty = Some(0.5)),
        ("frequency_penalty", |options| options.frequency_penalty = Some(0.5)),
        ("logprobs", |options| options.logprobs = Some(1)),
        ("modalities", |options| options.modalities = vec!["audio".into()]),
        ("metadata", |options| _ = options.metadata.insert("run".into(), "7".into())),
    ];
    let named: Vec<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let known: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, known);
    for ((name, field), (_, set)) in rows.iter().zip(settings) {
        let mut options = ChatOptions::default();
        set(&mut options);
        let (document, warnings) = sent(NEW, "Hello", options);
        if field == "a warning" {
            assert_eq!(warnings, [name.as_str()]);
        } else {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert!(document.pointer(&pointer).is_some(), "{name}: no {field} in {document}");
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
        }
    }
}
