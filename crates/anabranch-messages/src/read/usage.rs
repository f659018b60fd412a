//! What an answer cost, and why the model stopped.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use crate::finish_reason::{FinishKind, FinishReason};
use crate::usage::Usage;

/// The names of a count: of a field, or of a field in a group.
type Names = &'static [&'static str];

const INPUT: Names = &["input_tokens", "prompt_tokens", "prompt_eval_count", "promptTokenCount"];
const OUTPUT: Names = &["output_tokens", "completion_tokens", "eval_count"];
const TOTAL: Names = &["total_tokens", "totalTokenCount"];
const UNCACHED: Names = &["uncached_input_tokens"];
const CACHED: Names = &[
    "cached_input_tokens",
    ANTHROPIC_READ,
    "prompt_cache_hit_tokens",
    "input_token_details/cache_read",
    "prompt_tokens_details/cached_tokens",
    "input_tokens_details/cached_tokens",
    "cachedContentTokenCount",
];
const WRITTEN: Names = &[
    "cache_write_tokens",
    ANTHROPIC_WRITTEN,
    "input_token_details/cache_creation",
    "prompt_tokens_details/cache_write_tokens",
];
const TEXT: Names = &["text_tokens"];
const REASONING: Names = &[
    "reasoning_tokens",
    "output_token_details/reasoning",
    "completion_tokens_details/reasoning_tokens",
    "output_tokens_details/reasoning_tokens",
    "output_tokens_details/thinking_tokens",
    GEMINI_THOUGHTS,
];
const INPUT_AUDIO: Names = &["input_audio_tokens", "input_token_details/audio", "prompt_tokens_details/audio_tokens"];
const OUTPUT_AUDIO: Names =
    &["output_audio_tokens", "output_token_details/audio", "completion_tokens_details/audio_tokens"];
const INPUT_IMAGE: Names = &["input_image_tokens", "prompt_tokens_details/image_tokens"];
const OUTPUT_IMAGE: Names = &["output_image_tokens", "completion_tokens_details/image_tokens"];

/// Anthropic's `input_tokens` are those beside the cache.
const ANTHROPIC_READ: &str = "cache_read_input_tokens";
const ANTHROPIC_WRITTEN: &str = "cache_creation_input_tokens";
/// Gemini's answer is without its thoughts.
const GEMINI_ANSWER: &str = "candidatesTokenCount";
const GEMINI_THOUGHTS: &str = "thoughtsTokenCount";

/// The counts by whatever name they have, in the one meaning that they have here. What is not in this crate's own words
/// is kept whole, as [`raw`](Usage::raw).
pub(super) fn usage(value: Value) -> Read<Usage> {
    let mut fields = Fields::new("usage", value)?;
    let has_own_raw = fields.has("raw");
    let raw = fields.object("raw")?;
    let said = fields.rest();
    let mut input = count(&said, INPUT)?;
    for beside in [ANTHROPIC_READ, ANTHROPIC_WRITTEN] {
        if let (Some(input), Some(more)) = (&mut input, count(&said, &[beside])?) {
            *input = input.saturating_add(more);
        }
    }
    let output = match (count(&said, OUTPUT)?, count(&said, &[GEMINI_ANSWER])?, count(&said, &[GEMINI_THOUGHTS])?) {
        (None, answer, thoughts) if answer.or(thoughts).is_some() => {
            Some(answer.unwrap_or(0).saturating_add(thoughts.unwrap_or(0)))
        }
        (output, ..) => output,
    };
    let usage = Usage::new(input, output)
        .with_total_tokens(count(&said, TOTAL)?)
        .with_uncached_input_tokens(count(&said, UNCACHED)?)
        .with_cached_input_tokens(count(&said, CACHED)?)
        .with_cache_write_tokens(count(&said, WRITTEN)?)
        .with_text_tokens(count(&said, TEXT)?)
        .with_reasoning_tokens(count(&said, REASONING)?)
        .with_input_audio_tokens(count(&said, INPUT_AUDIO)?)
        .with_output_audio_tokens(count(&said, OUTPUT_AUDIO)?)
        .with_input_image_tokens(count(&said, INPUT_IMAGE)?)
        .with_output_image_tokens(count(&said, OUTPUT_IMAGE)?)
        .with_cost(cost(&said)?);
    let own = [
        INPUT,
        OUTPUT,
        TOTAL,
        UNCACHED,
        CACHED,
        WRITTEN,
        TEXT,
        REASONING,
        INPUT_AUDIO,
        OUTPUT_AUDIO,
        INPUT_IMAGE,
        OUTPUT_IMAGE,
        &["cost"],
    ];
    let own = own.map(|names| names[0]);
    match said.iter().any(|(name, value)| !own.contains(&name.as_str()) && !value.is_null()) {
        false => Ok(usage.with_raw(raw)),
        true if !has_own_raw => Ok(usage.with_raw(said)),
        true => Err(Unreadable::new("usage with counts of two libraries: `raw` is where the provider's own words go")),
    }
}

fn cost(said: &Map<String, Value>) -> Read<Option<f64>> {
    match said.get("cost") {
        None | Some(Value::Null) => Ok(None),
        Some(cost) => cost
            .as_f64()
            .map(Some)
            .ok_or_else(|| Unreadable::new(format!("`cost` of usage is {}, where a number was expected", kind(cost)))),
    }
}

fn count(said: &Map<String, Value>, names: &[&str]) -> Read<Option<u64>> {
    for name in names {
        let value = match name.split_once('/') {
            None => said.get(*name),
            Some((group, name)) => said.get(group).and_then(|group| group.get(name)),
        };
        match value {
            None | Some(Value::Null) => {}
            Some(value) => {
                return value.as_u64().map(Some).ok_or_else(|| {
                    Unreadable::new(format!("`{name}` of usage is {}, where a count was expected", kind(value)))
                });
            }
        }
    }
    Ok(None)
}

/// This crate's own `{"kind", "raw"}`, or the provider's word.
pub(super) fn finish_reason(value: Value) -> Read<FinishReason> {
    if let Value::String(word) = value {
        return Ok(FinishReason::from_word(word));
    }
    let mut fields = Fields::new("a finish reason", value)?;
    let kind = fields.some_text("kind")?;
    let raw = fields.text("raw")?;
    fields.end("`kind` and `raw`")?;
    let known = FinishKind::named(&kind);
    Ok(match raw {
        Some(raw) => FinishReason::new(known, raw),
        // The word for it is all there is of a kind that a later version wrote.
        None if known == FinishKind::Other && kind != known.as_str() => FinishReason::new(known, kind),
        None => known.into(),
    })
}

/// One that a later version wrote is [`FinishKind::Other`].
pub(super) fn finish_kind(value: Value) -> Read<FinishKind> {
    let name = value.as_str().map(FinishKind::named);
    name.ok_or_else(|| Unreadable::new(format!("expected the kind of a finish reason, but came {}", kind(&value))))
}
