//! What is asked for besides the messages.

use anabranch_core::{Error, Result};
use serde_json::{Map, Number, Value, json};

use super::Writer;
use crate::options::{ChatOptions, ResponseFormat};
use crate::providers::openai::dialect::ReasoningField;
use crate::providers::openai::tools::{self, Words};
use crate::tool::FunctionTool;

impl Writer<'_> {
    pub(super) fn options(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) -> Result<()> {
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
            document.insert(name.into(), number.into());
        }
        if let Some(top_k) = options.top_k {
            match self.dialect.strict {
                true => self.warn("top_k", "not sent: this server's chat completions have no such setting"),
                false => _ = document.insert("top_k".into(), top_k.into()),
            }
        }
        if let Some(max_tokens) = options.max_tokens {
            document.insert(self.dialect.max_tokens_field.as_ref().into(), max_tokens.into());
        }
        if !options.stop.is_empty() {
            document.insert("stop".into(), options.stop.clone().into());
        }
        if let Some(seed) = options.seed {
            document.insert(self.dialect.seed_field.as_ref().into(), seed.into());
        }
        if let Some(alternatives) = options.logprobs {
            document.insert("logprobs".into(), true.into());
            if alternatives > 0 {
                document.insert("top_logprobs".into(), alternatives.into());
            }
        }
        self.tools(document, options);
        self.response_format(document, options);
        self.reasoning(document, options);
        if !options.modalities.is_empty() {
            document.insert("modalities".into(), options.modalities.clone().into());
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
        let words = Words {
            function,
            required: self.dialect.required_word.clone(),
            this_one: |name| json!({"type": "function", "function": {"name": name}}),
        };
        let provider = self.dialect.provider.clone();
        tools::put(document, options, &words, &provider, |subject, message| self.warn(subject, message));
    }

    fn response_format(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let format = match &options.response_format {
            None => return,
            Some(ResponseFormat::Text) => json!({"type": "text"}),
            Some(ResponseFormat::Json) => json!({"type": "json_object"}),
            Some(ResponseFormat::Schema(_)) if !self.dialect.json_schema => {
                self.warn("response_format", "the schema was not sent, only that JSON is wanted: say it in the prompt");
                json!({"type": "json_object"})
            }
            Some(ResponseFormat::Schema(schema)) => {
                let mut named = json!({"name": schema.name, "schema": schema.schema, "strict": schema.strict});
                if let Some(description) = &schema.description {
                    named["description"] = description.as_str().into();
                }
                json!({"type": "json_schema", "json_schema": named})
            }
        };
        document.insert("response_format".into(), format);
    }

    fn reasoning(&mut self, document: &mut Map<String, Value>, options: &ChatOptions) {
        let Some(reasoning) = &options.reasoning else { return };
        let effort = reasoning.effort.as_deref();
        if self.dialect.reasoning == ReasoningField::Object {
            let mut object = Map::new();
            object.extend(effort.map(|effort| ("effort".to_string(), effort.into())));
            object.extend(reasoning.budget.map(|budget| ("max_tokens".to_string(), budget.into())));
            document.insert("reasoning".into(), object.into());
            return;
        }
        if reasoning.budget.is_some() {
            self.warn("reasoning", "the budget was not sent: this server's chat completions take an effort in words");
        }
        if self.dialect.reasoning == ReasoningField::Thinking {
            let state = if effort == Some("none") { "disabled" } else { "enabled" };
            document.insert("thinking".into(), json!({"type": state}));
        }
        if let Some(effort) = effort {
            document.insert("reasoning_effort".into(), effort.into());
        }
    }
}

fn function(function: &FunctionTool) -> Value {
    let mut value = json!({"name": function.name, "parameters": function.parameters});
    if let Some(description) = &function.description {
        value["description"] = description.as_str().into();
    }
    if let Some(strict) = function.strict {
        value["strict"] = strict.into();
    }
    json!({"type": "function", "function": value})
}
