//! Gemini, over real sockets.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, Message, Messages};
use anabranch_models::{ChatModel, Gemini};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::double::Double;
use crate::server::{SSE, read, say, server};

/// A model whose server answers with one body, and the requests that it sees.
async fn model(name: &str, head: &str, body: String) -> (ChatModel, mpsc::UnboundedReceiver<String>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let answer = format!("{head}{body}");
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    let model = Gemini::new(name).base_url(format!("http://{address}/v1beta")).api_key("AIza-hidden").build().unwrap();
    (model, requests)
}

pub(crate) fn chunk(parts: Value, finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 2, "totalTokenCount": 9},
        "modelVersion": "gemini-3-flash", "responseId": "r1",
    })
}

fn events(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}

pub(crate) const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn both_addresses_and_the_key_where_it_belongs() {
    for (name, path) in
        [("tiny", "models/tiny"), ("models/tiny", "models/tiny"), ("tunedModels/mine", "tunedModels/mine")]
    {
        let body = chunk(json!([{"text": "Hello"}]), Some("STOP"));
        let (llm, mut requests) = model(name, JSON, body.to_string()).await;
        // Whatever a server answers with, document or stream, is read.
        assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
        assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        for line in [format!("{path}:generateContent"), format!("{path}:streamGenerateContent?alt=sse")] {
            let request = requests.recv().await.unwrap();
            assert!(request.starts_with(&format!("POST /v1beta/{line} HTTP/1.1\r\n")), "{request}");
            assert!(request.contains("\r\nx-goog-api-key: AIza-hidden\r\n"), "{request}");
        }
    }
}

/// Law 6, and what came goes back as it came: events, the same as one list, the same in one document.
#[tokio::test]
async fn however_it_comes_it_is_the_same_and_goes_back_unchanged() {
    let pieces = [
        chunk(json!([{"text": "Hm", "thought": true}]), None),
        chunk(json!([{"text": ".", "thought": true}]), None),
        chunk(json!([{"text": "Let me "}]), None),
        chunk(json!([{"text": "see."}]), None),
        chunk(json!([{"text": "", "thoughtSignature": "s1"}]), None),
        chunk(
            json!([{"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": "s2"}]),
            Some("STOP"),
        ),
    ];
    let parts = json!([
        {"text": "Hm.", "thought": true},
        {"text": "Let me see."},
        {"text": "", "thoughtSignature": "s1"},
        {"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": "s2"},
    ]);
    let whole = chunk(parts.clone(), Some("STOP")).to_string();
    let (llm, _requests) = model("tiny", JSON, whole).await;
    let expected = llm.invoke("Hi").await.unwrap();
    assert_eq!((expected.text().as_ref(), expected.reasoning().as_ref()), ("Let me see.", "Hm."));
    let usage = expected.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(3), Some(6), 9));
    for (head, body) in [(SSE, events(&pieces)), (JSON, json!(pieces).to_string())] {
        let (llm, mut requests) = model("tiny", head, body).await;
        let answer = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(answer, expected);
        let _ = requests.recv().await;
        let back = Messages::from(vec![Message::user("Hi"), answer.into(), Message::tool("c1", "noon")]);
        let _ = read(llm.stream(back)).await;
        let request = requests.recv().await.unwrap();
        assert_eq!(posted(&request)["contents"][1]["parts"], parts);
    }
}

#[tokio::test]
async fn what_came_before_a_bare_error_is_given_out_first() {
    let error =
        "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"m\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let body = format!("{}{error}", events(&[chunk(json!([{"text": "Hel"}]), None)]));
    let (llm, _requests) = model("tiny", SSE, body).await;
    let mut chunks = llm.stream("Hi");
    assert_eq!(chunks.next().await.unwrap().unwrap().text(), "Hel");
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
}

#[tokio::test]
async fn a_blocked_prompt_is_told_streamed_or_not() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}});
    let (llm, _requests) = model("tiny", JSON, blocked.to_string()).await;
    let plain = llm.invoke("Hi").await.unwrap();
    let (llm, _requests) = model("tiny", SSE, events(&[blocked])).await;
    let streamed = read(llm.stream("Hi")).await.unwrap();
    for answer in [plain, streamed] {
        assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::ContentFilter);
        assert_eq!(answer.provider_data("gemini")["promptFeedback"]["blockReason"], "SAFETY");
        assert_eq!(answer.usage().unwrap().input_tokens(), Some(3));
    }
    let (llm, _requests) = model("tiny", JSON, "{}".into()).await;
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Parse);
}

/// A call whose arguments come one value at a time, and are cut off in the middle.
#[tokio::test]
async fn a_call_that_is_not_closed_does_not_run() {
    let head = json!([{"functionCall": {"name": "weather", "willContinue": true}}]);
    let value = json!([{"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Bremen"}],
        "willContinue": true}}]);
    let end = json!([{"functionCall": {}}]);
    let whole = [chunk(head.clone(), None), chunk(value.clone(), None), chunk(end, Some("STOP"))];
    let (llm, _requests) = model("tiny", SSE, events(&whole)).await;
    let answer = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(answer.tool_calls()[0].arguments().unwrap(), json!({"city": "Bremen"}));
    for finish in [None, Some("STOP"), Some("MAX_TOKENS")] {
        let cut = [chunk(head.clone(), None), chunk(value.clone(), finish)];
        let (llm, _requests) = model("tiny", SSE, events(&cut)).await;
        let answer = match read(llm.stream("Hi")).await {
            Ok(answer) => answer,
            Err(error) => {
                assert_eq!((error.kind(), finish), (ErrorKind::IncompleteStream, None));
                error.partial::<AiMessage>().unwrap().clone()
            }
        };
        assert_eq!(answer.tool_calls().len(), 1);
        assert!(!answer.tool_calls()[0].has_valid_arguments(), "{finish:?}");
    }
}

/// The sources come with the last event, when the text was given out: they stand behind it, and count its bytes.
#[tokio::test]
async fn the_sources_of_a_search_are_citations_however_they_come() {
    let grounding = json!({
        "webSearchQueries": ["Weser"],
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "Flüsse"}}, {"web": {"uri": "https://b.example"}}],
        "groundingSupports": [{
            "segment": {"startIndex": 8, "endIndex": 17, "text": "Die Weser"}, "groundingChunkIndices": [0],
        }],
    });
    let mut last = chunk(json!([{"text": "ser ist lang."}]), Some("STOP"));
    last["candidates"][0]["groundingMetadata"] = grounding.clone();
    last["candidates"][0]["safetyRatings"] = json!([{"category": "c", "probability": "LOW"}]);
    let mut empty = chunk(json!([{"text": "🌊 ✓"}]), None);
    empty["candidates"][0]["groundingMetadata"] = json!({});
    let mut whole = last.clone();
    whole["candidates"][0]["content"]["parts"] = json!([{"text": "🌊 ✓Die Weser ist lang."}]);
    let pieces = [empty, chunk(json!([{"text": "Die We"}]), None), last];
    let (streaming, _requests) = model("tiny", SSE, events(&pieces)).await;
    let answer = read(streaming.stream("Hi")).await.unwrap();
    let (llm, mut requests) = model("tiny", JSON, whole.to_string()).await;
    assert_eq!(answer, llm.invoke("Hi").await.unwrap());
    let citations: Vec<_> = answer.citations().collect();
    assert_eq!((citations.len(), citations[0].title()), (2, Some("Flüsse")));
    assert_eq!(&answer.text()[citations[0].range().unwrap()], "Die Weser");
    assert_eq!((citations[1].url(), citations[1].range()), (Some("https://b.example"), None));
    assert_eq!(answer.provider_data("gemini")["groundingMetadata"], grounding);
    assert_eq!(answer.provider_data("gemini")["safetyRatings"][0]["probability"], "LOW");
    assert!(answer.metadata().is_empty());
    // What an answer rests on is no part of it, and nothing is lost by not sending it.
    let _ = requests.recv().await;
    let back = Messages::from(vec![Message::user("Hi"), answer.into(), Message::user("And?")]);
    let envelope = llm.with_envelope().invoke(back).await.unwrap();
    assert!(envelope.warnings().is_empty());
    let sent = posted(&requests.recv().await.unwrap());
    assert_eq!(sent["contents"][1]["parts"], json!([{"text": "🌊 ✓Die Weser ist lang."}]));
}

pub(crate) fn posted(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn every_part_is_what_it_is() {
    let parts = json!([
        {"executableCode": {"language": "PYTHON", "code": "1/0"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}},
        {"inlineData": {"mimeType": "image/png", "data": "AQI="}, "thoughtSignature": "s"},
        {"inlineData": {"mimeType": "image/png", "data": "AQI="}, "thought": true},
        {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AQI="}},
        {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AwQ="}},
        {"somethingNew": {"a": 1}},
        {"inlineData": "no object"},
        {},
    ]);
    let (llm, _requests) = model("tiny", JSON, chunk(parts, Some("STOP")).to_string()).await;
    let answer = llm.invoke("Hi").await.unwrap();
    let parts = answer.content().parts();
    let ContentPart::ServerToolCall(code) = &parts[0] else { panic!() };
    assert_eq!((code.name(), code.arguments().unwrap()["code"].as_str()), ("code_execution", Some("1/0")));
    let ContentPart::ServerToolResult(result) = &parts[1] else { panic!() };
    assert!(result.is_error() && result.output()["output"] == "no");
    let ContentPart::Image(image) = &parts[2] else { panic!() };
    assert_eq!((image.base64().unwrap().as_str(), image.signature()), ("AQI=", Some("s")));
    let kind = |part: &ContentPart| match part {
        ContentPart::Other(other) => other.value().keys().next().unwrap().clone(),
        ContentPart::Audio(sound) => sound.base64().unwrap(),
        _ => "?".into(),
    };
    let kinds: Vec<_> = parts[3..].iter().map(kind).collect();
    // Samples are one sound.
    assert_eq!(kinds, ["inlineData", "AQIDBA==", "somethingNew", "inlineData"]);
    assert!(answer.tool_calls().is_empty());
}

#[tokio::test]
async fn one_of_several_candidates_is_read_and_the_others_are_told() {
    let mut both = chunk(json!([{"text": "Hel"}]), None);
    let mut other = both["candidates"][0].clone();
    other["index"] = 1.into();
    other["content"]["parts"] = json!([{"text": "Bonjour"}]);
    other["finishReason"] = "STOP".into();
    both["candidates"].as_array_mut().unwrap().insert(0, other);
    let (llm, _requests) = model("tiny", SSE, events(&[both, chunk(json!([{"text": "lo"}]), Some("STOP"))])).await;
    let answer = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(answer.text(), "Hello");
    assert_eq!(answer.metadata()["warnings"][0], "candidates: only the first one was read");
}

#[tokio::test]
async fn why_it_ended_has_a_kind() {
    for (word, kind) in [
        ("MALFORMED_FUNCTION_CALL", FinishKind::MalformedToolCall),
        ("UNEXPECTED_TOOL_CALL", FinishKind::MalformedToolCall),
        ("TOO_MANY_TOOL_CALLS", FinishKind::MalformedToolCall),
        ("SAFETY", FinishKind::ContentFilter),
        ("RECITATION", FinishKind::ContentFilter),
        ("IMAGE_SAFETY", FinishKind::ContentFilter),
        ("MODEL_ARMOR", FinishKind::ContentFilter),
        ("MAX_TOKENS", FinishKind::Length),
        ("NO_IMAGE", FinishKind::Error),
        ("NEVER_SEEN", FinishKind::Other),
    ] {
        let mut said = chunk(json!([]), Some(word));
        said["candidates"][0]["finishMessage"] = "In words.".into();
        let (llm, _requests) = model("tiny", JSON, said.to_string()).await;
        let answer = llm.invoke("Hi").await.unwrap();
        let reason = answer.finish_reason().unwrap();
        assert_eq!((reason.kind(), reason.raw()), (kind, Some(word)));
        assert_eq!(answer.provider_data("gemini")["finishMessage"], "In words.");
    }
}

#[tokio::test]
async fn usage_means_what_it_means_everywhere() {
    let mut said = chunk(json!([{"text": "Hi"}]), Some("STOP"));
    said["usageMetadata"] = json!({
        "promptTokenCount": 100, "cachedContentTokenCount": 40, "toolUsePromptTokenCount": 7,
        "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 157,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "IMAGE", "tokenCount": 30},
            {"modality": "AUDIO", "tokenCount": 20}],
        "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 12}],
    });
    let (llm, _requests) = model("tiny", JSON, said.to_string()).await;
    let answer = llm.invoke("Hi").await.unwrap();
    let usage = answer.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(107), Some(50), 157));
    assert_eq!((usage.cached_input_tokens(), usage.uncached_input_tokens()), (Some(40), Some(67)));
    assert_eq!((usage.reasoning_tokens(), usage.text_tokens()), (Some(30), Some(20)));
    assert_eq!((usage.input_image_tokens(), usage.input_audio_tokens()), (Some(35), Some(20)));
    assert_eq!((usage.output_image_tokens(), usage.output_audio_tokens()), (None, Some(12)));
    assert_eq!(usage.raw()["promptTokenCount"], 100);
}

/// What nobody can hold is left out and told; the answer around it is one, and no call runs with half of what it needs.
#[tokio::test]
async fn what_is_too_deep_or_too_much_is_left_out_and_told() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(300), "}".repeat(300));
    let parts = format!(
        r#"[{{"text":"Hi"}},{{"new":{deep}}},{{"executableCode":{deep}}},{{"functionCall":{{"name":"f","args":{deep}}}}}]"#
    );
    let whole = chunk(json!([]), Some("STOP")).to_string().replace(r#""parts":[]"#, &format!(r#""parts":{parts}"#));
    let (llm, _requests) = model("tiny", JSON, whole).await;
    let answer = llm.with_envelope().invoke("Hi").await.unwrap();
    assert_eq!((answer.message.text().as_ref(), answer.message.content().parts().len()), ("Hi", 2));
    assert!(!answer.message.tool_calls()[0].has_valid_arguments());
    assert!(answer.warnings()[0].message().contains("too deeply"), "{:?}", answer.warnings());

    let mut many: Vec<_> = (0..200).map(|number| chunk(json!([{"new": vec![number; 100]}]), None)).collect();
    many.push(chunk(json!([{"text": "Hi"}]), Some("STOP")));
    let events = events(&many);
    let builder = Gemini::new("tiny").max_answer_bytes(1 << 16);
    let llm = builder.transport(Double::new("text/event-stream", events, 1000)).build().unwrap();
    let answer = read(llm.stream("Hi")).await.unwrap();
    let warnings = answer.metadata()["warnings"].to_string();
    assert!(answer.text() == "Hi" && warnings.contains("too large"), "{warnings}");
    assert!(answer.content().parts().len() < 60);
}
