//! To the wire: what is asked.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, MediaSource, Message, ToolMessage, UserMessage};
use serde_json::{Map, Number, Value, json};

use crate::backend::ChatRequest;
use crate::options::ChatOptions;

/// What servers that speak the same language say differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OpenAI and Azure: `max_completion_tokens`, and no member they do not know.
    OpenAi,
    /// Mistral: usage comes unasked, and to ask for it is an error.
    Mistral,
    /// Everybody else.
    Compatible,
}

impl Dialect {
    pub(super) fn of_host(host: &str) -> Self {
        let is_of = |domain: &str| host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        if is_of("openai.com") || is_of("openai.azure.com") {
            Self::OpenAi
        } else if is_of("mistral.ai") {
            Self::Mistral
        } else {
            Self::Compatible
        }
    }
}

/// The document that is posted.
pub(super) fn document(request: ChatRequest, model: &str, dialect: Dialect, streamed: bool) -> Result<Vec<u8>> {
    let messages = request.messages.into_iter().map(|one| message(one, dialect)).collect::<Result<Vec<_>>>()?;
    if messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer"));
    }
    let mut document = Map::new();
    document.insert("model".into(), model.into());
    document.insert("messages".into(), messages.into());
    options(&mut document, &request.options, dialect)?;
    if streamed {
        document.insert("stream".into(), true.into());
        if dialect != Dialect::Mistral {
            document.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    for (key, value) in &request.options.extra {
        match value {
            Value::Null => _ = document.shift_remove(key),
            value => _ = document.insert(key.clone(), value.clone()),
        }
    }
    Ok(serde_json::to_vec(&Value::Object(document))?)
}

fn options(document: &mut Map<String, Value>, options: &ChatOptions, dialect: Dialect) -> Result<()> {
    let number = |name: &str, value: f64| {
        Number::from_f64(value).ok_or_else(|| Error::invalid_input(format!("{name} must be a number, not {value}")))
    };
    if let Some(temperature) = options.temperature {
        document.insert("temperature".into(), number("temperature", temperature)?.into());
    }
    if let Some(top_p) = options.top_p {
        document.insert("top_p".into(), number("top_p", top_p)?.into());
    }
    if let Some(max_tokens) = options.max_tokens {
        let key = if dialect == Dialect::OpenAi { "max_completion_tokens" } else { "max_tokens" };
        document.insert(key.into(), max_tokens.into());
    }
    if !options.stop.is_empty() {
        document.insert("stop".into(), options.stop.clone().into());
    }
    if let Some(seed) = options.seed {
        let key = if dialect == Dialect::Mistral { "random_seed" } else { "seed" };
        document.insert(key.into(), seed.into());
    }
    Ok(())
}

fn message(message: Message, dialect: Dialect) -> Result<Value> {
    match message {
        Message::System(system) => Ok(json!({"role": "system", "content": system.text()})),
        Message::User(user) => self::user(user, dialect),
        Message::Ai(answer) => Ok(assistant(answer, dialect)),
        Message::Tool(result) => tool(result, dialect),
    }
}

fn user(user: UserMessage, dialect: Dialect) -> Result<Value> {
    let name = user.name().map(str::to_string);
    let mut message = json!({"role": "user", "content": content(user.into_content(), dialect)?});
    if let Some(name) = name {
        message["name"] = name.into();
    }
    Ok(message)
}

fn tool(result: ToolMessage, dialect: Dialect) -> Result<Value> {
    let id = result.tool_call_id().to_string();
    Ok(json!({"role": "tool", "tool_call_id": id, "content": content(result.into_content(), dialect)?}))
}

/// Text stays text: not every server takes parts.
fn content(content: Content, dialect: Dialect) -> Result<Value> {
    match content {
        Content::Text(text) => Ok(text.into()),
        Content::Parts(parts) if parts.iter().all(|part| matches!(part, ContentPart::Text(_))) => {
            Ok(Content::Parts(parts).into_text().into())
        }
        Content::Parts(parts) => {
            let parts = parts.into_iter().filter_map(|one| part(one, dialect).transpose());
            parts.collect::<Result<Vec<_>>>().map(Value::from)
        }
    }
}

fn part(part: ContentPart, dialect: Dialect) -> Result<Option<Value>> {
    let cannot = |what: &str| Err(Error::new(ErrorKind::Unsupported, format!("chat completions take no {what}")));
    let value = match part {
        ContentPart::Text(text) => json!({"type": "text", "text": text.text()}),
        ContentPart::Image(image) => match image.to_url() {
            Some(url) => {
                let mut value = json!({"type": "image_url", "image_url": {"url": url}});
                if let Some(detail) = image.detail() {
                    value["image_url"]["detail"] = detail.into();
                }
                value
            }
            None => return cannot("image that was uploaded before: give its address or its bytes"),
        },
        ContentPart::Audio(audio) => match audio.base64() {
            Some(data) => json!({"type": "input_audio", "input_audio": {"data": data, "format": audio_format(&audio)}}),
            None => return cannot("audio by reference: give its bytes"),
        },
        ContentPart::File(file) => match (file.source(), file.to_url()) {
            (MediaSource::FileId(id), _) => json!({"type": "file", "file": {"file_id": id}}),
            (MediaSource::Url(url), _) if dialect == Dialect::OpenAi && !url.starts_with("data:") => {
                return cannot("file by address: give its bytes, or upload it first");
            }
            (_, Some(url)) => {
                let name = file.name().unwrap_or("file");
                json!({"type": "file", "file": {"filename": name, "file_data": url}})
            }
            (_, None) => return cannot("file like this"),
        },
        // What a model said or thought before is no part of what is asked.
        ContentPart::Reasoning(_) | ContentPart::Refusal(_) => return Ok(None),
        _ => return cannot("content of this kind"),
    };
    Ok(Some(value))
}

fn audio_format(audio: &Media) -> &str {
    match audio.media_type().and_then(|media_type| media_type.split_once('/')) {
        Some((_, "mpeg" | "mp3")) => "mp3",
        Some((_, "x-wav" | "wave" | "vnd.wave")) | None => "wav",
        Some((_, format)) => format,
    }
}

/// What the model answered before. Thoughts do not go back, but for the sealed ones that a server wants unchanged.
fn assistant(answer: AiMessage, dialect: Dialect) -> Value {
    let mut message = json!({"role": "assistant"});
    let calls: Vec<Value> = answer
        .tool_calls()
        .iter()
        .map(|call| {
            let arguments = match call.raw_arguments().trim_ascii() {
                "" | "null" => "{}",
                arguments => arguments,
            };
            let function = json!({"name": call.name(), "arguments": arguments});
            let mut value = json!({"id": call.id(), "type": "function", "function": function});
            if let (Some(signature), true) = (call.signature(), dialect == Dialect::Compatible) {
                value["extra_content"] = json!({"google": {"thought_signature": signature}});
            }
            value
        })
        .collect();
    if let (Some(details), true) = (answer.metadata().get("reasoning_details"), dialect == Dialect::Compatible) {
        message["reasoning_details"] = details.clone();
    }
    let refusal = answer.refusal().into_owned();
    let text = answer.into_text();
    message["content"] = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
    if !refusal.is_empty() {
        message["refusal"] = refusal.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

#[cfg(test)]
mod tests;
