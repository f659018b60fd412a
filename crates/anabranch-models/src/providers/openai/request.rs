//! To the wire: what is asked.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{Content, ContentPart, Media, MediaSource, Message, ToolMessage, UserMessage};
use serde_json::{Map, Value, json};

use super::dialect::OpenAiDialect;
use super::tools::options_of;
use crate::answer::Warning;
use crate::backend::ChatRequest;
use crate::providers::warnings::Warnings;

mod assistant;
mod options;

/// What is written, and what of it could not be.
struct Writer<'a> {
    dialect: &'a OpenAiDialect,
    warnings: Warnings,
}

/// The document that is posted, and what could not be put into it.
pub(super) fn document(
    request: ChatRequest,
    model: &str,
    dialect: &OpenAiDialect,
    streamed: bool,
) -> Result<(Vec<u8>, Vec<Warning>)> {
    let mut writer = Writer { dialect, warnings: Warnings::default() };
    let messages = request.messages.into_iter().map(|one| writer.message(one)).collect::<Result<Vec<_>>>()?;
    if messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer"));
    }
    let mut document = Map::new();
    document.insert("model".into(), model.into());
    document.insert("messages".into(), messages.into());
    writer.options(&mut document, &request.options)?;
    if streamed {
        document.insert("stream".into(), true.into());
        if dialect.stream_usage {
            document.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    for (key, value) in &request.options.extra {
        match value {
            Value::Null => _ = document.shift_remove(key),
            value => _ = document.insert(key.clone(), value.clone()),
        }
    }
    Ok((serde_json::to_vec(&Value::Object(document))?, writer.warnings.into_list()))
}

impl Writer<'_> {
    fn warn(&mut self, subject: &'static str, message: &'static str) {
        self.warnings.add(subject, message);
    }

    fn message(&mut self, message: Message) -> Result<Value> {
        match message {
            Message::System(system) => {
                if system.content().parts().iter().any(|part| !matches!(part, ContentPart::Text(_))) {
                    self.warn("system message", "only its text was sent: chat completions take nothing else in it");
                }
                let name = system.name().map(str::to_string);
                let content = match system.into_content() {
                    Content::Parts(mut parts) => {
                        parts.retain(|part| matches!(part, ContentPart::Text(_)));
                        self.content(parts.into())?
                    }
                    Content::Text(text) => text.into(),
                };
                let mut value = json!({"role": self.dialect.system_role, "content": content});
                if let Some(name) = name {
                    value["name"] = name.into();
                }
                Ok(value)
            }
            Message::User(user) => self.user(user),
            Message::Ai(answer) => Ok(self.assistant(answer)),
            Message::Tool(result) => self.tool(result),
        }
    }

    fn user(&mut self, user: UserMessage) -> Result<Value> {
        let name = user.name().map(str::to_string);
        let mut message = json!({"role": "user", "content": self.content(user.into_content())?});
        if let Some(name) = name {
            message["name"] = name.into();
        }
        Ok(message)
    }

    fn tool(&mut self, result: ToolMessage) -> Result<Value> {
        if result.is_error() {
            self.warn("tool message", "that it is an error was not sent: chat completions have no mark for it");
        }
        let id = result.tool_call_id().to_string();
        Ok(json!({"role": "tool", "tool_call_id": id, "content": self.content(result.into_content())?}))
    }

    /// Text stays text: not every server takes parts.
    fn content(&mut self, content: Content) -> Result<Value> {
        match content {
            Content::Text(text) => Ok(text.into()),
            Content::Parts(parts) if parts.iter().all(|part| self.is_plain(part)) => {
                Ok(Content::Parts(parts).into_text().into())
            }
            Content::Parts(parts) => {
                let parts = parts.into_iter().filter_map(|one| self.part(one).transpose());
                parts.collect::<Result<Vec<_>>>().map(Value::from)
            }
        }
    }

    /// Whether it is text of which nothing more is said to this server.
    fn is_plain(&self, part: &ContentPart) -> bool {
        let ContentPart::Text(text) = part else { return false };
        let mut options = options_of(&self.dialect.provider, |name| text.provider_options(name));
        options.next().is_none() && (self.dialect.strict || text.cache_control().is_none())
    }

    /// With what is said of a part to this server. A mark for the cache is no part of OpenAI's own API.
    fn with_options<'a>(
        &self,
        mut value: Value,
        mark: Option<&Value>,
        options: impl Fn(&str) -> &'a Map<String, Value>,
    ) -> Value {
        if let Some(mark) = mark.filter(|_| !self.dialect.strict) {
            value["cache_control"] = mark.clone();
        }
        options_of(&self.dialect.provider, options).for_each(|(name, option)| value[name] = option.clone());
        value
    }

    fn part(&mut self, part: ContentPart) -> Result<Option<Value>> {
        let cannot = |what: &str| Err(Error::new(ErrorKind::Unsupported, format!("chat completions take no {what}")));
        let value = match part {
            ContentPart::Text(text) => {
                let value = json!({"type": "text", "text": text.text()});
                self.with_options(value, text.cache_control(), |name| text.provider_options(name))
            }
            ContentPart::Image(image) => match image.to_url() {
                Some(url) => {
                    let mut value = json!({"type": "image_url", "image_url": {"url": url}});
                    if let Some(detail) = image.detail() {
                        value["image_url"]["detail"] = detail.into();
                    }
                    self.with_options(value, image.cache_control(), |name| image.provider_options(name))
                }
                None => return cannot("image that was uploaded before: give its address or its bytes"),
            },
            ContentPart::Audio(audio) => match audio.base64() {
                Some(data) => {
                    json!({"type": "input_audio", "input_audio": {"data": data, "format": audio_format(&audio)}})
                }
                None => return cannot("audio by reference: give its bytes"),
            },
            ContentPart::File(file) => match (file.source(), file.to_url()) {
                (MediaSource::FileId(id), _) => json!({"type": "file", "file": {"file_id": id}}),
                (MediaSource::Url(url), _) if !self.dialect.file_urls && !url.starts_with("data:") => {
                    return cannot("file by address: give its bytes, or upload it first");
                }
                (_, Some(url)) => {
                    let name = file.name().unwrap_or("file");
                    let value = json!({"type": "file", "file": {"filename": name, "file_data": url}});
                    self.with_options(value, file.cache_control(), |name| file.provider_options(name))
                }
                (_, None) => return cannot("file like this"),
            },
            // What a model said or thought before is no part of what is asked.
            ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                return Ok(None);
            }
            _ => return cannot("content of this kind"),
        };
        Ok(Some(value))
    }
}

fn audio_format(audio: &Media) -> &str {
    match audio.media_type().and_then(|media_type| media_type.split_once('/')) {
        Some((_, "mpeg" | "mp3")) => "mp3",
        Some((_, "x-wav" | "wave" | "vnd.wave")) | None => "wav",
        Some((_, format)) => format,
    }
}

#[cfg(test)]
mod tests;
