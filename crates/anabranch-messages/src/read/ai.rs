//! What only the model's messages have.

use serde_json::{Map, Value};

use super::citation::{self, Said};
use super::fields::{Fields, Read, Unreadable};
use super::media::{self, Sort};
use super::part::{self, Speaker};
use super::together::Together;
use super::tool_call::tool_call;
use super::{extras, usage};
use crate::ai::AiMessage;
use crate::content::Content;
use crate::part::ContentPart;
use crate::reasoning::Reasoning;
use crate::tool_call::ToolCall;

const EXPECTED: &str = "`role`, `content`, `tool_calls`, `finish_reason`, `usage`, `model`, `id` and `metadata`, and what \
                        LangChain and OpenAI have in their place";

/// What goes to the metadata by its own name.
const KEPT: &[&str] = &["name", "annotations", "audio", "reasoning_details", "logprobs", "chunk_position", "example"];

pub(super) fn ai(mut fields: Fields) -> Read<AiMessage> {
    let content = match fields.take("content") {
        None => Content::default(),
        Some(value) => part::content(value, Speaker::Model).map_err(|error| error.within("`content`"))?,
    };
    let mut response = Fields::new("`response_metadata`", Value::Object(fields.object("response_metadata")?))?;
    let mut more = Fields::new("`additional_kwargs`", Value::Object(fields.object("additional_kwargs")?))?;

    let mut unreadable = Map::new();
    let calls = [calls(&mut fields, &mut unreadable)?, list_of_calls(&mut more, "tool_calls")?];
    let mut content = with_calls(content, calls)?;
    for fields in [&mut fields, &mut more] {
        let call = function_call(fields)?;
        content = with_calls(content, [call.into_iter().collect()])?;
        read_thought(fields, &mut content)?;
        read_refusal(fields, &mut content)?;
        read_annotations(fields, &mut content)?;
        read_audio(fields, &mut content)?;
    }

    let mut metadata = fields.object("metadata")?;
    let mut message = AiMessage::new(content);
    if let Some(usage) = first(&mut fields, &["usage", "usage_metadata"])? {
        message = message.with_usage(usage::usage(usage)?);
    } else if let Some(usage) = first(&mut response, &["token_usage", "usage"])? {
        message = message.with_usage(usage::usage(usage)?);
    }
    let reason = match fields.take("finish_reason") {
        Some(reason) => Some(reason),
        None => match first(&mut response, &["finish_reason", "stop_reason", "done_reason"])? {
            Some(reason) => Some(reason),
            None => status(&mut response)?,
        },
    };
    if let Some(reason) = reason {
        message = message.with_finish_reason(usage::finish_reason(reason)?);
    }
    let model = match fields.text("model")? {
        Some(model) => Some(model),
        None => match response.text("model_name")? {
            Some(model) => Some(model),
            None => response.text("model")?,
        },
    };
    if let Some(model) = model {
        message = message.with_model(model);
    }
    if let Some(id) = fields.text("id")? {
        message = message.with_id(id);
    }
    fields.keep_besides(KEPT, &mut metadata)?;
    if !unreadable.is_empty() {
        metadata.insert("invalid_tool_calls".into(), Value::Object(unreadable));
    }
    keep(&mut metadata, "response_metadata", response.rest());
    keep(&mut metadata, "additional_kwargs", more.rest());
    let extras = extras::of_message(&mut fields, Map::new())?;
    fields.end(EXPECTED)?;
    if !metadata.is_empty() {
        message = message.with_metadata(metadata);
    }
    if !extras.is_empty() {
        *message.extras_mut() = extras;
    }
    Ok(message)
}

/// The calls that stand beside the content, where they do not stand in it.
fn with_calls<const N: usize>(content: Content, lists: [Vec<ToolCall>; N]) -> Read<Content> {
    if lists.iter().all(Vec::is_empty) {
        return Ok(content);
    }
    let mut together = Together::of(content.into_parts());
    lists.into_iter().try_for_each(|list| together.add(list))?;
    Ok(Content::Parts(together.into_parts()))
}

/// The calls of the message. Of a chunk of LangChain's, the pieces: its `tool_calls` are guessed from them.
fn calls(fields: &mut Fields, unreadable: &mut Map<String, Value>) -> Read<Vec<ToolCall>> {
    let pieces = list_of_calls(fields, "tool_call_chunks")?;
    if !pieces.is_empty() {
        fields.take("tool_calls");
        fields.take("invalid_tool_calls");
        return Ok(pieces);
    }
    let mut calls = list_of_calls(fields, "tool_calls")?;
    let mut invalid = Vec::new();
    for (place, call) in fields.list("invalid_tool_calls")?.into_iter().enumerate() {
        let has_name = call.get("name").and_then(Value::as_str).is_some_and(|name| !name.trim().is_empty());
        if call.is_object() && !has_name {
            // It is no call of anything: all that is left to do is to keep it.
            unreadable.insert(place.to_string(), call);
        } else {
            invalid.push(call);
        }
    }
    fields.put("invalid_tool_calls", Value::Array(invalid));
    calls.extend(list_of_calls(fields, "invalid_tool_calls")?);
    Ok(calls)
}

fn list_of_calls(fields: &mut Fields, key: &str) -> Read<Vec<ToolCall>> {
    let list = fields.list(key)?.into_iter().enumerate();
    list.map(|(place, value)| {
        let value = match (key, value) {
            // They say what they are by where they stand.
            ("invalid_tool_calls", Value::Object(mut call)) => {
                call.entry("type").or_insert_with(|| "invalid_tool_call".into());
                Value::Object(call)
            }
            (_, value) => value,
        };
        tool_call(value).map_err(|error| error.within(format_args!("`{key}` {place}")))
    })
    .collect()
}

/// OpenAI before there were several calls.
fn function_call(fields: &mut Fields) -> Read<Option<ToolCall>> {
    let Some(function) = fields.take("function_call") else { return Ok(None) };
    let call = Value::Object(Map::from_iter([("function".to_string(), function)]));
    tool_call(call).map(Some).map_err(|error| error.within("`function_call`"))
}

/// DeepSeek and others: beside the content. Some say the same twice.
fn read_thought(fields: &mut Fields, content: &mut Content) -> Read<()> {
    let thought = match (fields.text("reasoning")?, fields.text("reasoning_content")?) {
        (Some(one), Some(other)) if one != other && !one.is_empty() && !other.is_empty() => {
            return Err(Unreadable::new(format!(
                "{} with two thoughts, `reasoning` and `reasoning_content`",
                fields.what()
            )));
        }
        (Some(one), other) if !one.is_empty() || other.is_none() => Some(one),
        (_, other) => other,
    };
    if let Some(thought) = thought.filter(|thought| !thought.is_empty() && content.reasoning() != thought.as_str()) {
        let said = std::mem::take(content).into_parts();
        let parts = std::iter::once(ContentPart::Reasoning(Reasoning::new(thought))).chain(said);
        *content = Content::Parts(parts.collect());
    }
    Ok(())
}

fn read_refusal(fields: &mut Fields, content: &mut Content) -> Read<()> {
    let refusal = fields.text("refusal")?.filter(|refusal| !refusal.is_empty());
    if let Some(refusal) = refusal.filter(|refusal| content.refusal() != refusal.as_str()) {
        content.push(ContentPart::refusal(refusal));
    }
    Ok(())
}

/// OpenAI's chat completions say beside the text what it rests on.
fn read_annotations(fields: &mut Fields, content: &mut Content) -> Read<()> {
    let (text, mut others) = (content.text().into_owned(), Vec::new());
    for (place, value) in fields.list("annotations")?.into_iter().enumerate() {
        let said =
            citation::citation(value, &text).map_err(|error| error.within(format_args!("`annotations` {place}")))?;
        match said {
            Said::Citation(citation) => content.push(citation),
            Said::Other(value) => others.push(value),
        }
    }
    if !others.is_empty() {
        fields.put("annotations", Value::Array(others));
    }
    Ok(())
}

/// OpenAI's chat completions: a sound that is the answer. Where there is only the id of one, it is kept as it is.
fn read_audio(fields: &mut Fields, content: &mut Content) -> Read<()> {
    let audio = match fields.take("audio") {
        Some(audio) if audio.get("data").is_some_and(Value::is_string) => audio,
        Some(other) => {
            fields.put("audio", other);
            return Ok(());
        }
        None => return Ok(()),
    };
    let mut audio = Fields::new("`audio`", audio)?;
    let expires = audio.take("expires_at");
    let mut sound = media::any(Sort::Audio, &mut audio)?;
    audio.end("`id`, `data`, `transcript` and `expires_at`")?;
    if let Some(expires) = expires {
        sound = sound.with_provider_data("openai", "expires_at", expires);
    }
    content.push(ContentPart::Audio(sound));
    Ok(())
}

/// OpenAI's responses have no finish reason but a status, and say beside it what an incomplete one lacks.
fn status(response: &mut Fields) -> Read<Option<Value>> {
    let status = match response.take("status") {
        Some(Value::String(status)) if matches!(&*status, "completed" | "incomplete" | "failed" | "cancelled") => {
            status
        }
        // It may say something else elsewhere.
        Some(other) => {
            response.put("status", other);
            return Ok(None);
        }
        None => return Ok(None),
    };
    let mut details = response.object("incomplete_details")?;
    let reason = details.shift_remove("reason").filter(Value::is_string);
    if !details.is_empty() {
        return Err(Unreadable::new("`incomplete_details` with more than a `reason`"));
    }
    Ok(Some(reason.unwrap_or_else(|| status.into())))
}

/// The first of the fields that is there; a second one would be lost.
fn first(fields: &mut Fields, names: &[&str]) -> Read<Option<Value>> {
    let mut found = None;
    for name in names {
        if let Some(value) = fields.take(name) {
            if found.replace(value).is_some() {
                return Err(Unreadable::new(format!("`{name}` of {} stands there under two names", fields.what())));
            }
        }
    }
    Ok(found)
}

/// Keeps each entry under its own name, or all of them under theirs where one is taken.
fn keep(metadata: &mut Map<String, Value>, name: &str, mut entries: Map<String, Value>) {
    entries.retain(|_, value| !value.is_null());
    if entries.is_empty() {
        return;
    }
    match entries.keys().any(|key| metadata.contains_key(key)) {
        true => drop(metadata.insert(name.to_string(), Value::Object(entries))),
        false => metadata.extend(entries),
    }
}
