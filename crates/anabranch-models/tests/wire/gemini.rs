//! Gemini's `generateContent` and `streamGenerateContent`.

use anabranch_messages::{AiMessage, Usage};
use anabranch_models::Gemini;
use serde_json::{Value, json};

use crate::Provider;

pub(crate) const PROVIDER: Provider = Provider {
    api: "gemini.generate",
    model: |server| Gemini::new("tiny").base_url(format!("{server}/v1beta")).api_key("not-a-key").build(),
    usage,
    more: |message| {
        vec![
            ("server_tool_calls", server_tool_calls(message)),
            ("grounding", grounding(message)),
            (
                "prompt_block_reason",
                message.metadata().get("promptFeedback").map_or(Value::Null, |said| said["blockReason"].clone()),
            ),
        ]
    },
    deviations: &[
        (
            "generate-stream-streaming_failure_error_mid_stream",
            "finish_reason",
            "no part of an answer that broke off says that it is complete",
        ),
        (
            "generate-stream-streaming_failure_prompt_blocked_safety",
            "error",
            "a prompt that is blocked is an answer that says so, streamed or not: to ask again would be no use",
        ),
        (
            "generate-stream-streaming_failure_prompt_blocked_safety_with_message",
            "error",
            "a prompt that is blocked is an answer that says so, streamed or not: to ask again would be no use",
        ),
    ],
};

/// Gemini counts its tools' input and its thoughts apart from the rest.
fn usage(usage: &Usage) -> Value {
    let own = |key: &str, all: Option<u64>, apart: &str| {
        let apart = usage.raw().get(apart).and_then(Value::as_u64).unwrap_or(0);
        usage.raw().contains_key(key).then(|| all.unwrap_or(0) - apart)
    };
    json!({
        "input": own("promptTokenCount", usage.input_tokens(), "toolUsePromptTokenCount"),
        "output": own("candidatesTokenCount", usage.output_tokens(), "thoughtsTokenCount"),
        "total": usage.raw().contains_key("totalTokenCount").then(|| usage.total_tokens()),
        "cached_input": usage.cached_input_tokens(),
        "cache_write": usage.cache_write_tokens(),
        "reasoning": usage.reasoning_tokens(),
    })
}

fn server_tool_calls(message: &AiMessage) -> Value {
    let parts = message.metadata().get("otherParts").and_then(Value::as_array);
    let kind = |part: &Value| {
        let kind = part.as_object()?.keys().find(|key| *key != "thoughtSignature")?;
        Some(json!({"type": kind, "id": part[kind]["id"]}))
    };
    parts.into_iter().flatten().filter_map(kind).collect()
}

fn grounding(message: &AiMessage) -> Value {
    let Some(said) = message.metadata().get("groundingMetadata") else { return Value::Null };
    let list = |key: &str| said[key].as_array().cloned().unwrap_or_default();
    let uri = |chunk: &Value| {
        let page = ["web", "maps", "retrievedContext"].into_iter().find_map(|kind| chunk.get(kind));
        page.map_or(Value::Null, |page| page["uri"].clone())
    };
    json!({
        "queries": list("webSearchQueries"),
        "uris": list("groundingChunks").iter().map(uri).collect::<Vec<_>>(),
        "supports": list("groundingSupports").len(),
    })
}
