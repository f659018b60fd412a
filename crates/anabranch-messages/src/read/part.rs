//! Content and its parts.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use super::media::{self, Sort};
use super::reasoning::{self, reasoning};
use super::server_tool;
use super::tool_call::tool_call;
use crate::content::Content;
use crate::other_part::OtherPart;
use crate::part::ContentPart;
use crate::tool_call::ToolCall;

const EXPECTED: &str = "expected a part of content: an object whose `type` is `text`, `image`, `audio`, `video`, `file`, \
                        `reasoning`, `refusal` or `other`, or one of OpenAI's (`image_url`, `input_audio`), of \
                        Anthropic's or of LangChain's";

/// What parts of other libraries say that is not content.
#[derive(Default)]
pub(super) struct Besides {
    /// Calls of tools, in the order they stand among the parts.
    pub(super) calls: Vec<ToolCall>,
    /// What else, by the number of the part.
    parts: Map<String, Value>,
    /// Whether a model said it, and may have said what nobody knows here: that is kept as it came.
    is_answer: bool,
}

/// Fields of other libraries that are no content: they are kept in the message's metadata.
const KEPT: &[&str] = &[
    "id",
    "annotations",
    "citations",
    "cache_control",
    "extras",
    "title",
    "context",
    "metadata",
    "logprobs",
    "phase",
    "status",
];

impl Besides {
    pub(super) fn of_answer() -> Self {
        Self { is_answer: true, ..Self::default() }
    }

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
        self.keep_these(place, fields, KEPT);
    }

    fn keep_these(&mut self, place: usize, fields: &mut Fields, keys: &[&str]) {
        // It says where the part stands, and there it stands.
        fields.take("index");
        let kept = fields.besides(keys);
        kept.into_iter().for_each(|(key, value)| self.note(place, &key, value));
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
            let thought = reasoning(&mut fields)?;
            besides.keep(place, &mut fields);
            fields.named("a thought").end(reasoning::KNOWN)?;
            ContentPart::Reasoning(thought)
        }
        "image" | "image_url" | "input_image" => ContentPart::Image(media_of(Sort::Image, fields, place, besides)?),
        "audio" | "input_audio" => ContentPart::Audio(media_of(Sort::Audio, fields, place, besides)?),
        "video" | "video_url" => ContentPart::Video(media_of(Sort::Video, fields, place, besides)?),
        "file" | "input_file" | "document" | "text-plain" => {
            ContentPart::File(media_of(Sort::File, fields, place, besides)?)
        }
        "invalid_tool_call" if !fields.has("name") => {
            fields.put("type", kind.into());
            ContentPart::Other(OtherPart::new(fields.rest()))
        }
        "tool_use" | "tool_call" | "tool_call_chunk" | "invalid_tool_call" | "function_call" | "custom_tool_call"
        | "input_json_delta" => {
            // Here it is the place of the part, and no sign of a stream.
            if kind != "tool_call_chunk" && kind != "input_json_delta" {
                fields.take("index");
            }
            besides.keep_these(place, &mut fields, &["cache_control", "extras", "caller", "status"]);
            if fields.has("call_id") {
                // OpenAI's id of the item; the result is given back under the other.
                let id = fields.take("id");
                fields.put("item_id", id.unwrap_or_default());
                besides.keep_these(place, &mut fields, &["item_id"]);
            }
            fields.put("type", kind.into());
            besides.calls.push(tool_call(Value::Object(fields.rest()))?);
            return Ok(None);
        }
        "server_tool_call" | "server_tool_use" | "mcp_tool_use" => {
            besides.keep_these(place, &mut fields, &["cache_control", "extras", "caller", "server_name"]);
            if kind == "mcp_tool_use" {
                besides.note(place, "type", kind.into());
            }
            ContentPart::ServerToolCall(tool_call(Value::Object(fields.rest()))?)
        }
        "server_tool_result" => {
            let result = server_tool::result(&mut fields)?;
            besides.keep(place, &mut fields);
            fields.end(server_tool::KNOWN)?;
            ContentPart::ServerToolResult(result)
        }
        _ if kind.ends_with("_tool_result") && fields.has("tool_use_id") => {
            let result = server_tool::result_of(&kind, &mut fields)?;
            besides.keep_these(place, &mut fields, &["cache_control", "caller", "extras"]);
            fields.named("the result of a tool").end("`tool_use_id`, `content` and `is_error`")?;
            ContentPart::ServerToolResult(result)
        }
        "other" | "non_standard" => {
            besides.keep_these(place, &mut fields, &["id", "extras"]);
            ContentPart::Other(other(fields)?)
        }
        _ if besides.is_answer => {
            fields.put("type", kind.into());
            ContentPart::Other(OtherPart::new(fields.rest()))
        }
        _ => return Err(Unreadable::new(EXPECTED)),
    }))
}

/// What a provider said that has no kind here.
pub(super) fn other(mut fields: Fields) -> Read<OtherPart> {
    let provider = fields.text("provider")?;
    if !fields.has("value") {
        return Err(fields.lacks("value"));
    }
    let part = OtherPart::new(fields.object("value")?);
    fields.end("`value` and `provider`")?;
    Ok(match provider {
        Some(provider) => part.with_provider(provider),
        None => part,
    })
}

impl Besides {
    fn note(&mut self, place: usize, key: &str, value: Value) {
        let entry = self.parts.entry(place.to_string()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entry) = entry {
            entry.insert(key.to_string(), value);
        }
    }
}

fn media_of(sort: Sort, mut fields: Fields, place: usize, besides: &mut Besides) -> Read<crate::media::Media> {
    let media = media::any(sort, &mut fields)?;
    besides.keep(place, &mut fields);
    fields.end("one of `url`, `data` and `file_id`, and `media_type`, `name` and `detail`").map(|()| media)
}
