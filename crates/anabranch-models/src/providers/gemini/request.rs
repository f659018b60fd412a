//! To the wire: what is asked.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, MediaSource, Message, SystemMessage, ToolMessage};
use serde_json::{Map, Value, json};

use crate::answer::Warning;
use crate::backend::ChatRequest;
use crate::providers::merge;

mod options;
mod schema;

/// Where uploaded files are, which a request names by their whole address.
const FILES: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// What stands in for the signature of a call that Gemini did not make.
///
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>
const FOREIGN_CALL: &str = "skip_thought_signature_validator";

/// What is written, and what of it could not be.
struct Writer<'a> {
    model: &'a str,
    warnings: Vec<Warning>,
    contents: Vec<Value>,
    system: Vec<Value>,
    /// Id and name of the calls of the last turn, in order: results go back in the same.
    calls: Vec<(String, String)>,
    /// The results that came for them so far: which call's, and the parts.
    results: Vec<(usize, Vec<Value>)>,
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
        let (role, mut parts) = match message {
            Message::User(user) => {
                if user.name().is_some() {
                    self.warn("user message", "the speaker's name was not sent: Gemini takes none");
                }
                ("user", self.parts(user.into_content())?)
            }
            Message::Ai(answer) => ("model", self.answer(answer)?),
            Message::System(_) | Message::Tool(_) => return Ok(()),
        };
        if parts.is_empty() {
            // A content without parts is refused.
            parts.push(json!({"text": ""}));
        }
        self.contents.push(json!({"role": role, "parts": parts}));
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
        let text = system.text();
        if !text.is_empty() {
            self.system.push(json!({"text": text}));
        }
    }

    fn parts(&mut self, content: Content) -> Result<Vec<Value>> {
        let mut parts = Vec::new();
        for part in content.into_parts() {
            match part {
                ContentPart::Text(text) => parts.push(json!({"text": text.text()})),
                ContentPart::Image(media) | ContentPart::Audio(media) | ContentPart::File(media) => {
                    parts.push(self.media(media)?);
                }
                // What a model said or thought before is no part of what is asked.
                ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                    self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                }
                _ => return Err(cannot("takes no content of this kind")),
            }
        }
        Ok(parts)
    }

    fn media(&mut self, media: Media) -> Result<Value> {
        if media.detail().is_some() {
            self.warn(
                "image",
                "how closely to look was not sent: set `mediaResolution` as an option of the provider's",
            );
        }
        if media.name().is_some() {
            self.warn("file", "its name was not sent: Gemini takes none");
        }
        let address = match media.source() {
            MediaSource::Url(url) => match inline(url) {
                Some((media_type, data)) => return Ok(json!({"inlineData": {"mimeType": media_type, "data": data}})),
                None => url.clone(),
            },
            MediaSource::FileId(id) if id.contains("://") => id.clone(),
            MediaSource::FileId(id) => format!("{FILES}{id}"),
            _ => {
                let (Some(media_type), Some(data)) = (media.media_type(), media.base64()) else {
                    return Err(cannot("takes no bytes without a media type, such as `image/png`"));
                };
                return Ok(json!({"inlineData": {"mimeType": media_type, "data": data}}));
            }
        };
        let mut file = json!({"fileUri": address});
        if let Some(media_type) = media.media_type() {
            file["mimeType"] = media_type.into();
        }
        Ok(json!({"fileData": file}))
    }

    /// What the model answered before, as it came: every signature on the part it came with.
    fn answer(&mut self, answer: AiMessage) -> Result<Vec<Value>> {
        let is_own = answer.model().is_none_or(|model| model.contains("gemini") || model == self.model);
        let calls = answer.tool_calls().to_vec();
        let mut parts: Vec<Value> = match answer.metadata().get("otherParts") {
            Some(Value::Array(others)) if is_own => others.clone(),
            _ => Vec::new(),
        };
        let others = parts.len();
        for part in answer.into_content().into_parts() {
            match part {
                ContentPart::Text(text) | ContentPart::Refusal(text) => parts.push(json!({"text": text.text()})),
                ContentPart::ToolCall(_) => {}
                ContentPart::Reasoning(_) if !is_own => {
                    self.warn("assistant message", "the thoughts in it were not sent: they are another model's");
                }
                // It belongs to what stands before it.
                ContentPart::Reasoning(thought) if thought.text().is_empty() => {
                    let Some(signature) = thought.signature() else { continue };
                    match parts[others..].last_mut().filter(|last| last.get("thoughtSignature").is_none()) {
                        Some(last) => last["thoughtSignature"] = signature.into(),
                        None => parts.push(json!({"text": "", "thoughtSignature": signature})),
                    }
                }
                ContentPart::Reasoning(thought) => {
                    let mut value = json!({"text": thought.text(), "thought": true});
                    if let Some(signature) = thought.signature() {
                        value["thoughtSignature"] = signature.into();
                    }
                    parts.push(value);
                }
                ContentPart::Image(media) | ContentPart::Audio(media) | ContentPart::File(media) => {
                    parts.push(self.media(media)?);
                }
                _ => self.warn("assistant message", "a part of it was not sent: Gemini takes nothing like it"),
            }
        }
        self.calls.clear();
        for (place, call) in calls.iter().enumerate() {
            let arguments = call.arguments().unwrap_or_else(|_| {
                self.warn("tool call", "its arguments were not sent: they are no JSON object");
                json!({})
            });
            let mut part = json!({"functionCall": {"name": call.name(), "args": arguments}});
            if !call.id().is_empty() {
                part["functionCall"]["id"] = call.id().into();
            }
            if let Some(signature) = call.signature().filter(|_| is_own) {
                part["thoughtSignature"] = signature.into();
            } else if place == 0 && wants_signatures(self.model) {
                part["thoughtSignature"] = FOREIGN_CALL.into();
            }
            parts.push(part);
            self.calls.push((call.id().to_string(), call.name().to_string()));
        }
        Ok(parts)
    }

    fn result(&mut self, result: ToolMessage) -> Result<()> {
        let id = result.tool_call_id().to_string();
        let place = self.calls.iter().position(|(known, _)| *known == id);
        let name = result.name().map(str::to_string).or_else(|| Some(self.calls.get(place?)?.1.clone()));
        let Some(name) = name else {
            return Err(Error::invalid_input(
                "a tool message answers no call of the message before it, and names no tool: Gemini wants the name",
            ));
        };
        let is_error = result.is_error();
        let text = result.text().into_owned();
        // An object is what a function gives; <https://ai.google.dev/api/caching#FunctionResponse> has the names for the
        // rest.
        let response = match serde_json::from_str(&text) {
            _ if is_error => json!({"error": text}),
            Ok(Value::Object(object)) => object.into(),
            _ => json!({"output": text}),
        };
        let mut part = json!({"functionResponse": {"name": name, "response": response}});
        if !id.is_empty() {
            part["functionResponse"]["id"] = id.into();
        }
        let media = result.into_content().into_parts().into_iter();
        let media: Vec<ContentPart> = media.filter(|part| !matches!(part, ContentPart::Text(_))).collect();
        let mut parts = vec![part];
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

fn cannot(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("Gemini {what}"))
}

/// Media type and data of an address that holds its own data.
fn inline(url: &str) -> Option<(&str, &str)> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    (!media_type.is_empty()).then_some((media_type, data))
}

/// Whether a model refuses calls without a signature: Gemini 3 and what came after it.
fn wants_signatures(model: &str) -> bool {
    let generation = model.rsplit('/').next().unwrap_or_default().strip_prefix("gemini-").unwrap_or_default();
    generation.split(['.', '-']).next().and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 3)
}

#[cfg(test)]
mod tests;
