//! [`Usage`]: what a call cost in tokens.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// What a call cost in tokens. Counts a provider does not report are `None`, which is not zero.
///
/// Providers count differently (whether cached or reasoning tokens are part of input and output); the numbers are
/// theirs, and [`raw`](Self::raw) is the whole of what they said.
///
/// ```
/// use anabranch_messages::Usage;
///
/// let usage = Usage::new(12, 30).with_reasoning_tokens(8);
/// assert_eq!(usage.total_tokens(), 42);
/// assert_eq!(usage.cached_input_tokens(), None);
/// ```
#[derive(Clone, PartialEq, Default, Serialize)]
pub struct Usage {
    #[serde(rename = "input_tokens", skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(rename = "output_tokens", skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(rename = "total_tokens", skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(rename = "cached_input_tokens", skip_serializing_if = "Option::is_none")]
    cached_input: Option<u64>,
    #[serde(rename = "cache_write_tokens", skip_serializing_if = "Option::is_none")]
    cache_write: Option<u64>,
    #[serde(rename = "reasoning_tokens", skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    raw: Map<String, Value>,
}

impl Usage {
    /// This many tokens in and out.
    #[must_use]
    pub fn new(input: impl Into<Option<u64>>, output: impl Into<Option<u64>>) -> Self {
        Self { input: input.into(), output: output.into(), ..Self::default() }
    }

    /// Sets the provider's own total.
    #[must_use]
    pub fn with_total_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.total = tokens.into();
        self
    }

    /// Sets how many input tokens came from a cache.
    #[must_use]
    pub fn with_cached_input_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.cached_input = tokens.into();
        self
    }

    /// Sets how many input tokens were written to a cache.
    #[must_use]
    pub fn with_cache_write_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.cache_write = tokens.into();
        self
    }

    /// Sets how many tokens the model thought.
    #[must_use]
    pub fn with_reasoning_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.reasoning = tokens.into();
        self
    }

    /// Keeps what the provider said.
    #[must_use]
    pub fn with_raw(mut self, raw: Map<String, Value>) -> Self {
        self.raw = raw;
        self
    }

    /// Tokens that went in.
    #[must_use]
    pub fn input_tokens(&self) -> Option<u64> {
        self.input
    }

    /// Tokens that came out.
    #[must_use]
    pub fn output_tokens(&self) -> Option<u64> {
        self.output
    }

    /// The provider's total, or else input and output added up.
    #[must_use]
    pub fn total_tokens(&self) -> u64 {
        self.total.unwrap_or_else(|| self.input.unwrap_or(0).saturating_add(self.output.unwrap_or(0)))
    }

    /// Input tokens that came from a cache.
    #[must_use]
    pub fn cached_input_tokens(&self) -> Option<u64> {
        self.cached_input
    }

    /// Input tokens that were written to a cache.
    #[must_use]
    pub fn cache_write_tokens(&self) -> Option<u64> {
        self.cache_write
    }

    /// Tokens the model thought.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.reasoning
    }

    /// What the provider said; empty where it was not kept.
    #[must_use]
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// Takes over each count a later report of the same call has. Nothing is added up: reports are running totals.
    pub fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.total = later.total.or(self.total);
        self.cached_input = later.cached_input.or(self.cached_input);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.reasoning = later.reasoning.or(self.reasoning);
        update_map(&mut self.raw, later.raw);
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
        let counts = [
            ("input", self.input),
            ("output", self.output),
            ("total", self.total),
            ("cached_input", self.cached_input),
            ("cache_write", self.cache_write),
            ("reasoning", self.reasoning),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                shown.field(name, &count);
            }
        }
        shown.finish_non_exhaustive()
    }
}
