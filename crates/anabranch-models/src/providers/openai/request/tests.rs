use anabranch_messages::{AiMessage, Citation, FinishReason, Messages, Reasoning, TextPart, ToolCall};

use super::*;
use crate::options::ChatOptions;

fn sent(request: ChatRequest, dialect: OpenAiDialect, streamed: bool) -> Value {
    serde_json::from_slice(&document(request, "m", &dialect, streamed).unwrap().0).unwrap()
}

fn messages(messages: impl Into<Messages>) -> Value {
    sent(ChatRequest::new(messages, ChatOptions::default()), OpenAiDialect::compatible(), false)["messages"].take()
}

#[test]
fn the_least_is_model_and_messages() {
    let request = ChatRequest::new("Hello", ChatOptions::default());
    let expected = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]});
    assert_eq!(sent(request.clone(), OpenAiDialect::openai(), false), expected);
    let streamed = sent(request.clone(), OpenAiDialect::openai(), true);
    assert_eq!((&streamed["stream"], &streamed["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
    assert_eq!(sent(request, OpenAiDialect::mistral(), true).get("stream_options"), None);
}

#[test]
fn options_go_where_the_server_looks_for_them() {
    let options = ChatOptions {
        temperature: Some(0.7),
        top_p: Some(0.9),
        max_tokens: Some(5),
        stop: vec!["END".into()],
        seed: Some(7),
        extra: Map::from_iter([("top_p".into(), Value::Null), ("logprobs".into(), true.into())]),
        ..ChatOptions::default()
    };
    let request = ChatRequest::new("Hello", options);
    let mut plain = sent(request.clone(), OpenAiDialect::compatible(), false);
    plain.as_object_mut().unwrap().shift_remove("messages");
    let expected =
        json!({"model": "m", "temperature": 0.7, "max_tokens": 5, "stop": ["END"], "seed": 7, "logprobs": true});
    assert_eq!(plain, expected);
    assert_eq!(sent(request.clone(), OpenAiDialect::openai(), false)["max_completion_tokens"], 5);
    assert_eq!(sent(request, OpenAiDialect::mistral(), false)["random_seed"], 7);
}

#[test]
fn what_is_no_number_is_refused() {
    let options = ChatOptions { temperature: Some(f64::NAN), ..ChatOptions::default() };
    let error = document(ChatRequest::new("Hello", options), "m", &OpenAiDialect::openai(), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let nothing =
        document(ChatRequest::new(Messages::new(), ChatOptions::default()), "m", &OpenAiDialect::openai(), false);
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_turn_with_tools_goes_back_whole() {
    let call = ToolCall::new("c1", "weather", json!({"city": "Bremen"}));
    let answer = AiMessage::new([ContentPart::Reasoning(Reasoning::new("hm"))])
        .with_tool_call(call.clone())
        .with_tool_call(ToolCall::new("c2", "now", Value::Null))
        .with_provider_data("compatible", "reasoning_details", json!([{"type": "reasoning.encrypted", "data": "x"}]))
        .with_finish_reason(FinishReason::tool_calls());
    let sent = messages([Message::from(answer), ToolMessage::answer(&call, "Rain").into()]);
    let expected = json!([
        {
            "role": "assistant",
            "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}],
            "content": null,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bremen\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
    ]);
    assert_eq!(sent, expected);
}

/// What only a server knows goes back to that one alone; what cannot be sent is a warning.
#[test]
fn what_a_server_gave_goes_back_to_it() {
    let sound = Media::bytes("audio/wav", [1]).with_id("audio_1").with_transcript("Hi.");
    let extra = json!({"google": {"thought_signature": "s"}});
    let note = json!({"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1}});
    let answer = AiMessage::new([
        ContentPart::text("a"),
        ContentPart::Audio(sound.with_provider_data("openrouter", "audio", "audio_1")),
        Citation::new().with_url("u").with_provider_data("openrouter", "annotation", note).into(),
        ToolCall::free_form("c", "sql", "SELECT 1")
            .with_provider_data("openrouter", "extra_content", extra.clone())
            .into(),
    ]);
    let sent = |dialect: &OpenAiDialect| {
        let request = ChatRequest::new([Message::from(answer.clone())], ChatOptions::default());
        let (body, warnings) = document(request, "m", dialect, false).unwrap();
        let mut sent: Value = serde_json::from_slice(&body).unwrap();
        (sent["messages"][0].take(), warnings.len())
    };
    let mut call = json!({"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}});
    let elsewhere = json!({"role": "assistant", "content": "aHi.", "tool_calls": [call]});
    assert_eq!(sent(&OpenAiDialect::openai()), (elsewhere, 2));
    call["extra_content"] = extra;
    let back = json!({"role": "assistant", "content": "a", "audio": {"id": "audio_1"}, "tool_calls": [call],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 0, "end_index": 1}}]});
    assert_eq!(sent(&OpenAiDialect::openrouter()), (back, 0));
}

#[test]
fn what_is_said_of_a_part_to_a_server_stands_on_the_part() {
    let text =
        TextPart::new("Long.").with_cache_control(json!({"type": "ephemeral"})).with_provider_option("groq", "a", 1);
    let request = || ChatRequest::new([Message::system([text.clone().into()])], ChatOptions::default());
    assert_eq!(sent(request(), OpenAiDialect::openai(), false)["messages"][0]["content"], "Long.");
    let marked = json!([{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]);
    assert_eq!(sent(request(), OpenAiDialect::openrouter(), false)["messages"][0]["content"], marked);
    let mut groq = OpenAiDialect::openai();
    groq.provider = "groq".into();
    let told = json!([{"type": "text", "text": "Long.", "a": 1}]);
    assert_eq!(sent(request(), groq, false)["messages"][0]["content"], told);
}

#[test]
fn what_is_said_of_a_function_to_a_server_stands_on_the_tool() {
    let tool = crate::FunctionTool::new("now", json!({}))
        .provider_option("openai", "x", 1)
        .provider_option("groq", "y", 2)
        .provider_option("anthropic", "z", 3);
    let mut groq = OpenAiDialect::openai();
    groq.provider = "groq".into();
    for (dialect, expected) in [(OpenAiDialect::openai(), json!([1, null, null])), (groq, json!([1, 2, null]))] {
        let options = ChatOptions { tools: vec![tool.clone().into()], ..ChatOptions::default() };
        let sent = sent(ChatRequest::new([Message::user("Hi")], options), dialect, false);
        let tool = &sent["tools"][0];
        assert_eq!(json!([tool["x"], tool["y"], tool["z"]]), expected, "{tool}");
    }
}

#[test]
fn media() {
    let sent = messages([Message::user([
        ContentPart::text("Look and listen."),
        ContentPart::Image(Media::url("https://example.org/a.png").with_detail("low")),
        ContentPart::Audio(Media::bytes("audio/mpeg", [1, 2])),
        ContentPart::File(Media::bytes("application/pdf", [3]).with_name("a.pdf")),
    ])]);
    let expected = json!([
        {"type": "text", "text": "Look and listen."},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AQI=", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,Aw=="}},
    ]);
    assert_eq!(sent[0]["content"], expected);
    let lost = [Message::user([ContentPart::Audio(Media::url("https://example.org/a.mp3"))])];
    let error =
        document(ChatRequest::new(lost, ChatOptions::default()), "m", &OpenAiDialect::openai(), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.to_string().contains("example.org"));
}
