//! [`AnthropicDialect`]: what models and servers that speak the same language do differently.

/// What models and servers that speak the language of Anthropic's Messages API do differently.
///
/// It is found by the names of host and model: Claude's versions differ, and so do the servers that speak the same. A
/// model behind a name of its own is told with [`Anthropic::dialect`](crate::Anthropic::dialect):
///
/// ```
/// use anabranch_models::{Anthropic, AnthropicDialect};
///
/// # fn main() -> anabranch_core::Result<()> {
/// let dialect = AnthropicDialect::of("api.anthropic.com", "claude-sonnet-4-5");
/// let llm = Anthropic::new("fast").base_url("http://localhost:4000").dialect(dialect).build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnthropicDialect {
    /// The limit on an answer's length where the call sets none: the API demands one.
    pub max_tokens: u32,
    /// Whether an answer can be held to a schema, by `output_config`.
    pub json_schema: bool,
    /// How a request says how much the model is to think.
    pub thinking: AnthropicThinking,
    /// Whether thoughts without a signature go back to the server. Anthropic's own refuses them.
    pub unsigned_thinking: bool,
}

/// How a request says how much the model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnthropicThinking {
    /// In words: `"thinking": {"type": "adaptive"}` and `"output_config": {"effort": "low"}`. A budget in tokens is sent
    /// as one all the same.
    Adaptive,
    /// In tokens: `"thinking": {"type": "enabled", "budget_tokens": 2048}`. Words are turned into tokens: `low` and
    /// `minimal` are 2,048, `medium` is 8,192, and what is more is 24,576.
    Budget,
}

impl AnthropicDialect {
    /// The dialect of a model on a host. A model of Claude's family that is not known counts as new.
    ///
    /// ```
    /// use anabranch_models::{AnthropicDialect, AnthropicThinking};
    ///
    /// let old = AnthropicDialect::of("api.anthropic.com", "claude-3-haiku-20240307");
    /// assert_eq!((old.max_tokens, old.json_schema), (4096, false));
    /// let new = AnthropicDialect::of("gateway.example.com", "anthropic/claude-next");
    /// assert_eq!(new.thinking, AnthropicThinking::Adaptive);
    /// assert!(AnthropicDialect::of("localhost", "qwen3").unsigned_thinking);
    /// ```
    #[must_use]
    pub fn of(host: &str, model: &str) -> Self {
        let is_anthropic = host.strip_suffix("anthropic.com").is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        if !is_anthropic && !model.contains("claude") {
            // The servers with models of others: the API of 2024, which all have.
            return Self {
                max_tokens: 4096,
                json_schema: false,
                thinking: AnthropicThinking::Budget,
                unsigned_thinking: true,
            };
        }
        let version = version(model).unwrap_or((u32::MAX, 0));
        let max_tokens = match version {
            (..=2, _) | (3, ..=4) => 4096,
            (3, 5 | 6) => 8192,
            (4, ..=1) if model.contains("opus") => 32_000,
            _ => 64_000,
        };
        Self {
            max_tokens,
            json_schema: version >= (4, 1),
            thinking: if version >= (4, 6) { AnthropicThinking::Adaptive } else { AnthropicThinking::Budget },
            unsigned_thinking: false,
        }
    }
}

/// The version in a name such as `claude-3-5-haiku-20241022`, `claude-opus-4-1` or `anthropic/claude-3.7-sonnet`. Dates
/// are none.
fn version(model: &str) -> Option<(u32, u32)> {
    let name = &model[model.find("claude")?..];
    let mut words = name.split(['-', '.', '@', ':', '_']);
    let number = |word: &str| word.parse().ok().filter(|_| word.len() <= 2);
    let major = words.find_map(number)?;
    Some((major, words.next().and_then(number).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_names() {
        for (name, expected) in [
            ("claude-2.1", Some((2, 1))),
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-5-sonnet@20241022", Some((3, 5))),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some((3, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-1-20250805", Some((4, 1))),
            ("anthropic/claude-sonnet-4.5", Some((4, 5))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude", None),
            ("qwen3", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }
}
