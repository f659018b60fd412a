//! Bodies of any form that use the right words in the wrong places: an answer or an error, and never a panic; and a stream
//! of one piece is what the document is.

use anabranch_core::RunnableExt;
use anabranch_messages::{Message, Messages};
use anabranch_models::ChatModel;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::double::{Double, block_on};
use crate::server::read;

/// Any document, with these names where names stand.
fn document(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..9).prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!(u64::MAX)),
        "[a-z🌊]{0,4}".prop_map(Value::from),
        prop::sample::select(vec!["STOP", "SAFETY", "AQID", "image/png", "OUTCOME_OK", "$.a", "stop", "0"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 64, 6, move |inner| {
        let member = (prop::sample::select(names.to_vec()), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            3 => prop::collection::vec(member, 0..6).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Map<_, _>>().into()
            }),
        ]
    })
}

async fn check(model: impl Fn(Double) -> ChatModel, document: Value, stream: (&'static str, String)) {
    let plain = model(Double::new("application/json", document.to_string(), 100)).invoke("Hi").await;
    let streaming = model(Double::new(stream.0, stream.1, 7));
    let streamed = read(streaming.stream("Hi")).await;
    if let (Ok(plain), Ok(streamed)) = (&plain, &streamed) {
        assert_eq!(serde_json::to_value(streamed).unwrap(), serde_json::to_value(plain).unwrap());
    }
    if let Ok(answer) = plain {
        let _ = serde_json::from_value::<Message>(serde_json::to_value(&answer).unwrap()).unwrap();
        let again = model(Double::new("application/json", document.to_string(), 100));
        let messages = Messages::from(vec![Message::user("Hi"), answer.into(), Message::user("And?")]);
        let _ = again.invoke(messages).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[cfg(feature = "gemini")]
    #[test]
    fn of_gemini(mut candidate in document(&[
        "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id", "partialArgs",
        "jsonPath", "stringValue", "willContinue", "inlineData", "mimeType", "data", "executableCode",
        "codeExecutionResult", "outcome", "toolCall", "toolResponse", "toolType", "response", "finishReason",
        "groundingMetadata", "groundingChunks", "groundingSupports", "segment", "startIndex", "endIndex",
        "groundingChunkIndices", "citationMetadata", "citationSources", "uri", "urlContextMetadata", "urlMetadata",
        "retrievedUrl", "index", "web",
    ]), parts in prop::collection::vec(document(&[
        "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id", "partialArgs", "inlineData",
        "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "toolType", "mimeType", "data", "fileUri",
        "fileData",
    ]), 0..4)) {
        if let Value::Object(candidate) = &mut candidate {
            candidate.insert("content".into(), json!({"parts": parts}));
        }
        let document = json!({"candidates": [candidate], "usageMetadata": candidate, "responseId": "r"});
        let model = |double| anabranch_models::Gemini::new("m").transport(double).build().unwrap();
        let events = ("text/event-stream", format!("data: {document}\n\n"));
        block_on(check(model, document.clone(), events));
    }

    #[cfg(feature = "ollama")]
    #[test]
    fn of_ollama(mut message in document(&[
        "content", "thinking", "tool_calls", "function", "name", "arguments", "id", "images", "role", "index",
    ]), mut end in document(&[
        "done", "done_reason", "model", "created_at", "eval_count", "total_duration", "logprobs", "error", "message",
    ])) {
        if let Value::Object(end) = &mut end {
            end.insert("message".into(), message.take());
            end.insert("done".into(), true.into());
        }
        let model = |double| anabranch_models::Ollama::new("m").transport(double).build().unwrap();
        let lines = ("application/x-ndjson", format!("{end}\n"));
        block_on(check(model, end.clone(), lines));
    }
}
