//! What the model answered before, as it came: in its order, and every signature on the part it came with.
//!
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>

use anabranch_messages::{AiMessage, ContentPart, MediaSource, ServerToolResult, ToolCall};
use serde_json::{Map, Value, json};

use super::{Called, Writer, with_options};
use crate::providers::gemini::response::{CODE, GEMINI, MADE_ID};

/// What stands in for the signature of a call that Gemini did not make.
pub(super) const FOREIGN_CALL: &str = "skip_thought_signature_validator";

impl Writer<'_> {
    /// The parts of it. What belongs to another model is left out: its thoughts and their seals, what its provider did by
    /// itself. What an answer rests on is said of it, and is no part of it.
    pub(super) fn turn(&mut self, answer: AiMessage) -> Vec<Value> {
        let is_model = |model: &str| model.contains("gemini") || model == self.model;
        let is_own = !answer.provider_data(GEMINI).is_empty() || answer.model().is_none_or(is_model);
        self.calls.clear();
        let mut parts = Vec::new();
        for part in answer.into_content().into_parts() {
            let (value, signature) = match &part {
                ContentPart::Text(text) if text.text().is_empty() && text.signature().is_none() => continue,
                ContentPart::Text(text) | ContentPart::Refusal(text) => {
                    (with_options(json!({"text": text.text()}), text.provider_options(GEMINI)), text.signature())
                }
                ContentPart::Reasoning(_) if !is_own => {
                    self.warn("assistant message", "the thoughts in it were not sent: they are another model's");
                    continue;
                }
                ContentPart::Reasoning(thought) => {
                    (json!({"text": thought.text(), "thought": true}), thought.signature())
                }
                ContentPart::ToolCall(call) => {
                    let signature = self.seal(call, is_own);
                    (self.call(call), signature)
                }
                ContentPart::ServerToolCall(call) if is_own => (self.server_call(call), call.signature()),
                ContentPart::ServerToolResult(result) if is_own => {
                    let signature = result.provider_data(GEMINI).get("thoughtSignature").and_then(Value::as_str);
                    (server_result(result), signature)
                }
                ContentPart::Image(media)
                | ContentPart::Audio(media)
                | ContentPart::Video(media)
                | ContentPart::File(media) => match self.media(media) {
                    // An upload to another provider is none of Gemini's.
                    Ok(value) if is_own || !matches!(media.source(), MediaSource::FileId(_)) => {
                        (value, media.signature())
                    }
                    _ => {
                        let message = "an image, sound or file in it was not sent: it is not here, or of no media type";
                        self.warn("assistant message", message);
                        continue;
                    }
                },
                ContentPart::Other(other) if other.provider() == Some(GEMINI) => (other.value().clone().into(), None),
                ContentPart::Citation(_) => continue,
                ContentPart::ServerToolCall(_) | ContentPart::ServerToolResult(_) => {
                    let message = "what a tool of another provider did was not sent: Gemini has not seen it";
                    self.warn("assistant message", message);
                    continue;
                }
                _ => {
                    self.warn("assistant message", "a part of it was not sent: it is another provider's");
                    continue;
                }
            };
            let is_call = matches!(part, ContentPart::ToolCall(_));
            let mut value = value;
            if let Some(signature) = signature.filter(|_| is_own || is_call) {
                value["thoughtSignature"] = signature.into();
            }
            parts.push(value);
        }
        parts
    }

    /// The signature of a call. Gemini 3 refuses the first of a turn without one.
    fn seal<'a>(&self, call: &'a ToolCall, is_own: bool) -> Option<&'a str> {
        let stand_in = || (self.calls.is_empty() && wants_signatures(self.model)).then_some(FOREIGN_CALL);
        call.signature().filter(|_| is_own).or_else(stand_in)
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let mut value = json!({"name": call.name(), "args": self.arguments(call)});
        let id_is_made = call.provider_data(GEMINI).contains_key(MADE_ID);
        if !call.id().is_empty() && !id_is_made {
            value["id"] = call.id().into();
        }
        self.calls.push(Called { id: call.id().into(), name: call.name().into(), id_is_made });
        json!({"functionCall": with_options(value, call.provider_options(GEMINI))})
    }

    fn arguments(&mut self, call: &ToolCall) -> Value {
        call.arguments().unwrap_or_else(|_| {
            self.warn("tool call", "its arguments were not sent: they are no JSON object");
            json!({})
        })
    }

    /// Code that Gemini ran, or the call of another of its tools.
    fn server_call(&mut self, call: &ToolCall) -> Value {
        let arguments = self.arguments(call);
        if call.name() == CODE {
            return json!({"executableCode": with_id(arguments, call.id())});
        }
        let mut value = json!({"toolType": call.name()});
        if !call.raw_arguments().is_empty() {
            value["args"] = arguments;
        }
        json!({"toolCall": with_id(value, call.id())})
    }
}

fn server_result(result: &ServerToolResult) -> Value {
    let (name, id) = (result.name().unwrap_or_default(), result.tool_call_id());
    if name == CODE {
        return json!({"codeExecutionResult": with_id(result.output().clone(), id)});
    }
    let mut value = Map::from_iter([("toolType".to_string(), name.into())]);
    if !result.output().is_null() {
        value.insert("response".into(), result.output().clone());
    }
    json!({"toolResponse": with_id(value.into(), id)})
}

fn with_id(mut value: Value, id: &str) -> Value {
    if let (Value::Object(members), false) = (&mut value, id.is_empty()) {
        members.insert("id".into(), id.into());
    }
    value
}

/// Whether a model refuses calls without a signature: Gemini 3 and what came after it.
fn wants_signatures(model: &str) -> bool {
    let generation = model.rsplit('/').next().unwrap_or_default().strip_prefix("gemini-").unwrap_or_default();
    generation.split(['.', '-']).next().and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 3)
}
