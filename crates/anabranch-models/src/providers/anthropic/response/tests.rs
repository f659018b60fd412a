use anabranch_core::ErrorKind;
use anabranch_messages::{AiMessage, ContentPart, FinishKind, Message as Said, Messages};
use serde_json::{Value, json};

use crate::backend::ChatRequest;
use crate::options::ChatOptions;
use crate::providers::anthropic::dialect::AnthropicDialect;
use crate::providers::anthropic::error::ERRORS;
use crate::providers::anthropic::stream::Chat;
use crate::providers::anthropic::{Address, request};
use crate::reader::{Assembly, Decode, Flow, Frame, Standing};
use crate::transport::Errors;

const LIMIT: usize = 1 << 20;

fn out(limit: usize) -> Assembly {
    Assembly::in_chunks(Errors::for_tests(&ERRORS), limit)
}

/// What a stream of these events adds up to, and whether it came to its end.
fn streamed(events: &[Value], limit: usize) -> anabranch_core::Result<(AiMessage, bool)> {
    let (mut chat, mut out) = (Chat::default(), out(limit));
    let mut ended = false;
    for event in events {
        let frame = Frame { event: event["type"].as_str().unwrap().into(), data: event.to_string().into() };
        ended = chat.frame(&frame, &mut out)? == Flow::End;
    }
    let last = chat.last(ended, &mut out);
    let mut whole = out.whole().clone();
    whole.append(last);
    Ok((whole, ended))
}

fn whole(body: &Value) -> anabranch_core::Result<AiMessage> {
    let (mut chat, mut out) = (Chat::default(), out(LIMIT));
    chat.document(body.to_string().as_bytes(), &mut out)?;
    Ok(out.whole().clone())
}

fn start(id: &str) -> Value {
    json!({"type": "message_start", "message": {"id": id, "model": "claude-x", "content": [], "usage": {}}})
}

fn block(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn end(reason: Option<&str>) -> [Value; 2] {
    let end = json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}});
    [end, json!({"type": "message_stop"})]
}

/// The blocks of an answer with a bit of everything.
fn everything() -> Vec<Value> {
    vec![
        json!({"type": "thinking", "thinking": "Hm.", "signature": "s1"}),
        json!({"type": "redacted_thinking", "data": "sealed"}),
        json!({"type": "text", "text": "I look. "}),
        json!({"type": "server_tool_use", "id": "st1", "name": "web_search", "input": {"query": "ebb"}}),
        json!({"type": "web_search_tool_result", "tool_use_id": "st1", "content": [{"url": "u", "page_age": null}]}),
        json!({"type": "text", "text": "See: "}),
        json!({"type": "text", "text": "Found.", "citations": [
            {"type": "char_location", "cited_text": "ebb", "document_title": null, "document_index": 0}]}),
        json!({"type": "text", "text": " And "}),
        json!({"type": "tool_use", "id": "t1", "name": "tide", "input": {"at": "Bremen"}}),
        json!({"type": "text", "text": " Wait."}),
        json!({"type": "tool_use", "id": "t2", "name": "tide", "input": {"at": "Brake"},
            "caller": {"type": "code_execution_20250825", "tool_id": "st1"}}),
        json!({"type": "mcp_tool_use", "id": "m1", "name": "echo", "input": {}, "server_name": "echoes"}),
        json!({"type": "mcp_tool_result", "tool_use_id": "m1", "is_error": true, "content": [{"type": "text"}]}),
        json!({"type": "code_execution_tool_result", "tool_use_id": "st1",
            "content": {"type": "code_execution_tool_result_error", "error_code": "unavailable"}}),
        json!({"type": "container_upload", "file_id": "f1"}),
        json!({"type": "compaction", "content": "So far: nothing."}),
        json!({"type": "thinking", "thinking": "Again.", "signature": "s2"}),
    ]
}

/// How a stream says the same.
fn events(blocks: &[Value]) -> Vec<Value> {
    let mut events = vec![start("m1")];
    for (index, whole) in (0..).zip(blocks) {
        let mut head = whole.clone();
        let mut deltas = Vec::new();
        // A text that will be cited says so at its beginning, and its sources come first.
        if let Some(list) = head.get_mut("citations") {
            for citation in std::mem::replace(list, json!([])).as_array().unwrap() {
                deltas.push(delta(index, &json!({"type": "citations_delta", "citation": citation})));
            }
        }
        let mut later = |key: &str, empty: Value, of: &dyn Fn(Value) -> Value| {
            if let Some(value) = head.get_mut(key).filter(|value| **value != empty) {
                deltas.push(delta(index, &of(std::mem::replace(value, empty))));
            }
        };
        later("text", "".into(), &|text| json!({"type": "text_delta", "text": text}));
        later("thinking", "".into(), &|thought| json!({"type": "thinking_delta", "thinking": thought}));
        later("signature", "".into(), &|signature| json!({"type": "signature_delta", "signature": signature}));
        later("input", json!({}), &|input| json!({"type": "input_json_delta", "partial_json": input.to_string()}));
        events.push(block(index, &head));
        events.extend(deltas);
        events.push(stop(index));
    }
    events.extend(end(Some("pause_turn")));
    events
}

/// What goes on the wire of an answer that is sent back, and the warnings about it.
fn sent_back(answer: AiMessage) -> (Value, usize) {
    let messages = Messages::from(vec![Said::user("When is low tide?"), answer.into()]);
    let dialect = AnthropicDialect::of("api.anthropic.com", "claude-x");
    let request = ChatRequest::new(messages, ChatOptions::default());
    let written = request::document(request, "claude-x", &dialect, false, Address::Own).unwrap();
    let mut document: Value = serde_json::from_slice(&written.body).unwrap();
    let content = document.pointer_mut("/messages/1/content").map(Value::take).unwrap_or_default();
    (content, written.warnings.len())
}

/// Law 6, and what a paused turn is continued with.
#[test]
fn what_came_goes_back_as_it_came_however_it_came() {
    let blocks = everything();
    let document = json!({"id": "m1", "model": "claude-x", "content": blocks, "stop_reason": "pause_turn",
        "usage": {"output_tokens": 7}});
    let plain = whole(&document).unwrap();
    let (chunks, ended) = streamed(&events(&blocks), LIMIT).unwrap();
    assert!(ended);
    assert_eq!(plain, chunks);
    assert_eq!(plain.text(), "I look. See: Found. And  Wait.");
    assert_eq!(plain.reasoning(), "Hm.Again.");
    assert_eq!(plain.tool_calls().len(), 2, "calls of the provider's own tools are for nobody to run");
    assert_eq!(plain.tool_calls()[0].arguments().unwrap()["at"], "Bremen");
    assert_eq!(plain.citations().next().unwrap().cited_text(), Some("ebb"));
    assert_eq!(*plain.finish_reason().unwrap(), FinishKind::Pause);
    assert!(plain.metadata().is_empty(), "{:?}", plain.metadata());
    let failed = |part: &ContentPart| matches!(part, ContentPart::ServerToolResult(result) if result.is_error());
    assert_eq!(plain.content().parts().iter().filter(|part| failed(part)).count(), 2);
    assert_eq!(sent_back(plain.clone()), (Value::from(blocks.clone()), 0));
    // Also by way of a file.
    let read: AiMessage = serde_json::from_str(&serde_json::to_string(&plain).unwrap()).unwrap();
    assert_eq!(sent_back(read), (Value::from(blocks), 0));
}

/// There is no list beside the parts that could be wrong.
#[test]
fn an_answer_that_was_changed_goes_back_as_what_is_left_of_it() {
    let came = whole(&json!({"id": "m1", "content": everything(), "stop_reason": "end_turn"})).unwrap();
    let mut parts = came.into_content().into_parts();
    parts.remove(2);
    parts.truncate(4);
    parts.push(ContentPart::text("Changed."));
    let mut expected = everything();
    expected.remove(2);
    expected.truncate(4);
    expected.push(json!({"type": "text", "text": "Changed."}));
    assert_eq!(sent_back(AiMessage::new(parts)), (Value::from(expected), 0));
}

/// The next answer begins where the one before it was paused: both are one turn.
#[test]
fn a_paused_turn_goes_on_in_its_container() {
    let document = json!({"id": "m1", "content": everything(), "stop_reason": "pause_turn",
        "container": {"id": "container_1", "expires_at": "2026-01-01T00:00:00Z"}});
    let (paused, dialect) = (whole(&document).unwrap(), AnthropicDialect::of("api.anthropic.com", "claude-x"));
    let sent = |messages: Vec<Said>| {
        let request = ChatRequest::new(messages, ChatOptions::default());
        let written = request::document(request, "claude-x", &dialect, false, Address::Own).unwrap();
        serde_json::from_slice::<Value>(&written.body).unwrap()
    };
    let next = AiMessage::new(" More.");
    let both = sent(vec![Said::user("?"), paused.clone().into(), next.into(), Said::user("!")]);
    assert_eq!(both["messages"][1]["content"].as_array().unwrap().len(), everything().len() + 1);
    // Whoever answered last was not paused.
    assert_eq!(both.get("container"), None);
    assert_eq!(sent(vec![Said::user("?"), paused.into()])["container"], "container_1");
}

#[test]
fn reasons_have_their_kinds() {
    for (word, kind) in [
        ("end_turn", FinishKind::Stop),
        ("stop_sequence", FinishKind::Stop),
        ("max_tokens", FinishKind::Length),
        ("tool_use", FinishKind::ToolCalls),
        ("pause_turn", FinishKind::Pause),
        ("refusal", FinishKind::Refusal),
        ("model_context_window_exceeded", FinishKind::ContextWindow),
        ("brand_new", FinishKind::Other),
    ] {
        let plain = whole(&json!({"content": [{"type": "text", "text": "a"}], "stop_reason": word})).unwrap();
        let mut events = vec![start("m"), block(0, &json!({"type": "text", "text": "a"})), stop(0)];
        events.extend(end(Some(word)));
        for answer in [plain, streamed(&events, LIMIT).unwrap().0] {
            let reason = answer.finish_reason().unwrap();
            assert_eq!((reason.kind(), reason.raw()), (kind, Some(word)));
        }
    }
}

mod attacks;

#[test]
fn no_call_runs_whose_input_did_not_come() {
    let call = block(0, &json!({"type": "tool_use", "id": "t", "name": "now", "input": {}}));
    let runs = |reason: Option<&str>, ends: bool| {
        let mut events = vec![start("m"), call.clone(), stop(0)];
        events.extend(end(reason));
        events.truncate(if ends { events.len() } else { 3 });
        let (message, _) = streamed(&events, LIMIT).unwrap();
        message.tool_calls()[0].has_valid_arguments()
    };
    assert!(runs(Some("tool_use"), true));
    assert!(runs(None, true));
    assert!(!runs(Some("max_tokens"), true));
    assert!(!runs(Some("tool_use"), false));
    let call = json!({"type": "tool_use", "id": "t", "name": "now", "input": {}});
    let whole = |reason: &str| whole(&json!({"content": [call], "stop_reason": reason})).unwrap();
    assert!(whole("tool_use").tool_calls()[0].has_valid_arguments());
    assert!(!whole("max_tokens").tool_calls()[0].has_valid_arguments());
}

/// Gateways send the input of a call at once.
#[test]
fn the_input_of_a_call_may_stand_where_it_begins() {
    let head = |index| block(index, &json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}));
    let mut events = vec![start("m"), head(0), stop(0), head(1)];
    events.push(delta(1, &json!({"type": "input_json_delta", "partial_json": "{\"a\":2}"})));
    events.push(head(2));
    events.extend(end(Some("tool_use")));
    let (message, _) = streamed(&events, LIMIT).unwrap();
    let calls: Vec<_> = message.tool_calls().iter().map(|call| call.arguments().unwrap()["a"].clone()).collect();
    assert_eq!(calls, [1, 2, 1]);
    let ids: std::collections::BTreeSet<_> = message.tool_calls().iter().map(|call| call.id()).collect();
    assert_eq!(ids.len(), 3, "calls share an id");
}

#[test]
fn two_answers_in_one_stream_are_an_error_and_one_that_begins_twice_is_not() {
    let text = [block(0, &json!({"type": "text", "text": "a"})), stop(0)];
    let with = |second: &str| {
        let mut events = vec![start("m1"), start(second)];
        events.extend(text.clone());
        events.extend(end(Some("end_turn")));
        streamed(&events, LIMIT)
    };
    assert_eq!(with("m1").unwrap().0.text(), "a");
    assert_eq!(with("m2").unwrap_err().kind(), ErrorKind::Parse);
}

#[test]
fn errors_come_in_all_clothes() {
    let kind = |body: &Value| whole(body).unwrap_err().kind();
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    assert_eq!(kind(&error), ErrorKind::Overloaded);
    assert_eq!(kind(&json!({"error": {"type": "overloaded_error"}})), ErrorKind::Overloaded);
    assert_eq!(kind(&json!({"type": "error"})), ErrorKind::Other);
    assert_eq!(kind(&json!({})), ErrorKind::Parse);
    assert_eq!(whole(&json!({"content": null, "error": null})).unwrap_err().kind(), ErrorKind::Parse);
    assert!(whole(&json!({"content": [], "error": {}})).is_ok());

    let (mut chat, mut out) = (Chat::default(), out(LIMIT));
    let mut frame = |event: &'static str, data: &'static str| {
        chat.frame(&Frame { event: event.into(), data: data.into() }, &mut out).map_err(|error| error.kind())
    };
    assert_eq!(frame("error", "not even JSON"), Err(ErrorKind::Other));
    assert_eq!(frame("message", r#"{"type":"error","error":{"type":"api_error"}}"#), Err(ErrorKind::Server));
    assert_eq!(frame("content_block_delta", "{\"type\":"), Err(ErrorKind::Parse));
    assert_eq!(frame("brand_new", "not JSON"), Ok(Flow::More));
    assert_eq!(frame("data", "[DONE]"), Ok(Flow::More));
    assert_eq!(chat.standing(), Standing::Open);
}

/// What few read may not fill the memory: the answer comes without it, and says so.
#[test]
fn blocks_without_end_are_left_out_and_told() {
    let other = json!({"type": "brand_new_block", "text": "x".repeat(1000)});
    let mut all: Vec<_> = (0..100).flat_map(|index| [block(index, &other), stop(index)]).collect();
    all.insert(0, start("m"));
    all.push(block(100, &json!({"type": "text", "text": "Still here."})));
    all.extend(end(Some("end_turn")));
    let (message, ended) = streamed(&all, 64 << 10).unwrap();
    assert!(ended);
    let kept = message.content().parts().iter().filter(|part| matches!(part, ContentPart::Other(_))).count();
    assert!((8..=16).contains(&kept), "{kept}");
    assert_eq!(message.text(), "Still here.");
    let empty: Vec<_> = (0..10_000).map(|index| block(index, &json!({"type": "text", "text": ""}))).collect();
    assert_eq!(streamed(&empty, 64 << 10).unwrap_err().kind(), ErrorKind::Parse);
}

#[test]
fn usage_is_a_running_total_in_the_meaning_that_all_share() {
    let first = json!({"type": "message_start", "message": {"id": "m", "usage":
        {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1}}});
    let last = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage":
        {"input_tokens": null, "cache_creation_input_tokens": 5, "output_tokens": 20,
         "output_tokens_details": {"thinking_tokens": 8}, "server_tool_use": {"web_search_requests": 2}, "cost": 0.25}});
    let (message, _) = streamed(&[first, last], LIMIT).unwrap();
    let usage = message.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(105), Some(20)));
    assert_eq!(usage.uncached_input_tokens(), Some(10));
    assert_eq!((usage.cached_input_tokens(), usage.cache_write_tokens()), (Some(90), Some(5)));
    assert_eq!((usage.reasoning_tokens(), usage.text_tokens()), (Some(8), Some(12)));
    assert_eq!(usage.total_tokens(), 125);
    assert_eq!(usage.raw()["server_tool_use"]["web_search_requests"], 2);
    assert_eq!((usage.raw()["input_tokens"].as_u64(), usage.cost()), (Some(10), Some(0.25)));
    // What is not said is not known.
    let message = whole(&json!({"content": [], "usage": {"cache_read_input_tokens": 5}})).unwrap();
    assert_eq!(message.usage().unwrap().input_tokens(), None);
}
