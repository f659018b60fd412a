//! Calls of tools.

use anabranch_core::__private::listed;
use serde_json::Value;

use super::extras::extra;
use super::fields::{Fields, Read, Unreadable};
use crate::extras::Extra;
use crate::tool_call::{End, ToolCall, may_be_rounded, text_of};

const EXPECTED: &str = "expected a tool call: `name` and `arguments` (or LangChain's `args`), or OpenAI's `function` \
                        with both";

/// A call as this crate writes it, as LangChain does (`args`), as OpenAI does (`function`), or as Anthropic does
/// (`input`), or of a tool that takes free text (OpenAI's `custom`). A call that came in pieces says so by its `index`, and may lack what has not come yet.
pub(super) fn tool_call(value: Value) -> Read<ToolCall> {
    let mut fields = Fields::new("a tool call", value)?;
    let kind = fields.text("type")?;
    let kind = kind.as_deref();
    let is_piece = fields.mentions("index")
        || matches!(kind, Some("tool_call_chunk" | "server_tool_call_chunk" | "input_json_delta"));
    let mut free_form = fields.flag("free_form")?;
    let index = index(&mut fields)?;
    let (id, item_id) = (id(&mut fields)?, item_id(&mut fields)?);
    let mut extra = Extra { item_id, ..extra(&mut fields)? };
    match kind {
        None
        | Some(
            "function"
            | "function_call"
            | "tool_call"
            | "tool_call_chunk"
            | "tool_use"
            | "invalid_tool_call"
            | "input_json_delta"
            | "server_tool_call"
            | "server_tool_call_chunk"
            | "server_tool_use"
            | "mcp_tool_use",
        ) => {}
        Some("custom" | "custom_tool_call") => free_form = true,
        Some(_) => {
            let message = format!("a tool call of another `type` than `function` and `custom`; {EXPECTED}");
            return Err(Unreadable::new(message));
        }
    }
    let is_invalid = kind == Some("invalid_tool_call");
    // What LangChain's parser had to say about arguments that are none.
    let complaint = if is_invalid { fields.text("error")? } else { None };
    let has_complaint = complaint.is_some();
    if let Some(complaint) = complaint {
        extra.data.insert("langchain", "error", complaint);
    }
    if let Some(text) = fields.take("extra_content") {
        extra.signature = extra.signature.take().or(google_signature(text)?);
    }
    let mut inner = match fields.take(if free_form { "custom" } else { "function" }) {
        None => fields,
        Some(function) => {
            fields.end("`id`, `type`, `index` and `function` (or `custom`)")?;
            Fields::new("the function of a tool call", function)?
        }
    };
    let name = inner.text("name")?.unwrap_or_default();
    let arguments = arguments(&mut inner, is_piece)?;
    inner.end("`id`, `name` and `arguments` (LangChain: `args`)")?;
    if name.trim().is_empty() && !is_piece {
        return Err(Unreadable::new(format!("a tool call without `name`; {EXPECTED}")));
    }
    if may_be_rounded(&arguments) {
        return Err(Unreadable::new(
            "a tool call with a number that is too large to be kept exactly: give its arguments as text",
        ));
    }
    let (arguments, as_object) = text_of(arguments);
    if free_form && as_object {
        return Err(Unreadable::new("a tool call of free form whose input is no text"));
    }
    let (streamed, end) = (is_piece.then_some(index), if is_piece { End::Open } else { End::Whole });
    let call = ToolCall { id, name, arguments, as_object, streamed, end, free_form, extras: extra.into() };
    if has_complaint && call.has_valid_arguments() {
        return Err(Unreadable::new("a call of the type `invalid_tool_call` whose arguments are valid"));
    }
    Ok(call)
}

/// OpenAI's responses have the id of the item beside that of the call.
fn item_id(fields: &mut Fields) -> Read<Option<String>> {
    match fields.text("item_id")? {
        Some(id) => Ok(Some(id)),
        None => fields.text("id"),
    }
}

/// Some servers count. OpenAI's responses have two, and the result is given back under this one.
fn id(fields: &mut Fields) -> Read<String> {
    match fields.take("call_id").or_else(|| fields.take("id")) {
        None => Ok(String::new()),
        Some(Value::String(id)) => Ok(id),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err(Unreadable::new("`id` of a tool call is no text")),
    }
}

fn index(fields: &mut Fields) -> Read<Option<u64>> {
    match fields.take("index") {
        None => Ok(None),
        Some(index) => {
            index.as_u64().map(Some).ok_or_else(|| Unreadable::new("`index` of a tool call is no whole number"))
        }
    }
}

/// What Gemini's compatible API wants back with the call.
fn google_signature(extra: Value) -> Read<Option<String>> {
    let mut extra = Fields::new("`extra_content` of a tool call", extra)?;
    let mut google = Fields::new("`google` of a tool call", Value::Object(extra.object("google")?))?;
    let signature = google.text("thought_signature")?;
    google.end("`thought_signature`")?;
    extra.end("`google`")?;
    Ok(signature)
}

/// One of the names arguments have, and not two of them.
fn arguments(fields: &mut Fields, is_piece: bool) -> Read<Value> {
    // Anthropic's as LangChain adds them up: an empty `input`, and the text that came in its place.
    if let Some(text) = fields.take("partial_json") {
        match fields.take("input") {
            Some(Value::Object(input)) if !input.is_empty() => fields.put("input", Value::Object(input)),
            Some(Value::Object(_)) | None => {}
            Some(input) => fields.put("input", input),
        }
        fields.put("arguments", text);
    }
    let there: Vec<_> = ["arguments", "args", "input"].into_iter().filter(|name| fields.mentions(name)).collect();
    match there.as_slice() {
        [name] => Ok(fields.take(name).unwrap_or_default()),
        [] if is_piece => Ok(Value::Null),
        [] => Err(Unreadable::new(format!("a tool call without arguments; {EXPECTED}"))),
        several => Err(Unreadable::new(format!("a tool call whose arguments stand in {}", listed(several)))),
    }
}
