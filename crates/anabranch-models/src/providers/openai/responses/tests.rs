//! What came goes back as it came, whether it came whole or in pieces, in whichever order.

use anabranch_messages::{AiMessage, Message};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::backend::ChatRequest;
use crate::options::ChatOptions;
use crate::providers::openai::dialect::OpenAiDialect;
use crate::providers::openai::error::ERRORS;
use crate::reader::{Decode, Flow, Frame};
use crate::transport::Errors;

fn assembly() -> Assembly {
    Assembly::in_chunks(Errors::for_tests(&ERRORS), 1 << 20)
}

fn response(status: &str, output: &[Value]) -> Value {
    json!({"id": "resp", "model": "m", "status": status, "output": output})
}

/// What is read from a document.
fn whole(items: &[Value]) -> AiMessage {
    let mut out = assembly();
    let body = response("completed", items).to_string();
    Answer::of("openai".into()).document(body.as_bytes(), &mut out).unwrap();
    out.whole().clone()
}

/// What is read from events, and whether the last of them was the end.
fn streamed(events: &[Value]) -> (AiMessage, bool) {
    let (mut answer, mut out) = (Answer::of("openai".into()), assembly());
    let mut is_whole = false;
    for event in events {
        let frame = Frame { event: "message".into(), data: event.to_string().into() };
        is_whole = answer.frame(&frame, &mut out).unwrap() == Flow::End;
    }
    let last = answer.last(is_whole, &mut out);
    let mut message = out.whole().clone();
    message.append(last);
    (message, is_whole)
}

/// The items that the next request holds of an answer.
fn sent(answer: AiMessage) -> Value {
    let request = ChatRequest::new([Message::from(answer)], ChatOptions::default());
    let (body, warnings) = request::document(request, "m", &OpenAiDialect::openai(), false).unwrap();
    assert_eq!(warnings, []);
    serde_json::from_slice::<Value>(&body).unwrap()["input"].take()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zé𝄞 ]{0,12}", Just("a\n\nb".to_string()), Just("\n\n".to_string()), Just(String::new())]
}

fn annotation() -> impl Strategy<Value = Value> {
    (0..4_u8, 0..9_u64, 0..9_u64).prop_map(|(kind, start, end)| match kind {
        0 => json!({"type": "url_citation", "url": "u", "title": "t", "start_index": start, "end_index": end}),
        1 => json!({"type": "file_citation", "file_id": "f", "filename": "n", "index": start}),
        2 => json!({"type": "container_file_citation", "container_id": "c", "file_id": "f", "filename": null,
            "start_index": start, "end_index": end, "new": {"x": 1}}),
        _ => json!({"type": "url_citation", "url": "https://example.org"}),
    })
}

fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (text(), prop::collection::vec(annotation(), 0..3)).prop_map(|(text, annotations)| {
            json!({"type": "output_text", "text": text, "annotations": annotations})
        }),
        1 => text().prop_map(|text| json!({"type": "refusal", "refusal": text})),
        1 => Just(json!({"type": "of_tomorrow", "data": [1, {"a": null}]})),
    ]
}

/// An item of any kind, without its id.
fn item() -> impl Strategy<Value = Value> {
    let message = (prop::collection::vec(part(), 0..3), any::<bool>()).prop_map(|(content, phase)| {
        let mut item = json!({"type": "message", "role": "assistant", "status": "completed", "content": content});
        if phase {
            item["phase"] = "commentary".into();
        }
        item
    });
    let thought =
        (prop::collection::vec(text(), 0..4), any::<bool>(), any::<bool>()).prop_map(|(texts, raw, sealed)| {
            let list = |type_: &str| texts.iter().map(|text| json!({"type": type_, "text": text})).collect::<Value>();
            let mut item = match raw && texts.iter().any(|text| !text.is_empty()) {
                true => json!({"type": "reasoning", "summary": [], "content": list("reasoning_text")}),
                false => json!({"type": "reasoning", "summary": list("summary_text")}),
            };
            item["encrypted_content"] = if sealed { "sealed".into() } else { Value::Null };
            item
        });
    let call = (any::<bool>(), text()).prop_map(|(custom, text)| match custom {
        true => json!({"type": "custom_tool_call", "name": "sql", "input": text, "status": "completed"}),
        false => {
            json!({"type": "function_call", "name": "f", "arguments": json!({"a": text}).to_string(), "namespace": "n"})
        }
    });
    let others = prop::sample::select(vec![
        json!({"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}),
        json!({"type": "file_search_call", "status": "completed", "queries": ["q"], "results": null}),
        json!({"type": "file_search_call", "queries": ["q"], "results": [{"file_id": "f", "score": 0.5}]}),
        json!({"type": "code_interpreter_call", "code": "1", "container_id": "c", "outputs": [{"type": "logs", "logs": "1"}]}),
        json!({"type": "mcp_call", "name": "x", "server_label": "s", "arguments": "{\"a\": 1}", "output": "o", "error": null}),
        json!({"type": "mcp_call", "name": "x", "arguments": "{", "output": null, "error": "failed"}),
        json!({"type": "image_generation_call", "status": "completed", "result": "AQID", "size": "1x1"}),
        json!({"type": "image_generation_call", "status": "failed", "result": null}),
        json!({"type": "computer_call", "action": {"type": "click"}, "pending_safety_checks": []}),
        json!({"type": "mcp_approval_request", "name": "x", "arguments": "{}"}),
        json!({"type": "of_tomorrow", "text": 7, "content": "c", "nested": {"type": "message"}}),
    ]);
    prop_oneof![3 => message, 2 => thought, 2 => call, 2 => others]
}

fn items() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(item(), 0..6).prop_map(|mut items| {
        for (place, item) in items.iter_mut().enumerate() {
            item["id"] = format!("item_{place}").into();
            if item["type"].as_str().unwrap().ends_with("tool_call") || item["type"] == "function_call" {
                item["call_id"] = format!("call_{place}").into();
            }
        }
        items
    })
}

/// The events of an item, in pieces of so many characters.
fn events(place: usize, item: &Value, size: usize) -> Vec<Value> {
    let mut events = vec![json!({"type": "response.output_item.added", "output_index": place, "item":
        {"type": item["type"], "id": item["id"], "call_id": item["call_id"], "name": item["name"]}})];
    let cut = |type_: &str, part: usize, text: &str| -> Vec<Value> {
        let letters: Vec<char> = text.chars().collect();
        let piece = |letters: &[char]| {
            json!({"type": format!("response.{type_}.delta"), "output_index": place, "content_index": part,
                "delta": letters.iter().collect::<String>()})
        };
        letters.chunks(size).map(piece).collect()
    };
    let is_call = item["type"] == "function_call" || item["type"] == "custom_tool_call";
    for name in ["content", "summary"] {
        let list = item[name].as_array().cloned().unwrap_or_default();
        for (part, raw) in list.iter().enumerate() {
            let (text, refusal) =
                (raw["text"].as_str().unwrap_or_default(), raw["refusal"].as_str().unwrap_or_default());
            match (item["type"].as_str().unwrap(), name) {
                ("message", _) => {
                    events.extend(cut("output_text", part, text));
                    events.extend(cut("refusal", part, refusal));
                    events.push(json!({"type": "response.content_part.done", "output_index": place,
                        "content_index": part, "part": raw}));
                }
                ("reasoning", "summary") => events.extend(cut("reasoning_summary_text", part, text)),
                ("reasoning", _) => events.extend(cut("reasoning_text", part, text)),
                _ => {}
            }
        }
    }
    if is_call {
        events.extend(cut("function_call_arguments", 0, item["arguments"].as_str().unwrap_or_default()));
        events.extend(cut("custom_tool_call_input", 0, item["input"].as_str().unwrap_or_default()));
    }
    events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
    events
}

/// The events of all items, in turns; each item begins after the one before it.
fn interleaved(items: &[Value], size: usize, turns: &[usize]) -> Vec<Value> {
    let mut left: Vec<_> = items.iter().enumerate().map(|(place, item)| events(place, item, size)).collect();
    left.iter_mut().for_each(|events| events.reverse());
    let mut begun = vec![false; left.len()];
    let mut all = vec![json!({"type": "response.created", "response": response("in_progress", &[])})];
    let mut turns = turns.iter().copied().cycle();
    while left.iter().any(|events| !events.is_empty()) {
        let turn = turns.next().unwrap_or(0);
        let may = |place: usize| !left[place].is_empty() && (place == 0 || begun[place - 1]);
        let open: Vec<_> = (0..left.len()).filter(|place| may(*place)).collect();
        let place = open[turn % open.len()];
        begun[place] = true;
        all.extend(left[place].pop());
    }
    all.push(json!({"type": "response.completed", "response": response("completed", items)}));
    all
}

/// Paragraphs and parts without a letter send no event: where they stand is known at the end only.
fn has_gaps(items: &[Value]) -> bool {
    items.iter().any(|item| {
        let lists = ["content", "summary"].into_iter().filter_map(|name| item[name].as_array());
        let parts: Vec<_> = lists.flatten().collect();
        let is_silent = |part: &&&Value| part["text"] == "" || part["refusal"] == "" || part["type"] == "of_tomorrow";
        parts.len() > 1 && parts.iter().any(|part| is_silent(&part))
    })
}

proptest! {
    #[test]
    fn an_answer_goes_back_as_it_came(items in items()) {
        prop_assert_eq!(sent(whole(&items)), Value::from(items));
    }

    #[test]
    fn a_stream_adds_up_to_the_document(
        items in items().prop_filter("gaps", |items| !has_gaps(items)),
        size in 1..5_usize,
        turns in prop::collection::vec(0..6_usize, 1..20),
    ) {
        let events = interleaved(&items, size, &turns);
        let (message, is_whole) = streamed(&events);
        prop_assert!(is_whole);
        prop_assert_eq!(&message, &whole(&items));
        prop_assert_eq!(sent(message), Value::from(items.clone()));
        // Servers that say less: only what is whole, only the end, or never that an item is whole.
        let only = |wanted: &[&str]| -> Vec<Value> {
            let is_wanted = |event: &&Value| wanted.iter().any(|name| event["type"].as_str().unwrap().ends_with(name));
            events.iter().filter(is_wanted).cloned().collect()
        };
        prop_assert_eq!(&streamed(&only(&["response.completed"])).0, &whole(&items));
        prop_assert_eq!(&streamed(&only(&["item.added", ".delta", "content_part.done", "response.completed"])).0, &whole(&items));
        let one_by_one = interleaved(&items, size, &[0]);
        let done: Vec<_> = one_by_one.into_iter().filter(|event| {
            event["type"] == "response.output_item.done" || event["type"] == "response.completed"
        }).collect();
        prop_assert_eq!(&streamed(&done).0, &whole(&items));
    }

    #[test]
    fn a_stream_that_is_cut_is_never_whole(
        items in items(),
        turns in prop::collection::vec(0..6_usize, 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let events = interleaved(&items, 2, &turns);
        let cut = cut.index(events.len());
        let (message, is_whole) = streamed(&events[..cut]);
        prop_assert!(!is_whole && message.finish_reason().is_none());
        let known = whole(&items);
        for call in message.tool_calls() {
            let same = known.tool_calls().iter().any(|one| one.arguments().ok() == call.arguments().ok());
            prop_assert!(!call.has_valid_arguments() || same);
        }
        // What is left can go into another request, whatever is missing of it.
        let request = ChatRequest::new([Message::from(message)], ChatOptions::default());
        prop_assert!(request::document(request, "m", &OpenAiDialect::openai(), false).is_ok());
    }
}

/// Some servers count nothing: every item has the same place.
#[test]
fn items_with_the_same_place_are_not_lost() {
    let said = |id: &str, text: &str| {
        json!({"type": "response.output_item.done", "output_index": 0, "item":
            {"type": "message", "id": id, "content": [{"type": "output_text", "text": text}]}})
    };
    let end = json!({"type": "response.completed", "response": response("completed", &[])});
    assert_eq!(streamed(&[said("a", "1"), said("b", "2"), end]).0.text(), "12");
}
