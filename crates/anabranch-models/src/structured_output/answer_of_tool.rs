//! [`AnswerOfTool`]: the answer that stands in the arguments of a call.

use std::sync::Arc;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Error, ErrorKind, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, FinishKind, FinishReason, ToolCall};
use futures_util::stream::try_unfold;

/// Takes the answer out of the one call of a tool, as text. Where the model did not call, what it said is the answer.
#[derive(Debug, Clone)]
pub(super) struct AnswerOfTool {
    pub(super) name: Arc<str>,
}

impl AnswerOfTool {
    /// The answer as a text.
    pub(super) fn whole(&self, message: AiMessage) -> Result<AiMessage> {
        let call = self.only_call(&message)?;
        let Some(text) = call.map(arguments) else { return Ok(message) };
        Ok(Self::around(&message, text))
    }

    /// The call, if there is one by now.
    fn only_call<'m>(&self, message: &'m AiMessage) -> Result<Option<&'m ToolCall>> {
        // A call beside a refusal is no answer.
        if message.is_refusal() {
            return Ok(None);
        }
        let mut calls = message.tool_calls().iter().filter(|call| *call.name() == *self.name);
        let only = calls.next();
        match calls.count() {
            0 => Ok(only),
            more => {
                let message = format!("the model gave {} answers where one is wanted", more + 1);
                Err(Error::new(ErrorKind::Parse, message))
            }
        }
    }

    /// An answer with this text that ended as the message did.
    fn around(message: &AiMessage, text: impl Into<String>) -> AiMessage {
        let answer = AiMessage::new(text.into());
        match message.finish_reason() {
            Some(reason) if *reason == FinishKind::ToolCalls => answer.with_finish_reason(FinishReason::stop()),
            Some(reason) => answer.with_finish_reason(reason.clone()),
            None => answer,
        }
    }
}

/// No arguments at all are those of a type without fields.
fn arguments(call: &ToolCall) -> &str {
    match call.raw_arguments().trim_ascii() {
        "" | "null" => "{}",
        _ => call.raw_arguments(),
    }
}

struct Growing<'a> {
    chunks: Chunks<'a, AiMessage>,
    whole: AiMessage,
    given: String,
}

impl Runnable for AnswerOfTool {
    type Input = AiMessage;
    type Output = AiMessage;

    async fn call(&self, message: AiMessage, _: &RunConfig) -> Result<AiMessage> {
        self.whole(message)
    }

    fn call_stream<'a>(&'a self, chunks: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, AiMessage> {
        Chunks::deferred(async move {
            let chunks = chunks.begun().await?;
            if chunks.merge().replaces() {
                return Ok(Chunks::from_future(async move { self.whole(chunks.collect().await?) }));
            }
            let growing = Growing { chunks, whole: AiMessage::default(), given: String::new() };
            let pieces = try_unfold(Some(growing), move |growing| async move {
                let Some(mut growing) = growing else { return Ok(None) };
                while let Some(chunk) = growing.chunks.next().await {
                    growing.whole.append(chunk?);
                    let call = self.only_call(&growing.whole)?;
                    // With an empty object some begin, and what comes next takes its place.
                    let written = call.map(ToolCall::raw_arguments).filter(|written| *written != "{}");
                    let new = written.and_then(|written| written.strip_prefix(growing.given.as_str()));
                    if let Some(new) = new.filter(|new| !new.is_empty()).map(str::to_string) {
                        growing.given.push_str(&new);
                        return Ok(Some((AiMessage::new(new), Some(growing))));
                    }
                }
                let whole = self.whole(growing.whole)?;
                let text = whole.text().into_owned();
                let last = match text.strip_prefix(growing.given.as_str()) {
                    // What was given is the beginning of it.
                    Some(rest) if !growing.given.is_empty() => Self::around(&whole, rest),
                    _ if growing.given.is_empty() => whole,
                    _ => {
                        let message = "the arguments of the tool call changed while they were written";
                        return Err(Error::new(ErrorKind::Parse, message).with_partial(whole));
                    }
                };
                Ok(Some((last, None)))
            });
            Ok(Chunks::new(pieces, AiMessage::merge()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "AnswerOfTool")
    }
}

pipe_operator!(impl for AnswerOfTool);
