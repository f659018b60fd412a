//! The recorded traffic of thirteen servers: what a correct client reads from it.

use std::collections::VecDeque;
use std::path::Path;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::AiMessage;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::error::Errors;
use super::response;
use super::stream::Assembly;
use crate::transport::fixtures;
use crate::transport::{Failure, SseDecoder, with_headers};

const ERRORS: Errors<'_> = Errors { host: "api.example.com", key: None };

/// Where this client reads something else than the recording's notes say, and why.
const DEVIATIONS: &[(&str, &str)] = &[
    // The notes call it an invalid request. It is a prompt that is too long, and says so; programs that shorten their
    // prompt want to know.
    ("chat-error-real_error_scenarios_cloud_gpt_oss_120b_handles_context_length_e", "error.kind"),
    // A call that a token limit cut off before its arguments: the notes read `{}`, which would let it run.
    ("chat-stream-truncation_matrix_agent_streaming_empty_arguments_on_length_are", "tool_calls"),
    ("chat-stream-tool_truncation_matrix_streaming_ministral_3b_low_agent", "tool_calls"),
];

struct Fixture {
    name: String,
    streamed: bool,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    expect: Value,
}

fn all() -> Option<Vec<Fixture>> {
    let folder = fixtures::folder()?;
    let read = |path: &Path| std::fs::read(path).unwrap();
    let manifest: Value = serde_json::from_slice(&read(&folder.join("manifest.json"))).unwrap();
    let chat = manifest.as_array().unwrap().iter().filter(|entry| entry["api"] == "openai.chat");
    let load = |entry: &Value| {
        let path = folder.join(entry["file"].as_str().unwrap());
        let mut expect: Value = serde_json::from_slice(&read(&path.with_extension("expect.json"))).unwrap();
        let header = |(name, value): (&String, &Value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        };
        Fixture {
            name: path.file_stem().unwrap().to_str().unwrap().to_string(),
            streamed: entry["transport"] == "sse",
            status: u16::try_from(entry["http_status"].as_u64().unwrap()).unwrap(),
            headers: entry["headers"].as_object().unwrap().iter().filter_map(header).collect(),
            body: read(&path),
            expect: expect["expect"].take(),
        }
    };
    Some(chat.map(load).collect())
}

/// What a stream gives, read in pieces of this size: the same steps as the reader of a real connection takes.
fn stream(body: &[u8], size: usize) -> (AiMessage, Result<()>) {
    let mut whole = AiMessage::merge().collector();
    let mut decoder = SseDecoder::new(1 << 24);
    let mut assembly = Assembly::new(ERRORS);
    let mut chunks = VecDeque::new();
    let mut read = || -> Result<()> {
        if matches!(SseDecoder::first_byte(body), Some(b'{' | b'[' | b'<')) {
            chunks.push_back(response::answer(body, ERRORS)?);
            return Ok(());
        }
        for piece in body.chunks(size) {
            decoder.push(piece);
            while let Some(event) = decoder.next_event()? {
                assembly.event(&event.event, &event.data, &mut chunks)?;
                if assembly.done {
                    return Ok(());
                }
            }
        }
        if let Some(event) = decoder.finish() {
            assembly.event(&event.event, &event.data, &mut chunks)?;
        }
        if assembly.done { Ok(()) } else { assembly.end(&mut chunks) }
    };
    let end = read();
    for chunk in chunks {
        assert!(!chunk.is_empty(), "a chunk without anything");
        whole.push(chunk).unwrap();
    }
    (whole.finish().unwrap(), end)
}

fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Authentication => "authentication",
        ErrorKind::PermissionDenied => "permission",
        ErrorKind::NotFound => "not_found",
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

/// What was read, in the normal form of the notes.
fn normal(message: &AiMessage, error: Option<&Error>) -> Value {
    let calls = message.tool_calls().iter();
    let calls: Vec<Value> =
        calls.map(|call| json!({"id": call.id(), "name": call.name(), "arguments": call.arguments().ok()})).collect();
    let usage = message.usage().map(|usage| {
        let raw = usage.raw();
        json!({
            "input": usage.input_tokens(),
            "output": usage.output_tokens(),
            "total": raw.contains_key("total_tokens").then(|| usage.total_tokens()),
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
            "raw": raw,
        })
    });
    let refusal = message.refusal();
    json!({
        "text": message.text(),
        "reasoning": message.reasoning(),
        "refusal": (!refusal.is_empty()).then_some(refusal),
        "tool_calls": calls,
        "finish_reason": message.finish_reason().and_then(|reason| reason.raw()),
        "usage": usage,
        "model": message.model(),
        "response_id": message.id(),
        "error": error.map(|error| json!({
            "kind": kind(error),
            "retryable": error.is_retryable(),
            "retry_after_ms": error.retry_after().map(|delay| delay.as_millis() as u64),
        })),
    })
}

/// The notes, cut down to what is compared.
fn expected(expect: &Value, read: &Value) -> Value {
    let mut expected = json!({});
    for key in read.as_object().unwrap().keys() {
        // Blank is missing: Snowflake sends empty strings where others send null.
        let blank = expect[key] == "" && read[key].is_null();
        expected[key] = if blank { Value::Null } else { expect[key].clone() };
    }
    let calls = expect["tool_calls"].as_array().unwrap().iter().zip(read["tool_calls"].as_array().unwrap());
    let calls: Vec<Value> = calls
        .map(|(call, read)| {
            // A call without an id is given one.
            let id = if call["id"].as_str().unwrap_or_default().is_empty() { &read["id"] } else { &call["id"] };
            assert!(id.as_str().is_some_and(|id| !id.is_empty()), "a call without an id");
            json!({"id": id, "name": call["name"], "arguments": call["arguments"]})
        })
        .collect();
    if expect["tool_calls"].as_array().unwrap().len() == calls.len() {
        expected["tool_calls"] = calls.into();
    }
    if !expect["error"].is_null() {
        let error = &expect["error"];
        expected["error"] =
            json!({"kind": error["kind"], "retryable": error["retryable"], "retry_after_ms": error["retry_after_ms"]});
    }
    expected
}

/// Where two values differ.
fn differences(path: &str, expected: &Value, read: &Value, found: &mut Vec<String>) {
    match (expected, read) {
        (Value::Object(expected), Value::Object(read)) if !path.ends_with("arguments") && !path.ends_with("raw") => {
            for (key, value) in expected {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(&path, value, read.get(key).unwrap_or(&Value::Null), found);
            }
        }
        _ if expected == read => {}
        _ => found.push(format!("{path}: expected {expected}, read {read}")),
    }
}

fn is_deliberate(name: &str, difference: &str) -> bool {
    DEVIATIONS.iter().any(|(fixture, what)| *fixture == name && difference.starts_with(what))
}

/// Reads a fixture and says what is wrong.
fn check(fixture: &Fixture, size: usize) -> Vec<String> {
    let (message, end) = match (fixture.status, fixture.streamed) {
        (200, true) => stream(&fixture.body, size),
        (200, false) => match response::answer(&fixture.body, ERRORS) {
            Ok(message) => (message, Ok(())),
            Err(error) => (AiMessage::default(), Err(error)),
        },
        (status, _) => {
            let error = ERRORS.status(&Failure { status, body: &fixture.body });
            (AiMessage::default(), Err(with_headers(error, &fixture.headers)))
        }
    };
    // What came before a failure is in the error.
    let message = match &end {
        Err(error) => error.partial::<AiMessage>().cloned().unwrap_or(message),
        Ok(()) => message,
    };
    let read = normal(&message, end.as_ref().err());
    let mut found = Vec::new();
    differences("", &expected(&fixture.expect, &read), &read, &mut found);
    found.retain(|difference| !is_deliberate(&fixture.name, difference));
    if let Err(error) = &end {
        let shown = format!("{error} {error:?}");
        let text = fixture.expect["error"]["message"].as_str().unwrap_or_default();
        if !text.is_empty() && shown.replace(error.kind().as_str(), "").contains(text) {
            found.push("the error shows the provider's sentence".into());
        }
    }
    found
}

#[test]
fn every_recording_is_read_as_it_should_be() {
    let Some(fixtures) = all() else { return };
    let mut wrong = Vec::new();
    let (mut documents, mut streams, mut failures) = (0, 0, 0);
    for fixture in &fixtures {
        let sizes: &[usize] = match (fixture.streamed, fixture.status) {
            (true, 200) => &[1, 2, 7, 1024, usize::MAX],
            _ => &[usize::MAX],
        };
        match (fixture.status, fixture.streamed) {
            (200, true) => streams += 1,
            (200, false) => documents += 1,
            _ => failures += 1,
        }
        for size in sizes {
            let found = check(fixture, *size);
            if !found.is_empty() {
                wrong.push(format!("{} in pieces of {size}:\n    {}", fixture.name, found.join("\n    ")));
            }
        }
    }
    let deviations = DEVIATIONS.len();
    fixtures::say(&format!("{documents} documents, {streams} streams, {failures} failures; {deviations} deviations"));
    assert!(wrong.is_empty(), "{} readings are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever is cut off after whichever event: the same beginning, and either an end or an error that says there is
/// none.
#[test]
fn a_stream_cut_after_any_event_is_never_taken_for_whole() {
    let Some(fixtures) = all() else { return };
    for fixture in fixtures.iter().filter(|fixture| fixture.streamed && fixture.status == 200) {
        let (whole, end) = stream(&fixture.body, usize::MAX);
        let whole = match &end {
            Err(error) => error.partial::<AiMessage>().cloned().unwrap_or(whole),
            Ok(()) => whole,
        };
        let cuts = fixture.body.windows(2).enumerate().filter(|(_, two)| two == b"\n\n").map(|(at, _)| at + 2);
        let cuts: Vec<usize> = cuts.collect();
        // A long stream is one event like the other: there every so many will do.
        for cut in cuts.iter().copied().step_by(1 + cuts.len() / 150) {
            let (part, end) = stream(&fixture.body[..cut], 1024);
            let name = &fixture.name;
            let part = match end {
                Ok(()) => {
                    assert!(
                        part.finish_reason().is_some() || fixture.body[..cut].ends_with(b"[DONE]\n\n"),
                        "{name} {cut}"
                    );
                    part
                }
                Err(error) => {
                    let part = error.partial::<AiMessage>().cloned().unwrap_or_default();
                    assert!(part.finish_reason().is_none(), "{name} {cut}");
                    part
                }
            };
            assert!(whole.text().starts_with(&*part.text()), "{name} {cut}");
            for (call, whole) in part.tool_calls().iter().zip(whole.tool_calls()) {
                assert!(!call.has_valid_arguments() || call.arguments().ok() == whole.arguments().ok(), "{name} {cut}");
            }
        }
    }
}

/// Strange values in every place of a real chunk: an error or a chunk, never a panic.
#[test]
fn strange_values_anywhere() {
    let chunk = json!({
        "id": "1", "model": "m", "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}},
        "choices": [{"index": 0, "finish_reason": null, "logprobs": {"content": []}, "delta": {
            "content": "x", "reasoning": "y", "refusal": null, "annotations": [], "reasoning_details": [{"text": "z"}],
            "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s"}}}],
        }}],
    });
    let deep: Value = serde_json::from_str(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap();
    let strange =
        [json!(null), json!(-1), json!(1e300), json!(u64::MAX), json!(""), json!([]), json!({}), json!([[{}]]), deep];
    let mut places = Vec::new();
    pointers("", &chunk, &mut places);
    for place in &places {
        for value in &strange {
            let mut changed = chunk.clone();
            *changed.pointer_mut(place).unwrap() = value.clone();
            let text = changed.to_string();
            for body in
                [format!("data: {text}\n\ndata: {text}\n\ndata: [DONE]\n\n"), format!("data: {chunk}\n\ndata: {text}")]
            {
                let _ = stream(body.as_bytes(), 1024);
            }
            let _ = response::answer(text.as_bytes(), ERRORS);
        }
    }
    assert!(places.len() > 25);
}

fn pointers(path: &str, value: &Value, found: &mut Vec<String>) {
    found.push(path.to_string());
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| pointers(&format!("{path}/{key}"), value, found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(&format!("{path}/{index}"), value, found));
        }
        _ => {}
    }
}

#[test]
fn too_many_calls_are_an_error_and_ids_are_their_own() {
    let call = |index: usize, id: &str| {
        let call = json!({"index": index, "id": id, "function": {"name": "f", "arguments": "{}"}});
        format!("data: {}\n\n", json!({"id": "1", "choices": [{"delta": {"tool_calls": [call]}}]}))
    };
    let many: String = (0..2000).map(|index| call(index, "")).collect();
    assert_eq!(stream(many.as_bytes(), 1024).1.unwrap_err().kind(), ErrorKind::Parse);

    let same: String = (0..3).map(|index| call(index, "c")).chain(["data: [DONE]\n\n".to_string()]).collect();
    let (message, end) = stream(same.as_bytes(), 1024);
    end.unwrap();
    let ids: Vec<_> = message.tool_calls().iter().map(|call| call.id()).collect();
    assert_eq!((ids.len(), ids[0]), (3, "c"));
    assert!(ids[1] != "c" && ids[1] != ids[2] && ids[2] != "c", "{ids:?}");
    assert!(ids[1].len() == 9 && ids[1].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    // The same answer gets the same ids, streamed or not.
    let call = json!({"id": "c", "function": {"name": "f", "arguments": "{}"}});
    let body = json!({"id": "1", "choices": [{"message": {"tool_calls": [call, call, call]}}]}).to_string();
    assert_eq!(response::answer(body.as_bytes(), ERRORS).unwrap().tool_calls(), message.tool_calls());
}

#[test]
fn a_million_empty_deltas() {
    let body = "data: {\"choices\":[{\"delta\":{}}]}\n\n".repeat(200_000) + "data: [DONE]\n\n";
    let (message, end) = stream(body.as_bytes(), 4096);
    assert!(end.is_ok() && message.is_empty());
}
