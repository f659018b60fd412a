//! The APIs, as far as a hostile server needs to know them.

use std::time::Duration;

use anabranch_models::transport::ReqwestTransport;
use anabranch_models::{Anthropic, ChatModel, Gemini, Ollama, OpenAi};

/// How a hostile server speaks.
pub(crate) struct Api {
    pub(crate) name: &'static str,
    model: fn(&str, &Limits) -> ChatModel,
    /// Whether the pieces of a stream are lines, and not events.
    lines: bool,
    /// An answer as a whole that says `@`.
    pub(crate) document: &'static str,
    /// A piece of one that says `@`.
    pub(crate) piece: &'static str,
    /// A piece that says nothing.
    pub(crate) nothing: &'static str,
    /// The first pieces of one, and the last.
    begin: &'static [&'static str],
    end: &'static [&'static str],
}

/// What is set on a model.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) answer_bytes: usize,
    pub(crate) first_token: Duration,
    pub(crate) between_tokens: Duration,
    pub(crate) total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let patience = Duration::from_secs(30);
        Self { answer_bytes: 32 << 20, first_token: patience, between_tokens: patience, total: patience }
    }
}

impl Api {
    pub(crate) fn model(&self, address: &str, limits: &Limits) -> ChatModel {
        (self.model)(address, limits)
    }

    /// A piece of a stream as it stands on the wire.
    pub(crate) fn frame(&self, data: &str) -> String {
        if self.lines { format!("{data}\n") } else { format!("data: {data}\n\n") }
    }

    pub(crate) fn begin(&self) -> String {
        self.begin.iter().map(|piece| self.frame(piece)).collect()
    }

    pub(crate) fn end(&self) -> String {
        self.end.iter().map(|piece| self.frame(piece)).collect()
    }
}

macro_rules! model {
    ($provider:expr, $address:expr, $limits:expr) => {
        $provider
            .base_url($address)
            .max_answer_bytes($limits.answer_bytes)
            .first_token_timeout($limits.first_token)
            .between_tokens_timeout($limits.between_tokens)
            .total_timeout($limits.total)
            .transport(ReqwestTransport::builder().build())
            .build()
            .unwrap()
    };
}

pub(crate) const APIS: &[Api] = &[
    Api {
        name: "openai",
        model: |address, limits| model!(OpenAi::new("m").api_key("k"), address, limits),
        lines: false,
        document: r#"{"choices":[{"message":{"content":"@"},"finish_reason":"stop"}]}"#,
        piece: r#"{"choices":[{"delta":{"content":"@"}}]}"#,
        nothing: r#"{"choices":[{"delta":{"content":""}}]}"#,
        begin: &[],
        end: &[r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, "[DONE]"],
    },
    Api {
        name: "responses",
        model: |address, limits| model!(OpenAi::new("m").api_key("k").responses(), address, limits),
        lines: false,
        document: r#"{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"@"}]}]}"#,
        piece: r#"{"type":"response.output_text.delta","output_index":0,"delta":"@"}"#,
        nothing: r#"{"type":"response.output_text.delta","output_index":0,"delta":""}"#,
        begin: &[],
        end: &[r#"{"type":"response.completed","response":{"status":"completed"}}"#],
    },
    Api {
        name: "anthropic",
        model: |address, limits| model!(Anthropic::new("m").api_key("k"), address, limits),
        lines: false,
        document: r#"{"type":"message","content":[{"type":"text","text":"@"}],"stop_reason":"end_turn"}"#,
        piece: r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}}"#,
        nothing: r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
        begin: &[
            r#"{"type":"message_start","message":{"content":[]}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        ],
        end: &[r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#, r#"{"type":"message_stop"}"#],
    },
    Api {
        name: "gemini",
        model: |address, limits| model!(Gemini::new("m").api_key("k"), address, limits),
        lines: false,
        document: r#"{"candidates":[{"content":{"parts":[{"text":"@"}]},"finishReason":"STOP"}]}"#,
        piece: r#"{"candidates":[{"content":{"parts":[{"text":"@"}]}}]}"#,
        nothing: r#"{"candidates":[{"content":{"parts":[{"text":""}]}}]}"#,
        begin: &[],
        end: &[r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}"#],
    },
    Api {
        name: "ollama",
        model: |address, limits| model!(Ollama::new("m"), address, limits),
        lines: true,
        document: r#"{"message":{"content":"@"},"done":true,"done_reason":"stop"}"#,
        piece: r#"{"message":{"content":"@"},"done":false}"#,
        nothing: r#"{"message":{"content":""},"done":false}"#,
        begin: &[],
        end: &[r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#],
    },
];

pub(crate) const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
