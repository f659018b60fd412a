//! What parts are made of: sources, results of the provider's tools, and what nobody knows here.

use anabranch_messages::{Citation, ContentPart, OtherPart, ServerToolResult};
use serde_json::{Map, Value};

use super::block::{PROVIDER, Piece, lost};
use crate::reader::{self, Assembly};

/// Adds a delta to a block that is kept as it came: text to text, lists to lists; of the rest the last counts.
pub(super) fn kept(value: &mut Map<String, Value>, input: &mut String, piece: Piece) {
    let mut add = |name: String, more: Value| match (value.get_mut(&name), more) {
        (Some(Value::String(there)), Value::String(more)) => there.push_str(&more),
        (Some(Value::Array(there)), Value::Array(more)) => there.extend(more),
        (_, more) => _ = value.insert(name, more),
    };
    match piece {
        Piece::Text(text) => add("text".into(), text.into()),
        Piece::Thinking(text) => add("thinking".into(), text.into()),
        Piece::Signature(text) => add("signature".into(), text.into()),
        Piece::Citation(raw) => add("citations".into(), reader::value::<Value>(&raw).into_iter().collect()),
        Piece::Input(json) => input.push_str(&json),
        Piece::Unknown(raw) => {
            let members: Map<String, Value> = reader::value(&raw).unwrap_or_default();
            members.into_iter().filter(|(name, _)| name != "type").for_each(|(name, more)| add(name, more));
        }
        Piece::Start(_) | Piece::Stop => {}
    }
}

/// The result of a tool that the provider ran, or what nobody knows here, as it came.
pub(super) fn part(mut value: Map<String, Value>) -> ContentPart {
    let type_ = value.get("type").and_then(Value::as_str).unwrap_or_default().to_string();
    let id = value.get("tool_use_id").and_then(Value::as_str).map(str::to_string);
    let Some(id) = id.filter(|_| type_.ends_with("_tool_result")) else {
        return OtherPart::new(value).with_provider(PROVIDER).into();
    };
    value.shift_remove("tool_use_id");
    let output = value.shift_remove("content").unwrap_or_default();
    let failed = output["type"].as_str().is_some_and(|kind| kind.ends_with("_error"));
    let failed = failed || value.get("is_error") == Some(&true.into());
    if value.get("caller").is_some_and(|caller| caller["type"] == "direct") {
        value.shift_remove("caller");
    }
    let result = ServerToolResult::new(id, output).with_name(type_);
    let said = value.into_iter().filter(|(_, value)| !value.is_null());
    let result = said.fold(result, |result, (name, value)| result.with_provider_data(PROVIDER, name, value));
    if failed { result.with_error().into() } else { result.into() }
}

/// Where the title of a source stands.
pub(in super::super) fn title_key(type_: &str) -> &'static str {
    match type_ {
        "char_location" | "page_location" | "content_block_location" => "document_title",
        _ => "title",
    }
}

/// A source. The places it tells are places of the source, and are kept as they came.
pub(super) fn citation(raw: &str, out: &mut Assembly) -> Option<Citation> {
    let Some(mut value) = reader::value::<Map<String, Value>>(raw) else {
        out.warn(lost());
        return None;
    };
    let mut take = |name: &str| match value.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            value.insert(name.to_string(), other);
            None
        }
        None => None,
    };
    let type_ = take("type").unwrap_or_default();
    let (url, title, text) = (take("url"), take(title_key(&type_)), take("cited_text"));
    let mut citation = Citation::new().with_provider_data(PROVIDER, "type", type_);
    if let Some(url) = url {
        citation = citation.with_url(url);
    }
    if let Some(title) = title {
        citation = citation.with_title(title);
    }
    if let Some(text) = text {
        citation = citation.with_cited_text(text);
    }
    Some(value.into_iter().fold(citation, |citation, (name, value)| citation.with_provider_data(PROVIDER, name, value)))
}
