//! What only the model's messages have.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable};
use super::part::{self, Besides};
use super::together::Together;
use super::tool_call::tool_call;
use super::usage;
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
    let mut besides = Besides::of_answer();
    let mut content = match fields.take("content") {
        None => Content::default(),
        Some(value) => part::content(value, &mut besides).map_err(|error| error.within("`content`"))?,
    };
    let mut response = Fields::new("`response_metadata`", Value::Object(fields.object("response_metadata")?))?;
    let mut more = Fields::new("`additional_kwargs`", Value::Object(fields.object("additional_kwargs")?))?;

    let mut complaints = Map::new();
    let pieces = list_of_calls(&mut fields, "tool_call_chunks")?;
    let mut calls = calls(&mut fields, &mut complaints, &pieces)?;
    calls.add(std::mem::take(&mut besides.calls))?;
    calls.add(list_of_calls(&mut more, "tool_calls")?)?;
    for fields in [&mut fields, &mut more] {
        calls.add(function_call(fields)?.into_iter().collect())?;
        read_thought(fields, &mut content)?;
        read_refusal(fields, &mut content)?;
    }

    let mut metadata = fields.object("metadata")?;
    let mut message = AiMessage::new(content).with_tool_calls(calls.into_vec());
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
    besides.into_metadata(&mut metadata);
    if !complaints.is_empty() {
        metadata.insert("invalid_tool_calls".into(), Value::Object(complaints));
    }
    keep(&mut metadata, "response_metadata", response.rest());
    keep(&mut metadata, "additional_kwargs", more.rest());
    fields.end(EXPECTED)?;
    Ok(if metadata.is_empty() { message } else { message.with_metadata(metadata) })
}

/// The calls of the message. Of a chunk of LangChain's, the pieces: its `tool_calls` are guessed from them.
fn calls(fields: &mut Fields, complaints: &mut Map<String, Value>, pieces: &[ToolCall]) -> Read<Together> {
    if !pieces.is_empty() {
        fields.take("tool_calls");
        fields.take("invalid_tool_calls");
        return Ok(Together::of(pieces.to_vec()));
    }
    let mut calls = list_of_calls(fields, "tool_calls")?;
    let mut invalid = Vec::new();
    for (place, call) in fields.list("invalid_tool_calls")?.into_iter().enumerate() {
        let has_name = call.get("name").and_then(Value::as_str).is_some_and(|name| !name.trim().is_empty());
        if call.is_object() && !has_name {
            // It is no call of anything: all that is left to do is to keep it.
            complaints.insert(place.to_string(), call);
            continue;
        }
        // What LangChain's parser had to say about them.
        if let Some(error) = call.get("error").filter(|error| !error.is_null()) {
            complaints.insert(place.to_string(), error.clone());
        }
        invalid.push(call);
    }
    fields.put("invalid_tool_calls", Value::Array(invalid));
    calls.extend(list_of_calls(fields, "invalid_tool_calls")?);
    Ok(Together::of(calls))
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
