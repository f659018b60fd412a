use anabranch_messages::TextPart;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::providers::gemini::error::ERRORS;
use crate::transport::Errors;

fn found(said: Value, answer: &AiMessage) -> Vec<Citation> {
    let Value::Object(said) = said else { panic!() };
    let (parts, is_full) = citations(&said, answer, 1 << 20);
    assert!(!is_full);
    let citation = |part| match part {
        ContentPart::Citation(citation) => citation,
        _ => panic!(),
    };
    parts.into_iter().map(citation).collect()
}

fn grounding(supports: Value) -> Value {
    json!({"groundingMetadata": {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {}, {"maps": {"uri": "b", "placeId": "p"}}],
        "groundingSupports": supports,
    }})
}

/// Bytes, whatever the letters are; and the words of a segment are believed more than its numbers.
#[test]
fn a_source_is_found_for_each_of_its_words() {
    let text = "Grüße 🌊. Die Weser ist lang.";
    let answer = AiMessage::new(text);
    let bytes = |words: &str| text.find(words).map(|start| start..start + words.len());
    let weser = bytes("Die Weser").unwrap();
    let segments = [
        (json!({"startIndex": weser.start, "endIndex": weser.end, "text": "Die Weser"}), Some(weser.clone())),
        (json!({"startIndex": weser.start, "endIndex": weser.end}), Some(weser.clone())),
        // Counted in letters, which some have done.
        (json!({"startIndex": 9, "endIndex": 18, "text": "Die Weser"}), Some(weser)),
        (json!({"endIndex": 8, "text": "Grüße"}), bytes("Grüße")),
        (json!({"endIndex": 6, "text": "no such words"}), None),
        // In the middle of a letter, behind the end, upside down, nothing at all.
        (json!({"startIndex": 3, "endIndex": 6}), None),
        (json!({"startIndex": 3, "endIndex": 6_000}), None),
        (json!({"startIndex": u64::MAX, "endIndex": u64::MAX, "partIndex": u64::MAX}), None),
        (json!({"startIndex": 6, "endIndex": 1}), None),
        (json!({}), None),
        (json!("?"), None),
    ];
    for (segment, expected) in segments {
        let support = json!([{"segment": segment, "groundingChunkIndices": [0, 1, 7], "confidenceScores": [0.5]}]);
        let found = found(grounding(support), &answer);
        assert_eq!(found[0].range(), expected, "{segment}");
        assert_eq!((found[0].url(), found[0].title()), (Some("https://a.example"), Some("A")));
        assert_eq!(found[0].provider_data(GEMINI)["confidenceScore"], 0.5);
        // What no words rest on stands behind, and what is no source is none.
        assert_eq!((found.len(), found[1].id(), found[1].range()), (2, Some("p"), None));
    }
}

#[test]
fn a_segment_may_count_from_the_part_it_names() {
    let answer = AiMessage::new([
        TextPart::new("Ähm. ").with_signature("s").into(),
        ContentPart::from(TextPart::new("Die Weser ist lang.").with_signature("s")),
    ]);
    let segment = json!({"partIndex": 1, "startIndex": 4, "endIndex": 9});
    for words in [Value::Null, json!("Weser")] {
        let mut segment = segment.clone();
        segment["text"] = words;
        let support = json!([{"segment": segment, "groundingChunkIndices": [0]}]);
        let range = found(grounding(support), &answer)[0].range().unwrap();
        assert_eq!(&answer.text()[range], "Weser");
    }
}

#[test]
fn what_is_repeated_and_what_was_read_are_sources_too() {
    let said = json!({
        "citationMetadata": {"citationSources": [{"startIndex": 0, "endIndex": 3, "uri": "u", "license": "mit"}, {}]},
        "urlContextMetadata": {"urlMetadata": [
            {"retrievedUrl": "u", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
            {"retrievedUrl": "v", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
            {"retrievedUrl": "w", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR"},
        ]},
    });
    let found = found(said, &AiMessage::new("The Weser."));
    let urls: Vec<_> = found.iter().map(|one| (one.url().unwrap(), one.range())).collect();
    assert_eq!(urls, [("u", Some(0..3)), ("v", None)]);
    assert_eq!(found[0].provider_data(GEMINI)["license"], "mit");
}

fn out() -> Assembly {
    Assembly::in_chunks(Errors::for_tests(&ERRORS), 1 << 14)
}

fn kept(pieces: &[&str]) -> Map<String, Value> {
    let (mut sources, mut out) = (Sources::default(), out());
    for piece in pieces {
        let raw = RawValue::from_string(piece.to_string()).unwrap();
        sources.keep([("groundingMetadata", Some(&raw)), ("a", None), ("b", None)], &mut out);
    }
    sources.into_whole()
}

/// The numbers of supports count the chunks of all pieces.
#[test]
fn pieces_grow_whether_a_server_sends_what_is_new_or_all_of_it() {
    let whole = json!({"groundingChunks": [1, 2, 3], "webSearchQueries": ["q"], "other": 2});
    let new = [
        r#"{"groundingChunks":[1],"webSearchQueries":["q"],"other":1}"#,
        "{}",
        r#"{"groundingChunks":[2,3],"other":2}"#,
    ];
    assert_eq!(kept(&new)["groundingMetadata"], whole);
    let all = [
        r#"{"groundingChunks":[1],"webSearchQueries":["q"],"other":1}"#,
        r#"{"groundingChunks":[1,2],"webSearchQueries":["q"]}"#,
        r#"{"groundingChunks":[1,2,3],"webSearchQueries":["q"],"other":2}"#,
        r#"{"groundingChunks":[1,2,3],"webSearchQueries":["q"],"other":2}"#,
    ];
    assert_eq!(kept(&all)["groundingMetadata"], whole);
}

/// A few bytes may stand for many large sources.
#[test]
fn sources_without_end_are_left_out_and_told() {
    let title = "x".repeat(10_000);
    let segment = json!({"startIndex": 1, "endIndex": 2, "partIndex": 5, "text": "no such words"});
    let answer = AiMessage::new("y".repeat(60_000));
    let floods = [
        (json!([{"groundingChunkIndices": vec![0; 100_000]}]), 105),
        (vec![json!({"groundingChunkIndices": [1], "segment": segment}); 100_000].into(), MANY + 1),
        (vec![json!({"groundingChunkIndices": [7], "segment": segment}); 100_000].into(), 3),
    ];
    for (supports, most) in floods {
        let chunks = json!([{"web": {"title": title}}, {"web": {"uri": "u"}}]);
        let said = json!({"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": supports}});
        let Value::Object(said) = said else { panic!() };
        let (parts, is_full) = citations(&said, &answer, 1 << 20);
        assert!(is_full && parts.len() <= most, "{}", parts.len());
    }

    let (mut sources, mut out) = (Sources::default(), out());
    for number in 0..1000 {
        let piece = RawValue::from_string(format!(r#"{{"groundingChunks":[{number}]}}"#)).unwrap();
        sources.keep([("groundingMetadata", Some(&piece)), ("a", None), ("b", None)], &mut out);
    }
    assert_eq!((sources.bytes, sources.into_whole().len()), (0, 0));
}

proptest! {
    /// Wherever words stand, and whatever a server says, a range is one of the text.
    #[test]
    fn every_range_can_be_read(
        pieces in prop::collection::vec("[a-zäß🌊\n]{0,6}", 1..6),
        start in 0_usize..40, end in 0_usize..40, part in 0_usize..8, with_words in any::<bool>(),
    ) {
        let seal = |piece: &String| ContentPart::from(TextPart::new(piece).with_signature("s"));
        let answer = AiMessage::new(pieces.iter().map(seal).collect::<Vec<_>>());
        let text = answer.text();
        let mut segment = json!({"startIndex": start, "endIndex": end, "partIndex": part});
        let words = text.get(start..end.max(start)).filter(|words| with_words && !words.is_empty());
        if let Some(words) = words {
            segment["text"] = words.into();
        }
        let support = json!([{"segment": segment, "groundingChunkIndices": [0]}]);
        let range = found(grounding(support), &answer)[0].range();
        if let Some(range) = &range {
            prop_assert!(text.get(range.clone()).is_some());
        }
        if let Some(words) = words {
            prop_assert_eq!(text.get(range.unwrap()), Some(words));
        }
    }
}
