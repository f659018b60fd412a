//! What is asked for besides the messages.

use anabranch_core::{Error, Result};
use serde_json::{Map, Number, Value, json};

use super::Writer;
use crate::options::{ChatOptions, ResponseFormat};
use crate::providers::ollama::response::OLLAMA;
use crate::tool::{FunctionTool, Tool, ToolChoice};

impl Writer<'_> {
    pub(super) fn options(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> Result<()> {
        let mut settings = Map::new();
        let numbers = [
            ("temperature", options.temperature),
            ("top_p", options.top_p),
            ("presence_penalty", options.presence_penalty),
            ("frequency_penalty", options.frequency_penalty),
        ];
        for (name, value) in numbers {
            let Some(value) = value else { continue };
            let number = Number::from_f64(value)
                .ok_or_else(|| Error::invalid_input(format!("{name} must be a number, not {value}")))?;
            settings.insert(name.into(), number.into());
        }
        let whole = [
            ("top_k", options.top_k.map(Value::from)),
            ("num_predict", options.max_tokens.map(Value::from)),
            ("seed", options.seed.map(Value::from)),
            ("stop", Some(options.stop.clone()).filter(|stop| !stop.is_empty()).map(Value::from)),
        ];
        settings.extend(whole.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
        if !settings.is_empty() {
            document.insert("options".into(), settings.into());
        }
        if let Some(alternatives) = options.logprobs {
            document.insert("logprobs".into(), true.into());
            if alternatives > 0 {
                document.insert("top_logprobs".into(), alternatives.into());
            }
        }
        self.tools(document, options);
        match &options.response_format {
            None | Some(ResponseFormat::Text) => {}
            Some(ResponseFormat::Json) => _ = document.insert("format".into(), "json".into()),
            Some(ResponseFormat::Schema(schema)) => _ = document.insert("format".into(), schema.schema.clone()),
        }
        self.thinking(document, options);
        let unknown = [
            ("modalities", options.modalities.iter().any(|one| one != "text")),
            ("service_tier", options.service_tier.is_some()),
            ("user", options.user.is_some()),
            ("metadata", !options.metadata.is_empty()),
        ];
        for (name, _) in unknown.into_iter().filter(|(_, asked)| *asked) {
            self.warn(name, "not sent: Ollama has no such setting");
        }
        Ok(())
    }

    /// Levels are for the models that have some: others refuse them.
    fn thinking(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let Some(reasoning) = &options.reasoning else { return };
        let think: Value = match (reasoning.effort.as_deref(), reasoning.budget) {
            (Some("none"), _) | (None, Some(0)) => false.into(),
            (Some(effort), _) if self.model.contains("gpt-oss") => effort.into(),
            (None, None) => return,
            _ => {
                self.warn("reasoning", "only that it is to think was sent, and not how much: this model has no levels");
                true.into()
            }
        };
        document.insert("think".into(), think);
    }

    fn tools(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let mut tools = Vec::new();
        for tool in &options.tools {
            match tool {
                Tool::Function(function) => tools.push(self.function(function)),
                Tool::Provider { provider, definition } if provider == "ollama" => tools.push(definition.clone()),
                Tool::Provider { .. } => self.warn("tools", "a tool of another provider was not sent"),
            }
        }
        match &options.tool_choice {
            None | Some(ToolChoice::Auto) => {}
            // What it does not know it cannot call.
            Some(ToolChoice::None) => tools.clear(),
            Some(ToolChoice::Required | ToolChoice::Function(_)) => {
                self.warn("tool_choice", "not sent: Ollama's models call tools as they like");
            }
        }
        if options.parallel_tool_calls == Some(false) {
            self.warn("parallel_tool_calls", "not sent: Ollama has no such setting");
        }
        if !tools.is_empty() {
            document.insert("tools".into(), tools.into());
        }
    }

    fn function(&mut self, function: &FunctionTool) -> Value {
        if function.strict == Some(true) {
            self.warn("tools", "that arguments must fit their schema was not sent: Ollama has no such setting");
        }
        let mut value = json!({"name": function.name, "parameters": function.parameters});
        if let Some(description) = &function.description {
            value["description"] = description.as_str().into();
        }
        // What is said to Ollama and to no other.
        if let (Value::Object(members), Some(Value::Object(options))) =
            (&mut value, function.provider_options.get(OLLAMA))
        {
            members.extend(options.clone());
        }
        json!({"type": "function", "function": value})
    }
}
