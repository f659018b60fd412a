//! From the wire: a whole answer, and what whole answers and chunks have in common.

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, FinishReason, Usage};
use serde_json::{Map, Value};

use super::usage::usage;
use crate::reader::{self, Assembly, Lists};

mod besides;
mod turn;
mod wire;

pub(super) use besides::{Besides, known};
pub(super) use wire::{Document, Turn, Words};

/// In the provider data of a call: what goes back with it.
pub(super) const EXTRA: &str = "extra_content";
/// In the provider data of an answer: its thoughts, as OpenRouter wants them back.
pub(super) const DETAILS: &str = "reasoning_details";
/// In the provider data of a sound: that the provider knows it by its id, and until when.
pub(super) const SOUND: &str = "audio";

/// A whole answer from the body of a success.
pub(super) fn answer(body: &str, besides: &mut Besides, out: &mut Assembly) -> Result<()> {
    let mut document: Document<'_> = reader::document(body, out.errors())?;
    if let Some(error) = document.error() {
        return Err(out.errors().inside(error));
    }
    document.others().drain(..).try_for_each(|other| besides.other(other, out))?;
    let Some(mut choice) = document.choices.0.take() else {
        return Err(out
            .errors()
            .error(ErrorKind::Parse, "sent an answer without choices")
            .with_partial(body.to_string()));
    };
    let (mut lists, mut words) = (Lists::default(), Words::default());
    document.besides(&mut lists, &mut words, out);
    out.set_answer_id(words.id().unwrap_or_default());
    let mut turn = choice.message().unwrap_or_default();
    turn.keep(&mut lists, out);
    if let Some(logprobs) = choice.logprobs {
        lists.keep("logprobs", logprobs.get(), out);
    }
    out.push(turn.content())?;
    besides.sound(&mut turn, out)?;
    for call in turn.tool_calls.0 {
        out.whole_call(call.into_call(besides.provider()))?;
    }
    let mut metadata = words.metadata(lists);
    let finish = choice.finish_reason.into_string();
    let last = besides.close(&mut metadata, out);
    let usage = document.usage().and_then(usage);
    out.push(self::last(last, finish, usage, &words, metadata))
}

/// What counts once.
pub(super) fn last(
    mut last: AiMessage,
    finish: Option<String>,
    usage: Option<Usage>,
    words: &Words,
    metadata: Map<String, Value>,
) -> AiMessage {
    if let Some(reason) = finish {
        last = last.with_finish_reason(FinishReason::from_word(reason));
    }
    if let Some(usage) = usage {
        last = last.with_usage(usage);
    }
    if let Some(model) = words.model() {
        last = last.with_model(model);
    }
    if let Some(id) = words.id() {
        last = last.with_id(id);
    }
    if metadata.is_empty() { last } else { last.with_metadata(metadata) }
}
