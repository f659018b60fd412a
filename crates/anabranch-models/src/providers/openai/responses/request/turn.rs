//! What the model answered before.
//!
//! An answer is a list of items: thoughts, texts, calls, calls of the provider's own tools. Their order counts, a thought
//! is refused without what followed it, and each is known by its id. What a message cannot hold of this is in its
//! metadata, under `output`: the items in order, without what is in the message itself.

use std::collections::VecDeque;

use anabranch_messages::{AiMessage, ContentPart, Reasoning, ToolCall};
use serde_json::{Value, json};

use super::Writer;

/// What is left of an answer to be written.
struct Rest {
    text: String,
    refusal: String,
    thoughts: VecDeque<Reasoning>,
    calls: Vec<ToolCall>,
}

impl Rest {
    /// The seal of a thought may come after other things were said.
    fn think(&mut self, thought: Reasoning) {
        let same = |known: &&mut Reasoning| known.id().is_some() && known.id() == thought.id();
        match (self.thoughts.iter_mut().find(same), thought.id(), thought.encrypted()) {
            (Some(known), Some(id), Some(sealed)) if known.encrypted().is_none() => {
                let text = format!("{}{}", known.text(), thought.text());
                *known = Reasoning::new(text).with_id(id).with_encrypted(sealed);
            }
            _ => self.thoughts.push_back(thought),
        }
    }
}

impl Writer {
    pub(super) fn turn(&mut self, answer: AiMessage) {
        let outline = match answer.metadata().get("output") {
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        let mut rest = Rest {
            text: answer.text().into_owned(),
            refusal: answer.refusal().into_owned(),
            thoughts: VecDeque::new(),
            calls: answer.tool_calls().to_vec(),
        };
        let has_image = outline.iter().any(|item| item["type"] == "image_generation_call");
        for part in answer.into_content().into_parts() {
            match part {
                ContentPart::Text(_) | ContentPart::Refusal(_) | ContentPart::ToolCall(_) => {}
                ContentPart::Reasoning(thought) => rest.think(thought),
                // It is named by its id.
                ContentPart::Image(_) if has_image => {}
                _ => self.warn(
                    "assistant message",
                    "images, audio and files in it were not sent: there is no place for them",
                ),
            }
        }
        let messages = outline.iter().filter(|item| item["type"] == "message").count();
        let mut written = 0;
        for item in &outline {
            match item["type"].as_str().unwrap_or_default() {
                "message" => {
                    written += 1;
                    let bytes = item["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
                    // The last one has what is left: somebody may have changed the text.
                    let bytes = if written == messages { rest.text.len() } else { bytes };
                    self.said(&mut rest, bytes, item);
                }
                "reasoning" => {
                    let id = item["id"].as_str();
                    let place = rest.thoughts.iter().position(|thought| thought.id() == id);
                    let thought = place.and_then(|place| rest.thoughts.remove(place)).unwrap_or_default();
                    self.thought(&thought, Some(item));
                }
                type_ @ ("function_call" | "custom_tool_call") => {
                    let id = item["call_id"].as_str().unwrap_or_default();
                    let Some(place) = rest.calls.iter().position(|call| call.id() == id) else { continue };
                    let call = rest.calls.remove(place);
                    self.call(&call, type_, item);
                }
                _ => self.input.push(item.clone()),
            }
        }
        // What no item tells of, or all of it where another API answered.
        for thought in std::mem::take(&mut rest.thoughts) {
            self.thought(&thought, None);
        }
        let bytes = rest.text.len();
        self.said(&mut rest, bytes, &Value::Null);
        for call in &rest.calls {
            self.call(call, "function_call", &Value::Null);
        }
    }

    /// So many bytes of what was said, and the refusal.
    fn said(&mut self, rest: &mut Rest, bytes: usize, item: &Value) {
        let bytes = if rest.text.is_char_boundary(bytes) { bytes } else { rest.text.len() };
        let after = rest.text.split_off(bytes);
        let text = std::mem::replace(&mut rest.text, after);
        // A message without text may be all there is of a refusal.
        let refusal = if text.is_empty() { std::mem::take(&mut rest.refusal) } else { String::new() };
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(json!({"type": "output_text", "text": text, "annotations": []}));
        }
        if !refusal.is_empty() {
            parts.push(json!({"type": "refusal", "refusal": refusal}));
        }
        if parts.is_empty() {
            return;
        }
        let mut value = match (&item["id"], parts.as_slice()) {
            (Value::String(id), _) => {
                json!({"type": "message", "id": id, "role": "assistant", "status": "completed", "content": parts})
            }
            // The short form, which all servers take; llama.cpp wants its type.
            (_, [_]) if !text.is_empty() => json!({"type": "message", "role": "assistant", "content": text}),
            _ => json!({"type": "message", "role": "assistant", "content": parts}),
        };
        if let Some(phase) = item["phase"].as_str() {
            value["phase"] = phase.into();
        }
        self.input.push(value);
    }

    /// As it came. Without its seal it says nothing to a provider that keeps no answers.
    fn thought(&mut self, thought: &Reasoning, item: Option<&Value>) {
        let id = item.and_then(|item| item["id"].as_str()).or(thought.id());
        let shows_all = item.is_some_and(|item| item.get("content").is_some());
        let is_known = item.is_some() && (self.is_stored || shows_all);
        if !is_known && thought.encrypted().is_none() {
            if !thought.text().is_empty() {
                self.warn(
                    "assistant message",
                    "a thought in it was not sent: the provider has no way to know it again",
                );
            }
            return;
        }
        let mut value = json!({"type": "reasoning", "summary": []});
        if let Some(id) = id {
            value["id"] = id.into();
        }
        match thought.text() {
            "" => {}
            text if shows_all => value["content"] = json!([{"type": "reasoning_text", "text": text}]),
            text => value["summary"] = json!([{"type": "summary_text", "text": text}]),
        }
        if let Some(sealed) = thought.encrypted() {
            value["encrypted_content"] = sealed.into();
        }
        self.input.push(value);
    }

    fn call(&mut self, call: &ToolCall, type_: &str, item: &Value) {
        let mut value = json!({"type": type_, "call_id": call.id(), "name": call.name()});
        if type_ == "custom_tool_call" {
            self.custom.insert(call.id().to_string());
            value["input"] = call.raw_arguments().into();
        } else {
            value["arguments"] = match call.raw_arguments().trim_ascii() {
                "" | "null" => "{}".into(),
                arguments => arguments.into(),
            };
        }
        for name in ["id", "namespace"] {
            if let Some(said) = item[name].as_str() {
                value[name] = said.into();
            }
        }
        self.input.push(value);
    }
}
