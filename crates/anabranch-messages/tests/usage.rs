//! What several calls cost.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::Usage;
use proptest::prelude::*;

fn any_usage() -> impl Strategy<Value = Usage> {
    let count = || prop::option::of(0_u64..1000);
    let cache = prop::option::of((0_u64..300, 0_u64..300));
    (0_u64..1000, count(), cache, count(), prop::option::of(0_u32..8), count()).prop_map(
        |(input, output, cache, total, cost, audio)| {
            Usage::new(input, output)
                .with_cached_input_tokens(cache.map(|(read, _)| read))
                .with_cache_write_tokens(cache.map(|(_, written)| written))
                .with_total_tokens(total)
                .with_input_audio_tokens(audio)
                .with_reasoning_tokens(output.map(|output| output / 2))
                // Halves add up exactly.
                .with_cost(cost.map(|cost| f64::from(cost) / 2.0))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_usage_of_several_calls_adds_up(calls in prop::collection::vec(any_usage(), 0..6), at in any::<prop::sample::Index>()) {
        let whole: Usage = calls.iter().sum();
        let (left, right) = calls.split_at(at.index(calls.len() + 1));
        let sum = left.iter().sum::<Usage>() + right.iter().sum();
        prop_assert_eq!(&sum, &whole);
        prop_assert_eq!(whole.total_tokens(), calls.iter().map(Usage::total_tokens).sum::<u64>());
        prop_assert_eq!(whole.input_tokens().unwrap_or(0), calls.iter().filter_map(Usage::input_tokens).sum::<u64>());
        prop_assert_eq!(whole.uncached_input_tokens().unwrap_or(0), calls.iter().filter_map(Usage::uncached_input_tokens).sum::<u64>());
        prop_assert_eq!(whole.text_tokens().unwrap_or(0), calls.iter().filter_map(Usage::text_tokens).sum::<u64>());
        prop_assert_eq!(whole.cost().unwrap_or(0.0), calls.iter().filter_map(Usage::cost).sum::<f64>());
        let again: Usage = serde_json::from_value(serde_json::to_value(&whole).unwrap()).unwrap();
        prop_assert_eq!(again, whole);
    }
}
