//! What a call cost.

use anabranch_messages::Usage;
use serde_json::{Map, Value};

use crate::reader;

/// Gemini counts the prompt and what its own tools read apart, and the answer and its thoughts; here input is all that
/// went in, and output all that came out. What came from a cache is part of its prompt.
///
/// <https://ai.google.dev/api/generate-content#UsageMetadata>
pub(super) fn usage(raw: &str) -> Option<Usage> {
    let raw: Map<String, Value> = reader::value(raw)?;
    let count = |key: &str| raw.get(key).and_then(whole);
    let thoughts = count("thoughtsTokenCount");
    let input_of = |modality| {
        sum(
            of_modality(&raw, "promptTokensDetails", modality),
            of_modality(&raw, "toolUsePromptTokensDetails", modality),
        )
    };
    let output_of = |modality| of_modality(&raw, "candidatesTokensDetails", modality);
    let usage = Usage::new(
        sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
        sum(count("candidatesTokenCount"), thoughts),
    )
    .with_total_tokens(count("totalTokenCount"))
    .with_cached_input_tokens(count("cachedContentTokenCount"))
    .with_reasoning_tokens(thoughts)
    .with_input_audio_tokens(input_of("AUDIO"))
    .with_input_image_tokens(input_of("IMAGE"))
    .with_output_audio_tokens(output_of("AUDIO"))
    .with_output_image_tokens(output_of("IMAGE"));
    Some(usage.with_raw(raw))
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64))
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

/// How many tokens of a kind stand in a list of `{"modality", "tokenCount"}`.
fn of_modality(raw: &Map<String, Value>, list: &str, modality: &str) -> Option<u64> {
    let counts = raw.get(list)?.as_array()?.iter();
    let counts = counts.filter(|one| one.get("modality").is_some_and(|kind| kind == modality));
    counts.map(|one| one.get("tokenCount").and_then(whole)).fold(None, sum)
}
