//! [`Usage`]: what a call cost in tokens.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::Serialize;
use serde_json::{Map, Value};

/// What a call cost in tokens. Counts a provider does not report are `None`, which is not zero.
///
/// The counts mean the same whatever the provider, whose own words are in [`raw`](Self::raw):
///
/// | count | is |
/// |---|---|
/// | [`input_tokens`](Self::input_tokens) | all that went in, from a cache or not |
/// | [`uncached_input_tokens`](Self::uncached_input_tokens), [`cached_input_tokens`](Self::cached_input_tokens), [`cache_write_tokens`](Self::cache_write_tokens) | what of it did not come from a cache, came from one, was written to one |
/// | [`output_tokens`](Self::output_tokens) | all that came out, thoughts too |
/// | [`text_tokens`](Self::text_tokens), [`reasoning_tokens`](Self::reasoning_tokens) | what of it is the answer, and what was thought |
/// | [`total_tokens`](Self::total_tokens) | both |
///
/// ```
/// use anabranch_messages::Usage;
///
/// let usage = Usage::new(12, 30).with_cached_input_tokens(4).with_reasoning_tokens(8);
/// assert_eq!(usage.total_tokens(), 42);
/// assert_eq!((usage.uncached_input_tokens(), usage.text_tokens()), (Some(8), Some(22)));
/// assert_eq!(usage.cache_write_tokens(), None);
///
/// // Several calls: retries, fallbacks, the turns of an agent.
/// let all: Usage = [usage, Usage::new(3, 4)].into_iter().sum();
/// assert_eq!((all.input_tokens(), all.total_tokens()), (Some(15), 49));
/// ```
#[derive(Clone, PartialEq, Default, Serialize)]
pub struct Usage {
    #[serde(flatten)]
    counts: Counts,
    /// In US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    raw: Map<String, Value>,
}

macro_rules! counts {
    ($($field:ident = $name:literal: $set:ident, $set_doc:literal $(, $get:ident, $get_doc:literal)?;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Default, Serialize)]
        struct Counts {
            $(
                #[serde(rename = $name, skip_serializing_if = "Option::is_none")]
                $field: Option<u64>,
            )*
        }

        impl Counts {
            fn zip(self, other: Self, with: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
                Self { $($field: with(self.$field, other.$field),)* }
            }

            fn each(self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field),)*].into_iter().filter_map(|(name, count)| Some((name, count?)))
            }
        }

        impl Usage {
            $(
                #[doc = $set_doc]
                #[must_use]
                pub fn $set(mut self, tokens: impl Into<Option<u64>>) -> Self {
                    self.counts.$field = tokens.into();
                    self
                }

                $(
                    #[doc = $get_doc]
                    #[must_use]
                    pub fn $get(&self) -> Option<u64> {
                        self.counts.$field
                    }
                )?
            )*
        }
    };
}

counts! {
    input = "input_tokens": with_input_tokens, "Sets how many tokens went in.",
        input_tokens, "Tokens that went in, from a cache or not.";
    output = "output_tokens": with_output_tokens, "Sets how many tokens came out.",
        output_tokens, "Tokens that came out, thoughts too.";
    total = "total_tokens": with_total_tokens, "Sets the provider's own total.";
    uncached_input = "uncached_input_tokens": with_uncached_input_tokens,
        "Sets how many input tokens did not come from a cache, where they are not what is left over.";
    cached_input = "cached_input_tokens": with_cached_input_tokens, "Sets how many input tokens came from a cache.",
        cached_input_tokens, "Input tokens that came from a cache.";
    cache_write = "cache_write_tokens": with_cache_write_tokens,
        "Sets how many input tokens were written to a cache.",
        cache_write_tokens, "Input tokens that were written to a cache.";
    text = "text_tokens": with_text_tokens,
        "Sets how many output tokens were no thoughts, where they are not what is left over.";
    reasoning = "reasoning_tokens": with_reasoning_tokens, "Sets how many tokens the model thought.",
        reasoning_tokens, "Tokens the model thought.";
    input_audio = "input_audio_tokens": with_input_audio_tokens, "Sets how many input tokens were sound.",
        input_audio_tokens, "Input tokens that were sound.";
    output_audio = "output_audio_tokens": with_output_audio_tokens, "Sets how many output tokens were sound.",
        output_audio_tokens, "Output tokens that were sound.";
    input_image = "input_image_tokens": with_input_image_tokens, "Sets how many input tokens were pictures.",
        input_image_tokens, "Input tokens that were pictures.";
    output_image = "output_image_tokens": with_output_image_tokens, "Sets how many output tokens were pictures.",
        output_image_tokens, "Output tokens that were pictures.";
}

impl Usage {
    /// This many tokens in and out, all in all.
    #[must_use]
    pub fn new(input: impl Into<Option<u64>>, output: impl Into<Option<u64>>) -> Self {
        Self::default().with_input_tokens(input).with_output_tokens(output)
    }

    /// Sets what the provider says the call cost, in US dollars.
    #[must_use]
    pub fn with_cost(mut self, dollars: impl Into<Option<f64>>) -> Self {
        self.cost = dollars.into();
        self
    }

    /// Keeps what the provider said.
    #[must_use]
    pub fn with_raw(mut self, raw: Map<String, Value>) -> Self {
        self.raw = raw;
        self
    }

    /// The provider's total, or else input and output added up.
    #[must_use]
    pub fn total_tokens(&self) -> u64 {
        let Counts { input, output, total, .. } = self.counts;
        total.unwrap_or_else(|| input.unwrap_or(0).saturating_add(output.unwrap_or(0)))
    }

    /// Input tokens that neither came from a cache nor were written to one. Unknown where nothing is said of a cache.
    #[must_use]
    pub fn uncached_input_tokens(&self) -> Option<u64> {
        let Counts { input, uncached_input, cached_input, cache_write, .. } = self.counts;
        uncached_input.or_else(|| {
            let cached = cached_input.or(cache_write.map(|_| 0))?.saturating_add(cache_write.unwrap_or(0));
            Some(input?.saturating_sub(cached))
        })
    }

    /// Output tokens that were no thoughts. Unknown where nothing is said of thoughts.
    #[must_use]
    pub fn text_tokens(&self) -> Option<u64> {
        let Counts { output, text, reasoning, .. } = self.counts;
        text.or_else(|| Some(output?.saturating_sub(reasoning?)))
    }

    /// What the provider says the call cost, in US dollars.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// What the provider said; empty where it was not kept, and of several calls.
    #[must_use]
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// Takes over each count a later report of the same call has. Nothing is added up: reports are running totals.
    /// The usage of several calls is added up by `+`.
    pub fn update(&mut self, later: Self) {
        self.counts = self.counts.zip(later.counts, |this, later| later.or(this));
        self.cost = later.cost.or(self.cost);
        update_map(&mut self.raw, later.raw);
    }

    fn is_nothing(&self) -> bool {
        self.counts == Counts::default() && self.cost.is_none() && self.raw.is_empty()
    }

    /// The same, with what is left over said in numbers, so that it can be added to what has none of it.
    fn spelt_out(mut self) -> Self {
        self.counts.uncached_input = self.uncached_input_tokens();
        self.counts.text = self.text_tokens();
        self
    }
}

/// What several calls cost. A count that only one of them has is that one's. The providers' own words cannot be added
/// up, and are left out.
impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        if other.is_nothing() {
            return;
        }
        if self.is_nothing() {
            *self = other;
            return;
        }
        let total = self.total_tokens().saturating_add(other.total_tokens());
        let has_total = self.counts.total.is_some() || other.counts.total.is_some();
        let (this, other) = (std::mem::take(self).spelt_out(), other.spelt_out());
        let add = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.counts = this.counts.zip(other.counts, add);
        self.counts.total = has_total.then_some(total);
        self.cost = match (this.cost, other.cost) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(calls: I) -> Self {
        calls.fold(Self::default(), Self::add)
    }
}

impl<'a> Sum<&'a Usage> for Usage {
    fn sum<I: Iterator<Item = &'a Usage>>(calls: I) -> Self {
        calls.cloned().sum()
    }
}

/// Each key's last value that is not null wins; nothing is joined or added up.
pub(crate) fn update_map(map: &mut Map<String, Value>, later: Map<String, Value>) {
    if map.is_empty() {
        *map = later;
        return;
    }
    for (key, value) in later {
        match map.get_mut(&key) {
            Some(_) if value.is_null() => {}
            Some(there) => *there = value,
            None => {
                map.insert(key, value);
            }
        }
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Usage");
        self.counts.each().for_each(|(name, count)| _ = shown.field(name, &count));
        shown.finish_non_exhaustive()
    }
}
