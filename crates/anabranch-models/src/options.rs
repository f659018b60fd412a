//! [`ChatOptions`]: what a call asks for besides its messages.

use std::fmt;

use serde_json::{Map, Value};

use crate::tool::{Tool, ToolChoice};

/// What a call asks for besides its messages. Whatever is `None` or empty is left to the provider; what a provider cannot
/// do is a [`Warning`](crate::Warning) on the answer.
///
/// Users set these on the model: [`ChatModel::temperature`](crate::ChatModel::temperature) and its neighbours.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ChatOptions {
    /// How freely tokens are drawn.
    pub temperature: Option<f64>,
    /// The share of probability tokens are drawn from.
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are drawn from.
    pub top_k: Option<u32>,
    /// The most tokens an answer may have.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that can be had again, where the provider can do that.
    pub seed: Option<i64>,
    /// How much tokens are avoided that stand in the text already: -2 to 2.
    pub presence_penalty: Option<f64>,
    /// How much tokens are avoided that stand in the text often: -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// How many alternatives are given with the log-probability of each token; 0 for the token alone.
    pub logprobs: Option<u8>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, must or must not.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may ask for several calls at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How much it thinks before it answers.
    pub reasoning: Option<ReasoningOptions>,
    /// What the answer consists of, such as `text` and `audio`.
    pub modalities: Vec<String>,
    /// At what price and priority.
    pub service_tier: Option<String>,
    /// Whose call it is, as a name that identifies nobody.
    pub user: Option<String>,
    /// Kept by the provider with the call.
    pub metadata: Map<String, Value>,
    /// Headers of this call. Their values are treated as secrets.
    pub headers: Vec<(String, String)>,
    /// A name for the call, so that a server which knows such names does it once.
    pub idempotency_key: Option<String>,
    /// Whether the answer keeps the body as it came.
    pub keep_raw: bool,
    /// Fields of the provider's own request, sent as they are; they win over what anabranch writes.
    pub extra: Map<String, Value>,
}

impl ChatOptions {
    /// The names of the fields that ask a provider for something, besides those that are the same for every provider over
    /// HTTP (`headers`, `idempotency_key`, `keep_raw`, `extra`), so that a backend can warn of whatever it does not know:
    /// what a later version asks for, too. Tools that are no functions are `provider_tools`.
    ///
    /// ```
    /// use anabranch_models::{ChatModel, ScriptedModel};
    ///
    /// let llm = ChatModel::from(ScriptedModel::new()).temperature(0.0).stop(["END"]);
    /// assert_eq!(llm.options().asked().collect::<Vec<_>>(), ["temperature", "stop"]);
    /// ```
    pub fn asked(&self) -> impl Iterator<Item = &'static str> {
        // Whole, so that a new field cannot be forgotten here.
        let Self {
            temperature,
            top_p,
            top_k,
            max_tokens,
            stop,
            seed,
            presence_penalty,
            frequency_penalty,
            logprobs,
            tools,
            tool_choice,
            parallel_tool_calls,
            response_format,
            reasoning,
            modalities,
            service_tier,
            user,
            metadata,
            headers: _,
            idempotency_key: _,
            keep_raw: _,
            extra: _,
        } = self;
        let is_function = |tool: &Tool| tool.name().is_some();
        let fields = [
            ("temperature", temperature.is_some()),
            ("top_p", top_p.is_some()),
            ("top_k", top_k.is_some()),
            ("max_tokens", max_tokens.is_some()),
            ("stop", !stop.is_empty()),
            ("seed", seed.is_some()),
            ("presence_penalty", presence_penalty.is_some()),
            ("frequency_penalty", frequency_penalty.is_some()),
            ("logprobs", logprobs.is_some()),
            ("tools", tools.iter().any(is_function)),
            ("provider_tools", !tools.iter().all(is_function)),
            ("tool_choice", tool_choice.is_some()),
            ("parallel_tool_calls", parallel_tool_calls.is_some()),
            ("response_format", response_format.is_some()),
            ("reasoning", reasoning.is_some()),
            ("modalities", !modalities.is_empty()),
            ("service_tier", service_tier.is_some()),
            ("user", user.is_some()),
            ("metadata", !metadata.is_empty()),
        ];
        fields.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name)
    }
}

/// The form of an answer.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Text, which is what models do unless told otherwise.
    Text,
    /// Some JSON. Most providers want the word in the prompt, too.
    Json,
    /// JSON of this schema.
    Schema(JsonSchema),
}

/// A JSON schema by a name.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct JsonSchema {
    /// Letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The schema itself.
    pub schema: Value,
    /// Whether the provider must hold the answer to it, or may only try.
    pub strict: bool,
}

impl JsonSchema {
    /// A schema that the answer must have.
    pub fn new(name: impl Into<String>, schema: impl Into<Value>) -> Self {
        Self { name: name.into(), description: None, schema: schema.into(), strict: true }
    }
}

/// How much a model thinks before it answers: in words, in tokens, or both, as the provider takes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReasoningOptions {
    /// In the provider's words: `none`, `minimal`, `low`, `medium`, `high`, ...
    pub effort: Option<String>,
    /// In tokens: the most it may think.
    pub budget: Option<u32>,
}

impl ReasoningOptions {
    /// An effort in the provider's words.
    pub fn effort(effort: impl Into<String>) -> Self {
        Self { effort: Some(effort.into()), budget: None }
    }

    /// A budget in tokens.
    #[must_use]
    pub fn budget(tokens: u32) -> Self {
        Self { effort: None, budget: Some(tokens) }
    }
}

/// Schemas may hold parts of a prompt in their descriptions.
impl fmt::Debug for ResponseFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("Text"),
            Self::Json => f.write_str("Json"),
            Self::Schema(schema) => schema.fmt(f),
        }
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchema").field("name", &self.name).field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// Stop texts and the provider's own fields may hold parts of a prompt, headers may hold keys: only their number and
/// names are shown.
impl fmt::Debug for ChatOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatOptions")
            .field("temperature", &self.temperature)
            .field("top_p", &self.top_p)
            .field("top_k", &self.top_k)
            .field("max_tokens", &self.max_tokens)
            .field("stop", &self.stop.len())
            .field("seed", &self.seed)
            .field("presence_penalty", &self.presence_penalty)
            .field("frequency_penalty", &self.frequency_penalty)
            .field("logprobs", &self.logprobs)
            .field("tools", &self.tools)
            .field("tool_choice", &self.tool_choice)
            .field("parallel_tool_calls", &self.parallel_tool_calls)
            .field("response_format", &self.response_format)
            .field("reasoning", &self.reasoning)
            .field("modalities", &self.modalities)
            .field("service_tier", &self.service_tier)
            .field("metadata", &self.metadata.len())
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("keep_raw", &self.keep_raw)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
