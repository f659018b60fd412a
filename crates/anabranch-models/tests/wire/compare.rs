//! What was read, beside what should have been.

use anabranch_core::{Error, ErrorKind};
use anabranch_messages::AiMessage;
use serde_json::{Map, Value, json};

use crate::fixture::Fixture;
use crate::{Provider, Reading};

/// What is different, one line each.
pub(crate) fn differences(provider: &Provider, fixture: &Fixture, reading: &Reading) -> Vec<String> {
    let error = reading.end.as_ref().err();
    // What came before a failure is in the error, with what counts once.
    let message = error.and_then(|error| error.partial::<AiMessage>()).unwrap_or(&reading.message);
    let read = normal(provider, message, error);
    let mut found = Vec::new();
    compare("", &expected(&fixture.expect, &read), &read, &mut found);
    if let Some(error) = error {
        let shown = format!("{error} {error:?}");
        let text = fixture.expect["error"]["message"].as_str().unwrap_or_default();
        if !text.is_empty() && shown.replace(error.kind().as_str(), "").contains(text) {
            found.push("the error shows the provider's sentence".into());
        }
    }
    found
}

/// Whether a difference is one on purpose: its place in the provider's list.
pub(crate) fn deliberate(provider: &Provider, fixture: &Fixture, difference: &str) -> Option<usize> {
    provider.deviations.iter().position(|(name, what, _)| fixture.name.ends_with(name) && difference.starts_with(what))
}

fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Authentication => "authentication",
        ErrorKind::PermissionDenied => "permission",
        ErrorKind::NotFound => "not_found",
        ErrorKind::InvalidInput if error.status() == Some(413) => "too_large",
        ErrorKind::InvalidInput => "invalid_request",
        ErrorKind::ContextLength => "context_length",
        ErrorKind::ContentFilter => "content_filter",
        ErrorKind::QuotaExceeded => "quota",
        ErrorKind::RateLimited => "rate_limit",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::Server => "server",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Parse => "malformed_response",
        ErrorKind::IncompleteStream => "incomplete_stream",
        _ => "provider_error",
    }
}

/// What was read, in the normal form of the expectations.
fn normal(provider: &Provider, message: &AiMessage, error: Option<&Error>) -> Value {
    let calls: Vec<Value> = message
        .tool_calls()
        .iter()
        .map(|call| json!({"id": call.id(), "name": call.name(), "arguments": call.arguments().ok()}))
        .collect();
    let usage = message.usage().map(|usage| {
        let mut normal = (provider.usage)(usage);
        normal["raw"] = usage.raw().clone().into();
        normal
    });
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let mut read = json!({
        "text": message.text(),
        "reasoning": message.reasoning(),
        "refusal": text(&message.refusal()),
        "tool_calls": calls,
        "finish_reason": message.finish_reason().and_then(|reason| reason.raw()),
        "usage": usage,
        "model": message.model(),
        "response_id": message.id(),
        "error": error.map(failure),
    });
    if let Some(read) = read.as_object_mut() {
        read.extend((provider.more)(message).into_iter().map(|(key, value)| (key.to_string(), value)));
    }
    read
}

fn failure(error: &Error) -> Value {
    let partial = error.partial::<AiMessage>();
    json!({
        "kind": kind(error),
        "retryable": error.is_retryable(),
        "retry_after_ms": error.retry_after().map(|delay| delay.as_millis() as u64),
        "http_status": error.status(),
        "code": error.provider_code(),
        "message": error.provider_message(),
        "partial_output": partial.is_some_and(|part| !part.content().is_empty() || !part.tool_calls().is_empty()),
    })
}

/// The part of the expectation that a client can show, with what it must have made up by itself taken over.
fn expected(expect: &Value, read: &Value) -> Value {
    let mut expected = json!({});
    for key in read.as_object().unwrap().keys() {
        // Blank is missing: Snowflake sends empty strings where others send null.
        let blank = expect[key] == "" && read[key].is_null();
        expected[key] = if blank { Value::Null } else { expect[key].clone() };
    }
    let (mut calls, read_calls) =
        (expect["tool_calls"].as_array().unwrap().clone(), read["tool_calls"].as_array().unwrap());
    // What a stream leaves half done is there, and does not run.
    for call in expect["incomplete_tool_calls"].as_array().into_iter().flatten() {
        calls.push(json!({"id": call["id"], "name": call["name"], "arguments": null}));
    }
    expected["tool_calls"] = calls.clone().into();
    if calls.len() == read_calls.len() {
        let calls = calls.iter().zip(read_calls).map(|(call, read)| {
            // A call without an id is given one.
            let id = if call["id"].as_str().unwrap_or_default().is_empty() { &read["id"] } else { &call["id"] };
            assert!(id.as_str().is_some_and(|id| !id.is_empty()), "a call without an id");
            json!({"id": id, "name": call["name"], "arguments": call["arguments"]})
        });
        expected["tool_calls"] = calls.collect();
    }
    if let (Some(error), Some(read)) = (expect["error"].as_object(), read["error"].as_object()) {
        expected["error"] = error_expected(error, read).into();
    }
    expected
}

fn error_expected(error: &Map<String, Value>, read: &Map<String, Value>) -> Map<String, Value> {
    // Errors that are the client's own have no sentence and no code of the provider's.
    let own = error.get("type").is_some_and(|kind| kind == "incomplete_stream" || kind == "invalid_json");
    let take = |key: &str| match key {
        // The word, whichever of the two a server has; a number is a status.
        "code" if own => None,
        "code" => {
            let word = |key: &str| {
                error.get(key).filter(|word| word.as_str().is_some_and(|word| word.parse::<u32>().is_err()))
            };
            word("code").or(word("type")).or(word("status")).or(Some(&Value::Null))
        }
        "message" if own => None,
        // In the middle of a stream it is what the error itself says.
        "http_status" => error.get(key),
        key => error.get(key),
    };
    read.iter().map(|(key, value)| (key.clone(), take(key).cloned().unwrap_or_else(|| value.clone()))).collect()
}

/// Where two values differ.
fn compare(path: &str, expected: &Value, read: &Value, found: &mut Vec<String>) {
    match (expected, read) {
        (Value::Object(expected), Value::Object(read)) if !path.ends_with("arguments") && !path.ends_with("raw") => {
            for (key, value) in expected {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, value, read.get(key).unwrap_or(&Value::Null), found);
            }
        }
        _ if expected == read => {}
        // A sentence may be a document: white space in it says nothing.
        (Value::String(expected), Value::String(read)) if path == "error.message" && same_json(expected, read) => {}
        _ => found.push(format!("{path}: expected {expected}, read {read}")),
    }
}

fn same_json(one: &str, other: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    parse(one).is_some_and(|one| parse(other) == Some(one))
}
