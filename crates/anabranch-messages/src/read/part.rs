//! Content and its parts.

use serde_json::Value;

use super::extras::extras;
use super::fields::{Fields, Read, Unreadable, kind};
use super::media::{self, Sort};
use super::reasoning::{self, reasoning};
use super::tool_call::tool_call;
use super::{citation, server_tool};
use crate::content::Content;
use crate::media::Media;
use crate::other_part::OtherPart;
use crate::part::ContentPart;
use crate::text_part::TextPart;

const EXPECTED: &str = "expected a part of content: an object whose `type` is `text`, `image`, `audio`, `video`, `file`, \
                        `reasoning`, `refusal`, `citation`, `tool_call`, `server_tool_call`, `server_tool_result` or \
                        `other`, or one of OpenAI's (`image_url`, `input_audio`), of Anthropic's or of LangChain's";

const TEXT: &str = "`text`, `citations`, `annotations`, `signature`, `cache_control` and `id`";

/// Who says it. A model may say what nobody knows here, which is kept as it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Model,
    Anyone,
}

/// Content on its own.
pub(super) fn lone_content(value: Value) -> Read<Content> {
    content(value, Speaker::Anyone)
}

/// A text on its own, with what is said of it.
pub(super) fn text(mut fields: Fields) -> Read<TextPart> {
    fields.take("type");
    let text = fields.some_text("text")?;
    let text = citation::text_part(text, &mut fields)?;
    fields.named("a text part").end(TEXT).map(|()| text)
}

/// A part on its own.
pub(super) fn lone_part(value: Value) -> Read<ContentPart> {
    part(value, Speaker::Anyone)
}

/// Text, a list of parts, or null for nothing.
pub(super) fn content(value: Value, speaker: Speaker) -> Read<Content> {
    match value {
        Value::Null => Ok(Content::default()),
        Value::String(text) => Ok(Content::Text(text)),
        Value::Array(list) => {
            let read =
                |(place, value)| part(value, speaker).map_err(|error| error.within(format_args!("part {place}")));
            list.into_iter().enumerate().map(read).collect::<Read<Vec<_>>>().map(Content::Parts)
        }
        other => Err(Unreadable::new(format!("expected content, which is text or a list, but came {}", kind(&other)))),
    }
}

fn part(value: Value, speaker: Speaker) -> Read<ContentPart> {
    if let Value::String(text) = value {
        return Ok(ContentPart::text(text));
    }
    let mut fields = Fields::new("a part of content", value)?;
    let kind = fields.some_text("type")?;
    Ok(match kind.as_str() {
        "text" | "input_text" | "output_text" => ContentPart::Text(text(fields)?),
        "refusal" => {
            let key = if fields.has("refusal") { "refusal" } else { "text" };
            let text = fields.some_text(key)?;
            let text = citation::text_part(text, &mut fields)?;
            fields.named("a refusal").end("`text` (or `refusal`)")?;
            ContentPart::Refusal(text)
        }
        "reasoning" | "thinking" | "redacted_thinking" | "reasoning_content" => {
            // Mistral has the same name, and no signature.
            let of_anthropic = kind == "redacted_thinking" || (kind == "thinking" && fields.has("signature"));
            let thought = reasoning(&mut fields)?;
            fields.named("a thought").end(reasoning::KNOWN)?;
            ContentPart::Reasoning(if of_anthropic {
                thought.with_provider_data("anthropic", "type", kind)
            } else {
                thought
            })
        }
        "image" | "image_url" | "input_image" => ContentPart::Image(media_of(Sort::Image, fields)?),
        "audio" | "input_audio" => ContentPart::Audio(media_of(Sort::Audio, fields)?),
        "video" | "video_url" => ContentPart::Video(media_of(Sort::Video, fields)?),
        "file" | "input_file" | "document" | "text-plain" => ContentPart::File(media_of(Sort::File, fields)?),
        "citation" => ContentPart::Citation(citation::lone(fields)?),
        "invalid_tool_call" if !fields.has("name") => as_it_came(kind, fields),
        "tool_use" | "tool_call" | "tool_call_chunk" | "invalid_tool_call" | "function_call" | "custom_tool_call"
        | "input_json_delta" => ContentPart::ToolCall(call(kind, fields)?),
        "server_tool_call" | "server_tool_call_chunk" | "server_tool_use" | "mcp_tool_use" => {
            let call = call(kind.clone(), fields)?;
            ContentPart::ServerToolCall(if kind.ends_with("_tool_use") {
                call.with_provider_data("anthropic", "type", kind)
            } else {
                call
            })
        }
        "server_tool_result" => {
            let result = server_tool::result(&mut fields)?;
            fields.named("the result of a tool").end(server_tool::KNOWN)?;
            ContentPart::ServerToolResult(result)
        }
        _ if kind.ends_with("_tool_result") && fields.has("tool_use_id") => {
            let result = server_tool::result_of(&kind, &mut fields)?;
            fields.named("the result of a tool").end("`tool_use_id`, `content` and `is_error`")?;
            ContentPart::ServerToolResult(result.with_provider_data("anthropic", "type", kind))
        }
        "other" | "non_standard" => ContentPart::Other(other(fields)?),
        _ if speaker == Speaker::Model => as_it_came(kind, fields),
        _ => return Err(Unreadable::new(EXPECTED)),
    })
}

fn call(kind: String, mut fields: Fields) -> Read<crate::tool_call::ToolCall> {
    // In other libraries it is the place of the part, and no sign of a stream.
    let is_chunk = kind.ends_with("_chunk") || kind == "input_json_delta";
    let is_own = fields.mentions("arguments") && matches!(&*kind, "tool_call" | "server_tool_call");
    if !is_chunk && !is_own {
        fields.take("index");
    }
    fields.put("type", kind.into());
    tool_call(Value::Object(fields.rest()))
}

/// What a provider said that has no kind here.
pub(super) fn other(mut fields: Fields) -> Read<OtherPart> {
    fields.take("type");
    let provider = fields.text("provider")?;
    if !fields.has("value") {
        return Err(fields.lacks("value"));
    }
    let mut part = OtherPart::new(fields.object("value")?);
    if let Some(provider) = provider {
        part = part.with_provider(provider);
    }
    *part.extras_mut() = extras(&mut fields)?;
    fields.end("`value` and `provider`").map(|()| part)
}

fn as_it_came(kind: String, mut fields: Fields) -> ContentPart {
    fields.put("type", kind.into());
    ContentPart::Other(OtherPart::new(fields.rest()))
}

fn media_of(sort: Sort, mut fields: Fields) -> Read<Media> {
    let media = media::any(sort, &mut fields)?;
    fields.end("one of `url`, `data` and `file_id`, and `media_type`, `name` and `detail`").map(|()| media)
}
