//! What is sent.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{ContentPart, Media, Message, Messages, ToolCall, UserMessage};
use serde_json::json;

use super::super::loopback::Loopback;
use super::{KEY, PROMPT, Subject};
use crate::chat_model::ChatModel;
use crate::options::{JsonSchema, ReasoningOptions, ResponseFormat};
use crate::tool::{FunctionTool, ToolChoice};

/// Whatever is asked for stands in the request, or the answer has a warning, or the call is an error of the kind
/// [`Unsupported`](ErrorKind::Unsupported): never silence. What the backend says it [can do](crate::Capabilities) stands
/// in the request.
///
/// # Panics
/// When something vanishes without a word.
pub async fn what_is_asked_for_is_sent_or_warned_of(subject: &Subject) {
    let llm = subject.model("http://127.0.0.1:1");
    let can = llm.capabilities();
    let asked: Vec<(&str, &str, bool, Set)> = vec![
        ("temperature", "0.8125", true, |llm| llm.temperature(0.8125)),
        ("max_tokens", "7919", true, |llm| llm.max_tokens(7919)),
        ("top_p", "0.8125", false, |llm| llm.top_p(0.8125)),
        ("top_k", "7919", false, |llm| llm.top_k(7919)),
        ("stop", "conformance-stop", false, |llm| llm.stop(["conformance-stop"])),
        ("seed", "7919", can.seed, |llm| llm.seed(7919)),
        ("presence_penalty", "0.8125", false, |llm| llm.presence_penalty(0.8125)),
        ("frequency_penalty", "0.8125", false, |llm| llm.frequency_penalty(0.8125)),
        ("logprobs", "logprobs", false, |llm| llm.logprobs(3)),
        ("reasoning", "low", false, |llm| llm.reasoning(ReasoningOptions::effort("low"))),
        ("service_tier", "conformance-tier", false, |llm| llm.service_tier("conformance-tier")),
        ("user", "conformance-user", false, |llm| llm.user("conformance-user")),
        ("metadata", "conformance-value", false, |llm| llm.metadata("conformance", "conformance-value")),
        ("option", "conformance-option", true, |llm| llm.option("conformance-option", true)),
        ("header", "conformance-header: 1", true, |llm| llm.header("conformance-header", "1")),
        ("tools", "conformance_field", can.tools, |llm| llm.tools([tool()])),
        ("tool_choice", "conformance_tool", can.forced_tool_choice, |llm| {
            llm.tools([tool()]).tool_choice(ToolChoice::Function("conformance_tool".into()))
        }),
        ("response_format", "conformance_field", can.json_schema, |llm| {
            llm.response_format(ResponseFormat::Schema(JsonSchema::new("conformance", schema())))
        }),
    ];
    for (what, sign, must, set) in asked {
        check(subject, what, sign, must, Messages::from(PROMPT), set).await;
    }
    for (what, sign, must, messages) in conversations(can.images, can.tools) {
        check(subject, what, sign, must, messages, |llm| llm).await;
    }
    let server = Loopback::serve(subject.plain()).await;
    subject.model(&server.url()).invoke(PROMPT).await.expect("an answer");
    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    assert!(body.contains(PROMPT), "the prompt is sent");
    let first = head.lines().next().unwrap_or_default();
    assert!(!first.contains(KEY), "the key stands in the address, where it is logged");
}

type Set = fn(ChatModel) -> ChatModel;

fn schema() -> serde_json::Value {
    json!({"type": "object", "properties": {"conformance_field": {"type": "string"}}})
}

fn tool() -> FunctionTool {
    FunctionTool::new("conformance_tool", schema())
}

/// Conversations that say something besides their texts.
fn conversations(images: bool, tools: bool) -> Vec<(&'static str, &'static str, bool, Messages)> {
    let image = ContentPart::Image(Media::bytes("image/png", *b"conformance"));
    let seen = UserMessage::new(vec![ContentPart::text(PROMPT), image]);
    let call = ToolCall::new("call_00001", "weather", json!({"city": "conformance-city"}));
    let called: Messages = [
        Message::user(PROMPT),
        anabranch_messages::AiMessage::default().with_tool_call(call).into(),
        anabranch_messages::ToolMessage::new("call_00001", "conformance-result").into(),
    ]
    .into_iter()
    .collect();
    let system: Messages = [Message::system("conformance-system"), Message::user(PROMPT)].into_iter().collect();
    vec![
        ("an image", "Y29uZm9ybWFuY2U", images, Messages::from(Message::from(seen))),
        ("a system message", "conformance-system", true, system),
        ("a call that was made", "conformance-city", tools, called.clone()),
        ("the result of a call", "conformance-result", tools, called),
    ]
}

async fn check(subject: &Subject, what: &str, sign: &str, must: bool, messages: Messages, set: Set) {
    let server = Loopback::serve(subject.plain()).await;
    let llm = set(subject.model(&server.url()));
    let answer = match llm.with_envelope().invoke(messages).await {
        Ok(answer) => answer,
        Err(error) if error.kind() == ErrorKind::Unsupported && !must => return,
        Err(error) => {
            assert!(error.to_string().is_empty(), "{what}: {error}");
            return;
        }
    };
    let is_sent = server.requests().iter().any(|request| request.contains(sign));
    assert!(is_sent || !must, "{what}: the backend says that it can do this, and did not send it");
    assert!(is_sent || !answer.warnings().is_empty(), "{what}: neither sent nor warned of");
}
