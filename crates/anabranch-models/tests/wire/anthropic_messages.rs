//! Anthropic's Messages API.

use anabranch_messages::AiMessage;
use anabranch_models::Anthropic;
use serde_json::{Value, json};

use crate::Provider;

pub(crate) const PROVIDER: Provider = Provider {
    api: "anthropic.messages",
    model: |server| Anthropic::new("claude-x").base_url(format!("{server}/v1")).api_key("sk-ant-not-a-key").build(),
    usage: |usage| {
        json!({
            "input": usage.input_tokens(),
            "output": usage.output_tokens(),
            // The API says none.
            "total": null,
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
        })
    },
    more: |message| {
        vec![
            ("server_tool_calls", server_tool_calls(message)),
            ("stop_sequence", message.metadata().get("stop_sequence").cloned().unwrap_or_default()),
        ]
    },
    deviations: &[],
};

/// The blocks that are neither text, thought nor call, in the normal form of the expectations.
fn server_tool_calls(message: &AiMessage) -> Value {
    let blocks = message.metadata().get("content_blocks").and_then(Value::as_array).into_iter().flatten();
    let ours = ["text", "thinking", "redacted_thinking", "tool_use"].map(Value::from);
    let normal = |block: &Value| {
        let mut normal = json!({"type": block["type"], "id": block.get("id").or(block.get("tool_use_id"))});
        if let Some(name) = block.get("name") {
            normal["name"] = name.clone();
        }
        normal
    };
    blocks.filter(|block| !ours.contains(&block["type"])).map(normal).collect()
}
