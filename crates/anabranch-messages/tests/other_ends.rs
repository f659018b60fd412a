//! What an answer cost and why it ended, in the words of all libraries.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{AiMessage, FinishKind, FinishReason, Role, Usage};
use serde_json::{Value, json};

#[test]
fn counts_and_reasons() {
    let usage: Usage =
        serde_json::from_value(json!({"input_tokens": 1, "cache_read_input_tokens": 2, "tier": "x"})).unwrap();
    // Anthropic says beside the cache what went in.
    assert_eq!((usage.input_tokens(), usage.cached_input_tokens()), (Some(3), Some(2)));
    assert_eq!(usage.uncached_input_tokens(), Some(1));
    assert_eq!(usage.raw()["tier"], "x");
    for (word, kind) in [
        ("stop", FinishKind::Stop),
        ("end_turn", FinishKind::Stop),
        ("MAX_TOKENS", FinishKind::Length),
        ("tool_use", FinishKind::ToolCalls),
        ("SAFETY", FinishKind::ContentFilter),
        ("refusal", FinishKind::Refusal),
        ("pause_turn", FinishKind::Pause),
        ("model_context_window_exceeded", FinishKind::ContextWindow),
        ("UNEXPECTED_TOOL_CALL", FinishKind::MalformedToolCall),
        ("malformed_tool_use", FinishKind::MalformedToolCall),
        ("a_new_one", FinishKind::Other),
    ] {
        let reason: FinishReason = serde_json::from_value(json!(word)).unwrap();
        assert_eq!((reason.kind(), reason.raw()), (kind, Some(word)));
    }
}

#[test]
fn why_an_answer_ended_is_read_in_all_words() {
    for (response, kind) in [
        (json!({"finish_reason": "content-filter"}), FinishKind::ContentFilter),
        (json!({"finish_reason": "IMAGE_SAFETY"}), FinishKind::ContentFilter),
        (json!({"finish_reason": "tool-calls"}), FinishKind::ToolCalls),
        (json!({"finish_reason": "MALFORMED_FUNCTION_CALL"}), FinishKind::MalformedToolCall),
        (json!({"status": "completed", "incomplete_details": null}), FinishKind::Stop),
        (json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}), FinishKind::Length),
        (
            json!({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}),
            FinishKind::ContentFilter,
        ),
        (json!({"status": "incomplete"}), FinishKind::Error),
        (json!({"status": "failed"}), FinishKind::Error),
    ] {
        let message = json!({"type": "ai", "content": "a", "response_metadata": response});
        let read: AiMessage = serde_json::from_value(message).unwrap();
        assert_eq!(read.finish_reason().map(FinishReason::kind), Some(kind), "{response}");
    }
    let other = json!({"type": "ai", "content": "a", "response_metadata": {"status": 200}});
    let read: AiMessage = serde_json::from_value(other).unwrap();
    assert_eq!((read.finish_reason(), &read.metadata()["status"]), (None, &json!(200)));
}

#[test]
fn kinds_of_an_end_that_a_later_version_wrote_are_kept_as_text() {
    let later: FinishReason = serde_json::from_value(json!({"kind": "some_day"})).unwrap();
    assert_eq!(later, FinishReason::new(FinishKind::Other, "some_day"));
    for kind in [FinishKind::Pause, FinishKind::ContextWindow, FinishKind::MalformedToolCall] {
        let reason = FinishReason::from(kind);
        assert!(reason.is_cut_off(), "{kind:?}");
        let again: FinishReason = serde_json::from_value(serde_json::to_value(&reason).unwrap()).unwrap();
        assert_eq!(again, reason);
    }
}

#[test]
fn usage_means_the_same_whoever_says_it() {
    let read = |usage: Value| serde_json::from_value::<Usage>(usage).unwrap();
    for usage in [
        json!({"input_tokens": 7, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 3}}),
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 3}}),
        json!({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
            "input_token_details": {"cache_read": 2, "cache_creation": 1}, "output_token_details": {"reasoning": 3}}),
    ] {
        let usage = read(usage);
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(10), Some(5), 15));
        assert_eq!(
            (usage.uncached_input_tokens(), usage.cached_input_tokens(), usage.cache_write_tokens()),
            (Some(7), Some(2), Some(1))
        );
        assert_eq!((usage.text_tokens(), usage.reasoning_tokens()), (Some(2), Some(3)));
    }
    let gemini = read(json!({"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4, "totalTokenCount": 15}));
    assert_eq!(
        (gemini.input_tokens(), gemini.output_tokens(), gemini.reasoning_tokens()),
        (Some(10), Some(5), Some(3))
    );
    assert_eq!((gemini.uncached_input_tokens(), gemini.total_tokens()), (Some(6), 15));
    let paid = read(json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25}));
    assert_eq!((paid.cost(), paid.raw()["cost"].as_f64()), (Some(0.25), Some(0.25)));
}

#[test]
fn roles_and_kinds_on_their_own() {
    assert_eq!(serde_json::from_value::<Role>(json!("human")).unwrap(), Role::User);
    assert_eq!(serde_json::to_value(Role::Assistant).unwrap(), "assistant");
    for bad in [json!("secret"), json!(1)] {
        let error = serde_json::from_value::<Role>(bad).unwrap_err().to_string();
        assert!(error.contains("role") && !error.contains("secret"), "{error}");
    }
    assert_eq!(serde_json::from_value::<FinishKind>(json!("length")).unwrap(), FinishKind::Length);
    assert_eq!(serde_json::from_value::<FinishKind>(json!("some_day")).unwrap(), FinishKind::Other);
}
