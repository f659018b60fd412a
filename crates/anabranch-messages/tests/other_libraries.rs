//! Messages as LangChain and the libraries of the providers write them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{
    AiMessage, ContentPart, FinishKind, FinishReason, Message, Messages, SystemMessage, ToolCall, ToolMessage,
    UserMessage,
};
use serde_json::{Value, json};

fn read(json: Value) -> Message {
    let message: Message = serde_json::from_value(json).unwrap();
    // What was read is written in our own words, and read again as the same.
    let again: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
    assert_eq!(again, message);
    message
}

fn ai(json: Value) -> AiMessage {
    match read(json) {
        Message::Ai(message) => message,
        other => panic!("{:?}", other.role()),
    }
}

fn refused(json: Value) -> String {
    let error = serde_json::from_value::<Message>(json.clone()).expect_err(&json.to_string()).to_string();
    assert!(!error.contains("secret"), "{error}");
    error
}

#[test]
fn an_answer_of_langchain() {
    let dumped = json!({
        "content": "Let me look.",
        "additional_kwargs": {"refusal": null},
        "response_metadata": {
            "token_usage": {"completion_tokens": 11, "prompt_tokens": 20, "total_tokens": 31},
            "model_name": "gpt-4o-mini",
            "system_fingerprint": "fp_1",
            "finish_reason": "tool_calls",
            "logprobs": null,
        },
        "type": "ai",
        "name": null,
        "id": "run-1",
        "example": false,
        "tool_calls": [{"name": "weather", "args": {"city": "Bremen"}, "id": "c1", "type": "tool_call"}],
        "invalid_tool_calls": [
            {"name": "f", "args": "{\"a\":", "id": "c2", "error": "not valid", "type": "invalid_tool_call"},
        ],
        "usage_metadata": {
            "input_tokens": 20, "output_tokens": 11, "total_tokens": 31,
            "input_token_details": {"cache_read": 5, "cache_creation": 2}, "output_token_details": {"reasoning": 3},
        },
    });
    let shapes = [
        dumped.clone(),
        json!({"type": "ai", "data": dumped}),
        json!({"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": dumped}),
    ];
    for shape in shapes {
        let answer = ai(shape);
        assert_eq!(answer.text(), "Let me look.");
        assert_eq!(answer.tool_calls()[0], ToolCall::new("c1", "weather", json!({"city": "Bremen"})));
        assert_eq!(answer.tool_calls()[1].raw_arguments(), "{\"a\":");
        assert!(!answer.tool_calls()[1].has_valid_arguments());
        assert_eq!(answer.finish_reason(), Some(&FinishReason::new(FinishKind::ToolCalls, "tool_calls")));
        assert_eq!((answer.model(), answer.id()), (Some("gpt-4o-mini"), Some("run-1")));
        let usage = answer.usage().unwrap();
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(20), Some(11), 31));
        assert_eq!((usage.cached_input_tokens(), usage.cache_write_tokens()), (Some(5), Some(2)));
        assert_eq!(usage.reasoning_tokens(), Some(3));
        // Nothing is lost: what has no place of its own is in the metadata.
        assert_eq!(answer.metadata()["system_fingerprint"], "fp_1");
        assert_eq!(answer.metadata()["token_usage"]["prompt_tokens"], 20);
        assert_eq!(answer.tool_calls()[1].provider_data("langchain")["error"], "not valid");
    }
}

#[test]
fn an_answer_of_openai() {
    let answer = ai(json!({
        "role": "assistant",
        "content": null,
        "refusal": null,
        "annotations": [],
        "audio": null,
        "function_call": null,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Bremen\"}"}},
        ],
        "reasoning_content": "They ask for the weather.",
        "finish_reason": "tool_calls",
        "usage": {
            "prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 6},
        },
    }));
    assert_eq!((answer.text().as_ref(), answer.reasoning().as_ref()), ("", "They ask for the weather."));
    assert_eq!(answer.tool_calls()[0].arguments().unwrap()["city"], "Bremen");
    let usage = answer.usage().unwrap();
    assert_eq!(
        (usage.input_tokens(), usage.cached_input_tokens(), usage.reasoning_tokens()),
        (Some(9), Some(4), Some(6))
    );
    assert_eq!(usage.raw()["prompt_tokens_details"]["cached_tokens"], 4);

    let refused = ai(json!({"role": "assistant", "content": null, "refusal": "I cannot help with that."}));
    assert_eq!(refused.refusal(), "I cannot help with that.");
    assert!(refused.is_refusal());
    let old = ai(json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}}));
    assert_eq!(old.tool_calls()[0].name(), "f");
}

#[test]
fn the_other_roles() {
    let human = json!({"content": "x", "additional_kwargs": {}, "response_metadata": {}, "type": "human", "name": null,
        "id": "m1", "example": false});
    assert_eq!(read(human), UserMessage::new("x").with_metadata_entry("id", "m1").into());
    assert_eq!(read(json!({"type": "system", "content": "x"})), SystemMessage::new("x").into());
    assert_eq!(read(json!({"type": "message", "role": "user", "content": "x"})), Message::user("x"));
    assert_eq!(read(json!({"role": "user", "content": null})), Message::user(""));
    for chat in [
        json!({"type": "chat", "role": "assistant", "content": "x"}),
        json!({"type": "chat", "data": {"type": "chat", "role": "assistant", "content": "x"}}),
        json!({"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ChatMessage"],
            "kwargs": {"type": "chat", "role": "assistant", "content": "x"}}),
    ] {
        assert_eq!(read(chat), Message::ai("x"));
    }
    let tool = read(json!({"type": "tool", "content": "x", "tool_call_id": "c1", "status": "error", "artifact": [1]}));
    let expected =
        ToolMessage::new("c1", "x").with_error().with_metadata([("artifact".into(), json!([1]))].into_iter().collect());
    assert_eq!(tool, expected.into());
    assert_eq!(
        read(json!({"role": "tool", "content": "x", "tool_call_id": "c1", "status": "success"})),
        Message::tool("c1", "x")
    );
    let marked =
        json!({"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]});
    let Message::User(marked) = read(marked) else { panic!() };
    assert!(
        matches!(marked.content().parts(), [ContentPart::Text(text)] if text.cache_control().unwrap()["type"] == "ephemeral")
    );
}

#[test]
fn what_cannot_be_read_says_what_was_expected() {
    for (json, says) in [
        (json!({"content": "secret"}), "expected a message: an object with `role`"),
        (json!({"role": "secret", "content": "x"}), "the roles are `system`"),
        (json!({"type": "secret", "content": "x"}), "expected a message: an object with `role`"),
        (json!({"role": "user", "type": "ai", "content": "x"}), "of two roles, `assistant` and `user`"),
        (json!({"type": "ai", "data": {"type": "human", "content": "x"}}), "of two roles"),
        (json!({"role": "function", "name": "f", "content": "secret"}), "given way to the role `tool`"),
        (json!({"role": "user"}), "a user message without `content`"),
        (json!({"role": "user", "content": 1}), "expected content, which is text or a list, but came a number"),
        (json!({"role": "tool", "content": "x"}), "a tool message without `tool_call_id`"),
        (json!({"role": "tool", "content": "x", "tool_call_id": "1", "status": "secret"}), "neither `success`"),
        (json!({"role": "user", "content": "x", "tool_calls": [1]}), "cannot be read: `tool_calls`; it has `role`"),
        (
            json!({"role": "assistant", "content": "x", "toolcalls": [{"name": "secret"}]}),
            "cannot be read: `toolcalls`",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"name": "f", "args": {}}, {}]}),
            "`tool_calls` 1: a tool call without",
        ),
        (json!({"role": "assistant", "usage": {"prompt_tokens": "secret"}}), "`prompt_tokens` of usage is text"),
        (json!({"role": "assistant", "usage": {"input_tokens": -1}}), "where a count was expected"),
        (
            json!({"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "secret"], "kwargs": {}}),
            "another object",
        ),
        (json!(["user", "secret"]), "came a list"),
    ] {
        let error = refused(json.clone());
        assert!(error.contains(says), "{json}: {error}");
    }
    let error = serde_json::from_value::<Messages>(json!([{"role": "user", "content": "a"}, {}])).unwrap_err();
    assert!(error.to_string().starts_with("message 1: expected a message"), "{error}");
}

/// Each of these would have to lose one of two things, or is no call.
#[test]
fn nothing_takes_the_place_of_another() {
    for message in [
        json!({"role": "assistant", "content": "a", "reasoning": "one", "reasoning_content": "two"}),
        json!({"role": "assistant", "content": "a", "name": "n", "metadata": {"name": "other"}}),
        json!({"role": "user", "content": "a", "id": "n", "metadata": {"id": "other"}}),
        json!({"role": "tool", "content": "a", "tool_call_id": "1", "artifact": 1, "metadata": {"artifact": 2}}),
        json!({"role": "assistant", "content": [{"type": "reasoning", "encrypted": "a", "encrypted_content": "b"}]}),
        json!({"role": "assistant", "content": null, "tool_calls": [{"name": " ", "args": {}}]}),
    ] {
        assert!(serde_json::from_value::<Message>(message.clone()).is_err(), "{message}");
    }
    for part in [
        json!({"type": "file", "file": {"file_data": "data:text/plain;base64,AAAA", "file_url": "http://x"}}),
        json!({"type": "file", "data": "AAAA", "text": "words"}),
        json!({"type": "file", "data": "AAAA", "file_data": "BBBB"}),
        json!({"type": "input_audio", "data": "BBBB", "input_audio": {"data": "AAAA", "format": "wav"}}),
    ] {
        assert!(serde_json::from_value::<ContentPart>(part.clone()).is_err(), "{part}");
    }
}

#[test]
fn what_a_tool_gave_besides_is_kept_whatever_it_is() {
    for artifact in [json!(false), json!([]), json!(""), json!({}), json!(0)] {
        let message = json!({"type": "tool", "content": "a", "tool_call_id": "1", "artifact": artifact});
        let read: ToolMessage = serde_json::from_value(message).unwrap();
        assert_eq!(read.metadata()["artifact"], artifact);
    }
}

#[test]
fn a_field_nobody_knows_is_told_whatever_is_in_it() {
    for empty in [json!(false), json!(""), json!([]), json!({}), json!(0)] {
        for message in [
            json!({"role": "user", "content": "a", "mystery": empty}),
            json!({"role": "assistant", "content": "a", "mystery": empty}),
            json!({"role": "user", "content": [{"type": "text", "text": "a", "mystery": empty}]}),
            json!({"role": "assistant", "content": [{"type": "reasoning", "text": "a", "mystery": empty}]}),
            json!({"role": "assistant", "tool_calls": [{"name": "f", "arguments": {}, "mystery": empty}]}),
        ] {
            assert!(refused(message).contains("`mystery`"));
        }
    }
    let nothing = json!({"role": "user", "content": "a", "mystery": null});
    assert_eq!(read(nothing), Message::user("a"));
}

#[test]
fn no_number_is_rounded_and_no_key_is_lost() {
    let of = |metadata: &str| format!(r#"{{"role": "assistant", "content": "a", "metadata": {{"a": {metadata}}}}}"#);
    for (json, says) in [
        ("[12345678901234567890123]", "too large to be kept exactly"),
        ("-9223372036854775809", "too large to be kept exactly"),
        (r#"{"b": 1, "b": 2}"#, "the same key twice: `b`"),
        (r#"{"a secret": 1, "a secret": 2}"#, "the same key twice: 1 name not shown"),
    ] {
        let error = serde_json::from_str::<AiMessage>(&of(json)).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("secret"), "{error}");
    }
    let twice = r#"{"role": "user", "content": "a", "content": "b"}"#;
    assert!(serde_json::from_str::<Message>(twice).unwrap_err().to_string().contains("the same key twice"));
    for fits in
        ["18446744073709551615", "-9223372036854775808", "1e300", "-3.4028234663852886e38", "100000000000000000000"]
    {
        let read: AiMessage = serde_json::from_str(&of(fits)).unwrap();
        let again: AiMessage = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read, "{fits}");
    }
}
