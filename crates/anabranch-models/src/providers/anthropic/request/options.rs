//! What is asked for besides the messages.

use anabranch_core::{Error, Result};
use serde_json::{Map, Number, Value, json};

use super::Writer;
use crate::options::{ChatOptions, JsonSchema, ResponseFormat};
use crate::providers::anthropic::dialect::AnthropicThinking;
use crate::providers::anthropic::response::PROVIDER;
use crate::tool::{FunctionTool, Tool, ToolChoice};

impl Writer<'_> {
    pub(super) fn options(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> Result<()> {
        let thinks = self.thinking(document, options);
        for (name, value) in [("temperature", options.temperature), ("top_p", options.top_p)] {
            let Some(value) = value else { continue };
            let number = Number::from_f64(value)
                .ok_or_else(|| Error::invalid_input(format!("{name} must be a number, not {value}")))?;
            match name {
                "temperature" if thinks && value != 1.0 => {
                    self.warn("temperature", "not sent: a model that thinks takes none but 1");
                }
                name => _ = document.insert(name.into(), number.into()),
            }
        }
        match options.top_k {
            Some(_) if thinks => self.warn("top_k", "not sent: a model that thinks takes none"),
            Some(top_k) => _ = document.insert("top_k".into(), top_k.into()),
            None => {}
        }
        if !options.stop.is_empty() {
            document.insert("stop_sequences".into(), options.stop.clone().into());
        }
        self.tools(document, options);
        if let Some(tier) = &options.service_tier {
            document.insert("service_tier".into(), tier.as_str().into());
        }
        let user = options.user.as_deref().map(Value::from).or_else(|| options.metadata.get("user_id").cloned());
        if let Some(user) = user {
            document.insert("metadata".into(), json!({"user_id": user}));
        }
        let unknown = [
            ("seed", options.seed.is_some()),
            ("presence_penalty", options.presence_penalty.is_some()),
            ("frequency_penalty", options.frequency_penalty.is_some()),
            ("logprobs", options.logprobs.is_some()),
            ("modalities", options.modalities.iter().any(|one| one != "text")),
            ("metadata", options.metadata.keys().any(|key| key != "user_id")),
        ];
        for (name, _) in unknown.into_iter().filter(|(_, asked)| *asked) {
            self.warn(name, "not sent: Anthropic's Messages API has no such setting");
        }
        Ok(())
    }

    /// How much the model is to think, and how long its answer may be, thoughts included. Gives whether it thinks.
    fn thinking(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> bool {
        let effort = options.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
        let budget = options.reasoning.as_ref().and_then(|reasoning| reasoning.budget);
        let is_off = effort == Some("none") || budget == Some(0);
        let by_words = self.dialect.thinking == AnthropicThinking::Adaptive;
        let budget = match (budget, effort) {
            (Some(budget), _) => Some(budget),
            (None, Some(_)) if by_words => None,
            (None, Some("low" | "minimal")) => Some(2048),
            (None, Some("medium")) => Some(8192),
            (None, Some(_)) => Some(24_576),
            (None, None) => None,
        };
        if effort.is_some() && budget.is_some() && !by_words && !is_off {
            self.warn("reasoning", "the effort in words became a budget of tokens: this model takes no words");
        }
        let max_tokens = options.max_tokens.unwrap_or_else(|| {
            let thoughts = budget.filter(|_| !is_off).unwrap_or(0);
            // The limit holds for both, and must be the larger one.
            if thoughts < self.dialect.max_tokens { self.dialect.max_tokens } else { thoughts.saturating_add(4096) }
        });
        document.insert("max_tokens".into(), max_tokens.into());
        let thinking = match (budget, effort) {
            _ if is_off => json!({"type": "disabled"}),
            (Some(budget), _) => json!({"type": "enabled", "budget_tokens": budget}),
            (None, Some(_)) => json!({"type": "adaptive"}),
            (None, None) => return false,
        };
        document.insert("thinking".into(), thinking);
        if let Some(effort) = effort.filter(|_| by_words && !is_off) {
            config(document, "effort", effort.into());
        }
        !is_off
    }

    fn tools(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let mut tools = Vec::new();
        for tool in &options.tools {
            match tool {
                Tool::Function(function) => tools.push(self::function(function)),
                Tool::Provider { provider, definition } if provider == "anthropic" => tools.push(definition.clone()),
                Tool::Provider { .. } => self.warn("tools", "a tool of another provider was not sent"),
            }
        }
        let mut choice = match &options.tool_choice {
            None => None,
            Some(ToolChoice::Auto) => Some(json!({"type": "auto"})),
            Some(ToolChoice::None) => Some(json!({"type": "none"})),
            Some(ToolChoice::Required) => Some(json!({"type": "any"})),
            Some(ToolChoice::Function(name)) => Some(json!({"type": "tool", "name": name})),
        };
        if tools.is_empty() && (choice.is_some() || options.parallel_tool_calls.is_some()) {
            self.warn("tool_choice", "not sent: there are no tools to choose from");
            choice = None;
        }
        let parallel = options.parallel_tool_calls.filter(|_| !tools.is_empty());
        match &options.response_format {
            None | Some(ResponseFormat::Text) => {}
            Some(ResponseFormat::Json) => {
                self.warn("response_format", "not sent: this API knows no JSON without a schema; say it in the prompt");
            }
            Some(ResponseFormat::Schema(schema)) if self.dialect.json_schema => {
                config(document, "format", json!({"type": "json_schema", "schema": described(schema)}));
            }
            Some(ResponseFormat::Schema(_)) => {
                self.warn("response_format", "not sent: this model takes no schema; make it call a tool, or say it");
            }
        }
        if tools.is_empty() {
            return;
        }
        document.insert("tools".into(), tools.into());
        if parallel == Some(false) && choice.as_ref().is_none_or(|choice| choice["type"] != "none") {
            choice.get_or_insert_with(|| json!({"type": "auto"}))["disable_parallel_tool_use"] = true.into();
        }
        if let Some(choice) = choice {
            document.insert("tool_choice".into(), choice);
        }
    }
}

fn config(document: &mut Map<String, Value>, key: &str, value: Value) {
    document.entry("output_config").or_insert_with(|| json!({}))[key] = value;
}

/// The description has no place of its own.
fn described(schema: &JsonSchema) -> Value {
    let mut value = schema.schema.clone();
    if let (Some(description), Some(object)) = (&schema.description, value.as_object_mut()) {
        object.entry("description").or_insert_with(|| description.as_str().into());
    }
    value
}

fn function(function: &FunctionTool) -> Value {
    let mut schema = function.parameters.clone();
    // A type is demanded, even of a tool that takes nothing.
    match &mut schema {
        Value::Object(object) => _ = object.entry("type").or_insert_with(|| "object".into()),
        Value::Null => schema = json!({"type": "object"}),
        _ => {}
    }
    let mut value = json!({"name": function.name, "input_schema": schema});
    if let Some(description) = &function.description {
        value["description"] = description.as_str().into();
    }
    if let Some(strict) = function.strict {
        value["strict"] = strict.into();
    }
    for (name, said) in function.options_of(PROVIDER) {
        value[name] = said.clone();
    }
    value
}
