//! Whatever Ollama says, in whatever pieces it comes: the answer is the same, and goes back as it came.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, Message, Messages};
use anabranch_models::{ChatModel, Ollama};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::double::{Double, block_on};
use crate::server::read;

fn model(content_type: &'static str, body: String, size: usize) -> (ChatModel, Double) {
    let double = Double::new(content_type, body, size);
    (Ollama::new("tiny").transport(double.clone()).build().unwrap(), double)
}

fn call() -> impl Strategy<Value = Value> {
    (prop::option::of("[a-z]{12}"), "[a-zä\"]{0,5}").prop_map(|(id, text)| {
        let mut call = json!({"function": {"name": "f", "arguments": {"a": text, "b": [1, 2.5, null]}}});
        if let Some(id) = id {
            call["id"] = id.into();
        }
        call
    })
}

fn piece(message: Value) -> String {
    format!("{}\n", json!({"model": "tiny", "created_at": "then", "message": message, "done": false}))
}

/// The lines of a stream before its last one.
fn pieces(thinking: &str, text: &str, calls: &[Value]) -> Vec<String> {
    let letters = |name: &'static str, text: &str| {
        text.chars().map(|letter| piece(json!({name: letter.to_string()}))).collect::<Vec<_>>()
    };
    let calls = calls.iter().map(|call| piece(json!({"content": "", "tool_calls": [call]})));
    letters("thinking", thinking).into_iter().chain(letters("content", text)).chain(calls).collect()
}

async fn check(thinking: String, text: String, calls: Vec<Value>, size: usize, cut: usize) {
    let end = |message: Value| {
        let end = json!({"model": "tiny", "created_at": "then", "message": message, "done": true,
            "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 4, "total_duration": 9});
        format!("{end}\n")
    };
    let whole = end(json!({"role": "assistant", "thinking": thinking, "content": text, "tool_calls": calls}));
    let (llm, double) = model("application/json", whole, size);
    let plain = llm.invoke("Hi").await.unwrap();
    let lines = pieces(&thinking, &text, &calls);
    let stream = format!("{}{}", lines.concat(), end(json!({"content": ""})));
    let (streaming, _) = model("application/x-ndjson", stream, size);
    let streamed = read(streaming.stream("Hi")).await.unwrap();
    assert_eq!(serde_json::to_value(&streamed).unwrap(), serde_json::to_value(&plain).unwrap());

    let saved: AiMessage = serde_json::from_value(serde_json::to_value(&plain).unwrap()).unwrap();
    for answer in [plain.clone(), saved] {
        let messages = Messages::from(vec![Message::user("Hi"), answer.into(), Message::user("And?")]);
        let envelope = llm.with_envelope().invoke(messages).await.unwrap();
        assert!(envelope.warnings().is_empty());
        let sent = double.asked()["messages"][1].take();
        assert_eq!(
            (sent["content"].as_str(), sent["thinking"].as_str().unwrap_or_default()),
            (Some(&*text), &*thinking)
        );
        let sent = sent["tool_calls"].as_array().cloned().unwrap_or_default();
        assert_eq!(sent.len(), calls.len());
        for (sent, call) in sent.iter().zip(&calls) {
            assert_eq!(sent["function"], call["function"]);
            assert!(sent["id"] == call["id"] || call["id"].is_null(), "{sent}");
        }
    }

    // Cut anywhere before its last line it is no answer, and what came is a beginning.
    let before = lines.concat();
    let cut = (0..=cut % (before.len() + 1)).rev().find(|cut| before.is_char_boundary(*cut)).unwrap();
    let (cut_off, _) = model("application/x-ndjson", before[..cut].to_string(), size);
    let error = read(cut_off.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteStream);
    if let Some(part) = error.partial::<AiMessage>() {
        assert!(text.starts_with(&*part.text()) && thinking.starts_with(&*part.reasoning()));
        assert!(part.tool_calls().len() <= calls.len() && part.finish_reason().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_goes_back_as_it_came(
        thinking in "[a-zä🌊]{0,6}", text in "[a-zä🌊 \n\"]{0,6}", calls in prop::collection::vec(call(), 0..3),
        size in 1_usize..200, cut in any::<usize>(),
    ) {
        block_on(check(thinking, text, calls, size, cut));
    }
}
