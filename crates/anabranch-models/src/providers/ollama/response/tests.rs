use anabranch_core::ErrorKind;
use anabranch_messages::{AiMessage, FinishKind};
use serde_json::{Value, json};

use crate::providers::ollama::error::ERRORS;
use crate::providers::ollama::stream::Chat;
use crate::reader::{Assembly, Decode, Flow, Frame};
use crate::transport::Errors;

fn out() -> Assembly {
    Assembly::in_chunks(Errors::for_tests(&ERRORS), 1 << 20)
}

fn streamed(lines: &[Value]) -> anabranch_core::Result<AiMessage> {
    let (mut chat, mut out) = (Chat::default(), out());
    let mut ended = false;
    for line in lines {
        let frame = Frame { event: "message".into(), data: line.to_string().into() };
        ended = chat.frame(&frame, &mut out)? == Flow::End;
    }
    let last = chat.last(ended, &mut out);
    let mut whole = out.whole().clone();
    whole.append(last);
    Ok(whole)
}

fn whole(body: &Value) -> anabranch_core::Result<AiMessage> {
    let mut out = out();
    Chat::default().document(body.to_string().as_bytes(), &mut out)?;
    Ok(out.whole().clone())
}

/// Law 6.
#[test]
fn a_stream_adds_up_to_the_document() {
    let call = json!({"function": {"index": 0, "name": "f", "arguments": {"a": 1}}});
    let head = |message: Value| json!({"model": "m", "created_at": "now", "message": message, "done": false});
    let end = json!({"model": "m", "created_at": "then", "message": {"content": ""}, "done": true,
        "done_reason": "stop", "eval_count": 7, "total_duration": 9});
    let mut first = head(json!({"thinking": "H"}));
    first["logprobs"] = json!([{"token": "H"}]);
    let mut second = head(json!({"thinking": "m.", "content": "Yes"}));
    second["logprobs"] = json!([{"token": "m."}]);
    let lines = [first, second, head(json!({"content": ".", "tool_calls": [call, call]})), end.clone()];
    let chunks = streamed(&lines).unwrap();

    let mut document = end;
    document["created_at"] = "now".into();
    document["message"] = json!({"thinking": "Hm.", "content": "Yes.", "tool_calls": [call, call]});
    document["logprobs"] = json!([{"token": "H"}, {"token": "m."}]);
    let plain = whole(&document).unwrap();
    assert_eq!(plain, chunks);
    assert_eq!((plain.text().as_ref(), plain.reasoning().as_ref()), ("Yes.", "Hm."));
    let calls = plain.tool_calls();
    assert_eq!(calls[0].arguments().unwrap()["a"], 1);
    assert!(!calls[0].id().is_empty() && calls[0].id() != calls[1].id());
    let usage = plain.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (None, Some(7)));
    let data = plain.provider_data("ollama");
    assert_eq!((&data["total_duration"], data["logprobs"].as_array().unwrap().len()), (&json!(9), 2));
    assert!(plain.metadata().is_empty());
}

/// `load` and `unload` are answers to a request without messages.
#[test]
fn why_it_is_done_is_kept_and_known() {
    for (word, kind) in [
        ("stop", FinishKind::Stop),
        ("length", FinishKind::Length),
        ("load", FinishKind::Other),
        ("unload", FinishKind::Other),
        ("something new", FinishKind::Other),
    ] {
        let body = json!({"message": {"content": "", "tool_calls": [{"function": {"name": "f"}}]}, "done": true,
            "done_reason": word});
        for message in [whole(&body).unwrap(), streamed(&[body]).unwrap()] {
            let reason = message.finish_reason().unwrap();
            assert_eq!((reason.kind(), reason.raw()), (kind, Some(word)));
            // A call that a limit may have cut off has no arguments that are known to be none.
            assert_eq!(message.tool_calls()[0].has_valid_arguments(), kind != FinishKind::Length, "{word}");
        }
    }
}

#[test]
fn arguments_may_be_text_or_missing_and_what_is_no_object_does_not_run() {
    let runs = |function: Value| {
        let calls = json!([{"function": function}]);
        let message = whole(&json!({"message": {"tool_calls": calls}, "done": true})).unwrap();
        message.tool_calls()[0].arguments().ok()
    };
    assert_eq!(runs(json!({"name": "f", "arguments": "{\"a\":1}"})), Some(json!({"a": 1})));
    assert_eq!(runs(json!({"name": "f"})), Some(json!({})));
    assert_eq!(runs(json!({"name": "f", "arguments": [1]})), None);
    assert_eq!(runs(json!({"name": "f", "arguments": "{\"a\":"})), None);
}

#[test]
fn errors_come_in_all_clothes() {
    let kind = |body: &Value| whole(body).unwrap_err().kind();
    assert_eq!(
        kind(&json!({"error": "prompt too long; exceeded max context length by 3 tokens"})),
        ErrorKind::ContextLength
    );
    assert_eq!(kind(&json!({"error": "model runner has unexpectedly stopped"})), ErrorKind::Other);
    assert_eq!(kind(&json!({})), ErrorKind::Parse);
    assert_eq!(kind(&json!({"message": {"content": "Hel"}, "done": false})), ErrorKind::IncompleteStream);
    assert!(whole(&json!({"message": {"content": "Hello"}, "error": ""})).is_ok());
    let line = streamed(&[json!({"message": {"content": "Hel"}, "done": false}), json!([1])]);
    assert_eq!(line.unwrap_err().kind(), ErrorKind::Parse);
}

/// Older servers say that it is done and not why.
#[test]
fn an_end_without_a_reason_is_an_end() {
    let message = streamed(&[json!({"model": "m", "message": {"content": "Hi"}, "done": true})]).unwrap();
    assert_eq!((message.text().as_ref(), message.model(), message.finish_reason()), ("Hi", Some("m"), None));
}
