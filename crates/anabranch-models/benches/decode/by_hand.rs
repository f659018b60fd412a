//! The yardstick: a loop that splits lines and parses each event with serde into the few fields it needs.

use std::hint::black_box;

use anabranch_models::transport::Bytes;
use memchr::memchr;
use serde::Deserialize;

/// What a program by hand does with an event: gives the text to whoever reads, and keeps the finish reason.
pub(crate) trait Event<'a>: Deserialize<'a> {
    fn text(self, finish: &mut Option<String>) -> Option<String>;
}

/// Reads a stream; each text is given to `read`.
pub(crate) fn stream(provider: &str, pieces: &[Bytes], read: &mut dyn FnMut(String)) -> Option<String> {
    match provider {
        "openai" => lines::<Chat>(pieces, "data: ", read),
        "responses" => lines::<Responses>(pieces, "data: ", read),
        "anthropic" => lines::<Anthropic>(pieces, "data: ", read),
        "gemini" => lines::<Gemini>(pieces, "data: ", read),
        _ => lines::<Ollama>(pieces, "", read),
    }
}

fn lines<E: for<'a> Event<'a>>(pieces: &[Bytes], field: &str, read: &mut dyn FnMut(String)) -> Option<String> {
    let (mut buffer, mut finish) = (Vec::new(), None);
    for piece in pieces {
        buffer.extend_from_slice(black_box(piece));
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &buffer[start..]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            let Some(data) = line.strip_prefix(field.as_bytes()).filter(|data| !data.is_empty()) else { continue };
            if data == b"[DONE]" {
                return finish;
            }
            if let Some(text) = serde_json::from_slice::<E>(data).unwrap().text(&mut finish) {
                read(text);
            }
        }
        buffer.drain(..start);
    }
    finish
}

#[derive(Deserialize)]
struct Chat {
    choices: Vec<Choice>,
    usage: Option<ChatUsage>,
}

#[derive(Deserialize)]
struct Choice {
    delta: ChatDelta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct ChatDelta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ChatUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Event<'_> for Chat {
    fn text(self, finish: &mut Option<String>) -> Option<String> {
        if let Some(usage) = self.usage {
            black_box((usage.prompt_tokens, usage.completion_tokens));
        }
        let choice = self.choices.into_iter().next()?;
        if choice.finish_reason.is_some() {
            *finish = choice.finish_reason;
        }
        choice.delta.content
    }
}

#[derive(Deserialize)]
struct Responses {
    #[serde(rename = "type")]
    type_: String,
    delta: Option<String>,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status: String,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    output_tokens: u64,
}

impl Event<'_> for Responses {
    fn text(self, finish: &mut Option<String>) -> Option<String> {
        if let Some(response) = self.response {
            black_box(response.usage.map(|usage| (usage.input_tokens, usage.output_tokens)));
            *finish = Some(response.status);
        }
        self.delta.filter(|_| self.type_ == "response.output_text.delta")
    }
}

#[derive(Deserialize)]
struct Anthropic {
    #[serde(rename = "type")]
    type_: String,
    delta: Option<AnthropicDelta>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct AnthropicDelta {
    text: Option<String>,
    stop_reason: Option<String>,
}

impl Event<'_> for Anthropic {
    fn text(self, finish: &mut Option<String>) -> Option<String> {
        black_box(self.usage.map(|usage| (usage.input_tokens, usage.output_tokens)));
        let delta = self.delta?;
        if delta.stop_reason.is_some() {
            *finish = delta.stop_reason;
        }
        delta.text.filter(|_| self.type_ == "content_block_delta")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gemini {
    candidates: Vec<Candidate>,
    usage_metadata: Option<GeminiUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: GeminiContent,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct GeminiContent {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: u64,
    candidates_token_count: u64,
}

impl Event<'_> for Gemini {
    fn text(self, finish: &mut Option<String>) -> Option<String> {
        if let Some(usage) = self.usage_metadata {
            black_box((usage.prompt_token_count, usage.candidates_token_count));
        }
        let candidate = self.candidates.into_iter().next()?;
        if candidate.finish_reason.is_some() {
            *finish = candidate.finish_reason;
        }
        candidate.content.parts.into_iter().next()?.text
    }
}

#[derive(Deserialize)]
struct Ollama {
    message: OllamaMessage,
    done_reason: Option<String>,
    eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct OllamaMessage {
    content: String,
}

impl Event<'_> for Ollama {
    fn text(self, finish: &mut Option<String>) -> Option<String> {
        black_box(self.eval_count);
        if self.done_reason.is_some() {
            *finish = self.done_reason;
        }
        Some(self.message.content)
    }
}
