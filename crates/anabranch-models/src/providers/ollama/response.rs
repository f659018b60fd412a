//! From the wire: a whole answer, and what whole answers and chunks have in common.

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, ContentPart, FinishReason, Reasoning, ToolCall, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::reader::{self, Assembly, Bounded, Lists, Text, in_place};
use crate::transport::is_error;

/// As it stands in what a message keeps of a provider.
pub(super) const OLLAMA: &str = "ollama";

/// More than any answer has.
const MANY: usize = 1025;

in_place! {
    /// A whole answer, or a piece of one.
    pub(super) struct Document<'a> {
        done: Option<&'a RawValue>,
        logprobs: Option<&'a RawValue>,
        error: Option<&'a RawValue>,
        // Only the last piece has these.
        prompt_eval_count: Option<&'a RawValue>,
        eval_count: Option<&'a RawValue>,
        total_duration: Option<&'a RawValue>,
        load_duration: Option<&'a RawValue>,
        prompt_eval_duration: Option<&'a RawValue>,
        eval_duration: Option<&'a RawValue>,
        /// Who answered, where the server asked its cloud.
        remote_model: Option<&'a RawValue>,
        remote_host: Option<&'a RawValue>,
    } in place {
        pub(super) model: Text<'a>,
        created_at: Text<'a>,
        done_reason: Text<'a>,
        message: Option<Turn<'a>>,
    }
}

in_place! {
    struct Turn<'a> {
        tool_calls: Bounded<Call<'a>, MANY>,
    } in place {
        content: Text<'a>,
        thinking: Text<'a>,
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Document<'_> {
    pub(super) fn is_done(&self) -> bool {
        self.done.is_some_and(|done| done.get() == "true")
    }

    /// What it says; or the error that it is.
    pub(super) fn content(&mut self, lists: &mut Lists, out: &mut Assembly) -> Result<()> {
        // The servers give no other name.
        out.set_answer_id(self.created_at.0.as_deref().unwrap_or_default());
        if let Some(turn) = &mut self.message {
            if let Some(thought) = turn.thinking.0.take() {
                out.push(AiMessage::new([ContentPart::Reasoning(Reasoning::new(thought))]))?;
            }
            if let Some(text) = turn.content.0.take() {
                out.push(text.into_owned())?;
            }
            for call in std::mem::take(&mut turn.tool_calls).0 {
                out.whole_call(call.into_call())?;
            }
        }
        if let Some(logprobs) = self.logprobs {
            lists.keep("logprobs", logprobs.get(), out);
        }
        // Last, so that what came with it is kept.
        match self.error.and_then(|error| reader::reported(error.get())).filter(is_error) {
            Some(error) => Err(out.errors().inside(error)),
            None => Ok(()),
        }
    }

    /// What counts once.
    pub(super) fn end(self) -> AiMessage {
        let mut last = AiMessage::default();
        let durations = [
            ("total_duration", self.total_duration),
            ("load_duration", self.load_duration),
            ("prompt_eval_duration", self.prompt_eval_duration),
            ("eval_duration", self.eval_duration),
        ];
        for (key, nanoseconds) in durations {
            if let Some(nanoseconds) = count(nanoseconds) {
                last = last.with_provider_data(OLLAMA, key, nanoseconds);
            }
        }
        for (key, text) in [("remote_model", self.remote_model), ("remote_host", self.remote_host)] {
            if let Some(text) = text.and_then(said) {
                last = last.with_provider_data(OLLAMA, key, text);
            }
        }
        // What is missing is not known: the server leaves a count out where a cache had the prompt.
        let (input, output) = (count(self.prompt_eval_count), count(self.eval_count));
        if input.is_some() || output.is_some() {
            let counts = [("prompt_eval_count", input), ("eval_count", output)];
            let raw = counts.into_iter().filter_map(|(key, count)| Some((key.to_string(), count?.into())));
            last = last.with_usage(Usage::new(input, output).with_raw(raw.collect()));
        }
        if let Some(model) = self.model.into_string() {
            last = last.with_model(model);
        }
        match self.done_reason.into_string() {
            Some(reason) => last.with_finish_reason(FinishReason::from_word(reason)),
            None => last,
        }
    }
}

fn said(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok()?.into_string()
}

fn count(raw: Option<&RawValue>) -> Option<u64> {
    said(raw?)?.parse().ok()
}

impl Call<'_> {
    fn into_call(self) -> ToolCall {
        let id = self.id.into_string().unwrap_or_default();
        let Some(function) = self.function else { return ToolCall::new(id, "", Value::Null) };
        let raw = function.arguments.map_or("null", RawValue::get);
        // What cannot be read stays text, and is no arguments that run.
        let arguments = Some(raw).filter(|raw| reader::is_small(raw)).and_then(reader::value::<Value>);
        ToolCall::new(id, function.name.into_string().unwrap_or_default(), arguments.unwrap_or_else(|| raw.into()))
    }
}

/// A whole answer from the body of a success.
pub(super) fn answer(body: &str, out: &mut Assembly) -> Result<()> {
    let mut document: Document<'_> = reader::document(body, out.errors())?;
    let says_something = document.message.is_some();
    let mut lists = Lists::default();
    document.content(&mut lists, out)?;
    if !says_something {
        let error = out.errors().error(ErrorKind::Parse, "sent an answer without a message");
        return Err(error.with_partial(body.to_string()));
    }
    if document.done.is_some() && !document.is_done() {
        return Err(out.errors().error(ErrorKind::IncompleteStream, "sent a piece where a whole answer was expected"));
    }
    out.push(with_lists(document.end(), lists))
}

/// Adds what came in pieces.
pub(super) fn with_lists(message: AiMessage, lists: Lists) -> AiMessage {
    let lists = lists.into_metadata().into_iter();
    lists.fold(message, |message, (key, list)| message.with_provider_data(OLLAMA, key, list))
}

#[cfg(test)]
mod tests;
