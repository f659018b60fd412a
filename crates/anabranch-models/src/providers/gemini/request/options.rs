//! What is asked for besides the messages.

use anabranch_core::{Error, Result};
use serde_json::{Map, Number, Value, json};

use super::{Writer, schema, with_options};
use crate::options::{ChatOptions, ReasoningOptions, ResponseFormat};
use crate::providers::gemini::response::GEMINI;
use crate::tool::{FunctionTool, Tool, ToolChoice};

impl Writer<'_> {
    pub(super) fn options(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> Result<()> {
        self.tools(document, options);
        let mut config = Map::new();
        let numbers = [
            ("temperature", options.temperature),
            ("topP", options.top_p),
            ("presencePenalty", options.presence_penalty),
            ("frequencyPenalty", options.frequency_penalty),
        ];
        for (name, value) in numbers {
            let Some(value) = value else { continue };
            let number = Number::from_f64(value)
                .ok_or_else(|| Error::invalid_input(format!("{name} must be a number, not {value}")))?;
            config.insert(name.into(), number.into());
        }
        for (name, value) in [("topK", options.top_k), ("maxOutputTokens", options.max_tokens)] {
            config.extend(value.map(|value| (name.to_string(), value.into())));
        }
        if !options.stop.is_empty() {
            config.insert("stopSequences".into(), options.stop.clone().into());
        }
        config.extend(options.seed.map(|seed| ("seed".to_string(), seed.into())));
        if let Some(alternatives) = options.logprobs {
            config.insert("responseLogprobs".into(), true.into());
            if alternatives > 0 {
                config.insert("logprobs".into(), alternatives.into());
            }
        }
        self.response_format(&mut config, options.response_format.as_ref());
        if let Some(reasoning) = &options.reasoning {
            config.insert("thinkingConfig".into(), self.thinking(reasoning));
        }
        if !options.modalities.is_empty() {
            let names: Vec<_> = options.modalities.iter().map(|name| name.to_ascii_uppercase()).collect();
            config.insert("responseModalities".into(), names.into());
        }
        if !config.is_empty() {
            document.insert("generationConfig".into(), config.into());
        }
        if let Some(tier) = &options.service_tier {
            document.insert("serviceTier".into(), tier.as_str().into());
        }
        if options.user.is_some() {
            self.warn("user", "not sent: Gemini takes none");
        }
        if !options.metadata.is_empty() {
            self.warn(
                "metadata",
                "not sent: Gemini takes none; on Vertex AI set `labels` as an option of the provider's",
            );
        }
        Ok(())
    }

    /// Functions stand in one list, each of the provider's own tools by itself.
    fn tools(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let (mut functions, mut tools) = (Vec::new(), Vec::new());
        for tool in &options.tools {
            match tool {
                Tool::Function(function) => functions.push(self.function(function)),
                Tool::Provider { provider, definition } if provider == "gemini" => tools.push(definition.clone()),
                Tool::Provider { .. } => self.warn("tools", "a tool of another provider was not sent"),
            }
        }
        let has_functions = !functions.is_empty();
        if has_functions {
            tools.insert(0, json!({"functionDeclarations": functions}));
        }
        if !tools.is_empty() {
            document.insert("tools".into(), tools.into());
        }
        if !has_functions {
            if options.tool_choice.is_some() || options.parallel_tool_calls.is_some() {
                self.warn("tool_choice", "not sent: there are no functions to choose from");
            }
            return;
        }
        if options.parallel_tool_calls == Some(false) {
            self.warn("parallel_tool_calls", "not sent: Gemini may always ask for several calls at once");
        }
        let calling = match &options.tool_choice {
            None => return,
            Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
            Some(ToolChoice::None) => json!({"mode": "NONE"}),
            Some(ToolChoice::Required) => json!({"mode": "ANY"}),
            Some(ToolChoice::Function(name)) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        };
        document.insert("toolConfig".into(), json!({"functionCallingConfig": calling}));
    }

    fn function(&mut self, function: &FunctionTool) -> Value {
        if function.strict.is_some() {
            let message = "whether it is strict was not sent: Gemini has the mode `VALIDATED` for all tools at once";
            self.warn("tools", message);
        }
        let mut value = json!({"name": function.name});
        if let Some(description) = &function.description {
            value["description"] = description.as_str().into();
        }
        if !function.parameters.is_null() {
            value["parametersJsonSchema"] = self.schema(&function.parameters);
        }
        // What is said to Gemini and to no other, such as `behavior`.
        match function.provider_options.get(GEMINI) {
            Some(Value::Object(options)) => with_options(value, options),
            _ => value,
        }
    }

    fn response_format(&mut self, config: &mut Map<String, Value>, format: Option<&ResponseFormat>) {
        let media_type = match format {
            None => return,
            Some(ResponseFormat::Text) => "text/plain",
            Some(ResponseFormat::Json) => "application/json",
            Some(ResponseFormat::Schema(format)) => {
                let mut schema = self.schema(&format.schema);
                if let (Some(description), Some(object)) = (&format.description, schema.as_object_mut()) {
                    object.entry("description").or_insert_with(|| description.as_str().into());
                }
                config.insert("responseJsonSchema".into(), schema);
                "application/json"
            }
        };
        config.insert("responseMimeType".into(), media_type.into());
    }

    fn schema(&mut self, schema: &Value) -> Value {
        let (schema, has_more) = schema::adapted(schema);
        if has_more {
            self.warn("schema", "it says more than Gemini looks at, such as patterns and lengths: check the answer");
        }
        schema
    }

    /// Gemini 3 takes a level in words, those before it a budget in tokens, and no model takes both.
    fn thinking(&mut self, reasoning: &ReasoningOptions) -> Value {
        let budget = match (reasoning.budget, reasoning.effort.as_deref()) {
            (Some(budget), effort) => {
                if effort.is_some() {
                    self.warn("reasoning", "the effort was not sent: Gemini takes either that or a budget");
                }
                budget
            }
            (None, Some("none")) => 0,
            // As Google's own compatible API reads these words:
            // <https://ai.google.dev/gemini-api/docs/openai#thinking>
            (None, Some("minimal" | "low")) if self.model.contains("2.5") => 1024,
            (None, Some("medium")) if self.model.contains("2.5") => 8192,
            (None, Some("high")) if self.model.contains("2.5") => 24_576,
            (None, Some(effort)) => return json!({"thinkingLevel": effort, "includeThoughts": true}),
            (None, None) => return json!({"includeThoughts": true}),
        };
        match budget {
            0 => json!({"thinkingBudget": 0}),
            budget => json!({"thinkingBudget": budget, "includeThoughts": true}),
        }
    }
}
