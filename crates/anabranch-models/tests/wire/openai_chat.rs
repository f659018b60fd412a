//! OpenAI's chat completions, and the servers that speak the same.

use anabranch_models::OpenAi;
use serde_json::json;

use crate::Provider;

pub(crate) const PROVIDER: Provider = Provider {
    api: "openai.chat",
    model: |server| OpenAi::new("tiny").base_url(format!("{server}/v1")).api_key("sk-not-a-key").build(),
    usage: |usage| {
        json!({
            "input": usage.input_tokens(),
            "output": usage.output_tokens(),
            "total": usage.raw().contains_key("total_tokens").then(|| usage.total_tokens()),
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
        })
    },
    more: |_| Vec::new(),
    deviations: &[
        (
            "chat-error-real_error_scenarios_cloud_gpt_oss_120b_handles_context_length_e",
            "error.kind",
            "the notes call it an invalid request; it is a prompt that is too long, says so, and programs that shorten \
             their prompt want to know",
        ),
        (
            "chat-stream-truncation_matrix_agent_streaming_empty_arguments_on_length_are",
            "tool_calls",
            "a call that a token limit cut off before its arguments: the notes read `{}`, which would let it run",
        ),
        (
            "chat-stream-tool_truncation_matrix_streaming_ministral_3b_low_agent",
            "tool_calls",
            "a call that a token limit cut off before its arguments: the notes read `{}`, which would let it run",
        ),
    ],
};
