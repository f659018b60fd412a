//! What a call cost, as both of OpenAI's APIs and the servers that speak the same report it.

use anabranch_messages::Usage;
use serde_json::{Map, Value};

use crate::reader;

/// xAI's unit of money, in US dollars: <https://docs.x.ai/developers/cost-tracking>.
const TICK: f64 = 1e-10;

/// A report in the one meaning that [`Usage`] has: input with what came from a cache, output with what was thought.
pub(super) fn usage(raw: &str) -> Option<Usage> {
    let raw: Map<String, Value> = reader::value(Some(raw).filter(|raw| reader::is_small(raw))?)?;
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    let count = |key: &str| raw.get(key).and_then(whole);
    let detail = |group: &str, key: &str| raw.get(group)?.get(key).and_then(whole);
    let of_input = |key| detail("prompt_tokens_details", key).or_else(|| detail("input_tokens_details", key));
    let of_output = |key| detail("completion_tokens_details", key).or_else(|| detail("output_tokens_details", key));

    let input = count("prompt_tokens").or_else(|| count("input_tokens"));
    let output = count("completion_tokens").or_else(|| count("output_tokens"));
    let total = count("total_tokens");
    let thought = of_output("reasoning_tokens").or_else(|| count("reasoning_tokens"));
    let usage = Usage::new(input, with_thoughts(input, output, thought, total))
        .with_total_tokens(total)
        .with_cached_input_tokens(of_input("cached_tokens").or_else(|| count("prompt_cache_hit_tokens")))
        .with_uncached_input_tokens(count("prompt_cache_miss_tokens"))
        .with_cache_write_tokens(of_input("cache_write_tokens"))
        .with_reasoning_tokens(thought)
        .with_input_audio_tokens(of_input("audio_tokens"))
        .with_output_audio_tokens(of_output("audio_tokens"))
        .with_input_image_tokens(of_input("image_tokens"))
        .with_output_image_tokens(of_output("image_tokens"))
        .with_cost(cost(&raw));
    Some(usage.with_raw(raw))
}

/// All that came out. xAI's chat completions count what was thought beside the rest of the output, and only the total
/// tells: `12 + 2 + 340 = 354`.
fn with_thoughts(input: Option<u64>, output: Option<u64>, thought: Option<u64>, total: Option<u64>) -> Option<u64> {
    let (Some(input), Some(said), Some(thought), Some(total)) = (input, output, thought, total) else { return output };
    let all = said.saturating_add(thought);
    Some(if thought > 0 && input.saturating_add(all) == total { all } else { said })
}

/// In US dollars: OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's `cost_in_usd_ticks`.
fn cost(raw: &Map<String, Value>) -> Option<f64> {
    let said = raw.get("cost").and_then(|cost| cost.as_f64().or_else(|| cost.get("total_cost")?.as_f64()));
    // None at all is what servers say that do not know.
    let ticks = || raw.get("cost_in_usd_ticks")?.as_f64().filter(|ticks| *ticks > 0.0);
    said.or_else(|| ticks().map(|ticks| ticks * TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_beside_the_output_are_part_of_it() {
        let beside = r#"{"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 354, "cost_in_usd_ticks": 1399000,
            "completion_tokens_details": {"reasoning_tokens": 340}}"#;
        let beside = usage(beside).unwrap();
        assert_eq!(
            (beside.output_tokens(), beside.reasoning_tokens(), beside.text_tokens()),
            (Some(342), Some(340), Some(2))
        );
        assert_eq!(beside.total_tokens(), 354);
        assert!((beside.cost().unwrap() - 0.000_139_9).abs() < 1e-12);
        let within = r#"{"input_tokens": 12, "output_tokens": 342, "total_tokens": 354, "cost_in_usd_ticks": 0,
            "output_tokens_details": {"reasoning_tokens": 340}}"#;
        let within = usage(within).unwrap();
        assert_eq!((within.output_tokens(), within.text_tokens(), within.cost()), (Some(342), Some(2), None));
    }

    #[test]
    fn caches_sounds_and_costs_have_their_counts() {
        let deepseek =
            usage(r#"{"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5}"#).unwrap();
        assert_eq!((deepseek.cached_input_tokens(), deepseek.uncached_input_tokens()), (Some(4), Some(5)));
        let perplexity = usage(r#"{"cost": {"total_cost": 0.5}}"#).unwrap();
        let openrouter = usage(r#"{"cost": 0.25, "prompt_tokens_details": {"audio_tokens": 3}}"#).unwrap();
        assert_eq!((perplexity.cost(), openrouter.cost()), (Some(0.5), Some(0.25)));
        assert_eq!(openrouter.input_audio_tokens(), Some(3));
    }
}
