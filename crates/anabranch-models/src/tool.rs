//! [`Tool`]: what a model may call.

use std::fmt;

use serde_json::{Map, Value};

/// What a model may call: a function of the program, or a tool that runs at the provider.
///
/// ```
/// use anabranch_models::{FunctionTool, Tool};
/// use serde_json::json;
///
/// let weather = FunctionTool::new("weather", json!({"type": "object", "properties": {"city": {"type": "string"}}}))
///     .description("The weather in a city, now.");
/// let search = Tool::provider("gemini", json!({"google_search": {}}));
/// assert_eq!(Tool::from(weather).name(), Some("weather"));
/// assert_eq!(search.name(), None);
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Tool {
    /// A function that the program runs when the model asks for it.
    Function(FunctionTool),
    /// One of the provider's own, as its documentation writes it. Other providers leave it out and say so.
    Provider {
        /// The provider, as in the names of models: `openai`, `anthropic`, `gemini`.
        provider: String,
        /// The definition, sent as it is.
        definition: Value,
    },
}

/// A function that a model may ask for.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct FunctionTool {
    /// Letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// A JSON schema of an object: its arguments.
    pub parameters: Value,
    /// Whether the provider must hold the arguments to the schema. Left to the provider if `None`.
    pub strict: Option<bool>,
    /// What is said to one provider that others do not know, by the provider's name: an object each.
    pub provider_options: Map<String, Value>,
}

impl FunctionTool {
    /// A function by its name, and the schema of its arguments.
    pub fn new(name: impl Into<String>, parameters: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            description: None,
            parameters: parameters.into(),
            strict: None,
            provider_options: Map::new(),
        }
    }

    /// Says something to one provider that others do not know, and are not sent.
    ///
    /// ```
    /// use anabranch_models::FunctionTool;
    /// use serde_json::json;
    ///
    /// // Anthropic keeps the tools up to this one for the next request.
    /// let mark = json!({"type": "ephemeral"});
    /// let now = FunctionTool::new("now", json!({})).provider_option("anthropic", "cache_control", mark);
    /// assert_eq!(now.provider_options["anthropic"]["cache_control"]["type"], "ephemeral");
    /// ```
    #[must_use]
    pub fn provider_option(
        mut self,
        provider: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        let there = self.provider_options.entry(provider).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(options) = there {
            options.insert(name.into(), value.into());
        }
        self
    }

    /// What is said to this provider: members of the tool, as its API writes it.
    #[cfg(any(feature = "anthropic", feature = "openai"))]
    pub(crate) fn options_of(&self, provider: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.provider_options.get(provider).and_then(Value::as_object).into_iter().flatten()
    }

    /// What it does, for the model.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Whether the provider must hold the arguments to the schema.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = Some(strict);
        self
    }
}

impl Tool {
    /// One of a provider's own tools.
    pub fn provider(provider: impl Into<String>, definition: impl Into<Value>) -> Self {
        Self::Provider { provider: provider.into(), definition: definition.into() }
    }

    /// The name of the function, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function(function) => Some(&function.name),
            Self::Provider { .. } => None,
        }
    }
}

impl From<FunctionTool> for Tool {
    fn from(function: FunctionTool) -> Self {
        Self::Function(function)
    }
}

/// Descriptions may hold parts of a prompt.
impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(function) => function.fmt(f),
            Self::Provider { provider, .. } => {
                f.debug_struct("Provider").field("provider", provider).finish_non_exhaustive()
            }
        }
    }
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool").field("name", &self.name).field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// Whether a model may, must or must not call tools.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// It must not.
    None,
    /// It must call one, or several.
    Required,
    /// It must call this function.
    Function(String),
}
