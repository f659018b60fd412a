//! The form of messages in JSON, their conversions, and what `Debug` does not show.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::ErrorKind;
use anabranch_messages::{
    AiMessage, Citation, Content, ContentPart, FinishKind, FinishReason, Media, Message, Messages, OtherPart,
    Reasoning, Role, ServerToolResult, SystemMessage, TextPart, ToolCall, ToolMessage, Usage, UserMessage,
};
use serde_json::{Map, Value, json};

fn everything() -> Messages {
    let answer = AiMessage::new([
        Reasoning::new("secret").with_id("r").with_signature("secret").into(),
        Reasoning::encrypted_only("secret").into(),
        ContentPart::text("secret"),
        ContentPart::refusal("secret"),
        TextPart::new("secret")
            .with_id("t")
            .with_citation(
                Citation::new()
                    .with_url("secret")
                    .with_title("secret")
                    .with_cited_text("secret")
                    .with_range(0..6)
                    .with_id("c"),
            )
            .with_annotation(json!({"a": "secret"}))
            .with_signature("secret")
            .with_cache_control(json!({"type": "secret"}))
            .with_provider_option("anthropic", "o", "secret")
            .with_provider_data("anthropic", "d", "secret")
            .into(),
        Citation::new().with_url("secret").into(),
        ContentPart::ServerToolCall(ToolCall::new("s", "f", json!({"q": "secret"}))),
        ServerToolResult::new("s", json!("secret")).with_name("n").with_error().into(),
        OtherPart::new(Map::from_iter([("type".into(), json!("secret"))])).with_provider("p").into(),
        ContentPart::Audio(Media::bytes("audio/wav", *b"secret").with_id("a").with_transcript("secret")),
        ToolCall::free_form("c", "f", "secret").with_item_id("i").into(),
    ])
    .with_provider_data("openai", "d", "secret")
    .with_tool_call(ToolCall::new("secret", "f", json!({"a": "secret"})).with_signature("secret"))
    .with_finish_reason(FinishReason::new(FinishKind::ToolCalls, "tool_use"))
    .with_usage(Usage::new(1, 2).with_raw(Map::from_iter([("raw".into(), json!("secret"))])))
    .with_model("m")
    .with_id("i")
    .with_metadata_entry("looks", json!({"role": "user", "content": "secret", "type": "text"}));
    Messages::from([
        Message::from(SystemMessage::new("secret").with_name("n")),
        UserMessage::new([
            ContentPart::text("secret"),
            ContentPart::Image(Media::url("https://secret").with_detail("low")),
            ContentPart::Image(Media::bytes("image/png", *b"secret")),
            ContentPart::Audio(Media::bytes("audio/wav", *b"secret")),
            ContentPart::File(Media::file_id("secret").with_name("secret")),
        ])
        .into(),
        answer.into(),
        ToolMessage::new("secret", "secret").with_name("f").with_error().into(),
    ])
}

#[test]
fn field_names_are_stable() {
    let expected = json!([
        {"role": "system", "content": "secret", "name": "n"},
        {"role": "user", "content": [
            {"type": "text", "text": "secret"},
            {"type": "image", "url": "https://secret", "detail": "low"},
            {"type": "image", "data": "c2VjcmV0", "media_type": "image/png"},
            {"type": "audio", "data": "c2VjcmV0", "media_type": "audio/wav"},
            {"type": "file", "file_id": "secret", "name": "secret"},
        ]},
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "id": "r", "text": "secret", "signature": "secret"},
                {"type": "reasoning", "text": "", "encrypted": "secret"},
                {"type": "text", "text": "secret"},
                {"type": "refusal", "text": "secret"},
                {
                    "type": "text", "text": "secret", "id": "t", "signature": "secret",
                    "cache_control": {"type": "secret"},
                    "citations": [{"url": "secret", "title": "secret", "cited_text": "secret", "start": 0, "end": 6, "id": "c"}],
                    "annotations": [{"type": "non_standard_annotation", "value": {"a": "secret"}}],
                    "provider_options": {"anthropic": {"o": "secret"}},
                    "provider_data": {"anthropic": {"d": "secret"}},
                },
                {"type": "citation", "url": "secret"},
                {"type": "server_tool_call", "id": "s", "name": "f", "arguments": {"q": "secret"}},
                {"type": "server_tool_result", "tool_call_id": "s", "name": "n", "output": "secret", "is_error": true},
                {"type": "other", "provider": "p", "value": {"type": "secret"}},
                {"type": "audio", "data": "c2VjcmV0", "media_type": "audio/wav", "id": "a", "transcript": "secret"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": "secret", "free_form": true, "item_id": "i"},
                {"type": "tool_call", "id": "secret", "name": "f", "arguments": {"a": "secret"}, "signature": "secret"},
            ],
            "finish_reason": {"kind": "tool_calls", "raw": "tool_use"},
            "usage": {"input_tokens": 1, "output_tokens": 2, "raw": {"raw": "secret"}},
            "model": "m",
            "id": "i",
            "metadata": {"looks": {"role": "user", "content": "secret", "type": "text"}},
            "provider_data": {"openai": {"d": "secret"}},
        },
        {"role": "tool", "tool_call_id": "secret", "name": "f", "content": "secret", "is_error": true},
    ]);
    assert_eq!(serde_json::to_value(everything()).unwrap(), expected);
    assert_eq!(serde_json::to_value(everything()).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Messages>(expected).unwrap(), everything());
}

#[test]
fn debug_shows_no_content() {
    let messages = everything();
    let shown = format!("{messages:?} {messages:#?} {:?}", messages[2].content());
    assert!(!shown.contains("secret") && !shown.contains("c2Vj"), "{shown}");
    let Message::Ai(answer) = &messages[2] else { panic!() };
    let shown = format!("{:?} {:?} {:?}", answer.tool_calls(), answer.usage(), answer.content().parts());
    assert!(!shown.contains("secret"), "{shown}");
    let shown = format!("{:?}", answer.citations().collect::<Vec<_>>());
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(format!("{:?}", AiMessage::new("grün")), "AiMessage { text: 4 chars, .. }");
    assert_eq!(format!("{:?}", Messages::from("hi")), "Messages [UserMessage { text: 2 chars, .. }]");
}

#[test]
fn a_message_is_read_as_what_its_role_says() {
    let read = |json: Value| serde_json::from_value::<Message>(json);
    assert_eq!(read(json!({"role": "developer", "content": "x"})).unwrap(), Message::system("x"));
    assert_eq!(read(json!({"role": "human", "content": "x"})).unwrap(), Message::user("x"));
    assert_eq!(read(json!({"role": "ai", "content": "x"})).unwrap(), Message::ai("x"));
    assert!(read(json!({"role": "narrator", "content": "x"})).is_err());
    assert!(read(json!({"content": "x"})).is_err());
    assert!(serde_json::from_value::<UserMessage>(json!({"role": "system", "content": "x"})).is_err());
    assert!(serde_json::from_value::<AiMessage>(json!({"role": "user", "content": "x"})).is_err());
    assert_eq!(serde_json::from_value::<AiMessage>(json!({"content": "x"})).unwrap(), AiMessage::new("x"));
    let later: FinishReason = serde_json::from_value(json!({"kind": "some_day", "raw": "x"})).unwrap();
    assert_eq!(later, FinishReason::new(FinishKind::Other, "x"));
}

#[test]
fn data_that_looks_like_a_message_stays_data() {
    let odd = json!({"role": "system", "type": "constructor", "lc": 1, "id": ["x"], "tool_calls": [], "content": null});
    let message = AiMessage::new("x").with_metadata_entry("m", odd.clone()).with_tool_call(ToolCall::new(
        "1",
        "f",
        json!({"arguments": odd}),
    ));
    let again: AiMessage = serde_json::from_value(serde_json::to_value(message.clone()).unwrap()).unwrap();
    assert_eq!(again, message);
    assert_eq!(again.metadata()["m"], odd);
    assert_eq!(again.tool_calls()[0].arguments().unwrap()["arguments"], odd);
}

#[test]
fn media_is_one_thing() {
    for bad in [json!({}), json!({"url": "a", "data": "YQ=="}), json!({"data": "no base64 secret"})] {
        let error = serde_json::from_value::<Media>(bad).unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(Media::bytes("a/b", *b"x").to_url().unwrap(), "data:a/b;base64,eA==");
}

#[test]
fn conversions() {
    let hello = Messages::from("hello");
    assert_eq!(Messages::from("hello".to_string()), hello);
    assert_eq!(Messages::from((Role::User, "hello")), hello);
    assert_eq!(Messages::from((Role::User, "hello".to_string())), hello);
    assert_eq!(Messages::from([(Role::User, "hello")]), hello);
    assert_eq!(Messages::from(Message::user("hello")), hello);
    assert_eq!(Messages::from(vec![Message::user("hello")]), hello);
    assert_eq!(Messages::from([UserMessage::new("hello")]), hello);
    assert_eq!(Messages::try_from(("user", "hello")).unwrap(), hello);
    assert_eq!(Messages::try_from([("human", "hello")]).unwrap(), hello);
    assert_eq!(Messages::from_pairs(vec![("user".to_string(), "hello".to_string())]).unwrap(), hello);
    assert_eq!(Messages::from_iter([Message::user("hello")]), hello);
    assert_eq!(Messages::from(AiMessage::new("hello"))[0].role(), Role::Assistant);
    assert_eq!(hello.iter().count() + hello.clone().into_iter().count() + (&hello).into_iter().count(), 3);

    let error = Messages::from_pairs([("secret", "secret")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!error.to_string().contains("secret") && error.to_string().contains("`assistant`"));
    assert!(Messages::try_from(("tool", "x")).unwrap_err().message().contains("Message::tool"));
    assert_eq!(Content::from("x").into_parts(), [ContentPart::text("x")]);
}

#[test]
fn messages_of_all_roles_speak_to_providers() {
    let messages = Messages::from([
        Message::from(SystemMessage::new("a").with_provider_option("p", "k", 1)),
        UserMessage::new("a").with_provider_option("p", "k", json!({"x": []})).with_metadata_entry("m", 1).into(),
        AiMessage::new("a").with_provider_option("p", "k", 1).with_provider_data("p", "k", 2).into(),
        ToolMessage::new("1", "a").with_provider_data("p", "k", Value::Null).with_cache_control(json!({})).into(),
    ]);
    let again: Messages = serde_json::from_value(serde_json::to_value(&messages).unwrap()).unwrap();
    assert_eq!(again, messages);
    let Message::Ai(answer) = &messages[2] else { panic!() };
    assert_eq!((&answer.provider_options("p")["k"], &answer.provider_data("p")["k"]), (&json!(1), &json!(2)));
    assert!(answer.provider_data("q").is_empty());
    for role in ["user", "assistant", "system"] {
        let lost = json!({"role": role, "content": "a", "cache_control": {}});
        assert!(serde_json::from_value::<Message>(lost).is_err(), "only parts and results of tools have it");
    }
    let wrong = json!({"role": "user", "content": "a", "provider_options": {"p": "secret"}});
    let error = serde_json::from_value::<Message>(wrong).unwrap_err().to_string();
    assert!(
        error.contains("`provider_options` of a user message has text where") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn promises() {
    fn check<T: Clone + Send + Sync + PartialEq + std::fmt::Debug + 'static>() {}
    check::<Messages>();
    check::<Message>();
    check::<AiMessage>();
    check::<ToolCall>();
    check::<anabranch_messages::ToolCallChunk>();
    check::<Usage>();
    check::<FinishReason>();
}
