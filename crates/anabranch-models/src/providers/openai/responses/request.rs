//! To the wire: what is asked.

use std::collections::{HashMap, HashSet};

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{Content, ContentPart, MediaSource, Message, ToolMessage};
use serde_json::{Map, Value, json};

use crate::answer::Warning;
use crate::backend::ChatRequest;
use crate::providers::merge;
use crate::providers::openai::dialect::OpenAiDialect;
use crate::providers::openai::tools::options_of;
use crate::providers::warnings::Warnings;

mod options;
mod turn;

/// What is written, and what of it could not be.
struct Writer<'a> {
    /// Whose items go back.
    provider: &'a str,
    warnings: Warnings,
    input: Vec<Value>,
    /// The calls whose input is text of any form: their results have another type.
    custom: HashSet<String>,
    /// Where the calls of the provider's own tools stand in the input, by their ids.
    server_calls: HashMap<String, usize>,
    /// Whether the provider keeps answers, so that an id is enough to name what was thought.
    is_stored: bool,
}

/// The document that is posted, and what could not be put into it.
pub(in crate::providers::openai) fn document(
    request: ChatRequest,
    model: &str,
    dialect: &OpenAiDialect,
    streamed: bool,
) -> Result<(Vec<u8>, Vec<Warning>)> {
    let options = &request.options;
    let is_stored = options.extra.get("store") != Some(&Value::Bool(false));
    let mut writer = Writer {
        provider: &dialect.provider,
        warnings: Warnings::default(),
        input: Vec::new(),
        custom: HashSet::new(),
        server_calls: HashMap::new(),
        is_stored,
    };
    if request.messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer"));
    }
    for message in request.messages {
        writer.add(message, dialect)?;
    }
    let mut document = Map::new();
    document.insert("model".into(), model.into());
    document.insert("input".into(), std::mem::take(&mut writer.input).into());
    writer.options(&mut document, options)?;
    if streamed {
        document.insert("stream".into(), true.into());
    }
    merge(&mut document, &options.extra);
    Ok((serde_json::to_vec(&Value::Object(document))?, writer.warnings.into_list()))
}

impl Writer<'_> {
    fn warn(&mut self, subject: &'static str, message: &'static str) {
        self.warnings.add(subject, message);
    }

    fn add(&mut self, message: Message, dialect: &OpenAiDialect) -> Result<()> {
        let (role, name, content) = match message {
            Message::System(system) => {
                (dialect.system_role.to_string(), system.name().is_some(), self.content(system.content().clone())?)
            }
            Message::User(user) => ("user".to_string(), user.name().is_some(), self.content(user.into_content())?),
            Message::Ai(answer) => {
                self.turn(answer);
                return Ok(());
            }
            Message::Tool(result) => return self.result(result),
        };
        if name {
            self.warn("message", "the speaker's name was not sent: the Responses API takes none");
        }
        self.input.push(json!({"role": role, "content": content}));
        Ok(())
    }

    /// With what is said of a part to this provider.
    fn with_options<'a>(&self, mut value: Value, options: impl Fn(&str) -> &'a Map<String, Value>) -> Value {
        options_of(self.provider, options).for_each(|(name, option)| value[name] = option.clone());
        value
    }

    fn result(&mut self, result: ToolMessage) -> Result<()> {
        if result.is_error() {
            self.warn("tool message", "that it is an error was not sent: the Responses API has no mark for it");
        }
        let id = result.tool_call_id().to_string();
        let is_custom = self.custom.contains(&id);
        let type_ = if is_custom { "custom_tool_call_output" } else { "function_call_output" };
        let output = self.content(result.into_content())?;
        self.input.push(json!({"type": type_, "call_id": id, "output": output}));
        Ok(())
    }

    fn content(&mut self, content: Content) -> Result<Value> {
        match content {
            Content::Text(text) => Ok(text.into()),
            Content::Parts(parts) => {
                let parts = parts.into_iter().filter_map(|one| self.asked(one).transpose());
                parts.collect::<Result<Vec<_>>>().map(Value::from)
            }
        }
    }

    fn asked(&mut self, part: ContentPart) -> Result<Option<Value>> {
        let value = match part {
            ContentPart::Text(text) => {
                let value = json!({"type": "input_text", "text": text.text()});
                self.with_options(value, |name| text.provider_options(name))
            }
            ContentPart::Image(image) => {
                let mut value = json!({"type": "input_image"});
                match (image.source(), image.to_url()) {
                    (MediaSource::FileId(id), _) => value["file_id"] = id.as_str().into(),
                    (_, Some(url)) => value["image_url"] = url.into(),
                    (_, None) => return Err(cannot("image like this")),
                }
                if let Some(detail) = image.detail() {
                    value["detail"] = detail.into();
                }
                self.with_options(value, |name| image.provider_options(name))
            }
            ContentPart::File(file) => {
                let value = match (file.source(), file.to_url()) {
                    (MediaSource::FileId(id), _) => json!({"type": "input_file", "file_id": id}),
                    (MediaSource::Url(url), _) if !url.starts_with("data:") => {
                        json!({"type": "input_file", "file_url": url})
                    }
                    (_, Some(data)) => {
                        let name = file.name().unwrap_or("file");
                        json!({"type": "input_file", "filename": name, "file_data": data})
                    }
                    (_, None) => return Err(cannot("file like this")),
                };
                self.with_options(value, |name| file.provider_options(name))
            }
            ContentPart::Audio(_) => return Err(cannot("audio: chat completions do")),
            // What a model said or thought before is no part of what is asked.
            ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                return Ok(None);
            }
            _ => return Err(cannot("content of this kind")),
        };
        Ok(Some(value))
    }
}

fn cannot(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the Responses API takes no {what}"))
}

#[cfg(test)]
mod tests;
