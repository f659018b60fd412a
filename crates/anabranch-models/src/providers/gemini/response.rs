//! From the wire: what whole answers and chunks are made of.

use anabranch_messages::{AiMessage, FinishKind, FinishReason};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::reader::{self, Assembly, Bounded, First, Lists, Repeated, Text, Wanted, in_place};
use crate::transport::is_error;

mod part;
mod sources;
mod usage;

pub(super) use part::{FunctionCall, Part, Said};
pub(super) use sources::{Sources, citations};
use usage::usage;

/// As it stands in what a message keeps of a provider.
pub(super) const GEMINI: &str = "gemini";
/// The tool that Gemini runs code with, as a request names it.
pub(super) const CODE: &str = "code_execution";
/// Where a call says that its id was made here: Gemini gave none, and gets none back.
pub(super) const MADE_ID: &str = "madeId";

/// More than any answer has.
const MANY: usize = 1025;

in_place! {
    /// A `GenerateContentResponse`: a whole answer, or what came next of one. What nobody may read stays text.
    pub(super) struct Document<'a> {
        prompt_feedback as "promptFeedback": Option<&'a RawValue>,
        pub(super) usage_metadata as "usageMetadata": Option<&'a RawValue>,
        error: Option<&'a RawValue>,
    } in place {
        pub(super) model_version as "modelVersion": Text<'a>,
        pub(super) response_id as "responseId": Text<'a>,
        candidates: First<Candidate<'a>, 8>,
    }
}

in_place! {
    pub(super) struct Candidate<'a> {
        finish_message as "finishMessage": Option<&'a RawValue>,
        grounding_metadata as "groundingMetadata": Option<&'a RawValue>,
        url_context_metadata as "urlContextMetadata": Option<&'a RawValue>,
        citation_metadata as "citationMetadata": Option<&'a RawValue>,
        safety_ratings as "safetyRatings": Option<&'a RawValue>,
        avg_logprobs as "avgLogprobs": Option<&'a RawValue>,
        logprobs_result as "logprobsResult": Option<&'a RawValue>,
    } in place {
        index: Text<'a>,
        finish_reason as "finishReason": Text<'a>,
        content: Option<Content<'a>>,
    }
}

in_place! {
    struct Content<'a> {
        parts: Bounded<&'a RawValue, MANY>,
    } in place {}
}

impl Wanted for Candidate<'_> {
    fn is_wanted(&self) -> bool {
        self.index.0.as_deref().is_none_or(|index| index == "0")
    }
}

impl<'a> Document<'a> {
    /// The first candidate.
    pub(super) fn candidate(&mut self) -> Option<&mut Candidate<'a>> {
        self.candidates.0.as_mut()
    }

    pub(super) fn has_other_candidates(&self) -> bool {
        !self.candidates.1.is_empty()
    }

    /// What the server reports instead of an answer, or in the middle of it.
    pub(super) fn error(&self) -> Option<Value> {
        reader::reported(self.error?.get()).filter(is_error)
    }

    /// Whether the prompt was refused, so that there is no candidate.
    pub(super) fn is_blocked(&self) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Feedback<'a> {
            #[serde(borrow, default)]
            block_reason: Text<'a>,
            #[serde(borrow, default)]
            block_reason_message: Text<'a>,
        }
        let feedback = self.prompt_feedback.map_or("null", RawValue::get);
        serde_json::from_str::<Feedback<'_>>(feedback)
            .is_ok_and(|said| !said.block_reason.is_empty() || !said.block_reason_message.is_empty())
    }

    pub(super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        replace(lists, "promptFeedback", self.prompt_feedback, out);
    }
}

impl<'a> Candidate<'a> {
    pub(super) fn parts(&mut self) -> Vec<&'a RawValue> {
        self.content.as_mut().map(|content| std::mem::take(&mut content.parts).0).unwrap_or_default()
    }

    pub(super) fn finish(&self) -> Option<FinishReason> {
        finish_reason(self.finish_reason.0.as_deref()?)
    }

    /// What is said beside the content. Of most of it the last counts; log-probabilities and sources come piece by
    /// piece.
    pub(super) fn keep(&self, lists: &mut Lists, sources: &mut Sources, out: &mut Assembly) {
        let last = [
            ("safetyRatings", self.safety_ratings),
            ("finishMessage", self.finish_message),
            ("avgLogprobs", self.avg_logprobs),
        ];
        for (name, said) in last {
            replace(lists, name, said, out);
        }
        if let Some(logprobs) = self.logprobs_result {
            lists.keep("logprobsResult", logprobs.get(), out);
        }
        sources.keep(
            [
                ("groundingMetadata", self.grounding_metadata),
                ("citationMetadata", self.citation_metadata),
                ("urlContextMetadata", self.url_context_metadata),
            ],
            out,
        );
    }
}

/// In a stream most chunks have an empty one, which says nothing about the one before.
fn replace(lists: &mut Lists, name: &'static str, said: Option<&RawValue>, out: &mut Assembly) {
    if let Some(said) = said.map(RawValue::get).filter(|said| !says_nothing(said)) {
        lists.replace(name, said, out);
    }
}

fn says_nothing(said: &str) -> bool {
    ["null", "{}", "[]", "\"\""].contains(&said)
}

/// What a word means that only Gemini has. An answer without a reason may say so in words.
///
/// <https://ai.google.dev/api/generate-content#FinishReason>
fn finish_reason(word: &str) -> Option<FinishReason> {
    Some(match word {
        "FINISH_REASON_UNSPECIFIED" => return None,
        "MODEL_ARMOR" => FinishReason::new(FinishKind::ContentFilter, word),
        // The picture that was asked for was not made.
        "NO_IMAGE" | "IMAGE_OTHER" | "MISSING_THOUGHT_SIGNATURE" | "MALFORMED_RESPONSE" => {
            FinishReason::new(FinishKind::Error, word)
        }
        word => FinishReason::from_word(word),
    })
}

/// What counts once.
#[derive(Default)]
pub(super) struct Once {
    /// Model and id, which each chunk has.
    pub(super) words: Repeated<2>,
    pub(super) finish: Option<FinishReason>,
    /// As it came last: few read it, and each chunk has it.
    pub(super) usage: String,
}

impl Once {
    pub(super) fn id(&self) -> Option<&str> {
        self.words.get(1)
    }

    pub(super) fn into_message(self) -> AiMessage {
        let mut last = AiMessage::default();
        if let Some(reason) = self.finish {
            last = last.with_finish_reason(reason);
        }
        if let Some(usage) = usage(&self.usage) {
            last = last.with_usage(usage);
        }
        if let Some(model) = self.words.get(0) {
            last = last.with_model(model);
        }
        match self.words.get(1) {
            Some(id) => last.with_id(id),
            None => last,
        }
    }
}
