//! The limits of numbers, texts and lists.

use serde_json::Value;

use super::{Misfit, Walk};

impl Walk<'_> {
    pub(super) fn check_limits(&self, value: &Value, schema: &Value) -> Result<(), Misfit> {
        let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
        let length = |count: usize, least: &str, most: &str| {
            limit(least).is_none_or(|least| count as f64 >= least)
                && limit(most).is_none_or(|most| count as f64 <= most)
        };
        let fits = match value {
            Value::Number(number) => number.as_f64().is_none_or(|number| {
                limit("minimum").is_none_or(|least| number >= least)
                    && limit("maximum").is_none_or(|most| number <= most)
                    && limit("exclusiveMinimum").is_none_or(|least| number > least)
                    && limit("exclusiveMaximum").is_none_or(|most| number < most)
            }),
            Value::String(text) if !self.is_partial => {
                length(text.chars().count(), "minLength", "maxLength") && self.matches_pattern(text, schema)?
            }
            Value::Array(list) if !self.is_partial => length(list.len(), "minItems", "maxItems"),
            _ => true,
        };
        if fits { Ok(()) } else { Err(self.misfit("a value outside of the limits of the schema")) }
    }
}

impl Walk<'_> {
    /// Whether a text is as the pattern of the schema says.
    #[cfg(feature = "regex")]
    fn matches_pattern(&self, text: &str, schema: &Value) -> Result<bool, Misfit> {
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return Ok(true) };
        match regex::Regex::new(pattern) {
            Ok(pattern) => Ok(pattern.is_match(text)),
            Err(_) => Err(self.misfit("the schema has a pattern that is no regular expression")),
        }
    }

    #[cfg(not(feature = "regex"))]
    fn matches_pattern(&self, _: &str, schema: &Value) -> Result<bool, Misfit> {
        match schema.get("pattern") {
            None => Ok(true),
            Some(_) => Err(self.misfit("the schema has a pattern, which is looked at with the feature `regex` only")),
        }
    }
}
