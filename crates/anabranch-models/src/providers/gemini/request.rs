//! To the wire: what is asked.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{Content, ContentPart, Media, MediaSource, Message, SystemMessage, ToolMessage};
use serde_json::{Map, Value, json};

use super::response::GEMINI;
use crate::answer::Warning;
use crate::backend::ChatRequest;
use crate::providers::merge;

mod options;
mod schema;
mod turn;

/// Where uploaded files are, which a request names by their whole address.
const FILES: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// What is written, and what of it could not be.
struct Writer<'a> {
    model: &'a str,
    warnings: Vec<Warning>,
    contents: Vec<Value>,
    system: Vec<Value>,
    /// The calls of the last turn, in order: results go back in the same.
    calls: Vec<Called>,
    /// The results that came for them so far: which call's, and the parts.
    results: Vec<(usize, Vec<Value>)>,
}

/// A call that was made.
struct Called {
    id: String,
    name: String,
    /// Whether Gemini gave it no id, and gets none back.
    id_is_made: bool,
}

/// The document that is posted, and what could not be put into it.
pub(super) fn document(request: ChatRequest, model: &str) -> Result<(Vec<u8>, Vec<Warning>)> {
    let mut writer = Writer {
        model,
        warnings: Vec::new(),
        contents: Vec::new(),
        system: Vec::new(),
        calls: Vec::new(),
        results: Vec::new(),
    };
    for message in request.messages {
        writer.message(message)?;
    }
    writer.put_results();
    if writer.contents.is_empty() {
        if writer.system.is_empty() {
            return Err(Error::invalid_input("there are no messages to answer"));
        }
        // Instructions alone are no content, and without any the call is refused.
        writer.contents.push(json!({"role": "user", "parts": [{"text": ""}]}));
    }
    let mut document = Map::new();
    document.insert("contents".into(), std::mem::take(&mut writer.contents).into());
    if !writer.system.is_empty() {
        document.insert("systemInstruction".into(), json!({"parts": std::mem::take(&mut writer.system)}));
    }
    writer.options(&mut document, &request.options)?;
    merge(&mut document, &request.options.extra);
    Ok((serde_json::to_vec(&Value::Object(document))?, writer.warnings))
}

impl Writer<'_> {
    fn warn(&mut self, subject: &'static str, message: &'static str) {
        let warning = Warning::new(subject, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn message(&mut self, message: Message) -> Result<()> {
        match message {
            Message::System(system) => {
                self.system(&system);
                return Ok(());
            }
            Message::Tool(result) => return self.result(result),
            Message::User(_) | Message::Ai(_) => self.put_results(),
        }
        let (role, mut parts, options) = match message {
            Message::User(user) => {
                if user.name().is_some() {
                    self.warn("user message", "the speaker's name was not sent: Gemini takes none");
                }
                let options = user.provider_options(GEMINI).clone();
                ("user", self.parts(user.into_content())?, options)
            }
            Message::Ai(answer) => {
                let options = answer.provider_options(GEMINI).clone();
                ("model", self.turn(answer), options)
            }
            Message::System(_) | Message::Tool(_) => return Ok(()),
        };
        if parts.is_empty() {
            // A content without parts is refused.
            parts.push(json!({"text": ""}));
        }
        self.contents.push(with_options(json!({"role": role, "parts": parts}), &options));
        Ok(())
    }

    /// All of it goes to one place.
    fn system(&mut self, system: &SystemMessage) {
        if !self.contents.is_empty() || !self.results.is_empty() {
            self.warn("system message", "moved to the beginning: Gemini takes instructions there only");
        }
        if system.content().parts().iter().any(|part| !matches!(part, ContentPart::Text(_))) {
            self.warn("system message", "only its text was sent: Gemini takes nothing else in it");
        }
        for part in system.content().parts() {
            if let ContentPart::Text(text) = part {
                self.uncached(text.cache_control());
            }
        }
        let text = system.text();
        if !text.is_empty() {
            self.system.push(json!({"text": text}));
        }
    }

    /// What is asked, part by part.
    fn parts(&mut self, content: Content) -> Result<Vec<Value>> {
        let mut parts = Vec::new();
        for part in content.into_parts() {
            match part {
                ContentPart::Text(text) => {
                    self.uncached(text.cache_control());
                    parts.push(with_options(json!({"text": text.text()}), text.provider_options(GEMINI)));
                }
                ContentPart::Image(media)
                | ContentPart::Audio(media)
                | ContentPart::Video(media)
                | ContentPart::File(media) => parts.push(self.media(&media)?),
                // What a model said or thought before is no part of what is asked.
                ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                    self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                }
                // As the API has it, for what messages have no place for.
                ContentPart::Other(other) if other.provider() == Some(GEMINI) => {
                    parts.push(other.value().clone().into())
                }
                _ => return Err(cannot("takes no content of this kind")),
            }
        }
        Ok(parts)
    }

    fn uncached(&mut self, control: Option<&Value>) {
        if control.is_some() {
            self.warn("cache_control", "not sent: Gemini caches by itself, and by `cachedContent` as an option");
        }
    }

    fn media(&mut self, media: &Media) -> Result<Value> {
        if media.detail().is_some() {
            self.warn(
                "image",
                "how closely to look was not sent: set `mediaResolution` as an option of the provider's",
            );
        }
        if media.name().is_some() {
            self.warn("file", "its name was not sent: Gemini takes none");
        }
        self.uncached(media.cache_control());
        let part = match media.source() {
            MediaSource::Url(url) => match inline(url) {
                Some((media_type, data)) => json!({"inlineData": {"mimeType": media_type, "data": data}}),
                None => file(url, media.media_type()),
            },
            MediaSource::FileId(id) if id.contains("://") => file(id, media.media_type()),
            MediaSource::FileId(id) => file(&format!("{FILES}{id}"), media.media_type()),
            _ => match (media.media_type(), media.base64()) {
                (Some(media_type), Some(data)) => json!({"inlineData": {"mimeType": media_type, "data": data}}),
                _ => return Err(cannot("takes no bytes without a media type, such as `image/png`")),
            },
        };
        Ok(with_options(part, media.provider_options(GEMINI)))
    }

    fn result(&mut self, result: ToolMessage) -> Result<()> {
        let id = result.tool_call_id().to_string();
        let place = self.calls.iter().position(|known| known.id == id);
        let call = place.and_then(|place| self.calls.get(place));
        let name = result.name().map(str::to_string).or_else(|| call.map(|call| call.name.clone()));
        let Some(name) = name else {
            return Err(Error::invalid_input(
                "a tool message answers no call of the message before it, and names no tool: Gemini wants the name",
            ));
        };
        let has_id = !id.is_empty() && !call.is_some_and(|call| call.id_is_made);
        self.uncached(result.cache_control());
        let is_error = result.is_error();
        let text = result.text().into_owned();
        // An object is what a function gives; <https://ai.google.dev/api/caching#FunctionResponse> has the names for the
        // rest.
        let response = match serde_json::from_str(&text) {
            _ if is_error => json!({"error": text}),
            Ok(Value::Object(object)) => object.into(),
            _ => json!({"output": text}),
        };
        let mut answer = json!({"name": name, "response": response});
        if has_id {
            answer["id"] = id.into();
        }
        let mut parts = vec![json!({"functionResponse": with_options(answer, result.provider_options(GEMINI))})];
        let media = result.into_content().into_parts().into_iter();
        let media: Vec<ContentPart> = media.filter(|part| !matches!(part, ContentPart::Text(_))).collect();
        // Beside it, where every model takes them.
        parts.extend(self.parts(media.into())?);
        self.results.push((place.unwrap_or(usize::MAX), parts));
        Ok(())
    }

    /// All results of a turn are one content, in the order of the calls.
    fn put_results(&mut self) {
        if self.results.is_empty() {
            return;
        }
        self.results.sort_by_key(|(place, _)| *place);
        let parts: Vec<Value> = std::mem::take(&mut self.results).into_iter().flat_map(|(_, parts)| parts).collect();
        self.contents.push(json!({"role": "user", "parts": parts}));
    }
}

/// What is said to Gemini and to no other, member by member.
fn with_options(mut value: Value, options: &Map<String, Value>) -> Value {
    if let Value::Object(members) = &mut value {
        merge(members, options);
    }
    value
}

fn file(address: &str, media_type: Option<&str>) -> Value {
    let mut file = json!({"fileUri": address});
    if let Some(media_type) = media_type {
        file["mimeType"] = media_type.into();
    }
    json!({"fileData": file})
}

fn cannot(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("Gemini {what}"))
}

/// Media type and data of an address that holds its own data.
fn inline(url: &str) -> Option<(&str, &str)> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    (!media_type.is_empty()).then_some((media_type, data))
}

#[cfg(test)]
mod tests;
