//! Content and its parts.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use super::media::{self, Sort};
use super::tool_call::tool_call;
use crate::content::Content;
use crate::part::ContentPart;
use crate::reasoning::Reasoning;
use crate::tool_call::ToolCall;

const EXPECTED: &str = "expected a part of content: an object whose `type` is `text`, `image`, `audio`, `file`, \
                        `reasoning` or `refusal`, or one of OpenAI's (`image_url`, `input_audio`), of Anthropic's or of \
                        LangChain's";

/// What parts of other libraries say that is not content.
#[derive(Default)]
pub(super) struct Besides {
    /// Calls of tools, in the order they stand among the parts.
    pub(super) calls: Vec<ToolCall>,
    /// What else, by the number of the part.
    parts: Map<String, Value>,
}

/// Fields of other libraries that are no content: they are kept in the message's metadata.
const KEPT: &[&str] =
    &["id", "annotations", "citations", "cache_control", "extras", "title", "context", "metadata", "logprobs", "phase"];

impl Besides {
    /// Keeps it in the metadata of the message, under `parts` and the number of the part.
    pub(super) fn into_metadata(self, metadata: &mut Map<String, Value>) {
        if !self.parts.is_empty() {
            metadata.insert("parts".into(), Value::Object(self.parts));
        }
    }

    /// Where there is no message to keep it.
    pub(super) fn none(self) -> Read<()> {
        if !self.calls.is_empty() {
            return Err(Unreadable::new("a tool call where a part of content was expected"));
        }
        match self.parts.is_empty() {
            true => Ok(()),
            false => Err(Unreadable::new("a part of content with fields that only the metadata of a message can keep")),
        }
    }

    fn keep(&mut self, place: usize, fields: &mut Fields) {
        // It says where the part stands, and there it stands.
        fields.take("index");
        let kept = fields.besides(KEPT);
        if !kept.is_empty() {
            self.parts.insert(place.to_string(), Value::Object(kept));
        }
    }
}

/// Content on its own.
pub(super) fn lone_content(value: Value) -> Read<Content> {
    let mut besides = Besides::default();
    let content = content(value, &mut besides)?;
    besides.none().map(|()| content)
}

/// A part on its own.
pub(super) fn lone_part(value: Value) -> Read<ContentPart> {
    let mut besides = Besides::default();
    let part = part(value, 0, &mut besides)?;
    besides.none()?;
    part.ok_or_else(|| Unreadable::new(EXPECTED))
}

/// Text, a list of parts, or null for nothing.
pub(super) fn content(value: Value, besides: &mut Besides) -> Read<Content> {
    match value {
        Value::Null => Ok(Content::default()),
        Value::String(text) => Ok(Content::Text(text)),
        Value::Array(list) => {
            let mut parts = Vec::with_capacity(list.len());
            for (place, value) in list.into_iter().enumerate() {
                parts.extend(part(value, place, besides).map_err(|error| error.within(format_args!("part {place}")))?);
            }
            Ok(Content::Parts(parts))
        }
        other => Err(Unreadable::new(format!("expected content, which is text or a list, but came {}", kind(&other)))),
    }
}

/// `None` for a call of a tool, which is no content.
fn part(value: Value, place: usize, besides: &mut Besides) -> Read<Option<ContentPart>> {
    if let Value::String(text) = value {
        return Ok(Some(ContentPart::text(text)));
    }
    let mut fields = Fields::new("a part of content", value)?;
    let kind = fields.some_text("type")?;
    Ok(Some(match kind.as_str() {
        "text" | "input_text" | "output_text" => {
            let text = fields.some_text("text")?;
            besides.keep(place, &mut fields);
            fields.named("a text part").end("`text`")?;
            ContentPart::Text { text }
        }
        "refusal" => {
            let key = if fields.has("refusal") { "refusal" } else { "text" };
            let text = fields.some_text(key)?;
            besides.keep(place, &mut fields);
            fields.named("a refusal").end("`text` (or `refusal`)")?;
            ContentPart::Refusal { text }
        }
        "reasoning" | "thinking" | "redacted_thinking" | "reasoning_content" => {
            fields.take("index");
            ContentPart::Reasoning(reasoning(fields)?)
        }
        "image" | "image_url" | "input_image" => ContentPart::Image(media_of(Sort::Image, fields, place, besides)?),
        "audio" | "input_audio" => ContentPart::Audio(media_of(Sort::Audio, fields, place, besides)?),
        "file" | "input_file" | "document" | "text-plain" => {
            ContentPart::File(media_of(Sort::File, fields, place, besides)?)
        }
        "tool_use" | "tool_call" | "tool_call_chunk" | "invalid_tool_call" => {
            // Here it is the place of the part, and no sign of a stream.
            if kind != "tool_call_chunk" {
                fields.take("index");
            }
            besides.keep_of_call(place, &mut fields);
            fields.put("type", kind.into());
            besides.calls.push(tool_call(Value::Object(fields.rest()))?);
            return Ok(None);
        }
        _ => return Err(Unreadable::new(EXPECTED)),
    }))
}

impl Besides {
    fn keep_of_call(&mut self, place: usize, fields: &mut Fields) {
        let kept = fields.besides(&["cache_control", "extras", "caller"]);
        if !kept.is_empty() {
            self.parts.insert(place.to_string(), Value::Object(kept));
        }
    }
}

fn media_of(sort: Sort, mut fields: Fields, place: usize, besides: &mut Besides) -> Read<crate::media::Media> {
    let media = media::any(sort, &mut fields)?;
    besides.keep(place, &mut fields);
    fields.end("one of `url`, `data` and `file_id`, and `media_type`, `name` and `detail`").map(|()| media)
}

/// A thought: this crate's (`text`), LangChain's (`reasoning`), Anthropic's (`thinking`, `data`), OpenAI's (`summary`,
/// `content`, `encrypted_content`).
pub(super) fn reasoning(fields: Fields) -> Read<Reasoning> {
    let mut fields = fields.named("a thought");
    let mut thought = Reasoning::default();
    let mut texts = Vec::new();
    for key in ["text", "reasoning", "thinking", "summary", "content"] {
        match fields.take(key) {
            Some(Value::Array(list)) => {
                for value in list {
                    let mut piece = Fields::new("a piece of a thought", value)?;
                    piece.take("type");
                    texts.push(piece.some_text("text")?);
                    piece.end("`type` and `text`")?;
                }
            }
            Some(text) => {
                fields.put(key, text);
                texts.push(fields.some_text(key)?);
            }
            None => {}
        }
    }
    // Bedrock puts one into the other.
    if let Some(inner) = fields.take("reasoning_content") {
        let inner = reasoning(Fields::new("a thought", inner)?)?;
        texts.push(inner.text().to_string());
        if let Some(signature) = inner.signature() {
            thought = thought.with_signature(signature);
        }
    }
    let mut extras = Fields::new("`extras` of a thought", Value::Object(fields.object("extras")?))?;
    if let Some(signature) = extras.text("signature")?.or(fields.text("signature")?) {
        thought = thought.with_signature(signature);
    }
    extras.end("`signature`")?;
    for key in ["encrypted", "encrypted_content", "data"] {
        if let Some(data) = fields.text(key)? {
            if thought.encrypted().is_some() {
                return Err(Unreadable::new(format!(
                    "a thought whose encrypted text stands there twice, also in `{key}`"
                )));
            }
            thought = thought.with_encrypted(data);
        }
    }
    if let Some(id) = fields.text("id")? {
        thought = thought.with_id(id);
    }
    fields.take("status");
    fields.end("`text` (or `reasoning`, `thinking`, `summary`), `signature`, `encrypted` and `id`")?;
    // What OpenAI summarises in several paragraphs is one thought.
    texts.retain(|text| !text.is_empty());
    Ok(thought.with_text(texts.join("\n\n")))
}
