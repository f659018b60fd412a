//! Whatever Gemini says, in whatever pieces it comes: the answer is the same, and goes back as it came.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, Message, Messages};
use anabranch_models::{ChatModel, Gemini};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::double::{Double, block_on};
use crate::server::read;

fn model(content_type: &'static str, body: String, size: usize) -> (ChatModel, Double) {
    let double = Double::new(content_type, body, size);
    (Gemini::new("gemini-2.5-flash").transport(double.clone()).build().unwrap(), double)
}

/// A part of an answer, of every kind there is and of one that is not yet.
fn part() -> impl Strategy<Value = Value> {
    let text = || prop_oneof![Just(String::new()), "[a-zäß🌊 \\n\"]{0,9}"];
    let id = || prop::option::of("[a-z]{12}");
    let with_id = |mut value: Value, id: Option<String>| {
        if let Some(id) = id {
            value["id"] = id.into();
        }
        value
    };
    let bytes = prop_oneof![Just("image/png"), Just("audio/mpeg"), Just("video/mp4"), Just("application/pdf")];
    let plain = prop_oneof![
        4 => text().prop_map(|text| json!({"text": text})),
        2 => text().prop_map(|text| json!({"text": text, "thought": true})),
        2 => (id(), text()).prop_map(move |(id, text)| {
            json!({"functionCall": with_id(json!({"name": "f", "args": {"a": text, "b": [1, 2.5, null]}}), id)})
        }),
        1 => (id(), text()).prop_map(move |(id, code)| {
            json!({"executableCode": with_id(json!({"language": "PYTHON", "code": code}), id)})
        }),
        1 => (id(), text(), any::<bool>()).prop_map(move |(id, output, is_ok)| {
            let outcome = if is_ok { "OUTCOME_OK" } else { "OUTCOME_FAILED" };
            json!({"codeExecutionResult": with_id(json!({"outcome": outcome, "output": output}), id)})
        }),
        1 => id().prop_map(move |id| {
            json!({"toolCall": with_id(json!({"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}), id)})
        }),
        1 => id().prop_map(move |id| json!({"toolResponse": with_id(json!({"toolType": "URL_CONTEXT"}), id)})),
        1 => bytes.prop_map(|kind| json!({"inlineData": {"mimeType": kind, "data": "AQID"}})),
        1 => Just(json!({"inlineData": {"mimeType": "image/png", "data": "AQID"}, "thought": true})),
        1 => Just(json!({"fileData": {"fileUri": "https://example.org/a", "mimeType": "image/png"}})),
        1 => text().prop_map(|text| json!({"notYetKnown": {"a": text}})),
        1 => Just(json!({})),
    ];
    (plain, prop::option::weighted(0.3, "[a-zA-Z0-9+/]{4}")).prop_map(|(mut part, signature)| {
        if let Some(signature) = signature {
            part["thoughtSignature"] = signature.into();
        }
        part
    })
}

fn chunk(parts: &[Value], finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
        "modelVersion": "gemini-2.5-flash", "responseId": "r1",
    })
}

/// The chunks of a stream: texts are cut into letters, and so many parts stand in each chunk. What is signed stays whole.
fn pieces(parts: &[Value], many: usize) -> Vec<Value> {
    let mut pieces = Vec::new();
    for part in parts {
        match (part["text"].as_str(), part.get("thoughtSignature")) {
            (Some(text), None) => pieces.extend(text.chars().map(|letter| {
                let mut piece = part.clone();
                piece["text"] = letter.to_string().into();
                piece
            })),
            _ => pieces.push(part.clone()),
        }
    }
    let mut chunks: Vec<_> = pieces.chunks(many).map(|parts| chunk(parts, None)).collect();
    chunks.push(chunk(&[], Some("STOP")));
    chunks
}

/// What should go back: parts that say nothing are none, texts without a signature that stand together are one, and so
/// are thoughts, up to the signature.
fn normal(parts: &[Value]) -> Vec<Value> {
    let mut normal: Vec<Value> = Vec::new();
    for part in parts {
        let is_text = part.get("text").is_some();
        let is_signed = part.get("thoughtSignature").is_some();
        let says_nothing = part.as_object().unwrap().is_empty() || (is_text && part["text"] == "" && !is_signed);
        let goes_on = |last: &&mut Value| {
            let is_open = last.get("text").is_some() && last.get("thoughtSignature").is_none();
            is_text
                && is_open
                && last.get("thought") == part.get("thought")
                && (!is_signed || part.get("thought").is_some())
        };
        match normal.last_mut().filter(goes_on) {
            _ if says_nothing => {}
            Some(last) => {
                last["text"] = format!("{}{}", last["text"].as_str().unwrap(), part["text"].as_str().unwrap()).into();
                if let Some(signature) = part.get("thoughtSignature") {
                    last["thoughtSignature"] = signature.clone();
                }
            }
            None if part.as_object().unwrap().keys().eq(["thoughtSignature"]) => {
                normal.push(json!({"text": "", "thoughtSignature": part["thoughtSignature"]}));
            }
            None => normal.push(part.clone()),
        }
    }
    // Members come in another order, which says nothing.
    if normal.is_empty() { vec![json!({"text": ""})] } else { normal }
}

async fn sent_back(llm: &ChatModel, double: &Double, answer: AiMessage) -> Value {
    let messages = Messages::from(vec![Message::user("Hi"), answer.into(), Message::user("And?")]);
    let envelope = llm.with_envelope().invoke(messages).await.unwrap();
    assert!(envelope.warnings().is_empty(), "{:?}", envelope.warnings());
    double.asked()["contents"][1]["parts"].take()
}

async fn check(parts: Vec<Value>, many: usize, size: usize) {
    let whole = chunk(&parts, Some("STOP")).to_string();
    let (llm, double) = model("application/json", whole.clone(), size);
    let plain = llm.invoke("Hi").await.unwrap();
    let expected = Value::from(normal(&parts));
    assert_eq!(sent_back(&llm, &double, plain.clone()).await, expected);
    // As a program keeps it.
    let saved: AiMessage = serde_json::from_value(serde_json::to_value(&plain).unwrap()).unwrap();
    assert_eq!(sent_back(&llm, &double, saved).await, expected);

    let pieces = pieces(&parts, many);
    let events: String = pieces.iter().map(|piece| format!("data: {piece}\r\n\r\n")).collect();
    let list = serde_json::to_string_pretty(&pieces).unwrap();
    for (content_type, body) in [("text/event-stream", events), ("application/json", list)] {
        let (llm, _) = model(content_type, body, size);
        let streamed = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(serde_json::to_value(&streamed).unwrap(), serde_json::to_value(&plain).unwrap());
    }
}

/// A stream that is cut anywhere is no answer, and what came of it is a beginning.
async fn check_cut(parts: Vec<Value>, many: usize, size: usize, cut: usize) {
    let pieces = pieces(&parts, many);
    let events: String = pieces.iter().map(|piece| format!("data: {piece}\r\n\r\n")).collect();
    let last = events.rfind("data: ").unwrap();
    let cut = (0..=cut % (last + 1)).rev().find(|cut| events.is_char_boundary(*cut)).unwrap();
    let (llm, _) = model("text/event-stream", events[..cut].to_string(), size);
    let error = read(llm.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteStream);
    let (llm, _) = model("application/json", chunk(&parts, Some("STOP")).to_string(), size);
    let whole = llm.invoke("Hi").await.unwrap();
    if let Some(part) = error.partial::<AiMessage>() {
        assert!(part.finish_reason().is_none());
        assert!(whole.text().starts_with(&*part.text()) && whole.reasoning().starts_with(&*part.reasoning()));
        assert!(part.content().parts().len() <= whole.content().parts().len().max(1));
    }
}

/// What a search found, in as many pieces as there are texts, each with the chunks and supports that are new, or with all
/// of them so far; and the same in one document.
async fn check_sources(texts: Vec<String>, supports: Vec<(usize, usize, usize)>, cumulative: bool) {
    let text = texts.concat();
    let pages: Vec<_> =
        (0..texts.len()).map(|page| json!({"web": {"uri": format!("https://{page}.example")}})).collect();
    let support = |(start, end, page): &(usize, usize, usize)| {
        let (start, end) = (start % (text.len() + 1), end % (text.len() + 1));
        let words = text.get(start..end).filter(|words| !words.is_empty())?;
        Some(json!({"segment": {"startIndex": start, "endIndex": end, "text": words},
            "groundingChunkIndices": [page % texts.len()]}))
    };
    // Each once: a list that begins as the one before is taken for that one, gone on.
    let mut known = std::collections::HashSet::new();
    let supports: Vec<_> =
        supports.iter().filter_map(support).filter(|support| known.insert(support.to_string())).collect();
    let with_sources = |mut chunk: Value, from: usize, to: usize| {
        let all = |list: &[Value]| list[from.min(list.len())..to.min(list.len())].to_vec();
        chunk["candidates"][0]["groundingMetadata"] =
            json!({"groundingChunks": all(&pages), "groundingSupports": all(&supports)});
        chunk
    };
    let whole = with_sources(chunk(&[json!({"text": text})], Some("STOP")), 0, usize::MAX);
    let (llm, _) = model("application/json", whole.to_string(), 100);
    let plain = llm.invoke("Hi").await.unwrap();
    let last = texts.len() - 1;
    let events = texts.iter().enumerate().map(|(place, text)| {
        let chunk = chunk(&[json!({"text": text})], (place == last).then_some("STOP"));
        let from = if cumulative { 0 } else { place };
        let chunk = with_sources(chunk, from, if place == last { usize::MAX } else { place + 1 });
        format!("data: {chunk}\r\n\r\n")
    });
    let (llm, _) = model("text/event-stream", events.collect(), 100);
    let streamed = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(serde_json::to_value(&streamed).unwrap(), serde_json::to_value(&plain).unwrap());
    let cited = plain.citations().filter_map(|citation| Some(text[citation.range()?].to_string()));
    let expected = supports.iter().map(|support| support["segment"]["text"].as_str().unwrap().to_string());
    assert_eq!(cited.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_goes_back_as_it_came(
        parts in prop::collection::vec(part(), 0..9), many in 1_usize..4, size in 1_usize..200,
    ) {
        block_on(check(parts, many, size));
    }

    #[test]
    fn a_cut_stream_is_a_beginning(
        parts in prop::collection::vec(part(), 0..6), many in 1_usize..4, size in 1_usize..200, cut in any::<usize>(),
    ) {
        block_on(check_cut(parts, many, size, cut));
    }

    #[test]
    fn sources_add_up_however_they_come(
        texts in prop::collection::vec("[a-zäß🌊 ]{1,6}", 1..5), cumulative in any::<bool>(),
        supports in prop::collection::vec((0_usize..40, 0_usize..40, 0_usize..9), 0..5),
    ) {
        block_on(check_sources(texts, supports, cumulative));
    }
}
