use anabranch_messages::{AiMessage, Media, Messages, OtherPart, Reasoning, TextPart, ToolCall};

use super::*;
use crate::options::{ChatOptions, JsonSchema, ReasoningOptions, ResponseFormat};
use crate::tool::{FunctionTool, Tool, ToolChoice};

fn sent(messages: impl Into<Messages>, options: ChatOptions) -> (Value, Vec<Warning>) {
    let (body, warnings) = document(ChatRequest::new(messages, options), "m", &OpenAiDialect::openai(), false).unwrap();
    (serde_json::from_slice(&body).unwrap(), warnings)
}

fn input(messages: impl Into<Messages>) -> Value {
    sent(messages, ChatOptions::default()).0["input"].take()
}

#[test]
fn the_least_is_model_and_input() {
    let expected = json!({"model": "m", "input": [{"role": "user", "content": "Hello"}]});
    assert_eq!(sent("Hello", ChatOptions::default()).0, expected);
    let request = ChatRequest::new("Hello", ChatOptions::default());
    let (streamed, _) = document(request, "m", &OpenAiDialect::openai(), true).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&streamed).unwrap()["stream"], true);
    let nothing = ChatRequest::new(Messages::new(), ChatOptions::default());
    let nothing = document(nothing, "m", &OpenAiDialect::openai(), false);
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn options_go_where_the_api_looks_for_them() {
    let extra = json!({"text": {"verbosity": "low"}, "top_p": null, "store": false});
    let options = ChatOptions {
        temperature: Some(0.7),
        top_p: Some(0.9),
        max_tokens: Some(5),
        stop: vec!["END".into()],
        seed: Some(7),
        logprobs: Some(2),
        tools: vec![
            FunctionTool::new("now", json!({"type": "object"})).into(),
            Tool::provider("openai", json!({"type": "web_search"})),
            Tool::provider("gemini", json!({"google_search": {}})),
        ],
        tool_choice: Some(ToolChoice::Function("now".into())),
        response_format: Some(ResponseFormat::Schema(JsonSchema::new("n", json!({"type": "object"})))),
        reasoning: Some(ReasoningOptions::effort("low")),
        extra: extra.as_object().unwrap().clone(),
        ..ChatOptions::default()
    };
    let (mut sent, warnings) = sent("Hello", options);
    sent.as_object_mut().unwrap().shift_remove("input");
    let expected = json!({
        "model": "m", "temperature": 0.7, "max_output_tokens": 5, "top_logprobs": 2, "store": false,
        "tools": [
            {"type": "function", "name": "now", "parameters": {"type": "object"}, "strict": false},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "now"},
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true},
            "verbosity": "low",
        },
        "reasoning": {"effort": "low"},
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
    });
    assert_eq!(sent, expected);
    assert_eq!(warnings.iter().map(Warning::subject).collect::<Vec<_>>(), ["stop", "seed", "tools"]);
}

/// An answer as it was read, with an item of each kind.
fn answer(provider: &str) -> AiMessage {
    let text = |text: &str, item: Value| TextPart::new(text).with_provider_data(provider, "item", item);
    let outline = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": 1},
        {"type": "summary_text", "text": 4}]});
    let said = |id: &str, phase: &str| {
        json!({"type": "message", "id": id, "role": "assistant", "status": "completed", "phase": phase,
            "content": [{"type": "output_text", "text": 4}]})
    };
    let other = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let call = |id: &str| json!({"id": id, "status": "completed"});
    AiMessage::new([
        Reasoning::new("h\n\nmm\n\n").with_encrypted("sealed").with_provider_data(provider, "item", outline).into(),
        OtherPart::new(other.as_object().unwrap().clone()).with_provider(provider).into(),
        text("Yés", said("msg_1", "commentary")).into(),
        text(" there.", said("msg_2", "final_answer")).into(),
        ToolCall::new("call_1", "now", "").with_provider_data(provider, "item", call("fc_1")).into(),
        ToolCall::free_form("call_2", "sql", "SELECT 1").with_provider_data(provider, "item", call("ct_1")).into(),
    ])
}

#[test]
fn an_answer_goes_back_as_its_items() {
    let message = |id: &str, phase: &str, text: &str| {
        json!({"type": "message", "id": id, "role": "assistant", "status": "completed", "phase": phase,
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    let expected = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "h"},
            {"type": "summary_text", "text": "mm\n\n"}], "encrypted_content": "sealed"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message("msg_1", "commentary", "Yés"),
        message("msg_2", "final_answer", " there."),
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "now", "arguments": "{}",
         "status": "completed"},
        {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_2", "name": "sql", "input": "SELECT 1",
         "status": "completed"},
        {"type": "function_call_output", "call_id": "call_1", "output": "noon"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "1"},
    ]);
    let messages = [answer("openai").into(), Message::tool("call_1", "noon"), Message::tool("call_2", "1")];
    let (sent, warnings) = sent(messages, ChatOptions::default());
    assert_eq!((&sent["input"], warnings), (&expected, vec![]));
}

/// What only another provider can read, or knows, is not sent, and a warning says so.
#[test]
fn nothing_that_is_sealed_goes_to_another_provider() {
    let (sent, warnings) = sent([Message::from(answer("xai"))], ChatOptions::default());
    let expected = json!([
        {"type": "message", "role": "assistant", "content": "Yés there."},
        {"type": "function_call", "call_id": "call_1", "name": "now", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "sql", "input": "SELECT 1"},
    ]);
    assert_eq!(sent["input"], expected);
    let warnings: Vec<_> = warnings.iter().map(Warning::message).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("thought") && warnings[1].contains("another provider"), "{warnings:?}");
}

#[test]
fn a_thought_without_a_seal_goes_back_where_answers_are_kept() {
    let outline = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": 2}]});
    let thought = Reasoning::new("hm").with_id("rs_1").with_provider_data("openai", "item", outline);
    let answer = AiMessage::new([thought.into(), ContentPart::text("a")]);
    let types = |options: ChatOptions| {
        let (sent, warnings) = sent([Message::from(answer.clone())], options);
        let types = sent["input"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect::<Value>();
        (types, warnings.len())
    };
    assert_eq!(types(ChatOptions::default()), (json!(["reasoning", "message"]), 0));
    let mut unstored = ChatOptions::default();
    unstored.extra.insert("store".into(), false.into());
    assert_eq!(types(unstored), (json!(["message"]), 1));
}

#[test]
fn an_answer_of_another_api_goes_back_as_what_it_says() {
    let answer = AiMessage::new([ContentPart::from(Reasoning::new("hm")), ContentPart::text("Yes.")])
        .with_tool_call(ToolCall::new("c", "now", json!({})));
    let (sent, warnings) = sent([Message::from(answer)], ChatOptions::default());
    let expected = json!([
        {"type": "message", "role": "assistant", "content": "Yes."},
        {"type": "function_call", "call_id": "c", "name": "now", "arguments": "{}"},
    ]);
    assert_eq!(sent["input"], expected);
    assert_eq!(warnings.len(), 1);
    let refusal = AiMessage::new([ContentPart::refusal("No.")]);
    let expected =
        json!([{"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]);
    assert_eq!(input([Message::from(refusal)]), expected);
}

#[test]
fn media() {
    let sent = input([Message::user([
        ContentPart::text("Look."),
        ContentPart::Image(Media::url("https://example.org/a.png").with_detail("low")),
        ContentPart::Image(Media::file_id("file-1")),
        ContentPart::File(Media::bytes("application/pdf", [3]).with_name("a.pdf")),
        ContentPart::File(Media::url("https://example.org/a.pdf")),
    ])]);
    let expected = json!([
        {"type": "input_text", "text": "Look."},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,Aw=="},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]);
    assert_eq!(sent[0]["content"], expected);
    let sound = [Message::user([ContentPart::Audio(Media::bytes("audio/wav", [1]))])];
    let error = document(ChatRequest::new(sound, ChatOptions::default()), "m", &OpenAiDialect::openai(), false);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
}
