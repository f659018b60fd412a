//! Calls of tools as LangChain and the libraries of the providers write them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{AiMessage, Content, ContentPart, FinishKind, FinishReason, Message, ToolCall};
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

/// Some servers send such a call as a whole. A message that holds one is written and read as any other.
#[test]
fn a_call_without_a_name_that_was_given_is_written_so_that_it_can_be_read() {
    for arguments in [json!({}), json!({"a": 1}), json!(""), json!("{\"a\":"), Value::Null] {
        let nameless = ToolCall::new("c1", " ", arguments);
        let message = AiMessage::default().with_tool_call(nameless);
        let written = serde_json::to_value(&message).unwrap();
        let read: AiMessage =
            serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(read, message, "{written}");
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }
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
fn what_a_filter_broke_off_does_not_run() {
    for kind in [FinishKind::Length, FinishKind::ContentFilter, FinishKind::Refusal, FinishKind::Error] {
        let reason = FinishReason::from(kind);
        assert!(reason.is_cut_off(), "{kind:?}");
        let call = AiMessage::default().with_tool_call(ToolCall::new("1", "f", "")).with_finish_reason(reason);
        assert!(!call.tool_calls()[0].has_valid_arguments(), "{kind:?}");
    }
    assert!(!FinishReason::stop().is_cut_off() && !FinishReason::tool_calls().is_cut_off());
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
