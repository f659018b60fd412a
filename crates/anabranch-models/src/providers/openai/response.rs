//! From the wire: a whole answer, and what whole answers and chunks have in common.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, FinishReason, Reasoning, ToolCall, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::Errors;

/// A `chat.completion` or a `chat.completion.chunk`. Members that vary from server to server are taken as they are.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) id: Option<Value>,
    pub(super) model: Option<Value>,
    pub(super) choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    x_groq: Option<Value>,
    pub(super) error: Option<Value>,
    system_fingerprint: Option<Value>,
    service_tier: Option<Value>,
    /// OpenRouter: who answered.
    provider: Option<Value>,
    /// Perplexity.
    citations: Option<Value>,
    search_results: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    index: Option<Value>,
    pub(super) message: Option<Turn>,
    pub(super) delta: Option<Turn>,
    pub(super) finish_reason: Option<Value>,
    pub(super) logprobs: Option<Value>,
}

/// What is in `message` and in `delta`.
#[derive(Deserialize, Default)]
pub(super) struct Turn {
    content: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    pub(super) reasoning_details: Option<Value>,
    refusal: Option<Value>,
    pub(super) annotations: Option<Value>,
    pub(super) tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
pub(super) struct Call {
    index: Option<Value>,
    id: Option<Value>,
    pub(super) function: Option<Function>,
    extra_content: Option<Value>,
}

#[derive(Deserialize, Default)]
pub(super) struct Function {
    name: Option<Value>,
    pub(super) arguments: Option<Value>,
}

impl Document {
    /// The first choice: no more are asked for.
    pub(super) fn choice(&mut self) -> Option<Choice> {
        let is_first = |choice: &Choice| choice.index.as_ref().and_then(Value::as_u64).unwrap_or(0) == 0;
        self.choices.take()?.into_iter().find(is_first)
    }

    /// What the call cost. Groq says it in a place of its own, too, and sometimes there only.
    pub(super) fn usage(&mut self) -> Option<Value> {
        let own = |groq: &mut Value| groq.get_mut("usage").map(Value::take);
        self.usage.take().or_else(|| self.x_groq.as_mut().and_then(own)).filter(Value::is_object)
    }

    /// What is kept of the rest.
    pub(super) fn metadata(&mut self) -> Map<String, Value> {
        let kept = [
            ("system_fingerprint", self.system_fingerprint.take()),
            ("service_tier", self.service_tier.take()),
            ("provider", self.provider.take()),
            ("citations", self.citations.take()),
            ("search_results", self.search_results.take()),
        ];
        kept.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
    }
}

impl Turn {
    /// Thoughts, text and refusal, in this order.
    pub(super) fn content(&mut self) -> Content {
        let mut parts = Vec::new();
        if let Some(thought) = self.thought() {
            parts.push(ContentPart::Reasoning(Reasoning::new(thought)));
        }
        match self.content.take() {
            Some(Value::String(text)) if parts.is_empty() && self.refusal.is_none() => return text.into(),
            Some(Value::String(text)) if !text.is_empty() => parts.push(ContentPart::text(text)),
            Some(Value::Array(list)) => parts.extend(list.into_iter().filter_map(part)),
            _ => {}
        }
        if let Some(refusal) = text(self.refusal.take()) {
            parts.push(ContentPart::refusal(refusal));
        }
        match parts.is_empty() {
            true => Content::default(),
            false => parts.into(),
        }
    }

    /// The same thought may stand in several fields: the first that is text counts.
    fn thought(&mut self) -> Option<String> {
        let details = |details: &Value| -> String {
            let details = details.as_array().into_iter().flatten();
            details.filter_map(|detail| detail.get("text").or(detail.get("summary"))?.as_str()).collect()
        };
        text(self.reasoning_content.take())
            .or_else(|| text(self.reasoning.take()))
            .or_else(|| self.reasoning_details.as_ref().map(details).filter(|thought| !thought.is_empty()))
    }
}

/// A part of a content that is a list: Mistral thinks in one.
fn part(mut part: Value) -> Option<ContentPart> {
    let texts = |list: &Value| -> String {
        list.as_array().into_iter().flatten().filter_map(|part| part.get("text")?.as_str()).collect()
    };
    match part.get("type")?.as_str()? {
        "text" => text(part.get_mut("text").map(Value::take)).map(ContentPart::text),
        "thinking" => match part.get("thinking")? {
            Value::String(thought) => Some(Reasoning::new(thought).into()),
            list => Some(Reasoning::new(texts(list)).into()),
        },
        "refusal" => text(part.get_mut("refusal").map(Value::take)).map(ContentPart::refusal),
        _ => None,
    }
}

impl Call {
    pub(super) fn index(&self) -> Option<u64> {
        self.index.as_ref().and_then(Value::as_u64)
    }

    pub(super) fn id(&mut self) -> Option<String> {
        match self.id.take() {
            // Some servers count.
            Some(Value::Number(number)) => Some(number.to_string()),
            id => text(id),
        }
    }

    pub(super) fn name(&mut self) -> Option<String> {
        text(self.function.as_mut()?.name.take())
    }

    pub(super) fn arguments(&mut self) -> Value {
        self.function.as_mut().and_then(|function| function.arguments.take()).unwrap_or_default()
    }

    /// What Gemini wants back with the call.
    pub(super) fn signature(&mut self) -> Option<String> {
        text(self.extra_content.as_mut()?.pointer_mut("/google/thought_signature").map(Value::take))
    }
}

/// Text that says something.
pub(super) fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

pub(super) fn usage(raw: Value) -> Option<Usage> {
    let Value::Object(raw) = raw else { return None };
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    let count = |key: &str| raw.get(key).and_then(whole);
    let detail = |group: &str, key: &str| raw.get(group)?.get(key).and_then(whole);
    let usage = Usage::new(count("prompt_tokens"), count("completion_tokens"))
        .with_total_tokens(count("total_tokens"))
        .with_cached_input_tokens(
            detail("prompt_tokens_details", "cached_tokens").or_else(|| count("prompt_cache_hit_tokens")),
        )
        .with_cache_write_tokens(detail("prompt_tokens_details", "cache_write_tokens"))
        .with_reasoning_tokens(
            detail("completion_tokens_details", "reasoning_tokens").or_else(|| count("reasoning_tokens")),
        );
    Some(usage.with_raw(raw))
}

/// An id for a call that has none, or one that another call has already. The same answer gets the same ids again, and
/// no two answers share one. Nine letters and digits, which is what the strictest server takes.
pub(super) fn own_id(answer: &str, place: usize, call: &str) -> String {
    // FNV-1a: short, and the same on every machine.
    let bytes = answer.bytes().chain(*b"/").chain(place.to_le_bytes()).chain(call.bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    std::iter::repeat_with(|| {
        let digit = (hash % 36) as u32;
        hash /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    })
    .take(9)
    .collect()
}

/// Whether a call needs an [`own_id`].
pub(super) fn lacks_id<'a>(mut calls: impl Iterator<Item = &'a ToolCall>, id: &str) -> bool {
    id.is_empty() || calls.any(|call| call.id() == id)
}

/// A whole answer from the body of a success.
pub(super) fn answer(body: &[u8], errors: Errors<'_>) -> Result<AiMessage> {
    match serde_json::from_slice::<Document>(body) {
        Ok(document) => message(document, errors),
        Err(error) => Err(no_answer(body, errors).with_source(Error::from(error))),
    }
}

/// The error of a success that is no answer.
fn no_answer(body: &[u8], errors: Errors<'_>) -> Error {
    if let Ok(document @ Value::Object(_)) = serde_json::from_slice(body) {
        if document.get("error").is_some_and(|error| !error.is_null()) {
            return errors.document(document);
        }
    }
    let what = match body.trim_ascii_start().first() {
        None => "nothing",
        Some(b'<') => "a web page",
        Some(_) => "something else",
    };
    Error::new(ErrorKind::Parse, format!("{} sent {what} where an answer was expected", errors.host))
        .with_partial(String::from_utf8_lossy(body).into_owned())
}

fn message(mut document: Document, errors: Errors<'_>) -> Result<AiMessage> {
    if let Some(error) = document.error.take() {
        return Err(errors.inside(error));
    }
    let Some(mut choice) = document.choice() else {
        return Err(Error::new(ErrorKind::Parse, format!("{} sent an answer without choices", errors.host)));
    };
    let id = text(document.id.take()).unwrap_or_default();
    let mut metadata = document.metadata();
    let mut turn = choice.message.or(choice.delta).unwrap_or_default();
    let mut message = AiMessage::new(turn.content());
    for mut call in turn.tool_calls.unwrap_or_default() {
        let (mut call_id, name) = (call.id().unwrap_or_default(), call.name().unwrap_or_default());
        if lacks_id(message.tool_calls().iter(), &call_id) {
            call_id = own_id(&id, message.tool_calls().len(), &name);
        }
        let mut built = ToolCall::new(call_id, name, call.arguments());
        if let Some(signature) = call.signature() {
            built = built.with_signature(signature);
        }
        message = message.with_tool_call(built);
    }
    if let Some(reason) = text(choice.finish_reason.take()) {
        message = message.with_finish_reason(FinishReason::from_word(reason));
    }
    if let Some(usage) = document.usage().and_then(usage) {
        message = message.with_usage(usage);
    }
    if let Some(model) = text(document.model.take()) {
        message = message.with_model(model);
    }
    if !id.is_empty() {
        message = message.with_id(id);
    }
    let besides = [
        ("annotations", turn.annotations.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))),
        ("reasoning_details", turn.reasoning_details),
        ("logprobs", choice.logprobs),
    ];
    metadata.extend(besides.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))));
    Ok(if metadata.is_empty() { message } else { message.with_metadata(metadata) })
}
