//! [`ChatOptions`]: what a call asks for besides its messages.

use std::fmt;

use serde_json::{Map, Value};

/// What a call asks for besides its messages. Whatever is `None` is left to the provider.
///
/// Users set these on the model: [`ChatModel::temperature`](crate::ChatModel::temperature) and its neighbours.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ChatOptions {
    /// How freely tokens are drawn.
    pub temperature: Option<f64>,
    /// The share of probability tokens are drawn from.
    pub top_p: Option<f64>,
    /// The most tokens an answer may have.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that can be had again, where the provider can do that.
    pub seed: Option<i64>,
    /// Fields of the provider's own request, sent as they are; they win over what anabranch writes.
    pub extra: Map<String, Value>,
}

/// Stop texts and the provider's own fields may hold parts of a prompt: only their number and names are shown.
impl fmt::Debug for ChatOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatOptions")
            .field("temperature", &self.temperature)
            .field("top_p", &self.top_p)
            .field("max_tokens", &self.max_tokens)
            .field("stop", &self.stop.len())
            .field("seed", &self.seed)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish()
    }
}
