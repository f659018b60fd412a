//! Messages as LangChain and the libraries of the providers write them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{
    AiMessage, Content, ContentPart, FinishKind, FinishReason, Media, Message, Messages, OtherPart, Reasoning, Role,
    ServerToolResult, SystemMessage, ToolCall, ToolMessage, Usage, UserMessage,
};
use serde_json::{Map, Value, json};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => panic!("no object"),
    }
}

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

fn call(json: Value) -> Result<ToolCall, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn a_call_is_read_in_every_shape_and_never_without_name_or_arguments() {
    let weather = ToolCall::new("c1", "weather", json!({"city": "Bremen"}));
    for shape in [
        json!({"id": "c1", "name": "weather", "arguments": {"city": "Bremen"}}),
        json!({"name": "weather", "args": {"city": "Bremen"}, "id": "c1", "type": "tool_call"}),
        json!({"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bremen\"}"}}),
        json!({"id": "c1", "function": {"name": "weather", "arguments": {"city": "Bremen"}}}),
        json!({"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bremen"}}),
    ] {
        let read = call(shape.clone()).unwrap_or_else(|error| panic!("{shape}: {error}"));
        assert_eq!(read, weather, "{shape}");
        assert_eq!(read.arguments().unwrap(), json!({"city": "Bremen"}), "{shape}");
    }
    for (shape, says) in [
        (json!({}), "without arguments"),
        (json!({"arguments": {}}), "without `name`"),
        (json!({"id": "c1", "name": "", "arguments": {}}), "without `name`"),
        (json!({"id": "c1", "name": "f"}), "without arguments"),
        (json!({"name": "f", "args": {}, "arguments": {}}), "stand in `arguments` and `args`"),
        (json!({"name": "f", "args": {}, "parameters": {"secret": 1}}), "cannot be read: `parameters`"),
        (json!({"type": "function", "function": {"arguments": "{}"}}), "without `name`"),
        (json!({"type": "function", "function": "secret"}), "came text"),
        (json!({"type": "computer", "computer": {"name": "f", "input": "secret"}}), "another `type`"),
        (json!({"type": "custom", "custom": {"name": "f", "input": {"secret": 1}}}), "whose input is no text"),
        (json!({"name": 1, "args": {}}), "`name` of a tool call is a number, where text was expected"),
        (json!("secret"), "came text"),
    ] {
        let error = call(shape.clone()).unwrap_err();
        assert!(error.contains(says) && !error.contains("secret"), "{shape}: {error}");
    }
    assert!(call(json!({})).unwrap_err().contains("expected a tool call: `name` and `arguments`"));
}

#[test]
fn no_number_of_a_call_is_rounded() {
    let of = |arguments: &str| format!(r#"{{"name": "f", "args": {{"a": [{arguments}]}}}}"#);
    for fits in
        ["18446744073709551615", "-9223372036854775808", "0.5", "1e10", "-0.25e-30", "1e30", "-3.4028234663852886e38"]
    {
        assert!(serde_json::from_str::<ToolCall>(&of(fits)).is_ok(), "{fits}");
    }
    for large in ["18446744073709551616", "12345678901234567890123", "-9223372036854775809", "-9223372036854775809000"]
    {
        let error = serde_json::from_str::<ToolCall>(&of(large)).unwrap_err().to_string();
        assert!(error.contains("too large to be kept exactly: give it as text"), "{error}");
        // As text nothing is read before it is asked for.
        let text = json!({"name": "f", "arguments": format!("{{\"a\": {large}}}")});
        let call: ToolCall = serde_json::from_value(text).unwrap();
        assert!(call.raw_arguments().contains(large));
    }
    // What was made of such a number is written as text, and read again.
    let call = ToolCall::new("1", "f", json!({"a": 1e30}));
    let again: ToolCall = serde_json::from_value(serde_json::to_value(&call).unwrap()).unwrap();
    assert_eq!(again, call);
}

#[test]
fn pieces_of_calls_may_lack_what_has_not_come() {
    let piece = json!({"name": null, "args": "\"Bremen\"}", "id": null, "index": 0, "type": "tool_call_chunk"});
    assert_eq!(call(piece.clone()).unwrap().raw_arguments(), "\"Bremen\"}");
    let head = json!({"name": "weather", "args": "{\"city\":", "id": "c1", "index": 0, "type": "tool_call_chunk"});
    // LangChain writes its guess besides.
    let guess = json!([{"name": "weather", "args": {}, "id": "c1", "type": "tool_call"}]);
    let mut whole =
        ai(json!({"type": "AIMessageChunk", "content": "", "tool_calls": guess, "tool_call_chunks": [head]}));
    whole.append(ai(json!({"type": "AIMessageChunk", "content": "", "tool_call_chunks": [piece]})));
    assert_eq!(whole.tool_calls()[0].arguments().unwrap(), json!({"city": "Bremen"}));
    // OpenAI's deltas.
    let delta = json!({"index": 0, "function": {"arguments": "{"}});
    assert_eq!(call(delta).unwrap().raw_arguments(), "{");
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
fn parts_of_every_library() {
    let png = || Media::bytes("image/png", *b"png");
    for (part, expected) in [
        (json!("plain"), ContentPart::text("plain")),
        (json!({"type": "input_text", "text": "t"}), ContentPart::text("t")),
        (json!({"type": "output_text", "text": "t", "annotations": [], "logprobs": []}), ContentPart::text("t")),
        (json!({"type": "refusal", "refusal": "no"}), ContentPart::refusal("no")),
        (
            json!({"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}}),
            ContentPart::Image(Media::url("https://e.org/a.png").with_detail("low")),
        ),
        (
            json!({"type": "image_url", "image_url": "https://e.org/a.png"}),
            ContentPart::Image(Media::url("https://e.org/a.png")),
        ),
        (
            json!({"type": "input_image", "image_url": "https://e.org/a.png", "detail": "auto"}),
            ContentPart::Image(Media::url("https://e.org/a.png").with_detail("auto")),
        ),
        (
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}}),
            ContentPart::Image(png()),
        ),
        (json!({"type": "image", "base64": "cG5n", "mime_type": "image/png"}), ContentPart::Image(png())),
        (
            json!({"type": "image", "source_type": "base64", "data": "cG5n", "mime_type": "image/png"}),
            ContentPart::Image(png()),
        ),
        (json!({"type": "image", "source_type": "id", "id": "f1"}), ContentPart::Image(Media::file_id("f1"))),
        (
            json!({"type": "input_audio", "input_audio": {"data": "cG5n", "format": "mp3"}}),
            ContentPart::Audio(Media::bytes("audio/mpeg", *b"png")),
        ),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cG5n"}}),
            ContentPart::File(Media::url("data:application/pdf;base64,cG5n").with_name("a.pdf")),
        ),
        (json!({"type": "file", "file": {"file_id": "f1"}}), ContentPart::File(Media::file_id("f1"))),
        (
            json!({"type": "input_file", "file_url": "https://e.org/a.pdf"}),
            ContentPart::File(Media::url("https://e.org/a.pdf")),
        ),
        (
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "png"}}),
            ContentPart::File(Media::bytes("text/plain", *b"png")),
        ),
        (json!({"type": "reasoning", "reasoning": "hm", "index": 0}), Reasoning::new("hm").into()),
        (
            json!({"type": "thinking", "thinking": "hm", "signature": "s"}),
            Reasoning::new("hm").with_signature("s").into(),
        ),
        (json!({"type": "redacted_thinking", "data": "x"}), Reasoning::encrypted_only("x").into()),
        (
            json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "x", "status": null}),
            Reasoning::new("hm").with_encrypted("x").with_id("rs_1").into(),
        ),
        (json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}), Reasoning::new("hm").into()),
        (
            json!({"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s", "id": "r"}}),
            Reasoning::new("hm").with_signature("s").with_id("r").into(),
        ),
        (
            json!({"type": "reasoning_content", "reasoning_content": {"redacted_content": "x"}}),
            Reasoning::encrypted_only("x").into(),
        ),
        (json!({"type": "video", "url": "https://e.org/a.mp4"}), ContentPart::Video(Media::url("https://e.org/a.mp4"))),
        (
            json!({"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}}),
            ContentPart::Video(Media::url("https://e.org/a.mp4")),
        ),
        (
            json!({"type": "server_tool_call", "id": "s1", "name": "search", "args": {"q": "Weser"}}),
            ContentPart::ServerToolCall(ToolCall::new("s1", "search", json!({"q": "Weser"}))),
        ),
        (
            json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Weser"}}),
            ContentPart::ServerToolCall(ToolCall::new("s1", "web_search", json!({"query": "Weser"}))),
        ),
        (
            json!({"type": "server_tool_result", "tool_call_id": "s1", "status": "error", "output": [1]}),
            ContentPart::ServerToolResult(ServerToolResult::new("s1", json!([1])).with_error()),
        ),
        (
            json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result"}]}),
            ContentPart::ServerToolResult(
                ServerToolResult::new("s1", json!([{"type": "web_search_result"}])).with_name("web_search_tool_result"),
            ),
        ),
        (
            json!({"type": "non_standard", "value": {"type": "computer_call", "id": "1"}}),
            ContentPart::Other(OtherPart::new(object(json!({"type": "computer_call", "id": "1"})))),
        ),
    ] {
        let read: ContentPart = serde_json::from_value(part.clone()).unwrap_or_else(|error| panic!("{part}: {error}"));
        assert_eq!(read, expected, "{part}");
    }
    let of = |part: Value| refused(json!({"role": "user", "content": ["a", part]}));
    assert!(of(json!({"type": "hologram", "url": "secret"})).contains("`content`: part 1: expected a part of content"));
    assert!(of(json!({"text": "secret"})).contains("without `type`"));
    assert!(of(json!({"type": "text", "text": "a", "colour": "secret"})).contains("cannot be read: `colour`"));
    assert!(of(json!({"type": "text", "text": "a", "a secret": "b"})).contains("1 name not shown"));
    assert!(of(json!({"type": "image", "url": "secret", "data": "secret"})).contains("exactly one of"));
    assert!(of(json!({"type": "image", "data": "no secret"})).contains("not base64"));
    assert!(of(json!({"type": "tool_use", "id": "1", "name": "f", "input": {}})).contains("only an assistant"));
    assert!(of(json!(1)).contains("came a number"));
}

#[test]
fn calls_among_the_parts_are_calls() {
    let call = json!({"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}});
    let answer = ai(json!({"role": "assistant", "content": [{"type": "text", "text": "Look"}, call]}));
    let read = ToolCall::new("c1", "f", json!({"a": 1}));
    assert_eq!(*answer.content(), Content::from([ContentPart::text("Look"), read.into()]));
    assert_eq!(answer.tool_calls(), [ToolCall::new("c1", "f", json!({"a": 1}))]);
    // LangChain keeps Anthropic's parts beside its own list of calls: that is one call.
    let both = ai(json!({
        "type": "ai", "content": [call],
        "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}],
    }));
    assert_eq!(both.tool_calls().len(), 1);
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

#[test]
fn roles_and_kinds_on_their_own() {
    assert_eq!(serde_json::from_value::<Role>(json!("human")).unwrap(), Role::User);
    assert_eq!(serde_json::to_value(Role::Assistant).unwrap(), "assistant");
    for bad in [json!("secret"), json!(1)] {
        let error = serde_json::from_value::<Role>(bad).unwrap_err().to_string();
        assert!(error.contains("role") && !error.contains("secret"), "{error}");
    }
    assert_eq!(serde_json::from_value::<FinishKind>(json!("length")).unwrap(), FinishKind::Length);
    assert_eq!(serde_json::from_value::<FinishKind>(json!("some_day")).unwrap(), FinishKind::Other);
}

#[test]
fn counts_and_reasons() {
    let usage: Usage =
        serde_json::from_value(json!({"input_tokens": 1, "cache_read_input_tokens": 2, "tier": "x"})).unwrap();
    // Anthropic says beside the cache what went in.
    assert_eq!((usage.input_tokens(), usage.cached_input_tokens()), (Some(3), Some(2)));
    assert_eq!(usage.uncached_input_tokens(), Some(1));
    assert_eq!(usage.raw()["tier"], "x");
    for (word, kind) in [
        ("stop", FinishKind::Stop),
        ("end_turn", FinishKind::Stop),
        ("MAX_TOKENS", FinishKind::Length),
        ("tool_use", FinishKind::ToolCalls),
        ("SAFETY", FinishKind::ContentFilter),
        ("refusal", FinishKind::Refusal),
        ("pause_turn", FinishKind::Pause),
        ("model_context_window_exceeded", FinishKind::ContextWindow),
        ("UNEXPECTED_TOOL_CALL", FinishKind::MalformedToolCall),
        ("malformed_tool_use", FinishKind::MalformedToolCall),
        ("a_new_one", FinishKind::Other),
    ] {
        let reason: FinishReason = serde_json::from_value(json!(word)).unwrap();
        assert_eq!((reason.kind(), reason.raw()), (kind, Some(word)));
    }
}

#[test]
fn what_a_filter_broke_off_does_not_run() {
    for kind in [FinishKind::Length, FinishKind::ContentFilter, FinishKind::Refusal, FinishKind::Error] {
        let reason = FinishReason::from(kind);
        assert!(reason.is_cut_off(), "{kind:?}");
        let call = AiMessage::default().with_tool_call(ToolCall::new("1", "f", "")).with_finish_reason(reason);
        assert!(!call.tool_calls()[0].has_valid_arguments(), "{kind:?}");
    }
    assert!(!FinishReason::stop().is_cut_off() && !FinishReason::tool_calls().is_cut_off());
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
fn why_an_answer_ended_is_read_in_all_words() {
    for (response, kind) in [
        (json!({"finish_reason": "content-filter"}), FinishKind::ContentFilter),
        (json!({"finish_reason": "IMAGE_SAFETY"}), FinishKind::ContentFilter),
        (json!({"finish_reason": "tool-calls"}), FinishKind::ToolCalls),
        (json!({"finish_reason": "MALFORMED_FUNCTION_CALL"}), FinishKind::MalformedToolCall),
        (json!({"status": "completed", "incomplete_details": null}), FinishKind::Stop),
        (json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}), FinishKind::Length),
        (
            json!({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}),
            FinishKind::ContentFilter,
        ),
        (json!({"status": "incomplete"}), FinishKind::Error),
        (json!({"status": "failed"}), FinishKind::Error),
    ] {
        let message = json!({"type": "ai", "content": "a", "response_metadata": response});
        let read: AiMessage = serde_json::from_value(message).unwrap();
        assert_eq!(read.finish_reason().map(FinishReason::kind), Some(kind), "{response}");
    }
    let other = json!({"type": "ai", "content": "a", "response_metadata": {"status": 200}});
    let read: AiMessage = serde_json::from_value(other).unwrap();
    assert_eq!((read.finish_reason(), &read.metadata()["status"]), (None, &json!(200)));
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
fn what_is_said_of_a_thought_is_kept() {
    let answer = ai(json!({"role": "assistant", "content": [
        {"type": "reasoning", "id": "r", "summary": [], "status": "in_progress"},
    ]}));
    assert!(matches!(answer.content().parts(), [ContentPart::Reasoning(thought)]
        if thought.provider_data("openai")["status"] == "in_progress" && thought.id() == Some("r")));
    let two = json!({"role": "assistant", "content": [
        {"type": "reasoning_content", "signature": "a", "reasoning_content": {"text": "hm", "signature": "secret"}},
    ]});
    assert!(refused(two).contains("two of its signature"));
}

#[test]
fn one_call_in_two_places_is_one_call_or_none() {
    let both = |input: Value, args: Value| {
        json!({"type": "ai", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": input}],
            "tool_calls": [{"name": "f", "args": args, "id": "c1", "type": "tool_call"}]})
    };
    assert!(refused(both(json!({"a": "secret"}), json!({"a": 2}))).contains("two calls of one id that differ"));
    // As streams of Anthropic's are added up by LangChain: the parts are without arguments.
    for (input, args) in
        [(json!({"a": 1}), json!({"a": 1})), (json!({}), json!({"a": 1})), (json!({"a": 1}), json!({}))]
    {
        let answer = ai(both(input, args));
        assert_eq!(answer.tool_calls(), [ToolCall::new("c1", "f", json!({"a": 1}))]);
    }
    let named = json!({"type": "ai", "content": [{"type": "tool_use", "id": "c1", "name": "g", "input": {}}],
        "tool_calls": [{"name": "f", "args": {}, "id": "c1", "type": "tool_call"}]});
    assert!(refused(named).contains("differ"));
    // Twice the same id is what some servers give.
    let twice = json!([{"name": "f", "args": {"a": 1}, "id": "c"}, {"name": "f", "args": {"a": 2}, "id": "c"}]);
    let parts = json!([{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 2}}]);
    assert_eq!(ai(json!({"type": "ai", "content": parts, "tool_calls": twice})).tool_calls().len(), 2);
}

#[test]
fn a_call_without_a_name_that_could_not_be_read_spoils_nothing() {
    let invalid = json!({"name": null, "args": "{\"a\":", "id": "c9", "error": "no name", "type": "invalid_tool_call"});
    let answer = ai(json!({"type": "ai", "content": "x", "tool_calls": [], "invalid_tool_calls": [invalid]}));
    assert_eq!((answer.text().as_ref(), answer.tool_calls().len()), ("x", 0));
    assert_eq!(answer.metadata()["invalid_tool_calls"]["0"], invalid);
    let among_parts = ai(json!({"type": "ai", "content": [{"type": "text", "text": "x"}, invalid]}));
    assert!(matches!(among_parts.content().parts(), [_, ContentPart::Other(part)] if part.value()["id"] == "c9"));
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

#[test]
fn tools_that_take_text() {
    let chat = ai(json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "custom", "custom": {"name": "write_sql", "input": "SELECT 1"}},
    ]}));
    assert_eq!(chat.tool_calls(), [ToolCall::free_form("c1", "write_sql", "SELECT 1")]);
    assert_eq!(chat.tool_calls()[0].free_form_input(), Some("SELECT 1"));
    let responses = ai(json!({"role": "assistant", "content": [
        {"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "write_sql", "input": "SELECT 1", "status": "completed"},
        {"type": "function_call", "id": "fc_1", "call_id": "c2", "name": "f", "arguments": "{}"},
    ]}));
    let call = &responses.tool_calls().to_vec()[0];
    assert_eq!((call.id(), call.item_id(), call.free_form_input()), ("c1", Some("ct_1"), Some("SELECT 1")));
    assert_eq!(call.provider_data("openai")["status"], "completed");
    assert_eq!((responses.tool_calls()[1].id(), responses.tool_calls()[1].item_id()), ("c2", Some("fc_1")));
}

#[test]
fn what_a_provider_says_that_has_no_kind_is_kept_as_it_came() {
    let item = json!({"type": "image_generation_call", "id": "ig_1", "result": "iVBORw==", "status": "completed"});
    let answer = ai(json!({"role": "assistant", "content": [item]}));
    assert!(
        matches!(answer.content().parts(), [ContentPart::Other(part)] if Value::Object(part.value().clone()) == item)
    );
    let searched = ai(json!({"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Weser"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": {"type": "web_search_tool_result_error", "error_code": "x"}},
        {"type": "text", "text": "Nothing."},
    ]}));
    assert_eq!((searched.text().as_ref(), searched.tool_calls().len()), ("Nothing.", 0));
    assert!(matches!(&searched.content().parts()[1], ContentPart::ServerToolResult(result) if result.is_error()));
}

#[test]
fn kinds_of_an_end_that_a_later_version_wrote_are_kept_as_text() {
    let later: FinishReason = serde_json::from_value(json!({"kind": "some_day"})).unwrap();
    assert_eq!(later, FinishReason::new(FinishKind::Other, "some_day"));
    for kind in [FinishKind::Pause, FinishKind::ContextWindow, FinishKind::MalformedToolCall] {
        let reason = FinishReason::from(kind);
        assert!(reason.is_cut_off(), "{kind:?}");
        let again: FinishReason = serde_json::from_value(serde_json::to_value(&reason).unwrap()).unwrap();
        assert_eq!(again, reason);
    }
}

#[test]
fn what_text_rests_on_is_read_in_all_shapes() {
    let text = |text: &str, key: &str, value: Value| {
        let answer = ai(json!({"role": "assistant", "content": [{"type": "text", "text": text, key: [value]}]}));
        match answer.content().parts() {
            [ContentPart::Text(text)] => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    // Characters become bytes.
    let url = json!({"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3});
    let langchain = json!({"type": "citation", "url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3});
    for citation in [
        url.clone(),
        langchain,
        json!({"type": "url_citation", "url_citation": {"url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3}}),
    ] {
        let text = text("éàx", "annotations", citation);
        let citation = &text.citations()[0];
        assert_eq!(
            (citation.url(), citation.title(), citation.range()),
            (Some("https://e.org"), Some("E"), Some(2..5))
        );
    }
    let beyond = text("é", "annotations", url);
    assert_eq!(beyond.citations()[0].range(), None);
    assert_eq!(beyond.citations()[0].provider_data("openai")["end_index"], 3);
    let anthropic = json!({"type": "char_location", "cited_text": "The grass", "document_index": 0,
        "document_title": "Grass", "start_char_index": 0, "end_char_index": 9});
    let text_of_anthropic = text("It is green", "citations", anthropic);
    let citation = &text_of_anthropic.citations()[0];
    assert_eq!((citation.title(), citation.cited_text(), citation.range()), (Some("Grass"), Some("The grass"), None));
    assert_eq!(citation.provider_data("anthropic")["type"], "char_location");
    assert_eq!(citation.provider_data("anthropic")["start_char_index"], 0);
    let file = json!({"type": "file_citation", "file_id": "f", "index": 3});
    assert_eq!(text("a", "annotations", file.clone()).annotations(), [file]);
    // Beside the text.
    let chat = ai(json!({"role": "assistant", "content": "Rivers", "annotations": [
        {"type": "url_citation", "url_citation": {"url": "https://e.org", "start_index": 0, "end_index": 6}},
    ]}));
    let citation = chat.citations().next().unwrap();
    assert_eq!(&chat.text()[citation.range().unwrap()], "Rivers");
}

#[test]
fn a_sound_that_is_the_answer() {
    let answer = ai(json!({"role": "assistant", "content": null,
        "audio": {"id": "a1", "data": "AQID", "transcript": "Hello", "expires_at": 17}}));
    let [ContentPart::Audio(sound)] = answer.content().parts() else { panic!() };
    assert_eq!((sound.id(), sound.transcript()), (Some("a1"), Some("Hello")));
    assert_eq!(sound.provider_data("openai")["expires_at"], 17);
}

#[test]
fn usage_means_the_same_whoever_says_it() {
    let read = |usage: Value| serde_json::from_value::<Usage>(usage).unwrap();
    for usage in [
        json!({"input_tokens": 7, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 3}}),
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 3}}),
        json!({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
            "input_token_details": {"cache_read": 2, "cache_creation": 1}, "output_token_details": {"reasoning": 3}}),
    ] {
        let usage = read(usage);
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(10), Some(5), 15));
        assert_eq!(
            (usage.uncached_input_tokens(), usage.cached_input_tokens(), usage.cache_write_tokens()),
            (Some(7), Some(2), Some(1))
        );
        assert_eq!((usage.text_tokens(), usage.reasoning_tokens()), (Some(2), Some(3)));
    }
    let gemini = read(json!({"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4, "totalTokenCount": 15}));
    assert_eq!(
        (gemini.input_tokens(), gemini.output_tokens(), gemini.reasoning_tokens()),
        (Some(10), Some(5), Some(3))
    );
    assert_eq!((gemini.uncached_input_tokens(), gemini.total_tokens()), (Some(6), 15));
    let paid = read(json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25}));
    assert_eq!((paid.cost(), paid.raw()["cost"].as_f64()), (Some(0.25), Some(0.25)));
}
