//! What the model answered before.

use anabranch_messages::{AiMessage, Citation, ContentPart, ToolCall};
use serde_json::{Value, json};

use super::Writer;
use crate::providers::openai::citation;
use crate::providers::openai::dialect::ReasoningBack;
use crate::providers::openai::response::{DETAILS, EXTRA, known};

const SUBJECT: &str = "assistant message";

impl Writer<'_> {
    /// What the model answered before. Its thoughts go back as the server wants them, and what only a server knows goes
    /// to the one that gave it.
    pub(super) fn assistant(&mut self, answer: AiMessage) -> Value {
        let provider = self.dialect.provider.clone();
        let mut message = json!({"role": "assistant"});
        let calls: Vec<Value> = answer.tool_calls().iter().map(|call| self.call(call)).collect();
        self.thoughts(&answer, !calls.is_empty(), &mut message);
        let (mut spoken, mut notes) = (String::new(), Vec::new());
        for part in answer.content().parts() {
            match part {
                ContentPart::Text(text) => notes.extend(text.citations().iter().map(|one| self.note(one))),
                ContentPart::Citation(citation) => notes.push(self.note(citation)),
                ContentPart::Other(other) if other.provider() == Some(&provider) => {
                    notes.push(Some(Value::Object(other.value().clone())));
                }
                ContentPart::Audio(sound) => match known(sound, &provider) {
                    Some(name) => message["audio"] = name,
                    None => {
                        self.warn(SUBJECT, "a sound in it was not sent, only its words: this server does not know it");
                        spoken.push_str(sound.transcript().unwrap_or_default());
                    }
                },
                ContentPart::Reasoning(_) | ContentPart::Refusal(_) | ContentPart::ToolCall(_) => {}
                ContentPart::ServerToolCall(_) | ContentPart::ServerToolResult(_) | ContentPart::Other(_) => {
                    self.warn(
                        SUBJECT,
                        "what a provider's own tools did was not sent: chat completions take none of it",
                    );
                }
                _ => self.warn(SUBJECT, "images and files in it were not sent: chat completions take none there"),
            }
        }
        self.notes(notes, &mut message);
        let refusal = answer.refusal().into_owned();
        let mut text = answer.into_text();
        text.push_str(&spoken);
        let says_nothing = text.is_empty() && (!calls.is_empty() || message.get("audio").is_some());
        message["content"] = if says_nothing { Value::Null } else { text.into() };
        if !refusal.is_empty() {
            message["refusal"] = refusal.into();
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        message
    }

    fn call(&self, call: &ToolCall) -> Value {
        let mut value = if call.is_free_form() {
            let custom = json!({"name": call.name(), "input": call.raw_arguments()});
            json!({"id": call.id(), "type": "custom", "custom": custom})
        } else {
            let arguments = match call.raw_arguments().trim_ascii() {
                "" | "null" => "{}",
                arguments => arguments,
            };
            let function = json!({"name": call.name(), "arguments": arguments});
            json!({"id": call.id(), "type": "function", "function": function})
        };
        if let Some(extra) = call.provider_data(&self.dialect.provider).get(EXTRA) {
            value[EXTRA] = extra.clone();
        }
        value
    }

    fn thoughts(&mut self, answer: &AiMessage, has_calls: bool, message: &mut Value) {
        let thought = answer.reasoning();
        let wanted = match self.dialect.reasoning_back {
            ReasoningBack::Never => false,
            ReasoningBack::WithToolCalls => has_calls,
            ReasoningBack::Always => true,
        };
        let field = self.dialect.reasoning_back_field.as_ref();
        if wanted && !thought.is_empty() {
            message[field] = thought.as_ref().into();
        } else if let Some(details) = answer.provider_data(&self.dialect.provider).get(DETAILS) {
            message[DETAILS] = details.clone();
        } else if answer.content().parts().iter().any(|part| matches!(part, ContentPart::Reasoning(_))) {
            self.warn(SUBJECT, "the thoughts in it were not sent: this server does not want them back");
        }
    }

    /// An annotation as it came, where this server gave it and wants it back.
    fn note(&self, citation: &Citation) -> Option<Value> {
        citation::written(citation, &self.dialect.provider).filter(|_| self.dialect.annotations_back)
    }

    fn notes(&mut self, notes: Vec<Option<Value>>, message: &mut Value) {
        let known: Vec<Value> = notes.iter().flatten().filter(|_| self.dialect.annotations_back).cloned().collect();
        if known.len() < notes.len() {
            self.warn(SUBJECT, "the sources in it were not sent: this server does not want them back");
        }
        if !known.is_empty() {
            message["annotations"] = known.into();
        }
    }
}
