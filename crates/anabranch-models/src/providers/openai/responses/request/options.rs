//! What is asked for besides the messages.

use anabranch_core::{Error, Result};
use serde_json::{Map, Number, Value, json};

use super::Writer;
use crate::options::{ChatOptions, ResponseFormat};
use crate::providers::openai::tools::{self, Words};
use crate::tool::FunctionTool;

impl Writer<'_> {
    pub(super) fn options(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> Result<()> {
        for (name, value) in [("temperature", options.temperature), ("top_p", options.top_p)] {
            let Some(value) = value else { continue };
            let number = Number::from_f64(value)
                .ok_or_else(|| Error::invalid_input(format!("{name} must be a number, not {value}")))?;
            document.insert(name.into(), number.into());
        }
        if let Some(max_tokens) = options.max_tokens {
            document.insert("max_output_tokens".into(), max_tokens.into());
        }
        let unknown = [
            ("top_k", options.top_k.is_some()),
            ("stop", !options.stop.is_empty()),
            ("seed", options.seed.is_some()),
            ("presence_penalty", options.presence_penalty.is_some()),
            ("frequency_penalty", options.frequency_penalty.is_some()),
            ("modalities", options.modalities.iter().any(|name| name != "text")),
        ];
        for (name, is_set) in unknown {
            if is_set {
                self.warn(name, "not sent: the Responses API has no such setting");
            }
        }
        let mut include = Vec::new();
        if let Some(alternatives) = options.logprobs {
            include.push("message.output_text.logprobs");
            if alternatives > 0 {
                document.insert("top_logprobs".into(), alternatives.into());
            }
        }
        self.tools(document, options);
        if let Some(format) = &options.response_format {
            document.insert("text".into(), json!({"format": self::format(format)}));
        }
        if let Some(reasoning) = &options.reasoning {
            if reasoning.budget.is_some() {
                self.warn("reasoning", "the budget was not sent: the Responses API takes an effort in words");
            }
            if let Some(effort) = &reasoning.effort {
                document.insert("reasoning".into(), json!({"effort": effort}));
            }
            // So that it can go back, whether answers are kept or not.
            include.push("reasoning.encrypted_content");
        }
        if !include.is_empty() {
            document.insert("include".into(), include.into());
        }
        for (name, value) in [("service_tier", &options.service_tier), ("user", &options.user)] {
            if let Some(value) = value {
                document.insert(name.into(), value.as_str().into());
            }
        }
        if !options.metadata.is_empty() {
            document.insert("metadata".into(), options.metadata.clone().into());
        }
        Ok(())
    }

    fn tools(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let words =
            Words { function, required: "required".into(), this_one: |name| json!({"type": "function", "name": name}) };
        let provider = self.provider;
        tools::put(document, options, &words, provider, |subject, message| self.warn(subject, message));
    }
}

/// Here a function is strict unless it says that it is not, and a schema that is not made for that is refused.
fn function(function: &FunctionTool) -> Value {
    let mut value = json!({
        "type": "function",
        "name": function.name,
        "parameters": function.parameters,
        "strict": function.strict.unwrap_or(false),
    });
    if let Some(description) = &function.description {
        value["description"] = description.as_str().into();
    }
    value
}

fn format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::Json => json!({"type": "json_object"}),
        ResponseFormat::Schema(schema) => {
            let mut value = json!({
                "type": "json_schema",
                "name": schema.name,
                "schema": schema.schema,
                "strict": schema.strict,
            });
            if let Some(description) = &schema.description {
                value["description"] = description.as_str().into();
            }
            value
        }
    }
}
