//! Tools that the provider runs: their results. Their calls are read as other calls are.

use serde_json::Value;

use super::extras::extras;
use super::fields::{Fields, Read, Unreadable};
use crate::server_tool_result::ServerToolResult;

pub(super) const KNOWN: &str = "`tool_call_id`, `name`, `output` and `is_error` (or `status`)";

pub(super) fn lone_result(mut fields: Fields) -> Read<ServerToolResult> {
    fields.take("type");
    let result = result(&mut fields)?;
    fields.end(KNOWN).map(|()| result)
}

/// As this crate writes it, and LangChain.
pub(super) fn result(fields: &mut Fields) -> Read<ServerToolResult> {
    let mut result =
        ServerToolResult::new(fields.some_text("tool_call_id")?, fields.take("output").unwrap_or_default());
    if let Some(name) = fields.text("name")? {
        result = result.with_name(name);
    }
    let status = fields.text("status")?;
    let is_error = match status.as_deref() {
        None | Some("success") => fields.flag("is_error")?,
        Some("error") => true,
        Some(_) => return Err(Unreadable::new("`status` of the result of a tool is neither `success` nor `error`")),
    };
    *result.extras_mut() = extras(fields)?;
    Ok(if is_error { result.with_error() } else { result })
}

/// Anthropic: one kind of part for each tool. What went wrong is in the content.
pub(super) fn result_of(kind: &str, fields: &mut Fields) -> Read<ServerToolResult> {
    let output = fields.take("content").unwrap_or_default();
    let error = output.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("_error"));
    let mut result = ServerToolResult::new(fields.some_text("tool_use_id")?, output).with_name(kind);
    *result.extras_mut() = extras(fields)?;
    Ok(if fields.flag("is_error")? || error { result.with_error() } else { result })
}
