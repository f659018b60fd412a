//! What an answer cost, and why the model stopped.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use crate::finish_reason::{FinishKind, FinishReason};
use crate::usage::Usage;

/// The names of a count: of a field, or of a field in a group.
type Names = &'static [&'static str];

const INPUT: Names = &["input_tokens", "prompt_tokens", "prompt_eval_count"];
const OUTPUT: Names = &["output_tokens", "completion_tokens", "eval_count"];
const TOTAL: Names = &["total_tokens"];
const CACHED: Names = &[
    "cached_input_tokens",
    "cache_read_input_tokens",
    "prompt_cache_hit_tokens",
    "input_token_details/cache_read",
    "prompt_tokens_details/cached_tokens",
    "input_tokens_details/cached_tokens",
];
const WRITTEN: Names = &[
    "cache_write_tokens",
    "cache_creation_input_tokens",
    "input_token_details/cache_creation",
    "prompt_tokens_details/cache_write_tokens",
];
const REASONING: Names = &[
    "reasoning_tokens",
    "output_token_details/reasoning",
    "completion_tokens_details/reasoning_tokens",
    "output_tokens_details/reasoning_tokens",
];

/// The counts by whatever name they have. What is not in this crate's own words is kept whole, as
/// [`raw`](Usage::raw).
pub(super) fn usage(value: Value) -> Read<Usage> {
    let mut fields = Fields::new("usage", value)?;
    let has_own_raw = fields.has("raw");
    let raw = fields.object("raw")?;
    let said = fields.rest();
    let usage = Usage::new(count(&said, INPUT)?, count(&said, OUTPUT)?)
        .with_total_tokens(count(&said, TOTAL)?)
        .with_cached_input_tokens(count(&said, CACHED)?)
        .with_cache_write_tokens(count(&said, WRITTEN)?)
        .with_reasoning_tokens(count(&said, REASONING)?);
    let own = [INPUT, OUTPUT, TOTAL, CACHED, WRITTEN, REASONING].map(|names| names[0]);
    match said.iter().any(|(name, value)| !own.contains(&name.as_str()) && !value.is_null()) {
        false => Ok(usage.with_raw(raw)),
        true if !has_own_raw => Ok(usage.with_raw(said)),
        true => Err(Unreadable::new("usage with counts of two libraries: `raw` is where the provider's own words go")),
    }
}

fn count(said: &Map<String, Value>, names: Names) -> Read<Option<u64>> {
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
