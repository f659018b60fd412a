//! To the wire: what is asked.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, MediaSource, Message, ToolCall, ToolMessage};
use serde_json::{Map, Value, json};

use super::response::OLLAMA;
use crate::answer::Warning;
use crate::backend::ChatRequest;

mod options;

/// What is written, and what of it could not be.
struct Writer<'a> {
    model: &'a str,
    warnings: Vec<Warning>,
}

/// The document that is posted, and what could not be put into it.
pub(super) fn document(request: ChatRequest, model: &str, streamed: bool) -> Result<(Vec<u8>, Vec<Warning>)> {
    let mut writer = Writer { model, warnings: Vec::new() };
    let messages = request.messages.into_iter().map(|one| writer.message(one)).collect::<Result<Vec<_>>>()?;
    if messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer"));
    }
    let mut document = Map::new();
    document.insert("model".into(), model.into());
    document.insert("messages".into(), messages.into());
    // It streams unless told otherwise.
    document.insert("stream".into(), streamed.into());
    // Else what does not fit is cut off from the front of the prompt, and nobody is told.
    document.insert("truncate".into(), false.into());
    writer.options(&mut document, &request.options)?;
    for (key, value) in &request.options.extra {
        match (value, document.get_mut(key)) {
            (Value::Null, _) => _ = document.shift_remove(key),
            // Settings of the model, such as `num_ctx`, come to those that are there.
            (Value::Object(more), Some(Value::Object(there))) if key == "options" => there.extend(more.clone()),
            (value, _) => _ = document.insert(key.clone(), value.clone()),
        }
    }
    Ok((serde_json::to_vec(&Value::Object(document))?, writer.warnings))
}

impl Writer<'_> {
    fn warn(&mut self, subject: &'static str, message: &'static str) {
        let warning = Warning::new(subject, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn message(&mut self, message: Message) -> Result<Value> {
        let options = match &message {
            Message::System(system) => system.provider_options(OLLAMA),
            Message::User(user) => user.provider_options(OLLAMA),
            Message::Ai(answer) => answer.provider_options(OLLAMA),
            Message::Tool(result) => result.provider_options(OLLAMA),
        };
        let options = options.clone();
        let mut written = match message {
            Message::System(system) => self.said("system", system.into_content())?,
            Message::User(user) => {
                if user.name().is_some() {
                    self.warn("user message", "the speaker's name was not sent: Ollama takes none");
                }
                self.said("user", user.into_content())?
            }
            Message::Ai(answer) => self.assistant(answer),
            Message::Tool(result) => self.tool(result)?,
        };
        // What is said to Ollama and to no other.
        if let Value::Object(members) = &mut written {
            members.extend(options);
        }
        Ok(written)
    }

    /// Text and images, which are told apart: the order among them is the model's own.
    fn said(&mut self, role: &str, content: Content) -> Result<Value> {
        let (mut text, mut images) = (String::new(), Vec::new());
        for part in content.into_parts() {
            let control = match &part {
                ContentPart::Text(text) => text.cache_control(),
                ContentPart::Image(image) => image.cache_control(),
                _ => None,
            };
            if control.is_some() {
                self.warn("cache_control", "not sent: Ollama keeps what it has read by itself");
            }
            match part {
                ContentPart::Text(more) => text.push_str(more.text()),
                ContentPart::Image(image) => {
                    if image.detail().is_some() {
                        self.warn("image", "how closely to look was not sent: Ollama has no such setting");
                    }
                    images.push(Value::from(base64(&image)?));
                }
                // What a model said or thought before is no part of what is asked.
                ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                    self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                }
                ContentPart::Audio(_) => return cannot("audio"),
                ContentPart::Video(_) => return cannot("video"),
                ContentPart::File(_) => return cannot("files: put their text into the message"),
                _ => return cannot("content of this kind"),
            }
        }
        let mut message = json!({"role": role, "content": text});
        if !images.is_empty() {
            message["images"] = images.into();
        }
        Ok(message)
    }

    fn tool(&mut self, result: ToolMessage) -> Result<Value> {
        if result.is_error() {
            self.warn("tool message", "that it is an error was not sent: Ollama has no mark for it");
        }
        let (id, name) = (result.tool_call_id().to_string(), result.name().map(str::to_string));
        let mut message = self.said("tool", result.into_content())?;
        if let Some(name) = name {
            message["tool_name"] = name.into();
        }
        if !id.is_empty() {
            message["tool_call_id"] = id.into();
        }
        Ok(message)
    }

    /// What the model answered before, with its thoughts. What an answer rests on is said of it, and is no part of it.
    fn assistant(&mut self, answer: AiMessage) -> Value {
        let thought = answer.reasoning().into_owned();
        let calls: Vec<Value> = answer.tool_calls().iter().map(|call| self.call(call)).collect();
        let (mut text, mut images) = (String::new(), Vec::new());
        for part in answer.into_content().into_parts() {
            match part {
                ContentPart::Text(more) | ContentPart::Refusal(more) => text.push_str(more.text()),
                ContentPart::ToolCall(_) | ContentPart::Citation(_) => {}
                ContentPart::Reasoning(thought) if thought.text().is_empty() => {
                    self.warn("assistant message", "an encrypted thought in it was not sent: it is another provider's");
                }
                ContentPart::Reasoning(_) => {}
                ContentPart::Image(image) => match base64(&image) {
                    Ok(data) => images.push(Value::from(data)),
                    Err(_) => self.warn("assistant message", "an image in it was not sent: its bytes are not here"),
                },
                ContentPart::Audio(_) | ContentPart::Video(_) | ContentPart::File(_) => {
                    self.warn("assistant message", "sounds, films and files in it were not sent: Ollama takes none");
                }
                _ => self.warn("assistant message", "a part of it was not sent: it is another provider's"),
            }
        }
        let mut message = json!({"role": "assistant", "content": text});
        if !thought.is_empty() {
            message["thinking"] = thought.into();
        }
        if !images.is_empty() {
            message["images"] = images.into();
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        message
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let arguments = call.arguments().unwrap_or_else(|_| {
            self.warn("assistant message", "a call that broke off was sent with its arguments as text in an object");
            json!({"invalid_json": call.raw_arguments()})
        });
        let mut value = json!({"function": {"name": call.name(), "arguments": arguments}});
        if !call.id().is_empty() {
            value["id"] = call.id().into();
        }
        value
    }
}

/// The bytes of an image: Ollama fetches nothing, and neither does anybody here.
fn base64(image: &Media) -> Result<String> {
    let data = match image.source() {
        MediaSource::Url(url) => {
            let data = url.strip_prefix("data:").and_then(|url| url.split_once(','));
            data.filter(|(head, _)| head.ends_with(";base64")).map(|(_, data)| data.to_string())
        }
        _ => image.base64(),
    };
    data.map_or_else(|| cannot("images by reference: give their bytes"), Ok)
}

fn cannot<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, format!("Ollama takes no {what}")))
}

#[cfg(test)]
mod tests;
