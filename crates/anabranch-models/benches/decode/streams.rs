//! Streams as the providers' servers send them, with every member that they send.

use anabranch_models::transport::Bytes;
use serde_json::{Value, json};

/// How many tokens each stream has.
pub(crate) const TOKENS: usize = 500;

/// Texts as models write them: words, and now and then something that JSON escapes.
const WORDS: &[&str] = &[
    " the", " river", " leaves", " its", " main", " stream", ",", " and", " joins", " it", " again", ".", "\n\n",
    " An", "abranch", " \"", "ana", "\"", " —", " runs", " down", "stream", " of", " a", " delta",
];

/// The text of a token.
fn word(index: usize) -> &'static str {
    WORDS[index % WORDS.len()]
}

/// What all tokens are together.
pub(crate) fn text() -> String {
    (0..TOKENS).map(word).collect()
}

/// A stream of one provider, an element for each event.
pub(crate) fn events(provider: &str) -> Vec<Bytes> {
    let events = match provider {
        "openai" => chat(),
        "responses" => responses(),
        "anthropic" => anthropic(),
        "gemini" => gemini(),
        "ollama" => ollama(),
        other => unreachable!("no such provider: {other}"),
    };
    events.into_iter().map(Bytes::from).collect()
}

fn chat() -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-CMwpx8LxTFxuTNYsl8BVXi9uy3Cdq", "object": "chat.completion.chunk", "created": 1_759_612_345,
            "model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_560af6e559",
            "choices": choices, "usage": usage, "obfuscation": "qXw0Fh3Zk"
        });
        format!("data: {chunk}\n\n")
    };
    let choice =
        |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let head = choice(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null);
    let usage = json!({
        "prompt_tokens": 19, "completion_tokens": TOKENS, "total_tokens": 19 + TOKENS,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0}
    });
    let mut events = vec![chunk(head, Value::Null)];
    events.extend((0..TOKENS).map(|at| chunk(choice(json!({"content": word(at)}), Value::Null), Value::Null)));
    events.push(chunk(choice(json!({}), json!("stop")), Value::Null));
    events.push(chunk(json!([]), usage));
    events.push("data: [DONE]\n\n".into());
    events
}

fn responses() -> Vec<String> {
    const ITEM: &str = "msg_68e1ba2d7b6c8190a7e0f2d3a4b5c6d70c3f2e1d0b9a8877";
    let mut number = 0;
    let mut event = |name: &str, mut members: Value| {
        members["type"] = name.into();
        members["sequence_number"] = number.into();
        number += 1;
        format!("event: {name}\ndata: {members}\n\n")
    };
    let response = |status: &str, output: Value, usage: Value| {
        json!({"response": {
            "id": "resp_68e1ba2cfa048190b4d5b5a7e0f2d3a40c3f2e1d0b9a8877", "object": "response",
            "created_at": 1_759_612_345, "status": status, "background": false, "error": null,
            "incomplete_details": null, "instructions": null, "max_output_tokens": null, "model": "gpt-5-mini-2025-08-07",
            "output": output, "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": "minimal", "summary": null}, "service_tier": "default", "store": false,
            "temperature": 1.0, "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto",
            "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": null, "metadata": {}
        }})
    };
    let item = |status: &str, content: Value| {
        json!({"output_index": 0, "item": {
            "id": ITEM, "type": "message", "status": status, "content": content, "role": "assistant"
        }})
    };
    let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text()});
    let mut events = vec![
        event("response.created", response("in_progress", json!([]), Value::Null)),
        event("response.in_progress", response("in_progress", json!([]), Value::Null)),
        event("response.output_item.added", item("in_progress", json!([]))),
        event(
            "response.content_part.added",
            json!({"item_id": ITEM, "output_index": 0, "content_index": 0,
                "part": {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}}),
        ),
    ];
    events.extend((0..TOKENS).map(|at| {
        event(
            "response.output_text.delta",
            json!({"item_id": ITEM, "output_index": 0, "content_index": 0, "delta": word(at), "logprobs": [],
                "obfuscation": "qXw0Fh3Zk"}),
        )
    }));
    events.push(event(
        "response.output_text.done",
        json!({"item_id": ITEM, "output_index": 0, "content_index": 0, "text": text(), "logprobs": []}),
    ));
    events.push(event(
        "response.content_part.done",
        json!({"item_id": ITEM, "output_index": 0, "content_index": 0, "part": part}),
    ));
    events.push(event("response.output_item.done", item("completed", json!([part]))));
    let usage = json!({
        "input_tokens": 19, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 19 + TOKENS
    });
    let output = json!([item("completed", json!([part]))["item"]]);
    events.push(event("response.completed", response("completed", output, usage)));
    events
}

fn anthropic() -> Vec<String> {
    let event =
        |members: Value| format!("event: {}\ndata: {members}\n\n", members["type"].as_str().unwrap_or_default());
    let usage = json!({
        "input_tokens": 19, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": 4,
        "service_tier": "standard"
    });
    let message = json!({
        "model": "claude-haiku-4-5-20251001", "id": "msg_01Q8y2q7Kk8cLm2yP5vVdVJ7", "type": "message",
        "role": "assistant", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage
    });
    let mut events = vec![
        event(json!({"type": "message_start", "message": message})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        event(json!({"type": "ping"})),
    ];
    events.extend((0..TOKENS).map(|at| {
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word(at)}}))
    }));
    let usage = json!({
        "input_tokens": 19, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": TOKENS
    });
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events.push(event(json!({"type": "content_block_stop", "index": 0})));
    events.push(event(json!({"type": "message_delta", "delta": delta, "usage": usage})));
    events.push(event(json!({"type": "message_stop"})));
    events
}

fn gemini() -> Vec<String> {
    let event = |at: usize, finish: Option<&str>| {
        let mut candidate = json!({"content": {"parts": [{"text": word(at)}], "role": "model"}, "index": 0});
        if let Some(reason) = finish {
            candidate["finishReason"] = reason.into();
        }
        let document = json!({
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": 19, "candidatesTokenCount": at + 1, "totalTokenCount": 20 + at,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 19}]
            },
            "modelVersion": "gemini-2.5-flash", "responseId": "ObrhaMfTGrmKvdIPsqLQ2Ag"
        });
        format!("data: {document}\r\n\r\n")
    };
    (0..TOKENS).map(|at| event(at, (at + 1 == TOKENS).then_some("STOP"))).collect()
}

fn ollama() -> Vec<String> {
    let line = |at: usize| {
        let line = json!({
            "model": "llama3.2", "created_at": format!("2026-08-04T19:22:45.{:06}127Z", at * 1000),
            "message": {"role": "assistant", "content": word(at)}, "done": false
        });
        format!("{line}\n")
    };
    let last = json!({
        "model": "llama3.2", "created_at": "2026-08-04T19:22:46.499127Z", "message": {"role": "assistant", "content": ""},
        "done": true, "done_reason": "stop", "total_duration": 4_883_583_458_u64, "load_duration": 1_334_875_u64,
        "prompt_eval_count": 19, "prompt_eval_duration": 342_546_000, "eval_count": TOKENS,
        "eval_duration": 4_535_599_000_u64
    });
    (0..TOKENS).map(line).chain([format!("{last}\n")]).collect()
}
